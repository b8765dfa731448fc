"""Train rows that are unlike all others, alone or in company: gross errors and planted rows.

Belongs here: both scans of the inputs of the training set. Does not belong here: labels that look
wrong though their row looks right (``label_noise.py``).

Both compare train rows with held-out rows of the same period, whole days at a time: rows that were
planted in the training set alone have none like them there.

- Alone: the distance to the ``NEIGHBOURS``-th nearest of one half of the held-out rows, in the
  positions of the envelope. The other half says which distances are usual, which makes this a
  conformal test (S. Bates and others, "Testing for outliers with conformal p-values", 2023); a row
  is unlike the others where it is ``FAR`` times as far as all but a hundredth of those. What the
  other half has beyond that too is heavy tails, and is taken off. With a time column, few held-out
  days know little weather: the nearest are then looked for in half of the train days, for the rows
  of the other half and for all held-out rows.
- In company: a value, or a combination of two, that is in many more days (rows, without a time
  column) of the training set than the held-out ones explain, and whose rows share one label. This
  is what a backdoor needs (T. Gu, B. Dolan-Gavitt and S. Garg, "BadNets", 2017): a trigger, and one
  answer to it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.risk.envelope import columns_of, learn_envelope
from mlops_assets.evidence.risk.planted_rows import planted_rows
from mlops_assets.evidence.risk.risk_statistics import (
    Clusters,
    clusters_of,
    evenly,
    share_finding,
    standard_errors,
)
from mlops_assets.governance.policy import Finding
from mlops_assets.serving.envelope import positions
from mlops_assets.training.fitted_pipeline import repeatable
from mlops_assets.use_case import UseCase

MOST_SCANNED = 20_000
MOST_MEASURED = 6_000
MOST_HELD_OUT = 6_000
NEIGHBOURS = 5
USUAL = 0.99
FAR = 1.5
MIN_HELD_OUT = 100
TOGETHER = "rows alike with one label"

Floats = NDArray[np.float64]


def training_outliers(
    train: pd.DataFrame, held_out: pd.DataFrame, use_case: UseCase
) -> tuple[dict[str, Any], list[Finding]]:
    """The share of train rows unlike all others, and of those planted together (the subject
    ``TOGETHER``). ``train`` and ``held_out`` (the calibration rows) have the inputs and the encoded
    target; unknown with fewer than ``MIN_HELD_OUT`` held-out rows."""
    known, fresh = evenly(train, MOST_SCANNED), evenly(held_out, MOST_SCANNED)
    if len(fresh) < MIN_HELD_OUT:
        few = [_too_few(subject, len(known)) for subject in ("", TOGETHER)]
        return {"rows": len(known), "held_out_rows": len(fresh), "cells": [], "alone": None}, few
    alone, finding = _alone(evenly(known, MOST_MEASURED), evenly(fresh, MOST_HELD_OUT), use_case)
    found = planted_rows(known, fresh, use_case)
    evidence = {
        "rows": len(known),
        "held_out_rows": len(fresh),
        "alone": alone,
        "cells": found.cells,
        "cells_compared": found.compared,
        "smallest_seen": found.smallest_seen,
    }
    together = share_finding("training_outliers", TOGETHER, int(found.marked.sum()), len(known), 2)
    return evidence, [finding, together]


def _too_few(subject: str, rows: int) -> Finding:
    return Finding("training_outliers", subject, None, None, None, rows, enough=False)


def _alone(
    known: pd.DataFrame, fresh: pd.DataFrame, use_case: UseCase
) -> tuple[dict[str, Any], Finding]:
    seed, by_day = use_case.training.seed, use_case.training.split.time_column is not None
    near, asked = _halves(known if by_day else fresh, use_case)
    if not len(near) or not len(asked):
        return {"farther": None}, _too_few("", len(known))
    known, usual = (asked, fresh) if by_day else (known, asked)
    with repeatable():
        distances = _distances(near, (known, usual), use_case.inputs)
    limit = FAR * float(np.quantile(distances[1], USUAL))
    shares, errors = [], []
    for rows, apart in zip((known, usual), distances, strict=True):
        share, error = _clustered_share(apart > limit, clusters_of(rows, use_case, seed))
        shares.append(share)
        # None far out of n rows does not say that there is none: three of n are possible.
        errors.append(max(error, 1.0 / len(rows)))
    excess = shares[0] - shares[1]
    reach = standard_errors(2) * float(np.hypot(errors[0], errors[1]))
    evidence = {"farther": shares[0], "farther_held_out": shares[1], "limit": limit}
    value, low, high = np.clip([excess, excess - reach, excess + reach], 0.0, 1.0).tolist()
    return evidence, Finding("training_outliers", "", value, low, high, len(known))


def _halves(rows: pd.DataFrame, use_case: UseCase) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Half of the clusters of ``rows``, and the other half."""
    clusters = clusters_of(rows, use_case, use_case.training.seed)
    order = np.random.default_rng(use_case.training.seed).permutation(int(clusters.max()) + 1)
    first = order[clusters] % 2 == 0
    return rows[first].reset_index(drop=True), rows[~first].reset_index(drop=True)


def _distances(
    near: pd.DataFrame, asked: tuple[pd.DataFrame, ...], columns: Mapping[str, Column]
) -> list[Floats]:
    """How far each of the rows asked for is from its nearest ones in ``near``."""
    from sklearn.neighbors import NearestNeighbors

    envelope = learn_envelope(near, near.head(0), columns)
    if not envelope["columns"]:
        return [np.zeros(len(rows)) for rows in asked]
    where = [positions(envelope, columns_of(rows, columns)) for rows in (near, *asked)]
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(near)), algorithm="brute", n_jobs=1)
    search.fit(where[0])
    return [search.kneighbors(rows)[0][:, -1] for rows in where[1:]]


def _clustered_share(found: NDArray[np.bool_], clusters: Clusters) -> tuple[float, float]:
    """A share of rows, and its standard error where rows of a cluster come together."""
    _, codes = np.unique(clusters, return_inverse=True)
    share = float(found.mean())
    sums = np.bincount(codes, found - share)
    count = max(len(sums), 2)
    return share, float(np.sqrt((sums**2).sum() * count / (count - 1)) / len(found))
