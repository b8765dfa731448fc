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
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Envelope = Mapping[str, Any]
Mask = NDArray[np.bool_]
Positions = NDArray[np.float64]

CHUNK_ROWS = 65_536
FARTHEST_SCORE = 20.0
"""Normal scores beyond this tell no more."""


def outside_envelope(envelope: Envelope, columns: Mapping[str, NDArray[Any]]) -> Mask:
    """Which of ``n`` rows are outside, bool ``[n]``.

    ``columns`` holds each column of the envelope as ``[n]`` or ``[n, 1]``, as it is sent to be
    served: missing is NaN, or the empty string. Others are not looked at. Raises ``KeyError`` for a
    column that is not there. Memory is bounded by a chunk of rows.
    """
    outside: Mask = _in_chunks(envelope, columns, _outside)
    return outside


def joint_distances(envelope: Envelope, columns: Mapping[str, NDArray[Any]]) -> Positions:
    """How far each row is from what goes together, float64 ``[n]``."""
    return _in_chunks(envelope, columns, _distances)


def outside_alone(envelope: Envelope, columns: Mapping[str, NDArray[Any]]) -> Mask:
    """Which rows hold a value that is outside by itself, whatever the others are, bool ``[n]``."""
    return _in_chunks(envelope, columns, _outside_alone)


def positions(envelope: Envelope, columns: Mapping[str, NDArray[Any]]) -> Positions:
    """Where each row is, float64 ``[n, columns]``: a number's normal score among the rows that the
    envelope was learned from, and beyond them how many spreads; a category's surprisal, centred;
    0 where a number is missing."""
    return np.column_stack(
        [_position(one, _values(columns, one["name"])) for one in envelope["columns"]]
    )


def _in_chunks(envelope: Envelope, columns: Mapping[str, NDArray[Any]], look: Any) -> NDArray[Any]:
    named = {one["name"]: _values(columns, one["name"]) for one in envelope["columns"]}
    rows = len(next(iter(named.values()))) if named else len(next(iter(columns.values())))
    if not named:
        return np.zeros(rows, np.bool_ if look is not _distances else np.float64)
    starts = range(0, max(rows, 1), CHUNK_ROWS)
    chunks = ({n: v[s : s + CHUNK_ROWS] for n, v in named.items()} for s in starts)
    return np.concatenate([look(envelope, chunk) for chunk in chunks])


def _values(columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    return np.asarray(columns[name]).reshape(-1)


def _outside(envelope: Envelope, columns: Mapping[str, NDArray[Any]]) -> Mask:
    alone = _outside_alone(envelope, columns)
    limit = envelope["joint"]["limit"]
    return alone if limit is None else alone | (_distances(envelope, columns) > limit)


def _outside_alone(envelope: Envelope, columns: Mapping[str, NDArray[Any]]) -> Mask:
    found = [_outside_column(one, columns[one["name"]]) for one in envelope["columns"]]
    outside: Mask = np.logical_or.reduce(found)
    return outside


def _outside_column(one: Mapping[str, Any], values: NDArray[Any]) -> Mask:
    if one["kind"] == "number":
        numbers = values.astype(np.float64)
        missing = np.isnan(numbers)
        # No number at all was ever there: none can be judged.
        outside = np.zeros(len(numbers), np.bool_)
        if one["low"] is not None:
            outside = (numbers < one["low"]) | (numbers > one["high"])
    else:
        missing = _is_missing(values)
        known = dict.fromkeys(one["levels"], True)
        unknown = np.array([value not in known for value in values.tolist()], np.bool_)
        outside = unknown & ~missing & (not one["open"])
    return outside if one["missing"] else outside | missing


def _is_missing(values: NDArray[Any]) -> Mask:
    if values.dtype.kind in "fiub":
        return np.isnan(values.astype(np.float64))
    return np.array([value is None or value in ("", None) for value in values.tolist()], np.bool_)


def _position(one: Mapping[str, Any], values: NDArray[Any]) -> Positions:
    if one["kind"] == "category":
        known = dict(zip(one["levels"], one["surprisals"], strict=True))
        found = [known.get(value, one["unknown"]) for value in values.tolist()]
        surprisals = np.array(found, np.float64) - one["centre"]
        return np.where(_is_missing(values), 0.0, surprisals)
    numbers = values.astype(np.float64)
    if not one["quantiles"]:
        return np.zeros(len(numbers))
    ends = one["quantiles"][0], one["quantiles"][-1]
    scores = np.interp(numbers, one["quantiles"], one["scores"])
    beyond = numbers - np.clip(numbers, *ends)
    scores = np.clip(scores + beyond / one["spread"], -FARTHEST_SCORE, FARTHEST_SCORE)
    return np.where(np.isnan(numbers), 0.0, scores)


def _distances(envelope: Envelope, columns: Mapping[str, NDArray[Any]]) -> Positions:
    joint = envelope["joint"]
    apart = positions(envelope, columns) - np.array(joint["mean"])
    squares = ((apart @ np.array(joint["precision"])) * apart).sum(axis=1)
    distances: Positions = np.sqrt(np.maximum(squares, 0.0))
    return distances
