"""Holding connections to their limits, which uvicorn leaves to a proxy before it.

Belongs here: how long a header and a body may be, and what a client is told whom the application is
never asked about. Does not belong here: for how long a connection may be at something and which one
makes room (``connection_watch.py``), the handshake of TLS (``tls.py``), the rules of HTTP, which
httptools keeps (it refuses a request with ``Transfer-Encoding`` and ``Content-Length``, or two of
the latter), or what the application refuses.

A request pays for a few method calls more than with uvicorn, and for no timer.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mlops_assets.serving.connection_watch import ConnectionWatch, Phase, State
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.refusal import STATUS, Kind, RefusalError
from mlops_assets.serving.refused_connection import (
    Lingering,
    QueuedRefusal,
    refusal_message,
)

MOST_PIPELINED = 64
"""Requests of one connection that wait for the answer to an earlier one."""
HEADER_TOO_LARGE = 431
TAKEN_BYTES = 16_384
"""Which a client must take of its answer within ``body_seconds``."""
FIELD_BYTES = 4
"""Of a header field beside its name and its value: a colon, a space and the end of the line."""


def limited_protocol(
    limits: ServerLimits, on_refused: Callable[[Kind], None] = lambda _: None
) -> type["LimitedProtocol"]:
    """The protocol for ``uvicorn.Config(http=...)`` that holds all connections of one server to
    ``limits`` and tells ``on_refused`` of each that it refuses. Its ``watch`` knows how many are
    open, were refused and were evicted."""
    watch = ConnectionWatch(limits, on_refused)
    return type("LimitedProtocol", (LimitedProtocol,), {"watch": watch})


class LimitedProtocol(HttpToolsProtocol):
    """One connection. A refusal is answered in its turn, after what was asked before it."""

    watch: ClassVar[ConnectionWatch]
    seen: State
    since: float
    turn: int
    held: int

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.held = 0
        self._header_limit = self.watch.limits.header_bytes
        self._body_limit = self.watch.limits.body_bytes
        self._may_be_long = False
        self._carried = 0
        self._body_bytes = 0
        self._chunks = 0
        self._fields = 0
        self._quiet_bytes = 0
        self._progress = (0, 0)
        self._checked: Any = None
        self._reason: RefusalError | None = None
        self._is_refused = False
        self._is_told = False
        self._is_over = False

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.turn = self.server_state.total_requests
        if not self.watch.add(self, self.loop):
            self._refuse("overloaded", "all connections are taken: try again later")

    def connection_lost(self, exc: Exception | None) -> None:
        self.watch.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._may_be_long = self._carried > 0 or len(data) > self._header_limit
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.scope is not self.scope:
            self._check_unfinished(len(data))
        elif self.held:
            self.watch.hold(self, 0)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client sends no more, and may still read, which TLS has no form for."""
        self._is_over = True
        phase = self.state().phase
        if phase in (Phase.HEADER, Phase.BODY):
            self._refuse("malformed", "the request ended before it was complete")
        if phase is not Phase.WORK or self.scheme == "https":
            return None
        self.cycle.keep_alive = False
        return True

    # What the parser calls.

    def on_headers_complete(self) -> None:
        self._body_bytes = 0
        if self._may_be_long:
            self._carried = 0
            if self._header_bytes() > self._header_limit:
                self._fail("too_large", self._header_problem())
        if len(self.pipeline) >= MOST_PIPELINED:
            self._fail("overloaded", f"more than {MOST_PIPELINED} requests wait for an answer")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._body_limit:
            self._fail("too_large", self._body_problem())
        super().on_body(body)

    def on_chunk_header(self) -> None:
        self._chunks += 1
        self._fields = len(self.headers)

    def on_chunk_complete(self) -> None:
        # Fields after the body are no header: they might undo what was checked.
        del self.headers[self._fields :]

    # What uvicorn calls.

    def on_response_complete(self) -> None:
        if self.pipeline or self.flow.read_paused or self.transport.is_closing():
            super().on_response_complete()
        else:
            # Without a timer for what the watch looks after.
            self.server_state.total_requests += 1
        self.turn = self.server_state.total_requests

    def send_400_response(self, _: str) -> None:
        """Called while the parser's error is handled."""
        error = sys.exception()
        if self._reason is not None:
            self._refuse(self._reason.kind, str(self._reason))
        # A text of the parser's own, which quotes nothing.
        elif error is not None and not isinstance(error, httptools.HttpParserCallbackError):
            self._refuse("malformed", f"this is no request of HTTP/1.1: {error}")
        else:
            self._refuse("malformed", "this is no request of HTTP/1.1")

    def _unsupported_upgrade_warning(self) -> None:
        # The parser takes what follows for another protocol.
        self.cycle.keep_alive = False

    # What the watch calls.

    def state(self) -> State:
        return State(
            self._phase(), self.scope, self.transport.get_write_buffer_size() // TAKEN_BYTES
        )

    def expire(self, phase: Phase) -> None:
        if phase is Phase.HEADER:
            seconds = self.watch.limits.header_seconds
            self._refuse("too_slow", f"the header was not complete within {seconds:g} s")
        elif phase is Phase.BODY:
            seconds = self.watch.limits.body_seconds
            self._refuse("too_slow", f"the body was not complete within {seconds:g} s")
        else:
            self._close_now()

    def evict(self, phase: Phase) -> None:
        if phase in (Phase.HEADER, Phase.BODY):
            self._refuse("overloaded", "the connection is needed for others: try again later")
            self.transport.close()
        else:
            self._close_now()

    def _phase(self) -> Phase:
        if self._is_refused:
            return Phase.LINGER if self._is_told else Phase.WORK
        cycle = self.cycle
        if self.flow.write_paused:
            return Phase.WRITING
        if cycle is not None and not cycle.response_complete:
            waits = cycle.more_body and not self.pipeline and not self.flow.read_paused
            return Phase.BODY if waits else Phase.WORK
        if self.scope is not None and (cycle is None or cycle.scope is not self.scope):
            return Phase.HEADER
        return Phase.IDLE

    # Counting what comes in pieces.

    def _check_unfinished(self, size: int) -> None:
        """Hold a request to the limits of which only part came in the last ``size`` bytes."""
        if self.scope is None or self._is_refused:
            return
        if self.cycle is None or self.cycle.scope is not self.scope:
            self._carried = self._carried + size if self._carried else self._header_bytes() + 1
            if self._carried > self._header_limit:
                self._refuse("too_large", self._header_problem())
            return
        if self._checked is not self.scope:
            self._checked, self._quiet_bytes = self.scope, 0
            if self._announced() > self._body_limit:
                self._refuse("too_large", self._body_problem())
                return
        self.watch.hold(self, self._body_bytes)
        # Neither body nor a new chunk: an endless extension of a chunk, or fields after the body.
        if self._progress == (self._chunks, self._body_bytes):
            self._quiet_bytes += size
            if self._quiet_bytes > self._header_limit:
                self._refuse("too_large", self._header_problem())
        else:
            self._progress, self._quiet_bytes = (self._chunks, self._body_bytes), 0

    def _header_bytes(self) -> int:
        """Of the request's line and its whole header fields."""
        fields = sum(len(name) + len(value) + FIELD_BYTES for name, value in self.headers)
        return len(self.url) + fields

    def _announced(self) -> int:
        for name, value in self.headers:
            if name == b"content-length":
                return int(value)
        return 0

    def _header_problem(self) -> str:
        return f"the header is longer than {self._header_limit} bytes"

    def _body_problem(self) -> str:
        return f"the body is longer than {self._body_limit} bytes: ask about fewer rows at once"

    # Refusing.

    def _fail(self, kind: Kind, problem: str) -> None:
        """Stop the parser, whose caller then calls ``send_400_response``."""
        self._reason = RefusalError(kind, problem)
        raise self._reason

    def _refuse(self, kind: Kind, problem: str) -> None:
        """Tell the client once it has the answers to what it asked before, and close."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self.watch.hold(self, 0)
        self.watch.count_refusal(kind)
        self._unset_keepalive_if_required()
        is_header = problem == self._header_problem()
        status = HEADER_TOO_LARGE if is_header else STATUS[kind]
        answer = refusal_message(status, problem, self.server_state.default_headers)
        self.transport.set_protocol(Lingering(self, self.client_is_done))
        cycle = self.cycle
        if cycle is not None and cycle.more_body:
            # The application, if it was asked, learns that the client is gone.
            is_answered = cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
                self.pipeline.appendleft((QueuedRefusal(self.tell, answer), self.app))  # type: ignore[arg-type]
            else:
                self.tell(b"" if is_answered else answer)
        elif cycle is not None and not cycle.response_complete:
            self.pipeline.appendleft((QueuedRefusal(self.tell, answer), self.app))  # type: ignore[arg-type]
        else:
            self.tell(answer)

    def tell(self, answer: bytes) -> None:
        """Closing at once, with bytes unread, would reset the connection, and the client might
        never read the answer: it is given the time to."""
        self._is_told = True
        transport = self.transport
        if transport.is_closing():
            return
        self.flow.resume_reading()
        transport.write(answer)
        if self._is_over:
            transport.close()
        elif transport.can_write_eof():
            transport.write_eof()

    def client_is_done(self) -> bool | None:
        """The client of a refused connection sends no more; whether it is to be kept open, for
        answers under way."""
        self._is_over = True
        return not self._is_told and self.scheme == "http"

    def _close_now(self) -> None:
        """A client that takes nothing would keep a polite end waiting for ever."""
        if self._is_told or self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()
