"""Batches of answers, cut into what one line of the journal holds: rows of one day, not too many.

Belongs here: cutting. Does not belong here: writing a line (``lines.py``).
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from numpy.typing import NDArray

from mlops_assets.serving.answered import AnsweredBatch, AnsweredRequest

SECONDS_A_DAY = 86_400
LINE_ROWS = 512
"""Rows of a line: writing one keeps the server's interpreter busy for about a millisecond."""


class Span(NamedTuple):
    """Rows of one request, from its row ``first`` on."""

    request: AnsweredRequest
    first: int
    rows: int


class Piece(NamedTuple):
    """Rows of ``batch``, with the columns and outputs of these rows alone. ``sequence`` is that of
    the first, and ``day`` counts the days since 1970 (UTC)."""

    sequence: int
    day: int
    rows: int
    batch: AnsweredBatch
    spans: list[Span]
    columns: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, NDArray[Any]]


def pieces(
    sequence: int, batch: AnsweredBatch, rows: int, most_rows: int = LINE_ROWS
) -> Iterator[Piece]:
    """``batch``, whose ``rows`` have the numbers from ``sequence`` on, as pieces in order. Raises
    ``ValueError`` where its requests have not as many rows as it has."""
    requests = batch.requests
    if sum([request.rows for request in requests]) != rows:
        raise ValueError("the requests of a batch have not as many rows as it has")
    spans = [Span(request, 0, request.rows) for request in requests]
    days = {request.received // SECONDS_A_DAY for request in requests}
    if rows <= most_rows and len(days) == 1:
        day = int(days.pop())
        yield Piece(sequence, day, rows, batch, spans, batch.columns, batch.outputs)
        return
    start = 0
    for day, group in groupby(spans, lambda span: int(span.request.received // SECONDS_A_DAY)):
        for part in _cut(group, most_rows):
            size = sum(span.rows for span in part)
            yield Piece(
                sequence + start,
                day,
                size,
                batch,
                part,
                _rows(batch.columns, start, size),
                _rows(batch.outputs, start, size),
            )
            start += size


def row_count(batch: AnsweredBatch) -> int:
    """How many rows a batch has, by its first column: cheap enough for the path of an answer."""
    for values in batch.columns.values():
        return len(values)
    for values in batch.outputs.values():
        return len(values)
    return 0


def _cut(spans: Iterator[Span], most_rows: int) -> Iterator[list[Span]]:
    part: list[Span] = []
    room = most_rows
    for span in spans:
        first, left = span.first, span.rows
        while left:
            taken = min(room, left)
            part.append(Span(span.request, first, taken))
            first, left, room = first + taken, left - taken, room - taken
            if not room:
                yield part
                part, room = [], most_rows
    if part:
        yield part


def _rows(named: Mapping[str, NDArray[Any]], start: int, size: int) -> dict[str, NDArray[Any]]:
    return {name: values[start : start + size] for name, values in named.items()}
