"""Explanations of several classes and of a number: by output, in its unit, within the budget."""

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column, DatePartFeature
from mlops_assets.evidence.explainability import (
    MOST_ANSWERS,
    MOST_EVALUATIONS,
    explain,
    sample_sizes,
)
from mlops_assets.evidence.explainability_page import explainability_page
from mlops_assets.evidence.explained_values import rounded
from mlops_assets.reporting.html import MAX_BYTES, to_html
from mlops_assets.reporting.page import LinePlot, Page, SwarmPlot, Table
from mlops_assets.target_declaration import Target

Floats = NDArray[np.float64]
MINUTES = Target(column="delay", task="regression", type="number", unit="minutes")


def classes(count: int) -> Target:
    names = tuple(f"band {i}" for i in range(count))
    return Target(column="band", task="multiclass", type="string", classes=names)


def sample(rows: int, seed: int, columns: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({f"x{i}": rng.normal(size=rows) for i in range(columns)})


def declared(columns: int = 4) -> dict[str, Column]:
    return {f"x{i}": Column(type="number") for i in range(columns)}


def softmax(count: int) -> Any:
    """The odds of band ``i`` grow with column ``i`` of three, those of the last bands hardly."""

    def predict(rows: pd.DataFrame) -> Floats:
        values = rows[["x0", "x1", "x2"]].to_numpy()
        powers = values[:, np.arange(count) % 3] * 3.0 / (1.0 + np.arange(count)) - np.arange(count)
        odds = np.exp(powers)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    return predict


def delay(rows: pd.DataFrame) -> Floats:
    return np.asarray(100.0 + 20.0 * rows[["x1"]].to_numpy() - 5.0 * rows[["x3"]].to_numpy())


@cache
def explained_classes(count: int) -> dict[str, Any]:
    labels = np.arange(80) % count
    return explain(
        softmax(count),
        sample(80, 1),
        sample(20, 2),
        declared(),
        target=classes(count),
        features={},
        seed=3,
        labels=labels,
    )


@cache
def explained_delay() -> dict[str, Any]:
    labels = np.where(np.arange(80) == 7, 500.0, np.nan)
    return explain(
        delay,
        sample(80, 1),
        sample(20, 2),
        declared(),
        target=MINUTES,
        features={},
        seed=3,
        labels=labels,
    )


def page_of(explanation: dict[str, Any]) -> Page:
    report = {"use_case": "Flights", "target": "how late", "subject": {}}
    return explainability_page({**report, "explanation": explanation})


def blocks_of(page: Page, kind: type[Any]) -> list[Any]:
    return [b for section in page.sections for b in section.blocks if isinstance(b, kind)]


def text_of(page: Page) -> str:
    return "\n".join(section.text for section in page.sections)


def test_overall_importance_is_the_mean_over_the_classes() -> None:
    found = explained_classes(6)
    assert found["global"][0]["column"] == "x0"
    for entry in found["global"]:
        assert len(entry["by_output"]) == 6
        assert entry["mean_absolute"] == pytest.approx(np.mean(entry["by_output"]), rel=1e-4)
    assert sum(entry["share"] for entry in found["global"]) == pytest.approx(1.0, abs=1e-5)
    moved = [output["mean_absolute"] for output in found["outputs"]]
    totals = np.sum([entry["by_output"] for entry in found["global"]], axis=0)
    assert moved == pytest.approx(totals, rel=1e-4)
    json.dumps(found, allow_nan=False)


def test_every_class_adds_up_and_the_classes_cancel_out() -> None:
    found = explained_classes(6)
    assert found["additivity"] == {
        "largest_gap": max(output["largest_gap"] for output in found["outputs"]),
        "limit": 1e-6,
        "holds": True,
    }
    bases = softmax(6)(sample(20, 2)).mean(axis=0)
    assert [o["base_value"] for o in found["outputs"]] == pytest.approx(bases, rel=1e-5)
    assert sum(o["base_value"] for o in found["outputs"]) == pytest.approx(1.0, abs=1e-5)


def test_one_class_that_does_not_add_up_is_enough() -> None:
    calls = iter(range(1_000))

    def moody(rows: pd.DataFrame) -> Floats:
        change = np.array([[0.0, 0.001, 0.0]]) if next(calls) > 0 else 0.0
        return np.asarray(softmax(3)(rows) + change)

    found = explain(
        moody, sample(5, 1), sample(5, 2), declared(), target=classes(3), features={}, seed=0
    )
    assert found["additivity"]["holds"] is False
    assert [o["largest_gap"] > 1e-4 for o in found["outputs"]] == [False, True, False]


def test_only_the_classes_that_are_moved_most_have_points_and_effects() -> None:
    found = explained_classes(6)
    order = sorted(found["outputs"], key=lambda output: -output["mean_absolute"])
    assert set(found["shown"]) == {output["output"] for output in order[:4]}
    assert {one["output"] for one in found["points"]} == set(found["shown"])
    assert {one["output"] for one in found["effects"]} == set(found["shown"])
    page = page_of(found)
    assert len(blocks_of(page, SwarmPlot)) == 4
    # A plot of the means and one of single rows for each of the four columns.
    assert len(blocks_of(page, LinePlot)) == 8
    assert "The plots below show the 4 of 6 classes" in text_of(page)
    assert "left out" not in text_of(page_of(explained_classes(3)))


def test_an_effect_is_that_of_its_class() -> None:
    found, rows = explained_classes(6), sample(80, 1)
    effects = [e for e in found["effects"] if e["column"] == "x1"]
    for effect in effects:
        k = int(effect["output"].removeprefix("band "))
        means = [softmax(6)(rows.assign(x1=x))[:, k].mean() for x in effect["positions"]]
        assert effect["mean"] == pytest.approx(means, rel=1e-3)


def test_an_example_explains_the_class_that_was_answered() -> None:
    found, answers = explained_classes(3), softmax(3)(sample(80, 1))
    by_kind = {kind: e for e in found["examples"] for kind in e["kind"].split(", ")}
    certain = np.where(answers.argmax(axis=1) == 0, answers[:, 0], 0.0).argmax()
    assert by_kind["most certain band 0"]["answer"] == rounded(answers[certain, 0])
    wrong = answers[np.arange(80), np.arange(80) % 3].argmin()
    assert by_kind["most wrong"]["outcome"] == f"band {wrong % 3}"
    ordered = np.sort(answers, axis=1)
    unsure = (ordered[:, 2] - ordered[:, 1]).argmin()
    assert by_kind["most uncertain"]["answer"] == rounded(answers[unsure].max())
    bases = {output["output"]: output["base_value"] for output in found["outputs"]}
    for example in found["examples"]:
        assert example["words"].startswith(f"the probability of {example['output']} was ")
        total = bases[example["output"]] + sum(c["contribution"] for c in example["contributions"])
        assert total == pytest.approx(example["answer"], abs=1e-5)


def test_many_classes_and_columns_stay_within_the_page() -> None:
    target = classes(12)
    found = explain(
        softmax(12),
        sample(60, 1, 40),
        sample(10, 2, 40),
        declared(40),
        target=target,
        features={},
        seed=3,
    )
    text = to_html(page_of(found))
    assert len(text.encode()) <= MAX_BYTES
    tables = blocks_of(page_of(found), Table)
    (by_class,) = [
        t for t in tables if t.caption.startswith("Mean |SHAP| of every column by class")
    ]
    assert len(by_class.columns) == 9
    assert "4 classes that are moved less are in report.json only" in by_class.caption
    assert len({one["column"] for one in found["points"]}) == 30


def test_a_number_is_explained_in_its_unit() -> None:
    found = explained_delay()
    assert (found["task"], found["unit"]) == ("regression", "minutes")
    entries = {entry["column"]: entry for entry in found["global"]}
    moved = np.abs(20.0 * (sample(80, 1)["x1"] - sample(20, 2)["x1"].mean())).mean()
    assert entries["x1"]["mean_absolute"] == pytest.approx(moved, rel=1e-5)
    text = to_html(page_of(found))
    assert "mean absolute change of the prediction in minutes" in text
    assert "Contribution in minutes" in text
    assert "minutes, with a standard error of" in text
    assert "robability" not in text


def test_examples_of_a_number_are_its_extremes_and_its_middle() -> None:
    answers = delay(sample(80, 1))[:, 0]
    by_kind = {k: e for e in explained_delay()["examples"] for k in e["kind"].split(", ")}
    assert by_kind["highest prediction"]["answer"] == rounded(answers.max())
    assert by_kind["lowest prediction"]["answer"] == rounded(answers.min())
    assert by_kind["middle prediction"]["answer"] == rounded(np.sort(answers)[40])
    assert by_kind["most wrong"]["answer"] == rounded(answers[7])
    assert by_kind["most wrong"]["outcome"] == 500.0
    assert by_kind["highest prediction"]["words"].startswith("raised by x1 = ")
    assert " minutes)" in by_kind["highest prediction"]["words"]


def test_the_allowed_gap_of_a_number_grows_with_it() -> None:
    largest = np.abs(delay(sample(80, 1))).max()
    assert explained_delay()["additivity"]["limit"] == pytest.approx(1e-6 * largest, rel=1e-5)


@pytest.mark.parametrize(
    ("columns", "outputs"), [(15, 1), (64, 1), (64, 10), (500, 3), (2_000, 1), (8, 200)]
)
def test_the_work_is_bounded_in_rows_and_answers(columns: int, outputs: int) -> None:
    rows, background = sample_sizes(300, 50, columns, outputs)
    evaluations = rows * background * (2 * columns + 1)
    assert evaluations <= MOST_EVALUATIONS
    assert evaluations * outputs <= MOST_ANSWERS
    assert rows >= 10
    assert background >= 10


def test_what_fits_is_explained_whole() -> None:
    assert sample_sizes(300, 50, 15, 1) == (300, 50)
    assert sample_sizes(20, 5, 3, 3) == (20, 5)


def test_fewer_rows_are_spread_and_keep_their_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_assets.evidence.explainability.MOST_EVALUATIONS", 10 * 10 * 9)
    rows = sample(80, 1)
    found = explain(
        delay,
        rows,
        sample(20, 2),
        declared(),
        target=MINUTES,
        features={},
        seed=3,
        labels=delay(rows)[:, 0] + np.arange(80),
    )
    assert (found["method"]["rows"], found["method"]["rows_given"]) == (10, 80)
    assert found["method"]["background_rows"] == 10
    (wrong,) = [e for e in found["examples"] if "most wrong" in e["kind"]]
    assert wrong["outcome"] - wrong["answer"] == pytest.approx(72.0, abs=1e-2)
    assert "80 rows were at hand; fewer were explained" in to_html(page_of(found))


def test_a_computed_part_of_a_timestamp_has_an_effect() -> None:
    moments = pd.Series(np.datetime64("2020-01-15", "us") + np.arange(40) * np.timedelta64(9, "D"))
    rows = pd.DataFrame({"t": moments})
    feature = DatePartFeature(function="date_part", column="t", part="month", replaces=True)
    found = explain(
        lambda g: g["t"].dt.month.to_numpy(np.float64)[:, None],
        rows,
        rows,
        {"t": Column(type="timestamp")},
        target=MINUTES,
        features={"month": feature},
        seed=0,
    )
    (effect,) = found["effects"]
    assert effect["varied"] == "month"
    assert effect["mean"] == [float(month) for month in range(1, 13)]
    assert "the month of t" in to_html(page_of(found))
