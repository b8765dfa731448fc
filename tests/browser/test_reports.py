"""Every report of a use case in a real browser: wide, narrow and printed, without the network, in
English and in French."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Page as Tab

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from planted_project import make_project, run_lifecycle

from mlops_assets.catalog import ARTIFACTS
from mlops_assets.data.profile.page import profile_page
from mlops_assets.data.profile.window import window_page
from mlops_assets.data.representation.page import representation_page
from mlops_assets.evidence.evaluation.evaluation_page import evaluation_page
from mlops_assets.evidence.explainability.explainability_page import explainability_page
from mlops_assets.evidence.fairness.fairness_page import fairness_page
from mlops_assets.evidence.risk.risk_page import risk_page
from mlops_assets.release.infra_page import infra_page
from mlops_assets.reporting.html import MAX_BYTES, to_html
from mlops_assets.reporting.page import Page

pytestmark = pytest.mark.browser

PAGES: dict[str, Callable[..., Page]] = {
    "data_profile": profile_page,
    "window_profile": window_page,
    "representation_report": representation_page,
    "evaluation_report": evaluation_page,
    "fairness_report": fairness_page,
    "explainability_report": explainability_page,
    "risk_report": risk_page,
    "infra_check": infra_page,
}
LANGUAGES = ("en", "fr")
# A4 is 794 CSS pixels wide, margins and all; what is wider than between them is cut off on paper.
WIDE, NARROW, PAPER = 1280, 390, 794 - 128
OVERFLOWING = """(scrolled) => [...document.querySelectorAll("main *")]
    .filter(one => !scrolled || !one.closest(".scroll, figure"))
    .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(one => one.outerHTML.slice(0, 120))"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SMALLEST_PDF = 10_000


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every report of a small project of the strictest class up to its evidence, by the artifact's
    name."""
    workspace = make_project(tmp_path_factory.mktemp("reports"))
    made = run_lifecycle(workspace)
    assert not made.failures
    found = sorted(workspace.store.root.glob("*_*/**/report.html"))
    return {path.relative_to(workspace.store.root).parts[0]: path for path in found}


@pytest.fixture(scope="module")
def chromium(reports: dict[str, Path]) -> Iterator[Browser]:
    # Dagster's runs in this thread come first: it has an event loop of Playwright's from here on.
    del reports
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)))
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def test_every_kind_of_report_of_a_first_release_is_there(reports: dict[str, Path]) -> None:
    of_later_batches = {"drift_report", "performance_report"}
    of_traffic = {"operations_report", "ab_report"}
    expected = {one.name for one in ARTIFACTS if "report.html" in one.files}
    assert set(reports) | of_later_batches | of_traffic == expected
    assert set(PAGES) | of_later_batches | of_traffic == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_report_is_shown_wide_narrow_and_printed(
    language: str, reports: dict[str, Path], chromium: Browser, tmp_path: Path
) -> None:
    problems = []
    for name, stored in reports.items():
        report = json.loads(stored.with_name("report.json").read_bytes())
        path = tmp_path / f"{name}.html"
        path.write_text(to_html(PAGES[name](report), language), encoding="utf-8")
        problems += [f"{name}: {one}" for one in problems_of(path, language, chromium)]
    assert not problems, "\n".join(problems)


def problems_of(path: Path, language: str, chromium: Browser) -> Iterator[str]:
    """What is wrong with one report, in words."""
    if path.stat().st_size > MAX_BYTES:
        yield f"{path.stat().st_size:,} bytes"
    tab = chromium.new_page(viewport={"width": WIDE, "height": 900})
    noted = listen(tab)
    tab.goto(path.as_uri())
    for width in (WIDE, NARROW):
        tab.set_viewport_size({"width": width, "height": 900})
        yield from overflow(tab, width)
    if tab.locator("html").get_attribute("lang") != language:
        yield f"not in {language}"
    yield from unnamed(tab)
    yield from printing_problems(tab)
    # The first thing asked for is the page itself.
    yield from noted[1:]
    tab.close()


def overflow(tab: Tab, width: int) -> Iterator[str]:
    shown = tab.evaluate("document.documentElement.scrollWidth")
    if shown > width:
        yield f"{shown} pixels wide in a window of {width}"
    yield from (f"beyond the edge of {width}: {one}" for one in tab.evaluate(OVERFLOWING, True))


def listen(tab: Tab) -> list[str]:
    """What the page asks for and complains of, from here on."""
    noted: list[str] = []
    tab.on("request", lambda request: noted.append(f"requests {request.url[:80]}"))
    tab.on("console", lambda message: noted.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: noted.append(f"error: {error}"))
    return noted


def unnamed(tab: Tab) -> Iterator[str]:
    """Plots that assistive software could not name, and a page without its answer."""
    plots = tab.locator("svg[role=img]")
    names = plots.evaluate_all("all => all.map(one => one.getAttribute('aria-label') || '')")
    if not all(names):
        yield "a plot without alternative text"
    if tab.locator("h1").count() != 1 or not tab.locator(".verdict").inner_text().strip():
        yield "no title or no verdict"


def printing_problems(tab: Tab) -> Iterator[str]:
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": PAPER, "height": 1000})
    yield from (f"cut off on paper: {one}" for one in tab.evaluate(OVERFLOWING, False))
    pdf = tab.pdf(prefer_css_page_size=True, print_background=True)
    if not pdf.startswith(b"%PDF-") or len(pdf) < SMALLEST_PDF:
        yield "prints nothing"
