"""What training does about classes and groups with few rows, where the use case asks for it.

Belongs here: class weights, drawing rows of small groups again, and refusing to train with too few
rows of a group. Does not belong here: which groups there are (``representation/groups.py``),
whether they are represented (``representation/report.py``), or fitting (``fit.py``). Only rows that
are fitted on are weighed or drawn again, never those a model is validated, calibrated or tested on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets import answers
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.representation.group_counts import may_be_named, shown
from mlops_assets.data.representation.groups import Grouping, crossed, with_reference
from mlops_assets.training.folds import Positions
from mlops_assets.use_case import UseCase

MOST_GROWTH = 20
"""A fit has at most so many times the rows it would have without resampling."""


@dataclass(frozen=True)
class Resampler:
    """Which of the rows to fit on are drawn again, given the group of each.

    ``grouping`` is over the train rows in the order they are fitted in; ``shares`` are those to
    bring the groups to, by label, or ``None`` to make all as large as the largest.
    """

    grouping: Grouping
    shares: Mapping[str, float] | None
    seed: int

    def draw(self, fitted: Positions) -> Positions:
        """``fitted`` with rows of small groups drawn again, with replacement, in rising order.

        Every given row stays. Rows that do not say their group, and those of groups without a share
        in the reference, are not drawn again. The same seed and rows give the same draws.
        """
        codes = self.grouping.codes[fitted]
        present = self.grouping.at(fitted).counts()
        wanted = self.wanted(present)
        drawn = [
            np.random.default_rng([self.seed, place]).choice(fitted[codes == place], more)
            for place, more in enumerate(wanted - present)
            if more > 0
        ]
        every: Positions = np.concatenate([fitted, *drawn])
        every.sort()
        return every

    def wanted(self, present: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of each group after drawing, never fewer than before."""
        weights = np.array([self._weight(place, rows) for place, rows in enumerate(present)])
        if not weights.any():
            return present
        # The group that has most rows for its weight stays as it is, and sets the scale.
        scale = (present[weights > 0] / weights[weights > 0]).max()
        wanted: NDArray[np.int64] = np.maximum(present, np.rint(scale * weights).astype(np.int64))
        return wanted

    def _weight(self, place: int, rows: int) -> float:
        if rows == 0 or place in self.grouping.unknown:
            return 0.0
        if self.shares is None:
            return 1.0
        return self.shares.get(self.grouping.labels[place], 0.0)


def resampler(features: pd.DataFrame, train: Positions, use_case: UseCase) -> Resampler | None:
    """What draws the rows at the positions ``train`` of ``features``, or ``None`` where nothing is
    drawn again. Groups are cut over the whole window, as in the reports.

    Raises ``BatchError`` where a group of the reference has no train row that could be drawn, or
    where the rows would grow beyond ``MOST_GROWTH`` times.
    """
    declared = use_case.training.remedies.resample
    if declared is None:
        return None
    grouping = crossed([may_be_named(features, name, use_case) for name in declared.by])
    shares = None
    if declared.to == "reference":
        reference = use_case.representation.reference[declared.by[0]]
        grouping, shares = with_reference(grouping, reference)
        _require_every_group(grouping, shares, train)
    again = Resampler(grouping.at(train), shares, use_case.training.seed)
    growth = again.wanted(again.grouping.counts()).sum() / len(train)
    if growth > MOST_GROWTH:
        raise BatchError(
            f"training.remedies.resample would fit {growth:,.0f} times the train rows, and "
            f"{MOST_GROWTH} times is the most: use wider representation.bands, fewer columns under "
            "by, or a reference closer to the data"
        )
    return again


def _require_every_group(grouping: Grouping, shares: Mapping[str, float], train: Positions) -> None:
    rows = grouping.at(train).counts()
    named = zip(grouping.names, grouping.labels, rows, strict=True)
    absent = [name for name, label, n in named if n == 0 and shares.get(label, 0.0) > 0.0]
    if absent:
        raise BatchError(
            f"training.remedies.resample: no train row of {', '.join(absent)} could be drawn "
            "again: collect rows of these groups, or correct representation.reference"
        )


