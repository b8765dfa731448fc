"""The input envelope: which rows a model should not be asked about, with numpy alone.

Belongs here: holding columns against an envelope that was learned before. Does not belong here:
learning one (``evidence/risk/envelope.py``), or what follows from a row that is outside
(``serving/app.py``).

An envelope is JSON-able. ``columns`` holds, for every input but timestamps (which move on by
themselves), either the range of a number with its quantiles, or the levels of a category with their
surprisals; ``missing`` says whether a value may be missing. ``joint`` holds the mean and the
precision of the positions and the largest distance that is inside. A row is outside where a number
is out of its range, a category is none of the levels, a value is missing that never was, or the
values, each possible alone, are too far apart from what goes together: their Mahalanobis distance
(P. Mahalanobis, "On the generalised distance in statistics", 1936) in normal scores.

Who asks again and again, a few rows at a time, prepares the envelope once (``PreparedEnvelope``).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Envelope = Mapping[str, Any]
Mask = NDArray[np.bool_]
Positions = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

CHUNK_ROWS = 65_536
FARTHEST_SCORE = 20.0
"""Normal scores beyond this tell no more."""


def outside_envelope(envelope: Envelope, columns: Columns) -> Mask:
    """Which of ``n`` rows are outside, bool ``[n]``.

    ``columns`` holds each column of the envelope as ``[n]`` or ``[n, 1]``, as it is sent to be
    served: missing is NaN, or the empty string. Others are not looked at. Raises ``KeyError`` for a
    column that is not there. Memory is bounded by a chunk of rows.
    """
    return PreparedEnvelope(envelope).outside(columns)


def joint_distances(envelope: Envelope, columns: Columns) -> Positions:
    """How far each row is from what goes together, float64 ``[n]``."""
    return PreparedEnvelope(envelope).joint_distances(columns)


def outside_alone(envelope: Envelope, columns: Columns) -> Mask:
    """Which rows hold a value that is outside by itself, whatever the others are, bool ``[n]``."""
    return PreparedEnvelope(envelope).outside_alone(columns)


def positions(envelope: Envelope, columns: Columns) -> Positions:
    """Where each row is, float64 ``[n, columns]``: a number's normal score among the rows that the
    envelope was learned from, and beyond them how many spreads; a category's surprisal, centred;
    0 where a number is missing."""
    return PreparedEnvelope(envelope).positions(columns)


class PreparedEnvelope:
    """An envelope as arrays and tables, made once for many calls; its methods are as the functions
    of this module. ``names`` are its columns."""

    def __init__(self, envelope: Envelope) -> None:
        described = envelope["columns"]
        self.names: list[str] = [one["name"] for one in described]
        is_number = [one["kind"] == "number" for one in described]
        self._number_places = [place for place, number in enumerate(is_number) if number]
        self._category_places = [place for place, number in enumerate(is_number) if not number]
        self._numbers = _Numbers([described[place] for place in self._number_places])
        self._categories = [_Category(described[place]) for place in self._category_places]
        joint = envelope.get("joint", {})
        self._limit = joint.get("limit")
        self._mean = np.array(joint.get("mean", ()))
        self._precision = np.array(joint.get("precision", ()))

    def outside(self, columns: Columns) -> Mask:
        return self._in_chunks(columns, self._outside, np.bool_)

    def outside_alone(self, columns: Columns) -> Mask:
        return self._in_chunks(columns, self._alone, np.bool_)

    def joint_distances(self, columns: Columns) -> Positions:
        return self._in_chunks(columns, self._distances, np.float64)

    def positions(self, columns: Columns) -> Positions:
        return self._positions(self._found([_flat(columns[name]) for name in self.names]))

    def _in_chunks(
        self, columns: Columns, look: Callable[["_Found"], NDArray[Any]], kind: type[np.generic]
    ) -> NDArray[Any]:
        if not self.names:
            return np.zeros(len(next(iter(columns.values()))), kind)
        flat = [_flat(columns[name]) for name in self.names]
        rows = len(flat[0])
        if rows <= CHUNK_ROWS:
            return look(self._found(flat))
        chunks = [
            [values[s : s + CHUNK_ROWS] for values in flat] for s in range(0, rows, CHUNK_ROWS)
        ]
        return np.concatenate([look(self._found(chunk)) for chunk in chunks])

    def _found(self, flat: list[NDArray[Any]]) -> "_Found":
        numbers = np.empty((len(self._number_places), len(flat[0]) if flat else 0))
        for row, place in enumerate(self._number_places):
            numbers[row] = flat[place]
        places = zip(self._categories, self._category_places, strict=True)
        return _Found(numbers, [category.codes(flat[place]) for category, place in places])

    def _outside(self, found: "_Found") -> Mask:
        alone = self._alone(found)
        return alone if self._limit is None else alone | (self._distances(found) > self._limit)

    def _alone(self, found: "_Found") -> Mask:
        outside = self._numbers.outside(found.numbers)
        for category, codes in zip(self._categories, found.codes, strict=True):
            outside |= category.outside[codes]
        return outside

    def _positions(self, found: "_Found") -> Positions:
        placed = np.empty((found.numbers.shape[1], len(self.names)))
        placed[:, self._number_places] = self._numbers.scores(found.numbers).T
        for category, place, codes in zip(
            self._categories, self._category_places, found.codes, strict=True
        ):
            placed[:, place] = category.positions[codes]
        return placed

    def _distances(self, found: "_Found") -> Positions:
        apart = self._positions(found) - self._mean
        squares = ((apart @ self._precision) * apart).sum(axis=1)
        distances: Positions = np.sqrt(np.maximum(squares, 0.0))
        return distances


class _Found(NamedTuple):
    """Rows as an envelope sees them: ``numbers``, a row for each column of them, and of each
    category the codes."""

    numbers: Positions
    codes: list[NDArray[np.intp]]


class _Numbers:
    """The numbers of an envelope; an end of the range is infinite where none was ever there."""

    def __init__(self, described: Sequence[Mapping[str, Any]]) -> None:
        self._low = _column([-np.inf if one["low"] is None else one["low"] for one in described])
        self._high = _column([np.inf if one["low"] is None else one["high"] for one in described])
        self._never_missing = _column([not one["missing"] for one in described], np.bool_)
        self._tables = [(np.array(one["quantiles"]), np.array(one["scores"])) for one in described]
        self._first = _column(
            [one["quantiles"][0] if one["quantiles"] else 0.0 for one in described]
        )
        self._last = _column(
            [one["quantiles"][-1] if one["quantiles"] else 0.0 for one in described]
        )
        self._spread = _column([one["spread"] if one["quantiles"] else 1.0 for one in described])

    def outside(self, numbers: Positions) -> Mask:
        beyond = (numbers < self._low) | (numbers > self._high)
        missing = np.isnan(numbers) & self._never_missing
        outside: Mask = (beyond | missing).any(axis=0)
        return outside

    def scores(self, numbers: Positions) -> Positions:
        nearest = np.minimum(np.maximum(numbers, self._first), self._last)
        scores: Positions = (numbers - nearest) / self._spread
        for row, (quantiles, among) in enumerate(self._tables):
            if len(quantiles):
                scores[row] += np.interp(numbers[row], quantiles, among)
            else:
                scores[row] = 0.0
        np.minimum(np.maximum(scores, -FARTHEST_SCORE), FARTHEST_SCORE, out=scores)
        scores[np.isnan(numbers)] = 0.0
        return scores


class _Category:
    """The levels of a category, numbered; after them what is none of them, and what is missing.
    ``outside`` and ``positions`` are by that number."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        levels = described["levels"]
        self._unknown, self._missing = len(levels), len(levels) + 1
        self._of_numbers = {level: code for code, level in enumerate(levels)}
        self._of_texts = {**self._of_numbers, "": self._missing, None: self._missing}
        surprisals = np.array([*described["surprisals"], described["unknown"]], np.float64)
        self.outside = np.zeros(len(levels) + 2, np.bool_)
        self.outside[self._unknown] = not described["open"]
        self.outside[self._missing] = not described["missing"]
        self.positions = np.append(surprisals - described["centre"], 0.0)

    def codes(self, values: NDArray[Any]) -> NDArray[np.intp]:
        numeric = values.dtype.kind in "fiub"
        known = self._of_numbers if numeric else self._of_texts
        found = map(known.get, values.tolist(), repeat(self._unknown))
        codes = np.fromiter(found, np.intp, len(values))
        if values.dtype.kind == "f":
            codes[np.isnan(values)] = self._missing
        return codes


def _flat(values: Any) -> NDArray[Any]:
    return np.asarray(values).reshape(-1)


def _column(values: Sequence[Any], kind: type[Any] = np.float64) -> NDArray[Any]:
    return np.array(values, kind).reshape(-1, 1)
