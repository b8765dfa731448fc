"""Reports are read over HTTP, and nothing else is."""

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mlops_assets.reporting.report_files import (
    LOOPBACK_NAMES,
    listed_reports,
    report_address,
    reports_app,
)
from mlops_assets.serving.server import running

SECRET = "not a report"
FILES = {
    "loans/risk_report/report.html": "<h1>risk</h1>",
    "loans/data_profile/2020-01/report.html": "<h1>profile</h1>",
    "loans/data_profile/a b%2Fc/report.html": "<h1>odd</h1>",
    "loans/releases/abc.dir/evaluation_report/report.html": "<h1>released</h1>",
    "loans/risk_report/report.json": SECRET,
    "loans/model/report.html": SECRET,
    "loans/.staging/risk_report/report.html": SECRET,
    "loans/releases/.new/risk_report/report.html": SECRET,
    "loans/data_profile/.new/report.html": SECRET,
    "loans/risk_report/2020-01/report.html": SECRET,
    "../outside/report.html": SECRET,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project") / "artifacts"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "loans" / "fairness_report").symlink_to(root.parent / "outside")
    return root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with running(reports_app(root)) as url:
        yield url


def ask(
    address: str, path: str, method: str = "GET", host: str | None = None
) -> tuple[http.client.HTTPResponse, str]:
    """The path is sent exactly as it is given."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.putrequest(method, path, skip_host=host is not None)
    if host is not None:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode("utf-8")
    connection.close()
    return answer, text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("risk_report",), "<h1>risk</h1>"),
        (("data_profile", "2020-01"), "<h1>profile</h1>"),
        (("data_profile", "a b%2Fc"), "<h1>odd</h1>"),
        (("releases", "abc.dir", "evaluation_report"), "<h1>released</h1>"),
    ],
)
def test_a_report_is_served_with_headers_that_let_it_do_nothing(
    address: str, parts: tuple[str, ...], text: str
) -> None:
    answer, found = ask(address, report_address("loans", *parts))
    assert (answer.status, found) == (200, text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "script" not in answer.headers["content-security-policy"]
    assert answer.headers["server"] is None


def test_only_reports_are_listed_and_the_index_links_to_all_of_them(
    root: Path, address: str
) -> None:
    listed = listed_reports(root)
    assert len(listed) == 4
    answer, text = ask(address, "/")
    assert answer.status == 200
    for path in listed:
        assert f'href="{path}"' in text
        assert ask(address, path)[0].status == 200
    assert "data_profile / 2020-01" in text and SECRET not in text


@pytest.mark.parametrize(
    "path",
    [
        "/loans/risk_report/report.json",
        "/loans/risk_report/",
        "/loans/model/report.html",
        "/loans/.staging/risk_report/report.html",
        "/loans/releases/.new/risk_report/report.html",
        "/loans/data_profile/.new/report.html",
        "/loans/risk_report/2020-01/report.html",
        "/loans/fairness_report/report.html",
        "/../outside/report.html",
        "/loans/../../outside/report.html",
        "/loans/%2e%2e/%2e%2e/outside/report.html",
        "/loans/risk_report/..%2f..%2f..%2foutside/report.html",
        "/loans/risk_report/../risk_report/report.html",
        "//loans/risk_report/report.html",
        "/loans\\risk_report\\report.html",
        "/loans/risk_report/report.html%00",
        "/%",
    ],
)
def test_nothing_else_is_found(address: str, path: str) -> None:
    answer, text = ask(address, path)
    assert answer.status == 404
    assert SECRET not in text and "outside" not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_reports_can_only_be_read(address: str, method: str) -> None:
    answer, _ = ask(address, "/loans/risk_report/report.html", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_head_has_the_headers_without_the_report(address: str) -> None:
    answer, text = ask(address, "/loans/risk_report/report.html", "HEAD")
    assert (answer.status, text) == (200, "")
    assert answer.headers["content-length"] == str(len("<h1>risk</h1>"))


def test_a_name_of_elsewhere_that_means_this_machine_reads_nothing(address: str) -> None:
    assert ask(address, "/", host="evil.example")[0].status == 421
    assert ask(address, "/", host="evil.example:3001")[0].status == 421
    for name in LOOPBACK_NAMES:
        assert ask(address, "/", host=f"{name}:3001")[0].status == 200


def test_a_report_that_comes_later_is_found(tmp_path: Path) -> None:
    with running(reports_app(tmp_path)) as empty:
        assert "No report has been made yet" in ask(empty, "/")[1]
        made = tmp_path / "loans" / "risk_report" / "report.html"
        made.parent.mkdir(parents=True)
        made.write_text("new", encoding="utf-8")
        assert ask(empty, "/loans/risk_report/report.html")[1] == "new"


COMMAND = """
import argparse, sys
from pathlib import Path
from mlops_assets.cli_reports import add_command
parser = argparse.ArgumentParser()
add_command(parser.add_subparsers(), Path(sys.argv[1]), lambda text: print(text, flush=True))
options = parser.parse_args(["reports", *sys.argv[2:]])
sys.exit(options.command(options))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(root), *arguments], stdout=subprocess.PIPE, text=True
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_the_command_serves_until_it_is_told_to_stop(root: Path) -> None:
    port = free_port()
    with started(root, "--port", str(port)) as process:
        assert first_line(process) == f"Reports: http://127.0.0.1:{port}\n"
        url = f"http://127.0.0.1:{port}"
        assert ask(url, "/loans/risk_report/report.html")[0].status == 200
        with started(root, "--port", str(port)) as second:
            assert "choose another --port" in first_line(second)
            assert second.wait(30) == 1
        process.terminate()
        assert process.wait(30) == 0


def test_the_server_ends_with_the_command_beside_it_and_takes_its_status(root: Path) -> None:
    port = free_port()
    ends = [sys.executable, "-c", "import sys; sys.exit(7)"]
    with started(root, "--port", str(port), "--", *ends) as process:
        assert process.wait(30) == 7


def test_the_command_beside_it_ends_with_the_server(root: Path) -> None:
    port = free_port()
    waits = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with started(root, "--port", str(port), "--", *waits) as process:
        assert process.stdout is not None
        assert {process.stdout.readline(), process.stdout.readline()} == {
            f"Reports: http://127.0.0.1:{port}\n",
            "up\n",
        }
        assert ask(f"http://127.0.0.1:{port}", "/")[0].status == 200
        process.terminate()
        # The pipe is at its end when nobody is left who could write into it.
        assert process.stdout.read() == ""
        assert process.wait(30) != 0
