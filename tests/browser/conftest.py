"""The real UI of a small project in a real browser. Without a Chrome or Chromium, these tests are
reported as not run."""

import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "loop"))

from processes import running, wait_until
from small_project import make_project, run_until_quiet

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOT_RUN = "not run: browser tests (no Chrome or Chromium found)"
PATIENCE_MILLISECONDS = 120_000


def find_browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_browser() is not None:
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=NOT_RUN))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the UI of a project with a first release is served, its daemon running."""
    root = make_project(tmp_path_factory.mktemp("ui") / "project", ["2013-01", "2013-02"])
    run_until_quiet(root)
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        running(root, "dagster-daemon", "run"),
        running(root, "dagster-webserver", "--host", "127.0.0.1", "--port", str(port)),
    ):
        wait_until(lambda: _answers(url), "the UI")
        yield url


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    # Dagster's runs in this thread come first: it has an event loop of Playwright's from here on.
    del address
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    yield page
    page.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, TimeoutError, ConnectionError):
        return False
