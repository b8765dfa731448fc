"""The target of cleaned rows as a model sees it, and what its labels are like.

Belongs here: encoding labels, their variance, their figures, and whether they can be learned from.
Does not belong here: reading what the source wrote (``cleaning/target_labels.py``), or choosing and
dividing the rows (``features.py``).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Labels
from mlops_assets.data.batch_error import BatchError
from mlops_assets.target_declaration import Target

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DIGITS = 9
"""Significant digits of a regression's figures."""

_WIDEN = "widen training.window or wait for more batches"


def encode_labels(values: pd.Series, target: Target) -> Labels:
    """The labels of rows that all have one, ``[n]``: int64 0 or 1, int64 position in
    ``target.class_names``, or float64. ``values`` are the target's in the cleaned dataset, also as
    pandas holds integers and booleans beside missing ones.

    Raises ``BatchError`` where a value is none of the declared classes.
    """
    match target.task:
        case "binary":
            return values.to_numpy(np.int64)
        case "regression":
            numbers: NDArray[np.float64] = values.to_numpy(np.float64)
            return numbers
        case "multiclass":
            whole = target.type == "integer"
            texts = (values.astype("int64") if whole else values).astype(str)
            found = pd.Index(target.class_names).get_indexer(pd.Index(texts))
            places: NDArray[np.int64] = found.astype(np.int64)
    if (places < 0).any():
        raise BatchError(
            f"{int((places < 0).sum())} rows of {target.column!r} are of no declared class: clean "
            "their batch again with the use case as it is now"
        )
    return places


def variance(labels: Labels, target: Target) -> float:
    """The variance of a regression's labels (of all, not an estimate from a sample), to the last
    digit the same on every machine and in any order of rows; 1 for classes, and where none is."""
    if target.task != "regression" or len(labels) == 0:
        return 1.0
    mean = math.fsum(labels.tolist()) / len(labels)
    return math.fsum(((labels - mean) ** 2).tolist()) / len(labels)


def label_figures(labels: Labels, target: Target) -> dict[str, Any]:
    """What labels, of which there is at least one, are like: the share of positives, that of each
    class, or mean, standard deviation and quantiles."""
    match target.task:
        case "binary":
            return {"positive_share": round(float(labels.mean()), 6)}
        case "multiclass":
            rows = np.bincount(labels.astype(np.int64), minlength=len(target.class_names))
            shares = (rows / len(labels)).tolist()
            named = zip(target.class_names, shares, strict=True)
            return {"class_shares": {name: round(share, 6) for name, share in named}}
        case "regression":
            mean = math.fsum(labels.tolist()) / len(labels)
            cuts = np.quantile(labels, QUANTILES).tolist()
            return {
                "mean": _short(mean),
                "standard_deviation": _short(math.sqrt(variance(labels, target))),
                "quantiles": {f"{q:g}": _short(c) for q, c in zip(QUANTILES, cuts, strict=True)},
            }


def require_learnable(labels: Mapping[str, Labels], target: Target) -> None:
    """Raise ``BatchError`` where a model cannot be made from the labels of each split: where a
    split has no row or one class, a class has no train row, or a number is the same everywhere."""
    for name, of_split in labels.items():
        if target.task == "regression":
            if len(of_split) == 0:
                raise BatchError(f"the {name} split has no row with a label: {_WIDEN}")
        elif (found := len(np.unique(of_split))) < 2:
            raise BatchError(
                f"the {name} split has {found} class(es) of {target.column!r}, and two are needed: "
                f"{_WIDEN}"
            )
    train = labels["train"]
    if target.task == "regression" and not variance(train, target) > 0.0:
        raise BatchError(
            f"the target is constant: {target.column!r} is one number in all train rows, and there "
            f"is nothing to learn: {_WIDEN}, or predict another column"
        )
    absent = sorted(set(range(len(target.class_names))) - set(np.unique(train).tolist()))
    if target.task == "multiclass" and absent:
        names = ", ".join(repr(target.class_names[place]) for place in absent)
        field = "target.bands" if target.bands else "target.classes"
        raise BatchError(
            f"no train row of {target.column!r} is of class {names}: {_WIDEN}, or take it out of "
            f"{field}"
        )


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
