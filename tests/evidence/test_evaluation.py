"""The evaluation report: what is measured, on which rows, and what its page says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.evaluation import (
    ChampionAnswers,
    evaluation_page,
    evaluation_report,
)
from mlops_assets.evidence.metrics import METRICS
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.markdown import to_markdown
from mlops_assets.reporting.page import IntervalPlot, LinePlot, Table
from mlops_assets.use_case import UseCase

ROWS = 600
SUBJECT = {"features": "f" * 8, "model": "m" * 8, "onnx_model": "o" * 8}
MakeUseCase = Callable[..., UseCase]


@pytest.fixture(scope="module")
def use_case(make_use_case: MakeUseCase) -> UseCase:
    return make_use_case(
        slices=[{"name": "far", "where": "distance > 0.5"}, {"name": "few", "where": "number < 5"}]
    )


@pytest.fixture(scope="module")
def test_rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    distance = rng.random(ROWS)
    return pd.DataFrame(
        {
            "batch": np.where(np.arange(ROWS) < 100, "2020-02", "2020-03"),
            "number": np.arange(ROWS),
            "distance": distance,
            "group": rng.integers(1, 3, ROWS),
            "late": (rng.random(ROWS) < distance).astype(np.int64),
        }
    )


@pytest.fixture(scope="module")
def good(test_rows: pd.DataFrame) -> NDArray[np.float64]:
    answers: NDArray[np.float64] = test_rows["distance"].to_numpy().clip(0.02, 0.98)
    return answers


@pytest.fixture(scope="module")
def poor(good: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.full_like(good, 0.5) + (good - 0.5) / 20


@pytest.fixture(scope="module")
def report(
    test_rows: pd.DataFrame,
    good: NDArray[np.float64],
    poor: NDArray[np.float64],
    use_case: UseCase,
) -> dict[str, Any]:
    forms = {"model": good, "onnx": good, "quantized": poor}
    champion = ChampionAnswers("c" * 32, "2020-02", poor)
    return evaluation_report(test_rows, forms, champion, SUBJECT, use_case)


def test_the_report_says_what_it_is_about(report: dict[str, Any], test_rows: pd.DataFrame) -> None:
    assert report["subject"] == SUBJECT
    assert report["rows"] == ROWS
    assert report["positives"] == int(test_rows["late"].sum())
    assert report["last_batch"] == "2020-03"


@pytest.mark.parametrize("form", ["model", "onnx", "quantized"])
def test_every_metric_of_every_form_is_measured_with_its_interval(
    form: str,
    report: dict[str, Any],
    test_rows: pd.DataFrame,
    good: NDArray[np.float64],
    poor: NDArray[np.float64],
) -> None:
    found = report["forms"][form]

    answers = poor if form == "quantized" else good
    assert tuple(found) == METRICS
    assert found["roc_auc"]["value"] == pytest.approx(roc_auc_score(test_rows["late"], answers))
    assert found["log_loss"]["value"] == pytest.approx(log_loss(test_rows["late"], answers))
    for metric in ("roc_auc", "log_loss", "brier"):
        assert found[metric]["low"] < found[metric]["value"] < found[metric]["high"]


def test_the_champion_answered_the_identical_rows(
    report: dict[str, Any],
    test_rows: pd.DataFrame,
    good: NDArray[np.float64],
    poor: NDArray[np.float64],
) -> None:
    champion = report["champion"]

    losses = [log_loss(test_rows["late"], answers) for answers in (poor, good)]
    assert (champion["release"], champion["last_batch"]) == ("c" * 32, "2020-02")
    assert champion["metrics"]["log_loss"]["value"] == pytest.approx(losses[0])
    difference = champion["difference"]
    assert difference["log_loss"] == pytest.approx(losses[0] - losses[1])
    assert 0 < difference["log_loss_low"] < difference["log_loss"]
    assert (difference["rows"], difference["confidence"]) == (ROWS, 0.95)


def test_it_is_the_onnx_form_that_is_compared_and_looked_at_by_group(
    test_rows: pd.DataFrame,
    good: NDArray[np.float64],
    poor: NDArray[np.float64],
    use_case: UseCase,
    report: dict[str, Any],
) -> None:
    forms = {"model": poor, "onnx": good, "quantized": None}
    again = evaluation_report(
        test_rows, forms, ChampionAnswers("c" * 32, "2020-02", poor), SUBJECT, use_case
    )

    for part in ("groups", "calibration", "champion"):
        assert again[part] == report[part]
    assert again["forms"]["quantized"] is None


def test_groups_are_slices_and_sensitive_groups_and_too_few_rows_are_no_evidence(
    report: dict[str, Any],
) -> None:
    groups = {g["name"]: g for g in report["groups"]}

    assert set(groups) == {"slice: far", "slice: few", "group = 1", "group = 2"}
    assert groups["slice: few"]["verdict"] == "insufficient evidence"
    assert groups["slice: few"]["metrics"]["roc_auc"]["value"] is None
    assert groups["group = 1"]["verdict"] == "measured"
    assert groups["group = 1"]["rows"] + groups["group = 2"]["rows"] == ROWS


def test_the_calibration_curve_is_ten_bins_of_equal_count(
    report: dict[str, Any], test_rows: pd.DataFrame, good: NDArray[np.float64]
) -> None:
    curve = report["calibration"]

    assert [point["rows"] for point in curve] == [ROWS // 10] * 10
    predicted = [point["predicted"] for point in curve]
    assert predicted == sorted(predicted)
    assert np.mean(predicted) == pytest.approx(good.mean())
    assert np.mean([p["observed"] for p in curve]) == pytest.approx(test_rows["late"].mean())
    lowest = np.argsort(good)[: ROWS // 10]
    assert curve[0]["observed"] == pytest.approx(test_rows["late"].to_numpy()[lowest].mean())


def test_the_same_answers_give_the_same_bytes(
    report: dict[str, Any],
    test_rows: pd.DataFrame,
    good: NDArray[np.float64],
    poor: NDArray[np.float64],
    use_case: UseCase,
) -> None:
    forms = {"model": good, "onnx": good, "quantized": poor}
    champion = ChampionAnswers("c" * 32, "2020-02", poor)

    again = evaluation_report(test_rows, forms, champion, SUBJECT, use_case)

    assert json_bytes(again) == json_bytes(report)


def test_without_the_onnx_form_there_is_nothing_to_evaluate(
    test_rows: pd.DataFrame, good: NDArray[np.float64], use_case: UseCase
) -> None:
    forms = {"model": good, "onnx": None, "quantized": None}

    with pytest.raises(ValueError, match="the ONNX form must be there"):
        evaluation_report(test_rows, forms, None, SUBJECT, use_case)


def test_the_page_says_that_the_challenger_is_better(report: dict[str, Any]) -> None:
    page = evaluation_page(report)

    low = report["champion"]["difference"]["log_loss_low"]
    assert "It is better than the champion" in page.verdict
    assert f"at least {low:+.4f} at 95% confidence" in page.verdict
    assert ("Hash of onnx_model", "o" * 8) in page.facts
    blocks = [block for section in page.sections for block in section.blocks]
    assert [type(b) for b in blocks] == [Table, Table, LinePlot, IntervalPlot, Table]
    auc = report["forms"]["onnx"]["roc_auc"]
    assert isinstance(blocks[0], Table)
    assert blocks[0].rows[1][:2] == (
        "onnx",
        f"{auc['value']:.4f} [{auc['low']:.4f}, {auc['high']:.4f}]",
    )


@pytest.mark.parametrize("low", [0.0, -0.01])
def test_the_page_calls_no_challenger_better_that_is_not_shown_to_be(
    low: float, report: dict[str, Any]
) -> None:
    difference = {**report["champion"]["difference"], "log_loss_low": low}

    page = evaluation_page({**report, "champion": {**report["champion"], "difference": difference}})

    assert "It is not shown to be better than the champion" in page.verdict


def test_the_page_says_what_is_missing(
    test_rows: pd.DataFrame, good: NDArray[np.float64], make_use_case: MakeUseCase
) -> None:
    one_class = test_rows.assign(late=1).drop(columns="group")
    forms = {"model": good, "onnx": good, "quantized": None}
    use_case = make_use_case(
        columns={"distance": {"type": "number"}}, training={"first_batches": 1}
    )

    page = evaluation_page(evaluation_report(one_class, forms, None, SUBJECT, use_case))

    assert page.verdict.startswith("The ROC AUC could not be computed")
    shown = to_markdown(page)
    assert "MISSING" in shown
    assert "not made" in shown
    assert "There was no champion when this was measured." in shown
    assert "No slice is declared and no column is sensitive." in shown


def test_a_first_release_and_an_unknown_difference_are_said(report: dict[str, Any]) -> None:
    difference = {**report["champion"]["difference"], "log_loss_low": None}
    unknown = {**report, "champion": {**report["champion"], "difference": difference}}

    assert "no champion to compare with" in evaluation_page({**report, "champion": None}).verdict
    assert "could not be computed" in evaluation_page(unknown).verdict


def test_groups_without_evidence_are_listed_and_not_drawn(report: dict[str, Any]) -> None:
    few = [g for g in report["groups"] if g["verdict"] != "measured"]

    section = evaluation_page({**report, "groups": few}).sections[-1]

    assert [type(block) for block in section.blocks] == [Table]
    assert "insufficient evidence" in str(section.blocks[0])


def test_the_page_becomes_one_file(report: dict[str, Any]) -> None:
    html = to_html(evaluation_page(report))

    assert html.startswith("<!DOCTYPE html>")
    assert "slice: far" in html
