"""How long requests took, counted so that days of any size fit and parts add up.

Belongs here: counts by duration, and their percentiles. Does not belong here: which requests are
counted (``requests.py``), or what they may take (``operations.py``).
"""

import math

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

SMALLEST_MS, LARGEST_MS = 1e-3, 1e7
PRECISION = 0.005
"""A percentile is given as at most this share above what it is, and never below."""
BINS = math.ceil(math.log(LARGEST_MS / SMALLEST_MS) / math.log1p(PRECISION)) + 1
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def count_latencies(milliseconds: NDArray[np.float64]) -> Counts:
    """How many durations lie in each bin, int64 ``[BINS]``; bins grow by half a percent."""
    inside = np.clip(milliseconds, SMALLEST_MS, LARGEST_MS)
    bins = np.ceil(np.log(inside / SMALLEST_MS) / np.log1p(PRECISION)).astype(np.int64)
    return np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS).astype(np.int64)


def percentiles(counts: Counts) -> dict[str, float | None]:
    """Median, 95th and 99th percentile in milliseconds, by nearest rank; ``None`` where nothing
    was counted, and where a percentile would be the largest of too few: under ``1 / (1 - q)``."""
    total = int(counts.sum())
    return {
        name: _quantile(counts, total, q) if total * (1.0 - q) >= 1.0 - 1e-9 else None
        for name, q in PERCENTILES.items()
    }


def _quantile(counts: Counts, total: int, q: float) -> float:
    rank = math.ceil(q * total - 1e-9)
    place = int(np.searchsorted(np.cumsum(counts), rank))
    edge = SMALLEST_MS * math.exp(place * math.log1p(PRECISION))
    return float(f"{edge:.4g}")