def require_group_rows(features: pd.DataFrame, use_case: UseCase) -> None:
    """Refuse a train split with too few rows of a sensitive group (of the window, of the bands, or
    of the reference), but for rows that do not say theirs.

    Raises ``BatchError`` naming the groups with their rows.
    """
    fewest = use_case.training.remedies.min_group_rows
    if fewest is None:
        return
    in_train = (features["split"] == "train").to_numpy()
    lacking = []
    for name in use_case.sensitive:
        reference = use_case.representation.reference.get(name, {})
        grouping, shares = with_reference(may_be_named(features, name, use_case), reference)
        for place, rows in enumerate(grouping.counts(in_train)):
            is_asked = place not in grouping.unknown and shares.get(grouping.labels[place]) != 0.0
            if rows < fewest and is_asked:
                lacking.append(f"{grouping.names[place]} ({shown(int(rows))})")
    if lacking:
        raise BatchError(
            f"training.remedies.min_group_rows is {fewest:,}, and the train split has fewer rows "
            f"of {', '.join(lacking)}: collect more of them, widen training.window, use wider "
            "representation.bands, or lower the limit"
        )


@dataclass(frozen=True)
class ClassWeights:
    """What a row of each class weighs, by the position of the class, so that all classes that
    occur weigh the same."""

    weights: tuple[float, ...]

    @classmethod
    def balanced(cls, labels: answers.Labels, classes: int) -> "ClassWeights":
        """``n / (k n_c)`` where ``k`` of the ``classes`` occur among the labels, and 1 for a class
        that does not; raises ``ValueError`` where fewer than two occur."""
        counts = np.bincount(labels.astype(np.int64), minlength=classes)
        present = np.count_nonzero(counts)
        if present < 2:
            raise ValueError("rows of one class cannot be balanced: widen training.window")
        return cls(tuple(len(labels) / (float(present) * n) if n else 1.0 for n in counts.tolist()))

    def of_rows(self, labels: answers.Labels) -> NDArray[np.float64]:
        """The weight of each row, ``[n]``."""
        weights: NDArray[np.float64] = np.array(self.weights)[labels.astype(np.int64)]
        return weights

    def undone(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a model fitted with these weights would say without them, ``[n, classes]``: each
        probability divided by the weight of its class, and all brought to add up to 1 (C. Elkan,
        "The foundations of cost-sensitive learning", 2001, for two classes). Unlike calibration it
        needs no further rows, so that candidates can be compared by their loss."""
        divided: NDArray[np.float64] = probabilities / np.array(self.weights)
        shares: NDArray[np.float64] = divided / divided.sum(axis=1, keepdims=True)
        return shares


def describe_remedies(
    use_case: UseCase, again: Resampler | None, fitted: Positions, labels: answers.Labels
) -> dict[str, Any]:
    """What was switched on, as ``model.json`` holds it. ``fitted`` are the positions of the final
    fit among the train rows, ``labels`` their labels. With resampling, each group's rows before and
    after; a number of one to four is the text ``fewer than 5``."""
    declared = use_case.training.remedies
    names = use_case.target.class_names
    weights = ClassWeights.balanced(labels, len(names)).weights if declared.class_weights else None
    return {
        **declared.model_dump(mode="json"),
        "weights": dict(zip(names, weights, strict=True)) if weights else None,
        "groups": _before_and_after(again, fitted) if again else [],
        "rows_drawn": len(fitted) - len(np.unique(fitted)) if again else 0,
    }


def _before_and_after(again: Resampler, fitted: Positions) -> list[dict[str, Any]]:
    before, after = again.grouping.counts(), again.grouping.at(fitted).counts()
    return [
        {"group": name, "before": shown(int(b)), "after": shown(int(a))}
        for name, b, a in zip(again.grouping.names, before, after, strict=True)
        if b or a
    ]
