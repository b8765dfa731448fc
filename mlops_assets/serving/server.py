"""Running an application: in the foreground, or in a thread for as long as it is asked.

Belongs here: where a server listens, who may reach it, and how it ends. Does not belong here: what
it answers (``app.py``), what one connection may do (``connection.py``), or who asks
(``client.py``).
"""

import asyncio
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from threading import Event, Thread
from time import monotonic
from types import FrameType

import uvicorn

from mlops_assets.serving.connection import LimitedProtocol, limited_protocol
from mlops_assets.serving.http_message import App
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.tls import TlsListener

LOOPBACK = "127.0.0.1"
BACKLOG = 2048
STOP_SECONDS = 20.0
"""For requests in flight to be finished, once the server is told to stop."""
OWN_FILES = 512
"""Open files for all but connections: the model, the log, the listener, the libraries."""
POLL_SECONDS = 0.01


class ServerError(Exception):
    """A server that does not start; the text says what to do."""


def serve(
    app: App,
    host: str = LOOPBACK,
    port: int = 8080,
    *,
    limits: ServerLimits | None = None,
    protocol: type[LimitedProtocol] | None = None,
    tls: ssl.SSLContext | None = None,
    is_guarded: bool = False,
    on_ready: Callable[[str], None] = lambda _: None,
    on_stopping: Callable[[], None] = lambda: None,
    drain_seconds: float = 0.0,
    stop_seconds: float = STOP_SECONDS,
) -> None:
    """Serve until the process is told to stop (SIGTERM or SIGINT), and return.

    ``protocol`` is made by ``limited_protocol`` of the same ``limits``. ``on_ready`` is told the
    address once clients can connect; ``port`` 0 is any that is free. Other machines reach any
    ``host`` but loopback: it is refused where the application is not ``is_guarded`` by tokens.

    Told to stop, the server calls ``on_stopping``, goes on for ``drain_seconds``, so that a load
    balancer can learn that it is no longer ready, then takes no new connection and finishes what it
    was asked, in at most ``stop_seconds``.

    Raises ``ServerError`` where it cannot start.
    """
    limits = limits or ServerLimits()
    if not (is_guarded or is_loopback(host)):
        raise ServerError(
            f"other machines can reach {host}, and nobody is asked for a token: make one with "
            f"`mlops new-token NAME --scope predict --file FILE` and start with --tokens FILE, or "
            f"stay on {LOOPBACK}"
        )
    allow_open_files(limits.connections * (2 if tls else 1) + OWN_FILES)
    with _listener(host, port) as listener:
        server = _Server(app, listener, limits, protocol, tls, stop_seconds)
        server.drain_seconds = drain_seconds
        server.on_ready = on_ready
        server.on_stopping = on_stopping
        server.run(sockets=[listener])


@contextmanager
def running(
    app: App,
    *,
    limits: ServerLimits | None = None,
    protocol: type[LimitedProtocol] | None = None,
    tls: ssl.SSLContext | None = None,
    stop_seconds: float = STOP_SECONDS,
) -> Iterator[str]:
    """The address of a server of ``app`` on a free port of this machine, which other machines do
    not reach. Raises ``RuntimeError`` where it does not start."""
    listening = Event()
    with _listener(LOOPBACK, 0) as listener:
        server = _Server(app, listener, limits or ServerLimits(), protocol, tls, stop_seconds)
        server.on_ready = lambda _: listening.set()
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not listening.wait(POLL_SECONDS):
                if not thread.is_alive():
                    raise RuntimeError("the server ended before it answered")
            yield server.url
        finally:
            server.should_exit = True
            thread.join()


def is_loopback(host: str) -> bool:
    """Whether ``host`` is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def allow_open_files(needed: int) -> None:
    """Let this process open ``needed`` files. Raises ``ServerError`` where the system's limit for
    it is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ServerError(
            f"the limit on connections needs {needed} open files, and this process may have at "
            f"most {hard}: lower --limit-connections, or raise the limit (ulimit -Hn)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as problem:
        raise ServerError(
            f"cannot listen on {host}:{port}: {problem.strerror}: choose another --host or --port"
        ) from problem


class _Server(uvicorn.Server):
    """A server of one socket, which ends by returning."""

    def __init__(
        self,
        app: App,
        listener: socket.socket,
        limits: ServerLimits,
        protocol: type[LimitedProtocol] | None,
        tls: ssl.SSLContext | None,
        stop_seconds: float,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=protocol or limited_protocol(limits),
            ws="none",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=int(limits.idle_seconds) + 1,
            # Of whole seconds, though it is given to asyncio.
            timeout_graceful_shutdown=max(1, round(stop_seconds)),
        )
        super().__init__(config)
        self._listener = listener
        self._limits = limits
        self._tls = tls
        self._ends_at: float | None = None
        self.drain_seconds = 0.0
        self.on_ready: Callable[[str], None] = lambda _: None
        self.on_stopping: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()[:2]
        scheme = "https" if self._tls else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn's own would let handshakes of TLS go on uncounted."""
        self._listener, url = (sockets or [self._listener])[0], self.url
        await super().startup(sockets=[])
        loop = asyncio.get_running_loop()

        def make_protocol() -> asyncio.Protocol:
            return self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
                _loop=loop,
            )

        if self._tls is None:
            plain = await loop.create_server(make_protocol, sock=self._listener, backlog=BACKLOG)
            self.servers.append(plain)
        else:
            secured = TlsListener(loop, self._listener, make_protocol, self._tls, self._limits)
            self.servers.append(secured)  # type: ignore[arg-type]
        await self.on_tick(0)
        self.on_ready(url)

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        """Uvicorn would raise the signal again at the end, and what is left to do would not be."""
        if self._ends_at is None:
            self._ends_at = monotonic() + self.drain_seconds
            self.on_stopping()
        elif sig == signal.SIGINT:
            self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        if self._ends_at is not None and (monotonic() >= self._ends_at or self.force_exit):
            self.should_exit = True
        return await super().on_tick(counter)
