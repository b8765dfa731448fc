"""How certain a number is: bootstrap resamples of rows, and the interval they give.

Belongs here: estimates, the drawing of resamples, percentile intervals. Does not belong here: what
is measured on a resample (``binary_metrics.py``, ``multiclass_metrics.py``,
``regression_metrics.py``, ``comparison.py``).

Intervals are percentile intervals (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap",
1993, chapter 13). A resample is how often each row was drawn. Rows are treated as independent.

Of more than ``MAX_RESAMPLED_ROWS`` rows, evenly spread ones are resampled, and the deviations of
the resamples shrink with the root of the number of rows, as they do for every metric here (P.
Bickel, F. Götze and W. van Zwet, "Resampling fewer than n observations", Statistica Sinica 7,
1997): the value is that of all rows, and the time of the interval has a bound.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.reporting.page import Number

MIN_ROWS = 50
"""Fewer rows than this are no evidence of how good a model is."""
MAX_RESAMPLED_ROWS = 100_000
"""Rows that a resample holds at most."""
BLOCK_CELLS = 500_000
"""Resamples are measured together as far as their rows are no more than this."""

Counts = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Record:
    """Figures that a report writes down as they are."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able values."""
        return asdict(self)


@dataclass(frozen=True)
class Estimate(Record):
    """A number with the bounds of its interval; ``None`` where it is not defined."""

    value: Number = None
    low: Number = None
    high: Number = None


def resampled_rows(sizes: Sequence[int]) -> NDArray[np.int64]:
    """Which rows of strata of ``sizes``, one after the other, are resampled: all of them, or evenly
    spread ones where every stratum keeps ``MIN_ROWS``."""
    rows = sum(sizes)
    kept = min(rows, MAX_RESAMPLED_ROWS)
    if any(size * kept // rows < MIN_ROWS for size in sizes if size):
        kept = rows
    return np.arange(kept, dtype=np.int64) * rows // max(kept, 1)


def resamples_of(
    sizes: Sequence[int], resamples: int, rng: np.random.Generator
) -> Iterator[Counts]:
    """Blocks ``[b, n]`` of in all ``resamples`` resamples: how often each of the ``n`` rows is
    drawn. Rows come in strata of ``sizes``, one after the other, each drawn from on its own."""
    block = max(1, BLOCK_CELLS // max(sum(sizes), 1))
    for start in range(0, resamples, block):
        drawn = min(block, resamples - start)
        yield np.concatenate([_drawn(rng, drawn, size) for size in sizes], axis=1)


def draws(
    measure: Callable[[Counts], Values],
    sizes: Sequence[int],
    resamples: int,
    rng: np.random.Generator,
) -> Values:
    """What ``measure`` (of ``[b, n]``, giving ``[b, m]``) says of each resample: ``[r, m]``."""
    blocks = [measure(counts) for counts in resamples_of(sizes, resamples, rng)]
    return np.concatenate(blocks) if blocks else np.zeros((0, 0))


def interval(
    value: float, drawn: Values, center: float, *, shrink: float, confidence: float
) -> Estimate:
    """The estimate of ``value`` whose resamples are ``drawn`` around ``center``.

    A resample on which the metric is not defined (NaN) counts as 0 for the lower bound and as 1
    for the upper one. ``shrink`` is what deviations are multiplied with. Without a value there are
    no bounds, without resamples neither.
    """
    if np.isnan(value):
        return Estimate()
    if not len(drawn):
        return Estimate(float(value))
    tail, undefined = (1.0 - confidence) / 2.0, np.isnan(drawn)
    low = np.quantile(np.where(undefined, 0.0, drawn), tail)
    high = np.quantile(np.where(undefined, 1.0, drawn), 1.0 - tail)
    return Estimate(
        float(value),
        float(_moved(low, value, center, shrink)),
        float(_moved(high, value, center, shrink)),
    )


def lower_bound(
    value: float, drawn: Values, center: float, *, shrink: float, confidence: float
) -> Number:
    """The one-sided lower bound of ``value``; ``None`` without resamples."""
    if not len(drawn):
        return None
    low = np.quantile(drawn, 1.0 - confidence)
    return float(_moved(low, value, center, shrink))


def shrink_of(resampled: int, rows: int) -> float:
    """What deviations are multiplied with where only some of the rows are resampled."""
    return float(np.sqrt(resampled / rows))


def _moved(bound: float, value: float, center: float, shrink: float) -> float:
    if shrink == 1.0:
        return bound
    return value + (bound - center) * shrink


def _drawn(rng: np.random.Generator, resamples: int, rows: int) -> Counts:
    """How often each of ``rows`` rows is drawn, ``[resamples, rows]``."""
    if rows == 0:
        return np.zeros((resamples, 0), np.int64)
    places = rng.integers(0, rows, (resamples, rows))
    places += np.arange(resamples)[:, None] * rows
    return np.bincount(places.ravel(), minlength=resamples * rows).reshape(resamples, rows)
