"""From the body of a request to the body of its answer.

Belongs here: asking the right release, the short way for one row as JSON and the general one.
Does not belong here: what messages say (``protocol.py``, ``row_objects.py``, ``fast_json.py``), or
paths (``app.py``).
"""

import asyncio
import secrets
from collections.abc import Callable, Collection
from itertools import count
from typing import TypeVar

import orjson

from mlops_assets.serving.batching import Outputs, Waiting
from mlops_assets.serving.fast_json import FastRequest
from mlops_assets.serving.http_message import OCTETS, Answer, Header
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.message import Asked
from mlops_assets.serving.protocol import header_length_of, read_infer, write_infer
from mlops_assets.serving.refusal import RefusalError
from mlops_assets.serving.router import Lane, Router
from mlops_assets.serving.row_objects import read_rows, write_row, write_rows

LARGE_BODY_BYTES = 64 * 2**10
"""From which on a body is read in a thread, so that the event loop goes on."""
T = TypeVar("T")


class Inference:
    """Answers requests for predictions by the releases of ``router``."""

    def __init__(self, router: Router, limits: ServerLimits) -> None:
        self._router = router
        self._limits = limits
        self._prefix = secrets.token_hex(6)
        self._number = count()

    async def infer(
        self, body: bytes, header: Header, release: str | None, started: float
    ) -> Answer:
        """The answer to a request of the Open Inference Protocol, by ``release`` where one is asked
        for. ``started`` is when it was read, of ``time.perf_counter``. Raises ``RefusalError``."""
        model = self._router.champion.model
        if header.inference_header_length is None and not _is_large(body):
            fast = model.messages.read(body)
            if fast is not None:
                return await self._answer_row(fast, release, started)
        length = header_length_of(header.inference_header_length)
        asked = await _read(body, lambda: read_infer(body, length, model.inputs, self._limits))
        lane, id_, outputs = await self._ask(asked, release, started)
        content, header_length = write_infer(lane.model.name, lane.role.release, asked, outputs)
        if header_length is None:
            return Answer(content, fields=_named(id_))
        field = (b"inference-header-content-length", b"%d" % header_length)
        return Answer(content, content_type=OCTETS, fields=(*_named(id_), field))

    async def predict(self, body: bytes, started: float) -> Answer:
        """The answer to rows as objects. Raises ``RefusalError``."""
        model = self._router.champion.model
        fast = None if _is_large(body) else model.messages.read_object(body)
        if fast is not None:
            lane, id_, written = await self._ask_row(fast, None, started)
            release, inputs = lane.role.release, lane.model.inputs
            content = write_row(release, fast.id, fast.row_id, written, inputs)
            return Answer(content, fields=_named(id_))
        asked = await _read(body, lambda: read_rows(body, model.inputs, self._limits))
        lane, id_, outputs = await self._ask(asked, None, started)
        content = write_rows(lane.role.release, asked, outputs, lane.model.inputs)
        return Answer(content, fields=_named(id_))

    async def _answer_row(self, asked: FastRequest, release: str | None, started: float) -> Answer:
        lane, id_, outputs = await self._ask_row(asked, release, started)
        said = b"" if asked.id is None else b'"id":%b,' % orjson.dumps(asked.id)
        return Answer(b"%b%b%b}" % (lane.answer_start, said, outputs), fields=_named(id_))

    async def _ask_row(
        self, asked: FastRequest, release: str | None, started: float
    ) -> tuple[Lane, str, bytes]:
        id_ = asked.id or self._new_id()
        lane = self._lane(release, (asked.entity_id or asked.row_id or id_,))
        row_ids = None if asked.row_id is None else (asked.row_id,)
        future: asyncio.Future[bytes | Outputs] = asyncio.get_running_loop().create_future()
        self._router.submit(lane, Waiting(id_, started, 1, asked.row, None, row_ids, future))
        outputs = await future
        if not isinstance(outputs, bytes):
            raise TypeError("a row that was read as JSON is answered as JSON")
        return lane, id_, outputs

    async def _ask(
        self, asked: Asked, release: str | None, started: float
    ) -> tuple[Lane, str, Outputs]:
        id_ = asked.id or self._new_id()
        lane = self._lane(release, _entities(asked) or (id_,))
        if asked.rows == 0:
            return lane, id_, lane.model.predictor.score(asked.columns)
        future: asyncio.Future[bytes | Outputs] = asyncio.get_running_loop().create_future()
        waiting = Waiting(id_, started, asked.rows, None, asked.columns, asked.row_ids, future)
        self._router.submit(lane, waiting)
        outputs = await future
        if isinstance(outputs, bytes):
            raise TypeError("columns are answered as columns")
        return lane, id_, outputs

    def _lane(self, release: str | None, entities: Collection[str]) -> Lane:
        if release is None:
            return self._router.lane_for_all(entities)
        lane = self._router.lane_of(release)
        if lane is None:
            raise RefusalError("not_found", "this version of the model is not served here")
        return lane

    def _new_id(self) -> str:
        return f"{self._prefix}-{next(self._number):x}"


async def _read(body: bytes, read: Callable[[], T]) -> T:
    return await asyncio.to_thread(read) if _is_large(body) else read()


def _is_large(body: bytes) -> bool:
    return len(body) > LARGE_BODY_BYTES


def _entities(asked: Asked) -> list[str]:
    """What the request is about, none where nobody said."""
    named = ([one for one in ids if one] for ids in (asked.entity_ids, asked.row_ids) if ids)
    return next((ids for ids in named if ids), [])


def _named(id_: str) -> tuple[tuple[bytes, bytes], ...]:
    """The request's id as a field of the header, where it is fit to be one."""
    if id_.isascii() and id_.isprintable():
        return ((b"x-request-id", id_.encode()),)
    return ()
