"""What a server says about itself: one JSON object a line on standard output.

Belongs here: the form of a line, what must not be in it, and how often it is said. Does not belong
here: what is worth telling people (``alerting.py``), or the answers (``prediction_log/``).

A line has ``time`` (RFC 3339, UTC), ``level``, ``event``, ``request_id`` where it is about a
request, and the event's own fields. It never holds a value that was sent or a client's address. Of
an exception the type is said and where in which file it was raised, not its text, which may quote
a value. What the libraries log (uvicorn's server too) comes out in the same form.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePath
from time import monotonic
from traceback import walk_tb
from types import TracebackType
from typing import Any, Literal, Protocol

Level = Literal["debug", "info", "warning", "error"]
LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
SECONDS_BETWEEN = 10.0
"""Between two lines of the same kind about refusals, or from the same place in a library."""
MOST_PLACES = 1_000
MOST_FRAMES = 12
LONGEST_MESSAGE = 200
OWN = "mlops_assets"


class Stream(Protocol):
    def write(self, text: str, /) -> Any: ...
    def flush(self) -> Any: ...


class StructuredLog:
    """Writes lines to ``stream`` (standard output where none is named), each whole and at once,
    from any thread."""

    def __init__(
        self,
        stream: Stream | None = None,
        least: Level = "info",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._stream = stream
        self._least = LEVELS[least]
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[tuple[Any, ...], tuple[float, int]] = {}

    def log(
        self,
        event: str,
        level: Level = "info",
        request_id: str | None = None,
        error: BaseException | str | None = None,
        **fields: Any,
    ) -> None:
        """Write a line. ``error`` is an exception, which is said by its type and place, or the name
        of its type. Never raises."""
        if LEVELS[level] < self._least:
            return
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"time": time, "level": level, "event": event}
        if request_id is not None:
            line["request_id"] = request_id
        line |= fields
        if error is not None:
            line |= describe(error) if isinstance(error, BaseException) else {"error": error}
        self._write(json.dumps(line, ensure_ascii=False, default=_type_name) + "\n")

    def refused(self, kind: str, request_id: str | None = None, **fields: Any) -> None:
        """Write a line about a refusal, at most one of each kind in ``SECONDS_BETWEEN``; ``times``
        says how many it stands for."""
        times = self.allowed("refused", kind)
        if times:
            self.log("refused", "warning", request_id, kind=kind, times=times, **fields)

    def allowed(self, *place: Any) -> int:
        """0 where something of this ``place`` was said within ``SECONDS_BETWEEN``; else how many
        times it happened since then, this time included."""
        with self._lock:
            now = self._clock()
            until, silent = self._said.get(place, (now, 0))
            if now < until:
                self._said[place] = (until, silent + 1)
                return 0
            if len(self._said) >= MOST_PLACES:
                self._said.clear()
            self._said[place] = (now + SECONDS_BETWEEN, 0)
            return silent + 1

    def take_over_logging(self, level: Level = "warning") -> None:
        """From here on what is logged with the module ``logging`` comes out here, from ``level``
        upwards. Run uvicorn with ``log_config=None``, which leaves this as it is."""
        handler = _Handler(self)
        root = logging.getLogger()
        root.handlers = [handler]
        root.setLevel(LEVELS[level])
        for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
            library = logging.getLogger(name)
            library.handlers = []
            library.propagate = True
        logging.captureWarnings(True)

    def _write(self, text: str) -> None:
        stream = self._stream if self._stream is not None else sys.stdout
        with self._lock:
            try:
                stream.write(text)
                stream.flush()
            # Nobody reads it any more, or the disk behind it is full: answering goes on.
            except (OSError, ValueError):
                return


def describe(error: BaseException) -> dict[str, Any]:
    """The type of ``error`` and where it was raised: the innermost places, ours and others', as
    ``file:line function``, outermost first, without its text and without the folders."""
    described: dict[str, Any] = {
        "error": type(error).__qualname__,
        "error_at": _places(error.__traceback__),
    }
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = type(cause).__qualname__
        described["cause_at"] = _places(cause.__traceback__)
    return described


def _places(traceback: TracebackType | None) -> list[str]:
    return [
        f"{_file(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(traceback)
    ][-MOST_FRAMES:]


def _file(path: str) -> str:
    parts = PurePath(path).parts
    if OWN in parts:
        return "/".join(parts[len(parts) - 1 - parts[::-1].index(OWN) :])
    return "/".join(parts[-2:])


def _type_name(value: Any) -> str:
    return f"<{type(value).__name__}>"


PROCESS_LOG = StructuredLog()
"""Of this process, on standard output."""
log = PROCESS_LOG.log


class _Handler(logging.Handler):
    """Passes on what libraries log.

    What they write into a message, or add in further lines, may be values: of a message only the
    template is said, and of that the first line.
    """

    def __init__(self, to: StructuredLog) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        times = self._to.allowed(record.name, record.pathname, record.lineno)
        if not times:
            return
        error = record.exc_info[1] if record.exc_info else None
        level: Level = (
            "error" if record.levelno >= 40 else "warning" if record.levelno >= 30 else "info"
        )
        self._to.log(
            "library",
            level,
            error=error,
            logger=record.name,
            message=str(record.msg).partition("\n")[0][:LONGEST_MESSAGE],
            times=times,
        )
