"""What the answers for many rows come to: counts, shares and moments, chunk after chunk.

Belongs here: the figures of ``predictions.json``, gathered without keeping a row. Does not belong
here: what they are compared with (``monitoring/``).
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.answers import INTERVAL_ANSWERS
from mlops_assets.prediction.answer_columns import LABEL, OUTSIDE, PROBABILITY, ROW_ID

DIGITS = 9
"""Significant digits of a figure that is no count."""


class AnswerFigures:
    """The figures of tables of answers, added in order."""

    def __init__(self, schema: pa.Schema) -> None:
        self._names = [name for name in schema.names if name.startswith(PROBABILITY)]
        self._is_classes = LABEL in schema.names
        self._has_ids = ROW_ID in schema.names
        self._rows = self._outside = self._unidentified = 0
        self._outside_known = True
        self._labels: Counter[str] = Counter()
        self._moments = {name: Moments() for name in self._names or INTERVAL_ANSWERS}

    def add(self, table: pa.Table) -> None:
        """Take in a table of ``answer_columns.answer_table``."""
        outside = table.column(OUTSIDE)
        self._rows += table.num_rows
        self._outside += pc.sum(outside).as_py() or 0
        self._outside_known = self._outside_known and outside.null_count == 0
        if self._has_ids:
            self._unidentified += table.column(ROW_ID).null_count
        if self._is_classes:
            counted = pc.value_counts(table.column(LABEL)).to_pylist()
            self._labels.update({str(found["values"]): found["counts"] for found in counted})
        for name, moments in self._moments.items():
            moments.add(table.column(name).to_numpy())

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: ``rows``; those ``outside_envelope`` and those ``without_row_id`` (``None``
        where that is unknown, and where no column names rows); ``answers``: how many rows were
        given each class and the mean of its probabilities, or the figures of the prediction."""
        return {
            "rows": self._rows,
            "outside_envelope": self._outside if self._outside_known else None,
            "without_row_id": self._unidentified if self._has_ids else None,
            "answers": self._classes() if self._is_classes else self._numbers(),
        }

    def _classes(self) -> dict[str, Any]:
        classes = [name.removeprefix(PROBABILITY) for name in self._names]
        decided = {name: self._labels[name] for name in classes}
        return {
            "rows": decided,
            "shares": {name: _share(count, self._rows) for name, count in decided.items()},
            "mean_probabilities": {
                name.removeprefix(PROBABILITY): _short(self._moments[name].mean)
                for name in self._names
            },
        }

    def _numbers(self) -> dict[str, Any]:
        found = self._moments["prediction"]
        widths = [self._moments[name].mean for name in ("lower", "upper")]
        return {
            "mean": _short(found.mean),
            "standard_deviation": _short(found.standard_deviation),
            "minimum": _short(found.minimum),
            "maximum": _short(found.maximum),
            "mean_interval_width": _short(
                None if None in widths else widths[1] - widths[0]  # type: ignore[operator]
            ),
        }


class Moments:
    """Count, mean, spread and range of numbers that come in parts (T. Chan, G. Golub and R.
    LeVeque, "Algorithms for computing the sample variance", 1983)."""

    def __init__(self) -> None:
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        self._range = (math.inf, -math.inf)

    def add(self, values: NDArray[np.floating[Any]]) -> None:
        """Take in ``values`` ``[n]``, all finite."""
        if len(values) == 0:
            return
        numbers = values.astype(np.float64)
        mean, before = float(numbers.mean()), self._count
        self._count += len(numbers)
        apart = mean - self._mean
        self._mean += apart * len(numbers) / self._count
        self._squares += float(((numbers - mean) ** 2).sum())
        self._squares += apart**2 * before * len(numbers) / self._count
        low, high = self._range
        self._range = (min(low, float(numbers.min())), max(high, float(numbers.max())))

    @property
    def mean(self) -> float | None:
        return self._mean if self._count else None

    @property
    def standard_deviation(self) -> float | None:
        """Of all the numbers, not an estimate from a sample."""
        return math.sqrt(self._squares / self._count) if self._count else None

    @property
    def minimum(self) -> float | None:
        return self._range[0] if self._count else None

    @property
    def maximum(self) -> float | None:
        return self._range[1] if self._count else None


def share_outside(record: Mapping[str, Any]) -> float | None:
    """The share of the rows of a ``predictions.json`` that are outside the envelope."""
    return _share(record["outside_envelope"], record["rows"])


def _share(count: int | None, rows: int) -> float | None:
    return None if count is None or rows == 0 else _short(count / rows)


def _short(number: float | None) -> float | None:
    if number is None or not math.isfinite(number):
        return None
    return float(f"{number:.{DIGITS}g}")
