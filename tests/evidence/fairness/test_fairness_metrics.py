"""Every point value is Fairlearn's, where it has one."""

from collections.abc import Callable

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from numpy.typing import NDArray
from sklearn.metrics import precision_score

from mlops_assets.data.representation.groups import Grouping
from mlops_assets.evidence.fairness.fairness_metrics import Figure, GroupFigures, group_figures
from mlops_assets.evidence.fairness.fairness_rows import TreatedRows

ROWS = 2_000
LABELS = ("a", "b", "c", "never occurs")
Flags = NDArray[np.bool_]


def _treated(seed: int) -> tuple[TreatedRows, Grouping]:
    rng = np.random.default_rng(seed)
    answers = rng.random(ROWS)
    happened, decided = rng.random(ROWS) < answers, answers >= 0.6
    costs = np.where(happened & ~decided, 5.0, np.where(~happened & decided, 1.0, 0.0))
    codes = rng.choice(3, ROWS, p=[0.7, 0.25, 0.05]).astype(np.int32)
    treated = TreatedRows(False, happened, decided, answers, happened.astype(np.float64), costs)
    return treated, Grouping("x", LABELS, LABELS, codes, "values", frozenset())


@pytest.fixture(scope="module")
def rows() -> tuple[TreatedRows, Grouping]:
    return _treated(0)


@pytest.fixture(scope="module")
def found(rows: tuple[TreatedRows, Grouping]) -> GroupFigures:
    return group_figures(*rows, min_rows=50)


def _precision(happened: Flags, decided: Flags) -> float:
    return float(precision_score(happened, decided))


METRICS: dict[str, Callable[..., float]] = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "precision": _precision,
}


@pytest.mark.parametrize("name", METRICS)
def test_rates_are_fairlearns(
    rows: tuple[TreatedRows, Grouping], found: GroupFigures, name: str
) -> None:
    treated, grouping = rows
    frame = MetricFrame(
        metrics=METRICS[name],
        y_true=treated.happened,
        y_pred=treated.decided,
        sensitive_features=grouping.codes,
    )
    assert found.figures[name].bounds.value[:3] == pytest.approx(frame.by_group.to_numpy())
    assert np.isnan(found.figures[name].bounds.value[3])


def test_measures_are_fairlearns_to_overall(
    rows: tuple[TreatedRows, Grouping], found: GroupFigures
) -> None:
    treated, grouping = rows
    known = {"sensitive_features": grouping.codes, "method": "to_overall"}
    truth = treated.happened, treated.decided
    ratio = demographic_parity_ratio(*truth, **known)
    opportunity = equal_opportunity_difference(*truth, **known)
    odds = equalized_odds_difference(*truth, **known)
    precision = MetricFrame(
        metrics=_precision,
        y_true=treated.happened,
        y_pred=treated.decided,
        sensitive_features=grouping.codes,
    ).difference(method="to_overall")
    assert np.nanmin(_values(found, "selection_rate_ratio")) == pytest.approx(ratio)
    assert np.nanmax(_values(found, "equal_opportunity_difference")) == pytest.approx(opportunity)
    assert np.nanmax(_values(found, "equalized_odds_difference")) == pytest.approx(odds)
    assert np.nanmax(_values(found, "predictive_parity_difference")) == pytest.approx(precision)


def _values(found: GroupFigures, measure: str) -> NDArray[np.float64]:
    return found.measures[measure].bounds.value


def test_calibration_and_costs_are_plain_means(
    rows: tuple[TreatedRows, Grouping], found: GroupFigures
) -> None:
    treated, grouping = rows
    masks = [grouping.codes == place for place in range(3)]
    apart = [float((treated.answers - treated.outcomes)[mask].mean()) for mask in masks]
    ratios = [float(treated.costs[mask].mean() / treated.costs.mean()) for mask in masks]
    assert found.figures["calibration"].bounds.value[:3] == pytest.approx(apart)
    assert _values(found, "group_calibration_difference")[:3] == pytest.approx(np.abs(apart))
    assert _values(found, "error_cost_ratio")[:3] == pytest.approx(ratios)


def test_a_rate_is_taken_from_the_rows_it_is_a_share_of(
    rows: tuple[TreatedRows, Grouping], found: GroupFigures
) -> None:
    treated, grouping = rows
    assert treated.happened is not None
    assert treated.decided is not None
    small = grouping.codes == 2
    expected = {
        "selection_rate": small.sum(),
        "true_positive_rate": (small & treated.happened).sum(),
        "false_positive_rate": (small & ~treated.happened).sum(),
        "precision": (small & treated.decided).sum(),
    }
    for name, rows_of in expected.items():
        assert found.figures[name].rows[2] == rows_of
        assert found.figures[name].enough[2] == (rows_of >= 50)
    odds = found.measures["equalized_odds_difference"]
    assert odds.rows[2] == min(expected["true_positive_rate"], expected["false_positive_rate"])


def test_every_value_is_in_its_interval(found: GroupFigures) -> None:
    for figure in (*found.figures.values(), *found.measures.values()):
        known = ~np.isnan(figure.bounds.value)
        low, value, high = (
            x[known] for x in (figure.bounds.low, figure.bounds.value, figure.bounds.high)
        )
        assert (low <= value + 1e-12).all()
        assert (value <= high + 1e-12).all()


def test_simultaneous_intervals_widen_with_the_groups_that_have_rows_enough() -> None:
    treated, grouping = _treated(1)
    few = group_figures(treated, grouping, min_rows=1_000)
    many = group_figures(treated, grouping, min_rows=10)
    for measure in few.measures:
        assert _width(many.measures[measure]) > _width(few.measures[measure])


def _width(figure: Figure) -> float:
    return float(figure.bounds.high[0] - figure.bounds.low[0])


def test_a_rate_without_rows_is_unknown_where_fairlearn_says_zero() -> None:
    happened = np.array([True] * 60 + [False] * 60)
    decided, codes = happened.copy(), np.repeat([0, 1], 60).astype(np.int32)
    outcomes = happened.astype(np.float64)
    treated = TreatedRows(False, happened, decided, outcomes, outcomes, np.zeros(120))
    grouping = Grouping("x", ("a", "b"), ("a", "b"), codes, "values", frozenset())
    found = group_figures(treated, grouping, min_rows=10)
    assert np.isnan(found.figures["true_positive_rate"].bounds.value[1])
    assert not found.figures["true_positive_rate"].enough[1]
    assert np.isnan(_values(found, "error_cost_ratio")).all()
