"""The reports of all use cases over HTTP, to be read in a browser: an ASGI application.

Belongs here: which files may be read, under which address, and with which headers. Does not belong
here: what a report says (the stages), how an application is run (``serving/server.py``), or the
command (``cli_reports.py``).

The Dagster UI shows metadata and opens no file, so that each materialization of a report links to
its address here. Only the files that are listed anew for each request are ever opened: an address
is looked up, and never made into a path.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from mlops_assets.catalog import ARTIFACTS

Message = dict[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FILE = "report.html"
REPORTS = tuple(artifact for artifact in ARTIFACTS if FILE in artifact.files)
RELEASES = "releases"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        b"form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


def report_address(use_case: str, *parts: str) -> str:
    """The path of a report's address: ``parts`` are the artifact and, where it has one, the batch;
    or ``releases``, the release's hash and the report."""
    return "/" + "/".join(quote(part, safe="") for part in (use_case, *parts, FILE))


def reports_app(root: Path, hosts: Collection[str] | None = LOOPBACK_NAMES) -> App:
    """The application that serves the reports below ``root``, the folder ``artifacts``, and a list
    of them as ``/``.

    ``hosts`` are the names by which it may be addressed (``None``: by any): a page of elsewhere
    that makes its own name mean this machine reads nothing.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            status, body = await asyncio.to_thread(_answer, root, hosts, scope)
            await _send(send, status, b"" if scope["method"] == "HEAD" else body, len(body))

    return app


def listed_reports(root: Path) -> dict[str, Path]:
    """Every report's file by its address: use case by use case, artifacts in the order of the
    catalog, then releases."""
    return {
        report_address(*parts): path
        for use_case in sorted(_folders(root))
        for parts, path in _reports_of(use_case)
        if path.is_file() and path.resolve().is_relative_to(root.resolve())
    }


def _reports_of(use_case: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    for artifact in REPORTS:
        folder = use_case / artifact.name
        batches = sorted(_folders(folder)) if artifact.is_partitioned else ()
        for found in (folder, *batches):
            names = found.relative_to(use_case).parts
            yield (use_case.name, *names), found / FILE
    for release in sorted(_folders(use_case / RELEASES)):
        for artifact in REPORTS:
            parts = (use_case.name, RELEASES, release.name, artifact.name)
            yield parts, release / artifact.name / FILE


def _folders(folder: Path) -> Iterator[Path]:
    """Those in a folder that are no part of a write under way."""
    if folder.is_dir():
        yield from (p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _answer(root: Path, hosts: Collection[str] | None, scope: Scope) -> tuple[int, bytes]:
    if hosts is not None and _host(scope) not in hosts:
        return 421, _problem("this host name is not served here")
    if scope["method"] not in ("GET", "HEAD"):
        return 405, _problem("reports can only be read")
    reports, path = listed_reports(root), scope["path"]
    if path == "/":
        return 200, _index(reports)
    # Servers decode the path: it is encoded again to be compared, and none has a slash in a part.
    found = reports.get(quote(path))
    if found is None:
        return 404, _problem("there is no report at this address")
    try:
        return 200, found.read_bytes()
    except FileNotFoundError:
        return 404, _problem("this report is being made again")


def _host(scope: Scope) -> str:
    """The name by which the server was addressed, without the port."""
    named: str = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
    name, separator, port = named.rpartition(":")
    return name if separator and port.isdigit() else named


def _index(reports: Mapping[str, Path]) -> bytes:
    use_cases: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for address, path in reports.items():
        use_case = address.split("/")[1]
        names = path.parent.parts[-address.count("/") + 2 :]
        use_cases[use_case].append((address, " / ".join(names)))
    return _template().render(use_cases=dict(use_cases), problem=None).encode()


def _problem(words: str) -> bytes:
    return _template().render(use_cases={}, problem=words).encode()


@cache
def _template() -> Template:
    loader = PackageLoader("mlops_assets.reporting", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("reports.html")


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


async def _send(send: Send, status: int, body: bytes, length: int) -> None:
    headers = [*HEADERS, (b"content-length", b"%d" % length)]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
