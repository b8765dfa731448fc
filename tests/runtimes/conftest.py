"""Releases of every family and task, and the runtimes of other languages that are asked about them.
A runtime that is not installed is reported as not run."""

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent))

from release_bundles import CLASSIFIERS, DECIDED, TARGETS, make_bundle

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NO_NODE = "not run: models in Node.js (no node, or no onnxruntime-node in tests/runtimes: npm ci)"
NO_BROWSER = (
    "not run: models in a browser (no Chrome or Chromium, or no onnxruntime-web in "
    "tests/runtimes: npm ci)"
)
Verdicts = dict[str, dict[str, Any]]
BUNDLES = [
    *((task, family) for task in TARGETS for family in CLASSIFIERS),
    *zip(DECIDED, ("linear", "histogram_gradient_boosting", "random_forest"), strict=True),
]


@dataclass(frozen=True)
class Bundle:
    """A folder with ``golden.json`` and the ONNX ``files`` it is about."""

    folder: Path
    files: tuple[str, ...]

    def changed(self, folder: Path, change: Callable[[dict[str, Any]], None]) -> "Bundle":
        """A copy in which ``change`` was done to the golden rows."""
        shutil.copytree(self.folder, folder)
        golden = json.loads((folder / "golden.json").read_bytes())
        change(golden)
        (folder / "golden.json").write_text(json.dumps(golden))
        return Bundle(folder, self.files)


def find_browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    runs = {
        "ask_node": bool(shutil.which("node")) and (MODULES / "onnxruntime-node").is_dir(),
        "ask_browser": bool(find_browser()) and (MODULES / "onnxruntime-web").is_dir(),
    }
    reasons = {"ask_node": NO_NODE, "ask_browser": NO_BROWSER}
    for item in items:
        for name in {*runs} & {*getattr(item, "fixturenames", ())}:
            if not runs[name]:
                item.add_marker(pytest.mark.skip(reason=reasons[name]))


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@functools.cache
def _made(folder: Path, name: str, family: str) -> Bundle:
    folder.mkdir()
    with threadpool_limits(limits=1):
        return Bundle(folder, make_bundle(folder, name, family))


@pytest.fixture(scope="session")
def bundle_of(bundles: Path) -> Callable[[str, str], Bundle]:
    """The release of a target or a decision (see ``release_bundles``) and a family, made once."""
    return lambda name, family: _made(bundles / f"{name}-{family}".replace(" ", "-"), name, family)


@pytest.fixture(params=BUNDLES, ids="-".join)
def bundle(request: pytest.FixtureRequest, bundle_of: Callable[[str, str], Bundle]) -> Bundle:
    return bundle_of(*request.param)


@pytest.fixture(scope="session")
def ask_node() -> Callable[[Bundle], Verdicts]:
    """The verdicts of Node.js on every file of a bundle."""

    def ask(bundle: Bundle) -> Verdicts:
        command = ["node", str(HERE / "node_check.mjs"), str(bundle.folder), *bundle.files]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        verdicts: Verdicts = json.loads(done.stdout)
        agrees = all(verdict["agrees"] for verdict in verdicts.values())
        assert done.returncode == (0 if agrees else 1)
        return verdicts

    return ask


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def page(bundles: Path) -> Iterator[Page]:
    """A page of this folder, ``bundles`` beside it, that can reach nothing else."""
    root = bundles.parent / "site"
    root.mkdir()
    for name in ("browser_check.html", "browser_check.mjs", "golden.mjs", "node_modules"):
        (root / name).symlink_to(HERE / name)
    (root / "bundles").symlink_to(bundles)
    handler = functools.partial(_Quiet, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as started:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        browser = started.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page()
        address = f"http://127.0.0.1:{server.server_port}/"
        page.route(lambda url: not url.startswith(address), lambda route: route.abort())
        page.goto(f"{address}browser_check.html")
        page.wait_for_function("() => Boolean(window.checkFiles)")
        yield page
        browser.close()
        server.shutdown()
        thread.join()


@pytest.fixture
def ask_browser(page: Page, bundles: Path) -> Callable[[Bundle], Verdicts]:
    """The verdicts of a browser on every file of a bundle that is in ``bundles``."""

    def ask(bundle: Bundle) -> Verdicts:
        path = f"bundles/{bundle.folder.relative_to(bundles).as_posix()}"
        asked = "([path, files]) => window.checkFiles(path, files)"
        verdicts: Verdicts = page.evaluate(asked, [path, list(bundle.files)])
        return verdicts

    return ask
