"""The command ``mlops reports``: read the reports in a browser, by themselves or beside the UI.

Belongs here: its options, and running the server for as long as it is wanted. Does not belong here:
what is served (``reporting/report_files.py``).
"""

import argparse
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from mlops_assets.cli_release import Commands, Say

if TYPE_CHECKING:
    from mlops_assets.reporting.report_files import App

EVERYWHERE = ("0.0.0.0", "::")


def add_command(commands: Commands, artifacts: Path, say: Say) -> None:
    """Add the command to the parser; ``artifacts`` is the folder whose reports it serves."""
    parser = commands.add_parser("reports", help="serve the reports, to be read in a browser")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3001)
    parser.add_argument(
        "beside", nargs="*", help="after --: a command to run; both end when it does"
    )
    parser.set_defaults(command=lambda options: reports(artifacts, options, say))


def reports(artifacts: Path, options: argparse.Namespace, say: Say) -> int:
    """Serve until interrupted, or until the command beside it has ended; its exit status."""
    from mlops_assets.reporting.report_files import LOOPBACK_NAMES, reports_app

    where = f"http://{options.host}:{options.port}"
    names = None if options.host in EVERYWHERE else {*LOOPBACK_NAMES, options.host}
    app = reports_app(artifacts, names)
    try:
        listener = socket.create_server((options.host, options.port))
    except OSError as problem:
        say(f"{where}: {problem.strerror or problem}: choose another --port, or stop what is there")
        return 1
    with listener, _answering(app, listener) as wait:
        say(f"Reports: {where}")
        return _run_beside(options.beside) if options.beside else wait()


@contextmanager
def _answering(app: "App", listener: socket.socket) -> Iterator[Callable[[], int]]:
    """A server in a thread, which ends with this process at the latest. Yields what waits for an
    interrupt."""
    import uvicorn

    config = uvicorn.Config(
        app, ws="none", log_level="warning", access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()

    def wait() -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        thread.join()
        return 0

    try:
        yield wait
    finally:
        server.should_exit = True
        thread.join()


def _run_beside(command: Sequence[str]) -> int:
    """Run a command in the foreground. An interrupt from the terminal reaches it by itself; a
    request to end is passed on."""
    child = subprocess.Popen(command)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    return child.wait()
