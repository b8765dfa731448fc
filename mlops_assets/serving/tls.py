"""TLS: a certificate and its key from files, and handshakes that are bounded in number and time.

Belongs here: what is spoken below HTTP. Does not belong here: the connection once it is secured
(``connection.py``), or where the server listens (``server.py``).

TLS 1.2 with forward secrecy and authenticated encryption, and TLS 1.3: what
https://wiki.mozilla.org/Security/Server_Side_TLS calls "intermediate", without its older ciphers.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mlops_assets.serving.limits import ServerLimits

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of 1.3 are all good."""
SECONDS_AFTER_FAILURE = 0.05
"""Until the next client is accepted, where the system has no room for one."""


class TlsError(ValueError):
    """Files that cannot be used for TLS; the text names the file and what to do."""


class ServerTls:
    """The context of a server, whose certificate may be renewed while it runs.

    ``failed`` is told why changed files cannot be used; those read last stay in use then.
    """

    def __init__(
        self, certificate: Path, key: Path, failed: Callable[[str], None] = lambda _: None
    ) -> None:
        """Raises ``TlsError``."""
        self._certificate = certificate
        self._key = key
        self._failed = failed
        self._seen = self._state()
        self.context = tls_context(certificate, key)

    def refresh(self) -> bool:
        """Read the files again where one changed; whether new connections get others now."""
        state = self._state()
        if state == self._seen:
            return False
        self._seen = state
        try:
            tls_context(self._certificate, self._key)
            self.context.load_cert_chain(self._certificate, self._key, _no_passphrase)
        except (TlsError, OSError) as problem:
            self._failed(f"{problem}; the certificate read before stays in use")
            return False
        return True

    def _state(self) -> list[tuple[int, ...] | None]:
        state: list[tuple[int, ...] | None] = []
        for path in (self._certificate, self._key):
            try:
                found = path.stat()
                state.append((found.st_ino, found.st_mtime_ns, found.st_size))
            except OSError:
                state.append(None)
        return state


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The context of a server. ``certificate`` is a PEM file with the server's certificate and
    those of its issuers, ``key`` one with its key, not encrypted. Raises ``TlsError``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    for path, what in ((certificate, "CERTIFICATE"), (key, "PRIVATE KEY")):
        try:
            content = path.read_bytes()
        except OSError as problem:
            raise TlsError(f"{path}: cannot be read: {problem.strerror}") from problem
        _check_pem(path, content, what)
    try:
        context.load_cert_chain(certificate, key, _no_passphrase)
    except (ssl.SSLError, OSError) as problem:
        if getattr(problem, "reason", None) == "KEY_VALUES_MISMATCH":
            raise TlsError(f"{key}: is not the key of the certificate in {certificate}") from None
        raise TlsError(
            f"{certificate} and {key}: OpenSSL cannot use them: "
            f"{getattr(problem, 'reason', None) or type(problem).__name__}"
        ) from None
    return context


def _check_pem(path: Path, content: bytes, what: str) -> None:
    if b"ENCRYPTED" in content:
        raise TlsError(f"{path}: is encrypted: a server has nobody to ask for the passphrase")
    if f"{what}-----".encode() not in content:
        raise TlsError(f"{path}: holds no {what} in PEM form")


def _no_passphrase() -> str:
    """Instead of asking at a terminal."""
    return ""


class TlsListener:
    """Accepts clients and secures their connections.

    A client that is in no hurry with its handshake has ``header_seconds`` for it, and where as many
    are under way as there may be connections, the oldest makes room. So no number of handshakes
    that never end keeps out a client that means it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.BaseProtocol],
        context: ssl.SSLContext,
        limits: ServerLimits,
    ) -> None:
        listener.setblocking(False)
        self._loop = loop
        self._listener = listener
        self._make_protocol = make_protocol
        self._context = context
        self._limits = limits
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._accepting = loop.create_task(self._accept())

    def close(self) -> None:
        self._accepting.cancel()
        self._listener.close()
        for handshake in self._handshakes:
            handshake.cancel()

    async def wait_closed(self) -> None:
        with suppress(asyncio.CancelledError):
            await self._accepting

    async def _accept(self) -> None:
        while True:
            try:
                client, _ = await self._loop.sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(SECONDS_AFTER_FAILURE)
                continue
            if len(self._handshakes) >= self._limits.connections:
                oldest = next(iter(self._handshakes))
                del self._handshakes[oldest]
                oldest.cancel()
            task = self._loop.create_task(self._secure(client))
            self._handshakes[task] = None
            task.add_done_callback(lambda done: self._handshakes.pop(done, None))

    async def _secure(self, client: socket.socket) -> None:
        # A handshake that fails is the client's affair: a scanner's, or one of an old client.
        with suppress(OSError, TimeoutError):
            await self._loop.connect_accepted_socket(
                self._make_protocol,
                client,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.header_seconds,
            )
