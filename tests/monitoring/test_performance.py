"""When performance counts as lost, and when it is unknown."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate
from mlops_assets.monitoring.performance import performance_report
from mlops_assets.monitoring.performance_page import performance_page as composed_performance_page
from mlops_assets.policy_declaration import Retraining
from mlops_assets.reporting.page import IntervalPlot, Page, Table
from mlops_assets.reporting.text import localised
from mlops_assets.target_declaration import Task


def performance_page(report: Any) -> Page:
    """The page in English."""
    return localised(composed_performance_page(report))


HELD = Retraining(max_loss_rise=0.02)


def answers(n: int, bias: float = 0.0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels, and probabilities that are off by ``bias``; their log loss grows with its size."""
    rng = np.random.default_rng(n)
    truth = rng.uniform(0.1, 0.6, n)
    return (rng.random(n) < truth).astype(np.int64), np.clip(truth + bias, 0.01, 0.99)[:, None]


def report_of(
    labels: Labels,
    given: Answers,
    reference: dict[str, Any],
    retraining: Retraining = HELD,
    groups: dict[str, NDArray[np.bool_]] | None = None,
    task: Task = "binary",
    variance: float = 1.0,
) -> dict[str, Any]:
    return performance_report(
        task,
        labels,
        given,
        groups or {},
        use_case="Flights",
        batch="2013-04",
        champion="ab12",
        rows=len(labels) + 7,
        reference=reference,
        retraining=retraining,
        variance=variance,
        seed=0,
    )


def own_metrics(loss: float, spread: float) -> dict[str, Any]:
    bounds = {"value": loss, "low": loss - spread, "high": loss + spread}
    return {"loss": bounds}


