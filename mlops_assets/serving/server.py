"""Running an application: in the foreground, or in a thread for as long as it is asked.

Belongs here: the HTTP server and its settings. Does not belong here: what it answers (``app.py``),
or who asks (``client.py``).
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from mlops_assets.serving.app import App

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.01


def serve(app: App, host: str = LOOPBACK, port: int = 8080) -> None:
    """Serve until the process is told to stop; requests in flight are finished."""
    _server(app, host, port).run()


@contextmanager
def running(app: App) -> Iterator[str]:
    """The address of a server of ``app`` on a free port of this machine, which other machines do
    not reach. Raises ``RuntimeError`` where it does not start."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        server = _server(app, LOOPBACK, listener.getsockname()[1])
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the server ended before it answered")
                time.sleep(POLL_SECONDS)
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _server(app: App, host: str, port: int) -> "uvicorn.Server":
    import uvicorn

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    return uvicorn.Server(config)
