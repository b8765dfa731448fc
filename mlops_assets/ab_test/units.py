"""From labelled rows to independent contributions: one an entity.

Belongs here: which rows of an entity count, and what an entity says about the difference of the
mean loss. Does not belong here: where rows come from (``answered.py``, ``joining.py``), or the
interval of their mean (``confidence_sequence.py``).

The rows of one customer are not independent, and the division is by entity. So an entity counts
once: with the mean over its rows in the batch of labels in which it is first seen, answered by the
variant that answered the first of them. Later rows say nothing new about the division, and are left
out of the test.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.serving.traffic_plan import Mode

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]
PRIOR_WEIGHT = 10.0
"""Entities that the mean loss as planned counts for, before there are any."""
GRID = 1.005
"""Ratio of one look to the next."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows of one batch whose answer and label are known, ``[n]``: the entity, when it was answered
    (microseconds), whether by the challenger, the challenger's share at that time, and the losses
    of champion and challenger (``[n, 2]``, NaN of the one that was not asked)."""

    entities: Hashes
    times: NDArray[np.int64]
    by_challenger: NDArray[np.bool_]
    shares: Floats
    losses: Floats


@dataclass(frozen=True)
class Units:
    """One a counted entity, in the order in which they became known: as ``LabelledRows``, with the
    mean ``losses`` of its ``rows``."""

    entities: Hashes
    by_challenger: NDArray[np.bool_]
    shares: Floats
    losses: Floats
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.entities)


def no_units() -> Units:
    return Units(
        np.empty(0, np.uint64),
        np.empty(0, np.bool_),
        np.empty(0),
        np.empty((0, 2)),
        np.empty(0, np.int64),
    )


def joined_units(parts: list[Units]) -> Units:
    parts = [no_units(), *parts]
    names = Units.__dataclass_fields__
    return Units(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def new_units(rows: LabelledRows, counted: Hashes) -> Units:
    """The entities of ``rows`` that are not among those ``counted`` (sorted), in the order of their
    first answers."""
    known = np.zeros(len(rows.entities), np.bool_)
    if len(counted):
        places = np.minimum(np.searchsorted(counted, rows.entities), len(counted) - 1)
        known = counted[places] == rows.entities
    new = np.flatnonzero(~known)
    order = new[np.lexsort((rows.by_challenger[new], rows.times[new], rows.entities[new]))]
    if not len(order):
        return no_units()
    entities = rows.entities[order]
    is_first = np.concatenate([[True], entities[1:] != entities[:-1]])
    del entities
    codes = np.cumsum(is_first, dtype=np.int64) - 1
    first = order[is_first]
    counts = rows.by_challenger[order] == rows.by_challenger[first][codes]
    codes, order = codes[counts], order[counts]
    sizes = np.bincount(codes, minlength=len(first))
    means = [
        np.bincount(codes, rows.losses[order, variant], minlength=len(first)) / sizes
        for variant in (0, 1)
    ]
    del codes, order
    in_time = np.lexsort((rows.entities[first], rows.times[first]))
    return Units(
        rows.entities[first][in_time],
        rows.by_challenger[first][in_time],
        rows.shares[first][in_time],
        np.stack(means, axis=1)[in_time],
        sizes[in_time].astype(np.int64),
    )


def contributions(units: Units, mode: Mode, expected: tuple[float, float]) -> Floats:
    """What each entity says about the challenger's mean loss less the champion's, float64 ``[n]``.

    Shadow: the difference on identical rows. A/B: the augmented inverse-probability-weighted
    difference, whose expectation is the difference, whatever the share was at the time and however
    losses change from month to month: the probabilities are known, and each loss is compared with
    the mean of the same variant's earlier ones, beginning with ``expected`` (champion, challenger).
    Source: Waudby-Smith et al. (2024), section 3, sequential randomised experiments.
    """
    if mode == "shadow":
        return units.losses[:, 1] - units.losses[:, 0]
    champion = _earlier_means(units.losses[:, 0], ~units.by_challenger, expected[0])
    challenger = _earlier_means(units.losses[:, 1], units.by_challenger, expected[1])
    of_champion = np.where(units.by_challenger, 0.0, units.losses[:, 0] - champion)
    of_challenger = np.where(units.by_challenger, units.losses[:, 1] - challenger, 0.0)
    result: Floats = (
        challenger - champion + of_challenger / units.shares - of_champion / (1.0 - units.shares)
    )
    return result


def _earlier_means(losses: Floats, own: NDArray[np.bool_], expected: float) -> Floats:
    before = np.cumsum(np.where(own, losses, 0.0)) - np.where(own, losses, 0.0)
    count: Floats = (np.cumsum(own) - own).astype(np.float64)
    means: Floats = (PRIOR_WEIGHT * expected + before) / (PRIOR_WEIGHT + count)
    return means


def first_conclusive(units: Units, mode: Mode, burn_in: int, min_labelled: int) -> int:
    """The number of entities with which the ``burn_in`` is over and each variant has
    ``min_labelled`` of them; more than there are where that is not so yet."""
    if mode == "shadow":
        return max(burn_in, min_labelled)
    both = np.minimum(np.cumsum(units.by_challenger), np.cumsum(~units.by_challenger))
    return max(burn_in, int(np.searchsorted(both, min_labelled)) + 1)


def looks_at(units: int) -> NDArray[np.int64]:
    """When the sequence is computed: after numbers of entities that do not depend on how many there
    will be, and after all of them; int64, rising."""
    if units == 0:
        return np.empty(0, np.int64)
    steps = int(np.log(units) / np.log(GRID)) + 1
    grid = np.floor(GRID ** np.arange(steps)).astype(np.int64)
    return np.unique(np.concatenate([grid[grid <= units], [units]]))
