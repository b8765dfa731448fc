"""The statistics that the tests of the risk report share.

Belongs here: intervals of shares and means, and rows that belong together. Does not belong here:
what is disturbed, attacked or scanned (the modules beside this one).

Rows of a day have much in common (its weather, its strikes), so that a day tells less than its rows
do. Wherever train rows are compared with held-out ones, whole days are what is drawn: variances are
those of sums over clusters (K.-Y. Liang and S. Zeger, "Longitudinal data analysis using generalized
linear models", 1986), with the quantiles of Student's distribution where there are few. Without a
time column rows are independent, and clusters are groups of rows drawn at random.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.representation.proportions import UNKNOWN, Estimate, wilson
from mlops_assets.governance.policy import Finding
from mlops_assets.training.folds import thin
from mlops_assets.use_case import UseCase

TAIL = 0.05
"""Both tails of an interval together, over all subjects of a measure."""
RESAMPLES = 500
MOST_RESAMPLED = 5_000
MIN_ROWS = 50
CLUSTER_ROWS = 25
MOST_CLUSTERS = 400

Values = NDArray[np.float64]
Clusters = NDArray[np.int64]


def standard_errors(subjects: int = 1, clusters: int | None = None) -> float:
    """Standard errors to either side of an estimate: a two-sided 95% interval over ``subjects``
    together (Bonferroni), of so many ``clusters`` where they are few."""
    from scipy.stats import norm, t

    tail = TAIL / 2.0 / max(subjects, 1)
    if clusters is None:
        return float(norm.isf(tail))
    return float(t.isf(tail, max(clusters - 1, 1)))


def share_finding(measure: str, subject: str, found: int, rows: int, subjects: int = 1) -> Finding:
    """The share ``found / rows`` with its score interval."""
    share = wilson(found, rows, standard_errors(subjects))
    enough = rows >= MIN_ROWS
    return Finding(measure, subject, share.value, share.low, share.high, rows, enough)


def mean_finding(
    measure: str, subject: str, values: Values, seed: int, subjects: int = 1
) -> Finding:
    """The mean of ``values`` ``[n]`` with its bootstrap interval; each is a difference of one row,
    so that the interval is a paired one."""
    found = mean_estimate(values, seed, subjects)
    enough = len(values) >= MIN_ROWS
    return Finding(measure, subject, found.value, found.low, found.high, len(values), enough)


def mean_estimate(values: Values, seed: int, subjects: int = 1) -> Estimate:
    """The mean of ``values`` ``[n]`` with the percentile interval of bootstrap resamples; no value
    without rows. Of many rows, or many subjects (whose far tails are no quantiles of a few hundred
    resamples), the interval is the normal one that resamples come to."""
    rows = len(values)
    if not rows:
        return UNKNOWN
    value = float(values.mean())
    if subjects > 1 or rows > MOST_RESAMPLED:
        reach = standard_errors(subjects) * float(values.std()) / float(np.sqrt(rows))
        return Estimate(value, value - reach, value + reach)
    rng = np.random.default_rng(seed)
    drawn = np.array([values[rng.integers(0, rows, rows)].mean() for _ in range(RESAMPLES)])
    low, high = np.quantile(drawn, (TAIL / 2.0, 1.0 - TAIL / 2.0)).tolist()
    return Estimate(value, low, high)


def clusters_of(rows: pd.DataFrame, use_case: UseCase, seed: int) -> Clusters:
    """Which cluster each row is in, int64 ``[n]`` from 0: its day (days close to each other where
    there are many), or a group drawn at random without a time column."""
    time_column = use_case.training.split.time_column
    if time_column is None:
        count = int(np.clip(len(rows) // CLUSTER_ROWS, 1, MOST_CLUSTERS))
        order = np.random.default_rng(seed).permutation(len(rows))
        drawn: Clusters = (order % count).astype(np.int64)
        return drawn
    days = rows[time_column].to_numpy().astype("datetime64[D]").astype(np.int64)
    distinct, codes = np.unique(days, return_inverse=True)
    if len(distinct) > MOST_CLUSTERS:
        codes = codes * MOST_CLUSTERS // len(distinct)
    grouped: Clusters = codes.astype(np.int64)
    return grouped


def evenly(rows: pd.DataFrame, at_most: int) -> pd.DataFrame:
    """At most so many of ``rows``, evenly spread, numbered from 0."""
    places = thin(np.arange(len(rows), dtype=np.int64), at_most)
    return rows.take(places).reset_index(drop=True)


def sampled(rows: pd.DataFrame, at_most: int, seed: int) -> pd.DataFrame:
    """At most so many of ``rows`` drawn at random, in their order, numbered from 0."""
    if len(rows) <= at_most:
        return rows.reset_index(drop=True)
    places = np.random.default_rng(seed).choice(len(rows), at_most, replace=False)
    return rows.take(np.sort(places)).reset_index(drop=True)


def most_common(values: pd.Series, at_most: int) -> list[Any]:
    """The values that occur most, without the missing, the more frequent first."""
    counted = values.value_counts()
    pairs = zip(counted.tolist(), counted.index.tolist(), strict=True)
    ordered = sorted(pairs, key=lambda pair: (-pair[0], str(pair[1])))
    return [value for _, value in ordered[:at_most]]