def measured(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> dict[str, Any]:
    return {n: e.to_dict() for n, e in evaluate("binary", labels, probabilities, seed=0).items()}


def test_a_batch_like_the_test_split_is_not_lost() -> None:
    report = report_of(*answers(3000), reference=measured(*answers(2000)))
    assert report["lost"] is False
    assert performance_page(report).verdict.startswith("Performance held: log loss ")


def test_a_batch_far_worse_is_lost() -> None:
    report = report_of(*answers(3000, bias=0.35), reference=measured(*answers(2000)))
    assert report["lost"] is True
    assert report["loss_rise"] > report["max_loss_rise"] == 0.02
    assert performance_page(report).verdict.startswith("Performance is lost: log loss +")


def test_the_rise_must_reach_its_limit_however_certain_it_is() -> None:
    labels, probabilities = answers(3000)
    value = measured(labels, probabilities)["loss"]["value"]
    reference = own_metrics(value - 0.1, 0.001)
    rise = value - reference["loss"]["value"]
    assert report_of(labels, probabilities, reference)["lost"] is True
    at_limit = Retraining(max_loss_rise=rise)
    assert report_of(labels, probabilities, reference, at_limit)["lost"] is True
    above = Retraining(max_loss_rise=float(np.nextafter(rise, 1.0)))
    assert report_of(labels, probabilities, reference, above)["lost"] is False


def test_the_intervals_must_be_apart_however_large_the_rise() -> None:
    labels, probabilities = answers(3000)
    estimate = measured(labels, probabilities)["loss"]
    reference = own_metrics(estimate["value"] - 0.1, 0.001)
    for high, lost in ((estimate["low"], False), (estimate["low"] - 1e-9, True)):
        reference["loss"]["high"] = high
        report = report_of(labels, probabilities, reference)
        assert report["lost"] is lost
        assert ("the intervals overlap" in performance_page(report).verdict) is not lost


def test_without_labels_nothing_is_known() -> None:
    groups = {"evening": np.zeros(0, bool)}
    report = report_of(
        np.zeros(0, np.int64), np.zeros((0, 1)), reference=measured(*answers(2000)), groups=groups
    )
    assert (report["rows"], report["labelled"], report["lost"]) == (7, 0, None)
    assert report["loss_rise"] is None
    assert {estimate["value"] for estimate in report["metrics"].values()} == {None}
    assert report["groups"][0]["verdict"] == "insufficient evidence"
    page = performance_page(report)
    assert "no labels yet" in page.verdict
    (plot,) = (b for s in page.sections for b in s.blocks if isinstance(b, IntervalPlot))
    assert plot.intervals[0].value is None


def test_few_labels_are_no_evidence_of_loss_or_of_none() -> None:
    reference = own_metrics(0.01, 0.001)
    few = report_of(*answers(49, bias=0.3), reference=reference)
    assert few["lost"] is None
    assert "49 labelled rows are too few" in performance_page(few).verdict
    assert report_of(*answers(50, bias=0.3), reference=reference)["lost"] is True


@pytest.mark.parametrize("reference", [{}, {"loss": {"value": None, "low": None, "high": None}}])
def test_without_the_champions_own_metrics_nothing_is_known(reference: dict[str, Any]) -> None:
    report = report_of(*answers(500), reference=reference)
    assert (report["lost"], report["loss_rise"]) == (None, None)
    assert report["metrics"]["loss"]["value"] is not None
    assert performance_page(report).verdict.startswith("Unknown")


def test_a_batch_of_one_class_is_still_judged_by_its_log_loss() -> None:
    ones, low = np.ones(200, np.int64), np.full((200, 1), 0.1)
    report = report_of(ones, low, reference=measured(*answers(2000)))
    assert report["metrics"]["roc_auc"]["value"] is None
    assert report["lost"] is True


def test_the_report_is_plain_json_with_every_number_beside_its_reference() -> None:
    labels, probabilities = answers(500)
    reference = measured(*answers(2000))
    groups = {"first": np.arange(500) < 400, "few": np.arange(500) < 10}
    report = report_of(labels, probabilities, reference, groups=groups)
    assert json.loads(json_bytes(report)) == report
    assert report["metrics"] == measured(labels, probabilities)
    assert report["reference"] == reference
    assert (report["batch"], report["champion"], report["labelled"]) == ("2013-04", "ab12", 500)
    page = performance_page(report)
    overall, by_group = (
        next(block for block in section.blocks if isinstance(block, Table))
        for section in page.sections
    )
    assert len(overall.rows) == len(METRICS["binary"])
    auc = report["metrics"]["roc_auc"], reference["roc_auc"]
    assert overall.rows[0] == ("ROC AUC", *(e[k] for e in auc for k in ("value", "low", "high")))
    assert [row[:4] for row in by_group.rows] == [
        ("first", 400, int(labels[:400].sum()), "measured"),
        ("few", 10, int(labels[:10].sum()), "insufficient evidence"),
    ]
    assert by_group.rows[1][4:] == (None, None, None)


def test_a_use_case_without_groups_says_so() -> None:
    page = performance_page(report_of(*answers(100), reference={}))
    assert page.sections[1].blocks == ()


def numbers(n: int, noise: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numbers of variance 100, and predictions that are off by ``noise``."""
    rng = np.random.default_rng(n)
    truth = 10.0 * rng.normal(size=n)
    predicted = truth + noise * rng.normal(size=n)
    return truth, np.stack([predicted, predicted - 8.0, predicted + 8.0], axis=1)


@pytest.mark.parametrize(("noise", "lost"), [(5.0, False), (9.0, True)])
def test_a_regression_is_lost_by_its_standardised_squared_error(noise: float, lost: bool) -> None:
    before = evaluate("regression", *numbers(2000, 5.0), seed=0, variance=100.0)
    reference = {name: estimate.to_dict() for name, estimate in before.items()}
    labels, given = numbers(3000, noise)
    groups = {"first": np.arange(3000) < 400}
    report = report_of(labels, given, reference, groups=groups, task="regression", variance=100.0)
    assert report["lost"] is lost
    assert report["metrics"]["loss"]["value"] == pytest.approx(noise**2 / 100.0, rel=0.1)
    assert tuple(report["metrics"]) == tuple(report["reference"]) == tuple(METRICS["regression"])
    page = performance_page(report)
    assert "standardised squared error " in page.verdict
    (table,) = (b for b in page.sections[1].blocks if isinstance(b, Table))
    assert table.columns[:4] == ("Group", "Rows", "Evidence", "RMSE")
    assert json.loads(json_bytes(report)) == report


def test_many_classes_are_judged_by_their_log_loss() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 1000)
    good = 0.7 * np.eye(3)[labels] + 0.1
    before = evaluate("multiclass", labels, good, seed=0)
    reference = {name: estimate.to_dict() for name, estimate in before.items()}
    guess = np.full((1000, 3), 1 / 3)
    assert report_of(labels, good, reference, task="multiclass")["lost"] is False
    report = report_of(labels, guess, reference, task="multiclass")
    assert report["lost"] is True
    assert report["loss_rise"] == pytest.approx(np.log(3.0) - np.log(1.25))
    assert performance_page(report).verdict.startswith("Performance is lost: log loss +")
