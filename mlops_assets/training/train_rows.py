"""The train rows of a window, oldest first, without a copy of the window.

Belongs here: their order, their labels, and refusing what no model can be made of. Does not belong
here: folds over them (``folds.py``), or how the window was split (``data/features.py``).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_assets.answers import Labels
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.representation.groups import Codes, Grouping
from mlops_assets.target_declaration import Task
from mlops_assets.training.folds import Positions, is_varied, thin
from mlops_assets.training.reweighing import reweighed_groups
from mlops_assets.use_case import UseCase


@dataclass(frozen=True)
class TrainRows:
    """``order`` are the positions of the train rows in ``features``, oldest first; ``labels`` are
    theirs, ``inputs`` the columns a model may see. ``mean`` and ``variance`` are of a regression's
    labels (else 0 and 1), ``classes`` the number of classes (else 0). ``groups`` are those that are
    reweighed, in the order of the rows, cut over the whole window."""

    features: pd.DataFrame
    order: Positions
    labels: Labels
    inputs: tuple[str, ...]
    task: Task
    classes: int
    mean: float
    variance: float
    groups: Grouping | None = None

    def at(self, places: Positions) -> pd.DataFrame:
        """The inputs of the rows at places of the order, as a frame of their own."""
        rows = self.features.take(self.order[places])
        return rows[list(self.inputs)].reset_index(drop=True)

    def groups_at(self, places: Positions) -> Grouping | None:
        """The reweighed groups of the rows at places of the order."""
        return None if self.groups is None else self.groups.at(places)

    def group_codes(self, places: Positions) -> Codes | None:
        """The codes of these groups."""
        groups = self.groups_at(places)
        return None if groups is None else groups.codes


def read_train_rows(features: pd.DataFrame, use_case: UseCase) -> TrainRows:
    """The train rows of ``features``, which are rows as ``data/features.py`` builds them.

    Raises ``BatchError`` where a class has no train row, all numbers are the same, or no input has
    a value.
    """
    target = use_case.target
    order = _oldest_first(features, use_case)
    labels = features[target.column].to_numpy()[order]
    _require_values(features, order, use_case)
    inputs = tuple(use_case.inputs)
    if target.task == "regression":
        if not is_varied(labels):
            raise BatchError(
                f"all train rows have the same {target.column!r}: widen training.window, or "
                "correct the target"
            )
        numbers = labels.astype(np.float64)
        mean, variance = float(numbers.mean()), float(numbers.var())
        return TrainRows(features, order, numbers, inputs, target.task, 0, mean, variance)
    names = target.class_names
    counts = np.bincount(labels.astype(np.int64), minlength=len(names))
    absent = [name for name, rows in zip(names, counts, strict=True) if rows == 0]
    if absent:
        raise BatchError(
            f"the train split has no row of class {', '.join(absent)} of {target.column!r}: widen "
            "training.window, wait for more batches, or leave the class out of the target"
        )
    codes, groups = labels.astype(np.int64), reweighed_groups(features, use_case)
    return TrainRows(
        features, order, codes, inputs, target.task, len(names), 0.0, 1.0,
        None if groups is None else groups.at(order),
    )  # fmt: skip


def calibration_rows(features: pd.DataFrame, use_case: UseCase) -> pd.DataFrame:
    """The calibration rows, at most ``training.search.max_final_rows``, evenly spread.

    Raises ``BatchError`` where there is none, or they hold one class only.
    """
    places = np.flatnonzero((features["split"] == "calibration").to_numpy())
    rows = features.take(thin(places, use_case.training.search.max_final_rows))
    labels = rows[use_case.target.column].to_numpy()
    if not len(rows) or (use_case.target.task != "regression" and not is_varied(labels)):
        found = "hold one class only" if len(rows) else "are none"
        raise BatchError(
            f"the calibration rows {found}: widen training.window, raise "
            "training.split.calibration, or wait for more batches"
        )
    return rows.reset_index(drop=True)


def _oldest_first(features: pd.DataFrame, use_case: UseCase) -> Positions:
    places = np.flatnonzero((features["split"] == "train").to_numpy())
    time_column = use_case.training.split.time_column
    keys = ["batch", time_column] if time_column else ["batch"]
    if time_column is None:
        # A file may be sorted by its labels, and a fold of one class teaches nothing.
        places = places[np.random.default_rng(use_case.training.seed).permutation(len(places))]
    named = features[keys].take(places).reset_index(drop=True)
    oldest_first: Positions = places[named.sort_values(keys, kind="stable").index.to_numpy()]
    return oldest_first.astype(np.int64)


def _require_values(features: pd.DataFrame, order: Positions, use_case: UseCase) -> None:
    if not len(order):
        raise BatchError("there is no train row: widen training.window or wait for more batches")
    if not any(features[name].take(order).notna().any() for name in use_case.inputs):
        raise BatchError(
            "no input has a value in any train row: correct the source, or columns and their roles"
        )
