"""Whether a test's traffic can be relied on, before anything is concluded from it.

Belongs here: the guard rails, each a number beside its limit. Does not belong here: the comparison
of losses (``units.py``, ``confidence_sequence.py``), or what a broken guard rail leads to
(``verdict.py``).

A guard rail that could not be worked out does not hold.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ab_test.answered import NOT_KNOWN, OUTSIDE, UNKNOWN, Answered
from mlops_assets.serving.traffic_plan import Mode

GuardName = Literal[
    "divided as planned",
    "shadows complete",
    "labelled alike",
    "inside the envelope",
    "log complete",
]
LEVEL = 0.001
"""Chance of a false alarm: of the division, however often one looks; of the labels, at each look.
Strict, for a guard rail stops a test."""
PRIOR_ENTITIES = 100.0
"""How many entities the prior of the division weighs."""
MIN_SHADOWED = 0.95
"""Least part of the shadows planned that must have been scored: those left out under load are not a
random sample."""
MAX_OUTSIDE_RISE = 0.05
"""By how much more of its rows the challenger may find outside its envelope than the champion."""
MAX_LOST = 0.01
"""Largest part of the logged rows that may be lost."""
DAY = 86_400_000_000


@dataclass(frozen=True)
class Guard:
    """A guard rail: it holds where ``value`` is at most ``limit``, or at least where it is
    ``at_least``; ``holds`` is ``None`` where the value is unknown."""

    name: GuardName
    value: float | None
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool | None:
        if self.value is None:
            return None
        return bool(self.value >= self.limit if self.at_least else self.value <= self.limit)

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


@dataclass(frozen=True)
class Assigned:
    """One entity each, ``[n]``: when it was first answered, whether by the challenger, the
    challenger's share at that time, and whether any of its rows has a label."""

    times: NDArray[np.int64]
    by_challenger: NDArray[np.bool_]
    shares: NDArray[np.float64]
    labelled: NDArray[np.bool_]


def guards_of(
    mode: Mode, champion: Answered, challenger: Answered, lost_rows: int | None, logged_rows: int
) -> list[Guard]:
    """The guard rails of a test. ``lost_rows`` of the days' ``logged_rows`` are known to be
    missing, ``None`` where that is unknown."""
    division = (
        [Guard("shadows complete", shadowed(champion, challenger), MIN_SHADOWED, at_least=True)]
        if mode == "shadow"
        else _of_division(assigned(champion, challenger))
    )
    lost = None if lost_rows is None else lost_rows / max(lost_rows + logged_rows, 1)
    return [
        *division,
        Guard("inside the envelope", _outside_rise(champion, challenger), MAX_OUTSIDE_RISE),
        Guard("log complete", lost, MAX_LOST),
    ]


def _of_division(found: Assigned) -> list[Guard]:
    chance = labels_alike(found)
    return [
        Guard("divided as planned", division_p_value(found), LEVEL, at_least=True),
        Guard("labelled alike", chance, LEVEL, at_least=True),
    ]


def assigned(champion: Answered, challenger: Answered) -> Assigned:
    """The entities that either variant answered, by their first answers."""
    both = (champion, challenger)
    entities = np.concatenate([log.entities for log in both])
    times = np.concatenate([log.times for log in both])
    by = np.repeat([False, True], [len(log) for log in both])
    shares = np.concatenate([log.shares for log in both]).astype(np.float64)
    labelled = np.concatenate([log.labelled for log in both])
    known = np.flatnonzero(entities != UNKNOWN)
    order = known[np.lexsort((by[known], times[known], entities[known]))]
    codes = np.cumsum(np.diff(entities[order], prepend=entities[order][:1]) != 0)
    first = order[np.unique(codes, return_index=True)[1]]
    any_label = np.bincount(codes, labelled[order]) > 0 if len(codes) else np.empty(0, np.bool_)
    return Assigned(times[first], by[first], shares[first], any_label)


def division_p_value(found: Assigned) -> float | None:
    """Whether entities were divided by the shares in force, as an always-valid p-value: one over
    the evidence of a mixture of other shares, multiplied over the shares there were.

    Source: Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022.
    ``None`` where there is no entity.
    """
    from scipy.special import betaln

    if not len(found.shares):
        return None
    evidence = 0.0
    for share in np.unique(found.shares):
        own = found.by_challenger[found.shares == share]
        hits, misses = int(own.sum()), int((~own).sum())
        if share >= 1.0:
            evidence += np.inf if misses else 0.0
            continue
        a, b = PRIOR_ENTITIES * share, PRIOR_ENTITIES * (1.0 - share)
        evidence += float(
            betaln(a + hits, b + misses)
            - betaln(a, b)
            - hits * np.log(share)
            - misses * np.log1p(-share)
        )
    return float(min(1.0, np.exp(-evidence)))


def labels_alike(found: Assigned) -> float | None:
    """The p-value of the Cochran-Mantel-Haenszel test that the entities of both variants have a
    label equally often, compared within days, for labels come later. 1 where on each day all have
    one or none has; ``None`` where no day has labels of both variants."""
    from scipy.stats import chi2

    days = np.unique(found.times // DAY, return_inverse=True)[1]
    counts = _table(days, found.by_challenger, found.labelled)
    challengers, labelled = counts[:, 1, :].sum(axis=1), counts[:, :, 1].sum(axis=1)
    total = counts.sum(axis=(1, 2))
    expected = challengers * labelled / np.maximum(total, 1.0)
    spread = expected * (total - challengers) * (total - labelled)
    variance = float((spread / np.maximum(total * (total - 1.0), 1.0)).sum())
    if not variance > 0.0:
        return 1.0 if (counts[:, :, 1] > 0.0).all(axis=1).any() else None
    apart = float((counts[:, 1, 1] - expected).sum())
    return float(chi2.sf(apart**2 / variance, 1))


def _table(
    days: NDArray[np.intp], by_challenger: NDArray[np.bool_], labelled: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Counts ``[days, variant, labelled]``."""
    number = int(days.max()) + 1 if len(days) else 0
    cells = (days * 2 + by_challenger) * 2 + labelled
    return np.bincount(cells, minlength=number * 4).reshape(number, 2, 2).astype(np.float64)


def shadowed(champion: Answered, challenger: Answered) -> float | None:
    """The part of the planned shadows that were scored, by their row ids; at most 1. Of a share
    below all, that is less than on average by what chance explains (three standard deviations)."""
    shares = champion.shares.astype(np.float64)
    planned = float(shares.sum() - 3.0 * np.sqrt((shares * (1.0 - shares)).sum()))
    if not planned > 0.0:
        return None
    return min(1.0, float((champion.places(challenger.keys) >= 0).sum()) / planned)


def outside_share(log: Answered) -> float | None:
    """The share of a variant's rows that are outside its envelope, of those where it is known."""
    known = int((log.outside != NOT_KNOWN).sum())
    return int((log.outside == OUTSIDE).sum()) / known if known else None


def _outside_rise(champion: Answered, challenger: Answered) -> float | None:
    shares = [outside_share(log) for log in (champion, challenger)]
    if shares[0] is None or shares[1] is None:
        return None
    return shares[1] - shares[0]
