"""The page of the description holds all of it, asks nobody for anything, and predicts."""

import re
import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from handmade_inputs import inputs_of
from playwright.sync_api import Browser, Page, sync_playwright

from mlops_assets.serving.docs_page import docs_page
from mlops_assets.serving.inputs import InputColumn, Inputs
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.openapi import openapi

HOSTILE = "</script><b>\"'&"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE, NARROW = 1280, 375
SHOWN = "#answer strong"


def page_of(inputs: Inputs, name: str = "model") -> tuple[str, str]:
    return docs_page(openapi(name, "abc.dir", inputs, ServerLimits()))


class Elements(HTMLParser):
    """The elements of a page, and what labels and ids there are."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


def elements_of(page: str) -> Elements:
    elements = Elements()
    elements.feed(page)
    return elements


def test_every_operation_column_and_schema_is_there() -> None:
    inputs = inputs_of("multiclass")
    description = openapi("model", "abc.dir", inputs, ServerLimits())
    page, _ = docs_page(description)
    assert docs_page(description)[0] == page
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                assert f'<h3 id="{operation["operationId"]}">' in page
                assert path in page
    for name in (*inputs.columns, *description["components"]["schemas"]):
        assert f"<code>{name}</code>" in page


def test_it_is_accessible_and_asks_nobody_for_anything() -> None:
    page, _ = page_of(inputs_of())
    elements = elements_of(page)
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {label["for"] for label in elements.all("label")}
    assert {field["id"] for field in elements.all("input", "select")} == labelled
    assert all(link["href"] in {f"#{id_}" for id_ in ids} | {"openapi.json"}
               for link in elements.all("a"))  # fmt: skip
    assert not any("src" in attributes for _, attributes in elements.found)
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert not any("style" in attributes for _, attributes in elements.found)
    assert elements.all("html") == [{"lang": "en"}]


def test_the_policy_allows_its_own_style_and_script_and_no_more() -> None:
    page, policy = page_of(inputs_of())
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy


def test_names_are_text_and_nothing_else() -> None:
    column = InputColumn("string", "string", True, HOSTILE, HOSTILE)
    inputs = Inputs(
        {HOSTILE: column}, {"label": ("BYTES", 1), "probabilities": ("FP32", 2)}, ("a", HOSTILE)
    )
    page, _ = page_of(inputs, HOSTILE)
    assert page.count("</script>") == 1 and "<b>" not in page
    (field,) = [f for f in elements_of(page).all("input") if "data-column" in f]
    assert (field["data-column"], field["value"]) == (HOSTILE, HOSTILE)


def test_a_command_holds_its_body_in_the_shells_quotes() -> None:
    column = InputColumn("string", "string", True, "", "it's $HOME `x`")
    page, _ = page_of(Inputs({"x": column}, {"prediction": ("FP32", 1), "interval": ("FP32", 2)}))
    assert "it&#x27;\\&#x27;&#x27;s $HOME `x`" in page


@pytest.fixture(scope="module")
def browser(addresses: Mapping[str, str]) -> Iterator[Browser]:
    del addresses
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("not run: browser tests (no Chrome or Chromium found)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    opened = browser.new_page(viewport={"width": WIDE, "height": 900})
    noted: list[str] = []
    opened.on("console", lambda message: noted.append(message.text))
    opened.on("pageerror", lambda error: noted.append(str(error)))
    yield opened, noted
    opened.close()


@pytest.mark.browser
def test_the_form_predicts(
    tab: tuple[Page, list[str]], addresses: Mapping[str, str], task: str
) -> None:
    page, noted = tab
    page.goto(f"{addresses[task]}/docs")
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.fill("[data-column=amount]", "3")
    page.click("button[type=submit]")
    page.wait_for_selector(SHOWN)
    expected = {"binary": "Label: 1", "multiclass": "Label: hÖch", "regression": "Prediction: 1"}
    assert page.inner_text(SHOWN) == expected[task]
    if task == "binary":
        assert "95.3 %" in page.inner_text("#answer")
    assert f'"{addresses[task]}/v1/predict"' in page.inner_text("pre.curl >> nth=0")
    assert noted == []


@pytest.mark.browser
def test_the_form_says_why_there_is_no_prediction(
    tab: tuple[Page, list[str]], server_url: str
) -> None:
    page, _ = tab
    page.goto(f"{server_url}/docs")
    for value, problem in (
        ("9223372036854775808", "400: column 'seen': row 0 is an integer beyond"),
        ("<b>", "400: column 'seen': row 0 is a string, where an integer is needed"),
        ("", "400: column 'seen': row 0 is null, where an integer is needed"),
    ):
        page.fill("[data-column=seen]", value)
        page.click("button[type=submit]")
        page.wait_for_selector(f'#answer.refused:has-text("{problem}")')
    page.fill("[data-column=seen]", "9223372036854775807")
    page.click("button[type=submit]")
    page.wait_for_selector("#answer:not(.refused) strong")


@pytest.mark.browser
def test_it_can_be_printed(tab: tuple[Page, list[str]], server_url: str, tmp_path: Path) -> None:
    page, _ = tab
    page.goto(f"{server_url}/docs")
    page.emulate_media(media="print")
    assert not page.is_visible("form") and page.is_visible("#columns")
    page.pdf(path=tmp_path / "docs.pdf", format="A4")
    assert (tmp_path / "docs.pdf").read_bytes().startswith(b"%PDF")
