"""Scoring off the event loop, many requests at once where many wait.

Belongs here: gathering waiting requests into batches and scoring them in a thread. Does not belong
here: reading a request (``fast_json.py``, ``protocol.py``), or which release answers
(``traffic.py``).

No request waits for company: whatever waits when the thread is free is scored at once, so that a
batch grows only while an earlier one is under way. What batching adds to a request is at most the
time of one batch of ``BATCH_ROWS`` rows. Larger requests have a thread of their own, and hold up
nobody.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.serving.answered import AnsweredBatch, AnsweredRequest, Variant
from mlops_assets.serving.fast_json import FastJson, Row
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.refusal import RefusalError

BATCH_ROWS = 256
NO_NUMBER = RefusalError("internal", "the model's answer is no number")
Columns = Mapping[str, NDArray[Any]]
Outputs = dict[str, NDArray[Any]]
Answer = bytes | Outputs
"""The outputs written as JSON of one row that was read as such, else the arrays."""


@dataclass(slots=True)
class Waiting:
    """A request that waits to be scored: one ``row``, or ``columns`` ``[n, 1]`` of several.

    ``started`` is of ``time.perf_counter``. Without a future nobody is told, as of a shadow.
    """

    id: str
    started: float
    rows: int
    row: Row | None
    columns: Columns | None
    row_ids: Sequence[str] | None
    future: "asyncio.Future[Answer] | None"


@dataclass(frozen=True)
class Role:
    """As what a model answers: its release, as which variant, in which experiment, and whether what
    it says is sent to anybody."""

    release: str
    variant: Variant
    experiment: str | None
    answered: bool


Observe = Callable[[AnsweredBatch, float], None]
"""Told of each scored batch and of the seconds it took; must not block."""


class Batcher:
    """Answers requests to one model. Made and asked in the event loop ``loop``; ``close`` lets what
    waits be answered. ``messages`` reads the requests, which may hold more columns than the model
    takes."""

    def __init__(
        self,
        predictor: Predictor,
        messages: FastJson,
        role: Role,
        observe: Observe,
        *,
        pending_rows: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.pending_rows = 0
        self._most_pending = pending_rows
        self._predictor = predictor
        self._messages = messages
        self._role = role
        self._observe = observe
        self._loop = loop
        self._waiting: list[Waiting] = []
        self._under_way = False
        self._closed = False
        self._small: SimpleQueue[list[Waiting] | None] = SimpleQueue()
        self._large: SimpleQueue[list[Waiting] | None] = SimpleQueue()
        for name, queue in (("scoring", self._small), ("scoring large", self._large)):
            Thread(target=self._work, args=(queue,), name=name, daemon=True).start()
        self._wall = time.time() - time.perf_counter()

    def submit(self, waiting: Waiting) -> None:
        """Have a request scored. Raises ``RefusalError`` where too many rows wait already, or the
        model was replaced too long ago."""
        if self._closed:
            raise RefusalError("overloaded", "this release is served no longer: ask again")
        if self.pending_rows + waiting.rows > self._most_pending:
            raise RefusalError("overloaded", "too many rows wait to be answered: ask again later")
        self.pending_rows += waiting.rows
        if waiting.rows > BATCH_ROWS:
            self._large.put([waiting])
            return
        self._waiting.append(waiting)
        if not self._under_way:
            self._under_way = True
            # At the end of this turn of the loop, so that what has just arrived goes along.
            self._loop.call_soon(self._start)

    def close(self) -> None:
        """Take no more; the threads end when what waits is answered."""
        self._closed = True
        self._large.put(None)
        if not self._under_way:
            self._small.put(None)

    def _start(self) -> None:
        rows = taken = 0
        for waiting in self._waiting:
            if taken and rows + waiting.rows > BATCH_ROWS:
                break
            rows += waiting.rows
            taken += 1
        batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
        self._small.put(batch)

    def _work(self, queue: "SimpleQueue[list[Waiting] | None]") -> None:
        while (batch := queue.get()) is not None:
            answers = self._answered(batch)
            try:
                self._loop.call_soon_threadsafe(self._done, queue is self._small, batch, answers)
            except RuntimeError:  # the loop was closed: nobody waits any more
                return

    def _answered(self, batch: list[Waiting]) -> "list[Answer | Exception]":
        try:
            return self._score(batch)
        # Whatever it is, those who wait must be told, and the thread must go on.
        except Exception as problem:
            if len(batch) == 1:
                return [problem]
            # One request's trouble is not that of those who happened to come with it.
            return [self._answered([waiting])[0] for waiting in batch]

    def _score(self, batch: list[Waiting]) -> "list[Answer | Exception]":
        given = self._columns(batch)
        columns = {name: given[name] for name in self._predictor.signature}
        started = time.perf_counter()
        outputs = self._predictor.score(columns)
        ended = time.perf_counter()
        requests = [
            AnsweredRequest(w.id, w.rows, w.row_ids, self._wall + w.started, ended - w.started)
            for w in batch
        ]
        role = self._role
        self._observe(
            AnsweredBatch(
                role.release,
                role.variant,
                role.answered,
                role.experiment,
                requests,
                columns,
                outputs,
            ),
            ended - started,
        )
        return self._answers(batch, outputs)

    def _columns(self, batch: list[Waiting]) -> Columns:
        """The columns of all rows, single rows first; ``batch`` is in that order then."""
        singles = [waiting for waiting in batch if waiting.row is not None]
        others = [waiting for waiting in batch if waiting.row is None]
        parts: list[Columns] = []
        if singles:
            parts.append(self._messages.columns([w.row for w in singles if w.row]))
        parts += [waiting.columns for waiting in others if waiting.columns is not None]
        batch[:] = singles + others
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _answers(self, batch: list[Waiting], outputs: Outputs) -> "list[Answer | Exception]":
        singles = sum(waiting.row is not None for waiting in batch)
        answers: list[Answer | Exception] = []
        if singles and self._role.answered:
            written = self._messages.write({n: v[:singles] for n, v in outputs.items()})
            answers += [NO_NUMBER if text is None else text for text in written]
        elif singles:
            answers += [b""] * singles
        start = singles
        for waiting in batch[singles:]:
            end = start + waiting.rows
            answers.append({name: values[start:end] for name, values in outputs.items()})
            start = end
        return answers

    def _done(self, small: bool, batch: list[Waiting], answers: "list[Answer | Exception]") -> None:
        self.pending_rows -= sum(waiting.rows for waiting in batch)
        for waiting, answer in zip(batch, answers, strict=True):
            future = waiting.future
            if future is None or future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        if not small:
            return
        if self._waiting:
            self._start()
        else:
            self._under_way = False
            if self._closed:
                self._small.put(None)
