"""How certain a number is: bootstrap resamples of rows, and the interval they give.

Belongs here: estimates, the drawing of resamples, intervals. Does not belong here: what is measured
on a resample (``binary_metrics.py``, ``multiclass_metrics.py``, ``regression_metrics.py``), the
comparison of two models (``comparison.py``), what needs no resampling (``spread.py``).

An interval is the value plus and minus the standard deviation of its resamples times the quantile
of Student's t, on a scale where the metric is about normal (logarithm, log odds) and back from
there, widened for few rows (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993,
chapters 6 and 12; T. Hesterberg, "What Teachers Should Know about the Bootstrap", The American
Statistician 69, 2015, for the widening). Percentiles of the resamples alone hold the truth too
rarely where rows are few: ``benchmarks/interval_coverage.py`` measures how often these do.

A resample is how often each row was drawn. Rows are independent, or come in ``blocks`` (days) that
are drawn as wholes.

Of more than ``MAX_RESAMPLED_ROWS`` rows, evenly spread ones are resampled, and the deviations of
the resamples shrink with the root of the number of rows, as they do for every metric here (P.
Bickel, F. Götze and W. van Zwet, "Resampling fewer than n observations", Statistica Sinica 7,
1997): the value is that of all rows, and the time of the interval has a bound. Blocks are never
thinned out: each still has to be whole.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.metrics.scales import Scale, on_scale
from mlops_assets.reporting.page import Number

MIN_ROWS = 50
"""Fewer rows than this are no evidence of how good a model is."""
MAX_RESAMPLED_ROWS = 100_000
"""Rows that a resample holds at most."""
BLOCK_CELLS = 500_000
"""Resamples are measured together as far as their rows are no more than this."""
MAX_UNDEFINED = 0.05
"""Share of the resamples on which a metric may be undefined; beyond, its bounds are unknown."""

Counts = NDArray[np.int64]
Values = NDArray[np.float64]
Blocks = NDArray[np.int64]
"""Which block each row is in, ``[n]``, from 0 on without a gap."""


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
    sizes: Sequence[int],
    resamples: int,
    rng: np.random.Generator,
    blocks: Blocks | None = None,
) -> Iterator[Counts]:
    """Groups ``[b, n]`` of in all ``resamples`` resamples: how often each of the ``n`` rows is
    drawn. Rows come in strata of ``sizes``, one after the other, each drawn from on its own; with
    ``blocks`` ``[n]``, whole blocks are drawn instead."""
    together = max(1, BLOCK_CELLS // max(sum(sizes), 1))
    for start in range(0, resamples, together):
        drawn = min(together, resamples - start)
        if blocks is None:
            yield np.concatenate([_drawn(rng, drawn, size) for size in sizes], axis=1)
        else:
            yield _drawn(rng, drawn, int(blocks.max()) + 1)[:, blocks]


def draws(
    measure: Callable[[Counts], Values],
    sizes: Sequence[int],
    resamples: int,
    rng: np.random.Generator,
    blocks: Blocks | None = None,
) -> Values:
    """What ``measure`` (of ``[b, n]``, giving ``[b, m]``) says of each resample: ``[r, m]``."""
    found = [measure(counts) for counts in resamples_of(sizes, resamples, rng, blocks)]
    return np.concatenate(found) if found else np.zeros((0, 0))


def interval(
    value: float,
    drawn: Values,
    *,
    scale: Scale,
    units: int,
    shrink: float = 1.0,
    confidence: float = 0.95,
) -> Estimate:
    """The estimate of ``value`` whose resamples are ``drawn`` ``[r]``.

    ``units`` are the rows of the smallest stratum, or the blocks: Student's t has one degree of
    freedom less. ``shrink`` is what deviations are multiplied with. Without a value there are no
    bounds, without two resamples neither, nor where more than ``MAX_UNDEFINED`` of them leave the
    metric undefined (NaN).
    """
    if np.isnan(value):
        return Estimate()
    undefined = np.isnan(drawn)
    if len(drawn) < 2 or units < 2 or undefined.mean() > MAX_UNDEFINED:
        return Estimate(float(value))
    from scipy.special import stdtrit

    used = on_scale(scale, np.append(drawn[~undefined], value), units)
    moved, at = used.forward(drawn[~undefined]), float(used.forward(np.array([value]))[0])
    widened = np.sqrt(units / (units - 1.0)) * shrink
    reach = float(stdtrit(units - 1, (1.0 + confidence) / 2.0)) * widened * float(moved.std(ddof=1))
    low, high = used.back(np.array([at - reach, at + reach]))
    low, high = used.beyond_edges(value, float(low), float(high), units, confidence)
    return Estimate(float(value), float(min(low, value)), float(max(high, value)))


def shrink_of(resampled: int, rows: int) -> float:
    """What deviations are multiplied with where only some of the rows are resampled."""
    return float(np.sqrt(resampled / rows))


def _drawn(rng: np.random.Generator, resamples: int, rows: int) -> Counts:
    """How often each of ``rows`` rows is drawn, ``[resamples, rows]``."""
    if rows == 0:
        return np.zeros((resamples, 0), np.int64)
    places = rng.integers(0, rows, (resamples, rows))
    places += np.arange(resamples)[:, None] * rows
    return np.bincount(places.ravel(), minlength=resamples * rows).reshape(resamples, rows)
