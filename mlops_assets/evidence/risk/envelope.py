"""Learning the input envelope, and what abstaining outside it is worth.

Belongs here: the envelope from train rows, calibrated on held-out ones, and the test rows held
against it. Does not belong here: the evaluation that serving shares (``serving/envelope.py``).
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.risk.released_model import ReleasedModel
from mlops_assets.evidence.risk.risk_statistics import evenly, mean_estimate, share_finding
from mlops_assets.export.tensors import to_tensors
from mlops_assets.governance.policy import Finding
from mlops_assets.serving.envelope import (
    Envelope,
    joint_distances,
    outside_alone,
    outside_envelope,
    positions,
)
from mlops_assets.training.fitted_pipeline import repeatable

OUTSIDE = 0.01
"""Share of held-out rows from the train rows' own distribution that is outside."""
MARGIN = 0.1
"""Of the range of a number that is added to both ends."""
MOST_ROWS = 50_000
MOST_LEVELS = 5_000
"""Of a category; one with more is open: a new value is no surprise."""
QUANTILES = 101
SHRINKAGE = 0.05
DIGITS = 9


def learn_envelope(
    train: pd.DataFrame, held_out: pd.DataFrame, columns: Mapping[str, Column]
) -> dict[str, Any]:
    """The envelope (see ``serving/envelope.py``) of the input ``columns``.

    Ranges, levels and what goes together come from the ``train`` rows; the largest distance that is
    inside comes from the ``held_out`` rows, of which about ``OUTSIDE`` are then outside (a split
    conformal limit; V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world",
    2005). Without held-out rows there is no joint limit. At most ``MOST_ROWS`` rows are read.
    """
    watched = {name: c for name, c in columns.items() if c.type != "timestamp"}
    train, held_out = evenly(train, MOST_ROWS), evenly(held_out, MOST_ROWS)
    tensors = to_tensors(train, watched)
    described = [_describe(n, c, tensors[n][:, 0]) for n, c in watched.items()]
    envelope: dict[str, Any] = {
        "rows": len(train),
        "columns": described,
        "joint": {"mean": [0.0] * len(described), "precision": [], "limit": None},
    }
    if not described:
        return envelope
    with repeatable():
        envelope["joint"] |= _moments(positions(envelope, tensors))
        if len(held_out):
            envelope["joint"]["limit"] = _joint_limit(envelope, to_tensors(held_out, watched))
    return envelope


def columns_of(rows: pd.DataFrame, columns: Mapping[str, Column]) -> dict[str, NDArray[Any]]:
    """The input columns of ``rows`` as they are sent to be served, ``[n, 1]`` each."""
    return to_tensors(rows, dict(columns))


def abstention(
    envelope: Envelope,
    model: ReleasedModel,
    test: pd.DataFrame,
    target: str,
    columns: Mapping[str, Column],
    seed: int,
) -> tuple[dict[str, Any], list[Finding]]:
    """How many of the ``test`` rows are outside the envelope, and what answers cost inside and
    outside: whether abstaining helps."""
    rows = evenly(test, MOST_ROWS)
    served = columns_of(rows, columns)
    with repeatable():
        outside, alone = outside_envelope(envelope, served), outside_alone(envelope, served)
    losses = model.losses(rows[target].to_numpy(), rows)
    evidence = {
        "rows": len(rows),
        "outside": int(outside.sum()),
        "outside_alone": int(alone.sum()),
        "calibrated_share": OUTSIDE,
        "loss_inside": asdict(mean_estimate(losses[~outside], seed)),
        "loss_outside": asdict(mean_estimate(losses[outside], seed)),
    }
    return evidence, [share_finding("outside_envelope", "", int(outside.sum()), len(rows))]


def _describe(name: str, column: Column, values: NDArray[Any]) -> dict[str, Any]:
    if column.is_category or column.type == "boolean":
        return {"name": name, "kind": "category", **_levels(values)}
    return {"name": name, "kind": "number", **_range(values.astype(np.float64))}


def _range(numbers: NDArray[np.float64]) -> dict[str, Any]:
    from scipy.stats import norm

    present = numbers[np.isfinite(numbers)]
    missing = bool(len(present) < len(numbers))
    if not len(present):
        nothing: dict[str, Any] = {
            "low": None,
            "high": None,
            "quantiles": [],
            "scores": [],
            "spread": 1.0,
        }
        return {**nothing, "spread": 1.0, "missing": missing}
    reach = float(present.max() - present.min())
    # A single value says nothing of how far others may be.
    margin = MARGIN * reach if reach > 0 else MARGIN * max(abs(float(present[0])), 1.0)
    shares = np.linspace(0.5 / QUANTILES, 1.0 - 0.5 / QUANTILES, QUANTILES)
    cuts = np.quantile(present, shares)
    distinct, where = np.unique(cuts, return_inverse=True)
    middles = np.bincount(where, norm.ppf(shares)) / np.bincount(where)
    return {
        "low": float(present.min()) - margin,
        "high": float(present.max()) + margin,
        "quantiles": distinct.tolist(),
        "scores": np.round(middles, DIGITS).tolist(),
        "spread": _spread(present, reach),
        "missing": missing,
    }


def _spread(present: NDArray[np.float64], reach: float) -> float:
    deviation = float(present.std())
    return deviation if deviation > 0.0 else max(reach, abs(float(present[0])), 1.0)


def _levels(values: NDArray[Any]) -> dict[str, Any]:
    counted = pd.Series(values).value_counts(dropna=True)
    counted = counted[[level not in ("",) for level in counted.index]]
    pairs = sorted(zip(counted.index.tolist(), counted.tolist(), strict=True), key=_commonest_first)
    kept, total = pairs[:MOST_LEVELS], max(sum(rows for _, rows in pairs), 1)
    surprisals = [float(-np.log(rows / total)) for _, rows in kept]
    centre = sum(s * rows for s, (_, rows) in zip(surprisals, kept, strict=True)) / total
    return {
        "levels": [level for level, _ in kept],
        "surprisals": [round(one, DIGITS) for one in surprisals],
        "unknown": round(float(np.log(total + 1.0)), DIGITS),
        "centre": round(centre, DIGITS),
        "open": len(pairs) > len(kept),
        "missing": bool(sum(rows for _, rows in pairs) < len(values)),
    }


def _commonest_first(pair: tuple[Any, int]) -> tuple[int, str]:
    return -pair[1], str(pair[0])


def _moments(where: NDArray[np.float64]) -> dict[str, Any]:
    """Mean and precision of the positions; the covariance is shrunk towards independence, so that
    columns that are functions of each other have an inverse."""
    mean = where.mean(axis=0)
    apart = where - mean
    covariance = apart.T @ apart / max(len(where), 1)
    variances = np.maximum(np.diag(covariance), 1e-6)
    shrunk = (1.0 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(variances)
    np.fill_diagonal(shrunk, variances)
    precision = np.round(np.linalg.inv(shrunk), DIGITS)
    return {"mean": np.round(mean, DIGITS).tolist(), "precision": precision.tolist()}


def _joint_limit(envelope: Envelope, tensors: Mapping[str, NDArray[Any]]) -> float:
    """The distance beyond which as many held-out rows are as make up ``OUTSIDE`` with those that
    are outside alone."""
    alone = outside_alone(envelope, tensors)
    distances = np.sort(joint_distances(envelope, tensors)[~alone])
    left = max(OUTSIDE * len(alone) - float(alone.sum()), 0.0)
    inside = min(int(np.ceil(len(distances) - left)), len(distances))
    return round(float(distances[max(inside - 1, 0)]) if len(distances) else 0.0, DIGITS)
