"""Whom membership inference is tried on.

Belongs here: drawing members and non-members, and the rows that the attacker's models learn from
beside them. Does not belong here: the attack (``membership.py``).

Members are train rows; non-members are calibration rows, which are spread over the same window
(newer rows would be recognised by their date) and decided a few numbers of the calibration only.
With a time column, whole days were held out: members are then of days none of whose other rows the
attacker's models learn from.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.batch_error import BatchError
from mlops_assets.use_case import UseCase

Places = NDArray[np.int64]

MOST_MEMBERS = 2_000
MOST_NON_MEMBERS = 4_500
"""From about 4,400 on, a rate of 0.1% false positives has a lower bound other than 0."""
FEWEST_ROWS = 20
ROWS_A_CLASS = 5
"""Train rows of each class that every model of the attacker learns from: without one it would not
know the class."""
SPARE_ROWS = 2
"""Times ``risk.max_shadow_rows`` that other train rows are kept at most, for models to differ."""


@dataclass(frozen=True)
class Audit:
    """Rows as ``data/features.py`` builds them: those the attack is tried on, the first ``members``
    of ``pool`` being those that the released model learned from; ``others`` that it learned from as
    well, the first ``needed`` of which no model can do without. ``clusters`` ``[n]`` say which rows
    of the pool are learned from together; ``by_day`` whether they are days, else single rows."""

    pool: pd.DataFrame
    members: int
    clusters: Places
    by_day: bool
    others: pd.DataFrame
    needed: int

    @property
    def is_member(self) -> NDArray[np.bool_]:
        return np.arange(len(self.pool)) < self.members

    @property
    def clusters_by_side(self) -> tuple[Places, Places] | None:
        """Of members and of non-members, for the intervals; ``None`` where every row is its own."""
        if not self.by_day:
            return None
        return self.clusters[: self.members], self.clusters[self.members :]


def audit_rows(features: pd.DataFrame, use_case: UseCase) -> Audit:
    """Draw whom the attack is tried on from ``features``, rows as ``data/features.py`` builds them.

    At most half of what the released model learned from is tried. Raises ``BatchError`` where there
    are fewer than ``FEWEST_ROWS`` members or non-members.
    """
    rng = np.random.default_rng([use_case.training.seed, 1])
    known = rng.permutation(_learned(features, use_case))
    unknown = rng.permutation(np.flatnonzero((features["split"] == "calibration").to_numpy()))
    time_column = use_case.training.split.time_column
    clusters = _clusters(features, time_column)
    most = use_case.risk.max_shadow_rows
    room = min(1.0, 2.0 * most / (MOST_MEMBERS + MOST_NON_MEMBERS))
    unknown = unknown[: int(room * MOST_NON_MEMBERS)]
    is_tried = _tried(clusters[known], clusters[unknown], int(room * MOST_MEMBERS))
    tried, others = known[is_tried][: int(room * MOST_MEMBERS)], known[~is_tried]
    is_rare = _is_rare(features, tried, others, use_case)
    tried, others = tried[~is_rare], np.concatenate([tried[is_rare], others])
    if min(len(tried), len(unknown)) < FEWEST_ROWS:
        raise BatchError(
            f"membership inference has {len(tried)} train rows and {len(unknown)} calibration rows "
            f"to tell apart, and needs {FEWEST_ROWS} of each: widen training.window, raise "
            "training.split.calibration or risk.max_shadow_rows"
        )
    is_needed = _first_of_each_class(features, others, use_case)
    kept = np.concatenate([others[is_needed], others[~is_needed][: SPARE_ROWS * most]])
    pool = np.concatenate([tried, unknown])
    return Audit(
        features.take(pool).reset_index(drop=True),
        len(tried),
        clusters[pool],
        time_column is not None,
        features.take(kept).reset_index(drop=True),
        int(is_needed.sum()),
    )


def _learned(features: pd.DataFrame, use_case: UseCase) -> Places:
    """Positions in ``features`` of the rows that the released model learned from."""
    from mlops_assets.training.fit import final_places
    from mlops_assets.training.remedies import resampler
    from mlops_assets.training.train_rows import read_train_rows

    order = read_train_rows(features, use_case).order
    again = resampler(features, order, use_case)
    most = use_case.training.search.max_final_rows
    learned: Places = np.unique(order[final_places(len(order), again, most)])
    return learned


def _clusters(features: pd.DataFrame, time_column: str | None) -> Places:
    """What each row is held out together with: its day, or nothing."""
    if time_column is None:
        return np.arange(len(features), dtype=np.int64)
    return features[time_column].to_numpy().astype("datetime64[D]").astype(np.int64)


def _tried(known: Places, unknown: Places, most: int) -> NDArray[np.bool_]:
    """Which of the ``known`` rows' clusters may be tried: in the order of the rows, as many as the
    ``unknown`` rows have, or as hold ``most`` rows, and at most half of them."""
    distinct, first, sizes = np.unique(known, return_index=True, return_counts=True)
    order = np.argsort(first)
    filled = int(np.searchsorted(np.cumsum(sizes[order]), most)) + 1
    count = min(len(distinct) // 2, max(len(np.unique(unknown)), filled))
    return np.isin(known, distinct[order[:count]])


def _is_rare(
    features: pd.DataFrame, tried: Places, others: Places, use_case: UseCase
) -> NDArray[np.bool_]:
    """Which of the ``tried`` rows are of a class that the ``others``, whom models need, lack."""
    if use_case.target.task == "regression":
        return np.zeros(len(tried), np.bool_)
    labels = features[use_case.target.column].to_numpy()
    classes, counts = np.unique(labels[others], return_counts=True)
    rare: NDArray[np.bool_] = ~np.isin(labels[tried], classes[counts >= ROWS_A_CLASS])
    return rare


def _first_of_each_class(
    features: pd.DataFrame, places: Places, use_case: UseCase
) -> NDArray[np.bool_]:
    if use_case.target.task == "regression":
        return np.zeros(len(places), np.bool_)
    labels = features[use_case.target.column].take(places)
    earlier = labels.groupby(labels.to_numpy()).cumcount().to_numpy()
    first: NDArray[np.bool_] = earlier < ROWS_A_CLASS
    return first
