"""A decision threshold for each group of a sensitive column, so that groups are treated alike.

Belongs here: the thresholds that bring about ``fairness.definition`` on the calibration rows at
least cost. Does not belong here: the threshold for all (``decision_threshold.py``), reweighing
(``reweighing.py``), or whether groups are treated alike on the test rows (``evidence/``).

Source: M. Hardt, E. Price and N. Srebro, "Equality of opportunity in supervised learning", 2016,
for equal opportunity and equalised odds; a common selection rate or precision is found in the same
way. There, a group may be decided by lot between two thresholds. Nobody is here: two people alike
must be decided alike, so that each group comes as near to the common rates as one threshold can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Labels, group_values
from mlops_assets.evidence_declaration import BinaryCosts, FairnessDefinition
from mlops_assets.training.decision_threshold import Floats, bayes_threshold, between
from mlops_assets.training.folds import thin
from mlops_assets.use_case import UseCase

MOST_THRESHOLDS = 2_000
"""Thresholds of a group that are looked at, evenly spread over its rows."""
COMMON_RATES = np.linspace(0.0, 1.0, 1_001)
"""Common rates that are tried."""
EQUAL = 0.01
"""Rates that differ by less count as equal: what is cheaper decides."""
TOO_FEW = "too few rows: decided as all are"
NOTHING_BETTER = (
    "no thresholds by group bring the rates closer and cost less than deciding everyone alike"
)
AT_LEAST_COST = "the rates that all groups can be brought to at least cost"


@dataclass(frozen=True)
class ChosenByGroup:
    """The fields of ``answers.DecisionRule`` that go by group, and the groups with their rows,
    thresholds and rates, as ``model.json`` holds them."""

    of_rule: dict[str, Any]
    record: dict[str, Any]


@dataclass(frozen=True)
class _Group:
    """What each of a group's ``thresholds`` brings about, that for all first: the rates of the
    definition, ``[thresholds, rates]``, and what mistakes cost, ``[thresholds]`` (as in
    ``decision_threshold.regrets``, summed). ``mistake_costs`` are those of deciding favourably for
    all who do not deserve it, and for none who do."""

    value: str
    rows: int
    is_large: bool
    thresholds: Floats
    rates: Floats
    regret: Floats
    mistake_costs: tuple[float, float]


def choose_by_group(
    labels: Labels, answers: Floats, rows: pd.DataFrame, use_case: UseCase, common: float
) -> ChosenByGroup:
    """Thresholds for the groups of calibration ``rows`` with these ``labels``, 0 or 1 ``[n]``, and
    calibrated ``answers`` ``[n]``.

    A group keeps the ``common`` threshold where its rates are of fewer than ``fairness.min_rows``
    rows, and is not named if it has fewer itself. So do rows without a value, and all, where
    nothing else is worth it. The use case's definition of fair is one of
    ``evidence_declaration.RATES_OF_DECISIONS``.
    """
    declared = use_case.fairness.mitigation.group_thresholds
    assert declared is not None
    definition = use_case.fairness.definition
    codes, values = group_values(rows[declared.column])
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    groups = [
        _group(values[code], labels[codes == code], answers[codes == code], use_case, common)
        for code in sorted(range(len(values)), key=lambda code: values[code])
        if counts[code] >= use_case.fairness.min_rows
    ]
    large = [group for group in groups if group.is_large]
    places = _places(large, _targets(large, definition)) if len(large) > 1 else None
    chosen = dict(zip((g.value for g in large), places or [0] * len(large), strict=True))
    thresholds = [(g.value, float(g.thresholds[chosen[g.value]])) for g in large]
    of_rule = {"group_column": declared.column, "group_thresholds": tuple(thresholds)}
    record = {
        "column": declared.column,
        "definition": definition,
        "why": AT_LEAST_COST if places else NOTHING_BETTER,
        "groups": [_described(group, chosen.get(group.value)) for group in groups],
        # Not by name: what few people have may tell who they are.
        "small_groups": int(((counts > 0) & (counts < use_case.fairness.min_rows)).sum()),
    }
    return ChosenByGroup(of_rule if places else {}, record)


def _group(value: str, labels: Labels, answers: Floats, use_case: UseCase, common: float) -> _Group:
    definition, fewest = use_case.fairness.definition, use_case.fairness.min_rows
    said = use_case.fairness.favourable
    favourable = 1 if said is None else int(said)
    thresholds = np.unique([*_thinned(between(answers)), common])
    thresholds = thresholds[np.argsort(np.abs(thresholds - common), kind="stable")]
    right, wrong = (
        _selected(np.sort(answers[labels == label]), thresholds, favourable)
        for label in (favourable, 1 - favourable)
    )
    deserving = int((labels == favourable).sum())
    others = len(labels) - deserving
    selected = right + wrong
    enough = {
        "selection_rate": len(labels),
        "equal_opportunity": deserving,
        "equalized_odds": min(deserving, others),
        "predictive_parity": int(selected[0]),
    }[definition]
    rates = {
        "selection_rate": [selected / len(labels)],
        "equal_opportunity": [_share(right, deserving)],
        "equalized_odds": [_share(wrong, others), _share(right, deserving)],
        # Of fewer rows a precision is noise.
        "predictive_parity": [np.where(selected >= fewest, _share(right, selected), np.inf)],
    }[definition]
    bayes = bayes_threshold(use_case.decision.costs or BinaryCosts())
    wrong_cost, missed_cost = (bayes, 1.0 - bayes) if favourable == 1 else (1.0 - bayes, bayes)
    return _Group(
        value=value,
        rows=len(labels),
        is_large=enough >= fewest,
        thresholds=thresholds,
        rates=np.stack(rates, axis=1),
        regret=wrong * wrong_cost + (deserving - right) * missed_cost,
        mistake_costs=(others * wrong_cost, deserving * missed_cost),
    )


def _thinned(thresholds: Floats) -> Floats:
    return thresholds[thin(np.arange(len(thresholds)), MOST_THRESHOLDS)]


def _selected(ranked: Floats, thresholds: Floats, favourable: int) -> Floats:
    """How many of the rising answers ``ranked`` are decided favourably at each threshold."""
    below = np.searchsorted(ranked, thresholds, side="left").astype(np.float64)
    return len(ranked) - below if favourable == 1 else below


def _share(part: Floats, whole: Floats | int) -> Floats:
    return part / np.maximum(whole, 1)


def _targets(groups: Sequence[_Group], definition: FairnessDefinition) -> Floats:
    """Common rates to try, ``[targets, rates]``. Of equalised odds it is one point: that which
    costs least of those that every group can reach, at or below the curves of all."""
    if definition != "equalized_odds":
        return COMMON_RATES[:, None]
    reached = np.min([np.interp(COMMON_RATES, *_curve(group)) for group in groups], axis=0)
    wrong, missed = np.sum([group.mistake_costs for group in groups], axis=0)
    cheapest = int((COMMON_RATES * wrong + (1.0 - reached) * missed).argmin())
    return np.array([[COMMON_RATES[cheapest], reached[cheapest]]])


def _curve(group: _Group) -> tuple[Floats, Floats]:
    """The rates of a group, rising."""
    order = np.lexsort((group.rates[:, 1], group.rates[:, 0]))
    return group.rates[order, 0], group.rates[order, 1]


def _places(groups: Sequence[_Group], targets: Floats) -> list[int] | None:
    """The place of each group's threshold: those that cost least together, of those that come to
    common rates, or else closest to them. ``None`` where that is worth nothing: where deciding
    everyone alike costs as little, or where the rates are no closer than with one threshold."""
    nearest = [_nearest(group, targets) for group in groups]
    gaps = np.max([gap for _, gap in nearest], axis=0)
    costs = np.sum([g.regret[at] for g, (at, _) in zip(groups, nearest, strict=True)], axis=0)
    everyone_alike = min(
        sum(float(group.regret[pick(group.thresholds)]) for group in groups)
        for pick in (np.argmin, np.argmax)
    )
    worth = np.flatnonzero((costs < everyone_alike) & np.isfinite(gaps))
    if not len(worth):
        return None
    best = min(worth, key=lambda t: (max(float(gaps[t]), EQUAL), float(costs[t])))
    places = [int(at[best]) for at, _ in nearest]
    is_closer = _spread(groups, places) < _spread(groups, [0] * len(groups))
    return places if is_closer else None


def _nearest(group: _Group, targets: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Which threshold comes closest to each target, ``[targets]``, of several the cheapest, then
    that nearest to the threshold for all; and how close."""
    apart = np.abs(group.rates[None] - targets[:, None]).max(axis=2)
    gap = apart.min(axis=1)
    is_closest = apart <= gap[:, None]
    return np.where(is_closest, group.regret, np.inf).argmin(axis=1), gap


def _spread(groups: Sequence[_Group], places: Sequence[int]) -> float:
    """The largest difference of a rate between two groups."""
    rates = np.array([group.rates[place] for group, place in zip(groups, places, strict=True)])
    return float((rates.max(axis=0) - rates.min(axis=0)).max())


def _described(group: _Group, place: int | None) -> dict[str, Any]:
    if place is None:
        return {"group": group.value, "rows": group.rows, "why": TOO_FEW}
    return {
        "group": group.value,
        "rows": group.rows,
        "threshold": float(group.thresholds[place]),
        "rates_with_one_threshold": group.rates[0].tolist(),
        "rates": group.rates[place].tolist(),
        "why": None,
    }
