"""The answers that were given live, held against the labels that came later."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.answers import Answers, DecisionRule
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate
from mlops_assets.monitoring.served import ServedRows, logged_answers, served_performance
from mlops_assets.target_declaration import Target, Task

TARGETS: dict[Task, Target] = {
    "binary": Target(column="late"),
    "multiclass": Target(column="late", task="multiclass", type="string", classes=("a", "b", "c")),
    "regression": Target(column="late", task="regression", type="number"),
}
RULES = {"one": DecisionRule(), "two": DecisionRule(0.25)}
LISTS = pa.list_(pa.float32())


def joined(rows: int, task: Task = "binary", release: str = "one", **changed: Any) -> pa.Table:
    """Answers beside labels; each tenth row has no label."""
    rng = np.random.default_rng(rows)
    unlabelled = np.arange(rows) % 10 == 9
    if task == "regression":
        labels: Any = rng.normal(size=rows)
        given = (labels + rng.normal(size=rows)).astype(np.float32)
        bounds = np.stack([given - 2, given + 2], axis=1)
        outputs = {
            "output.prediction": pa.array(given),
            "output.interval": pa.array(list(bounds), LISTS),
        }
    else:
        chances = rng.dirichlet(np.ones(2 if task == "binary" else 3), rows).astype(np.float32)
        drawn = np.array(
            [rng.choice(chances.shape[1], p=c / c.sum()) for c in chances.astype(float)]
        )
        labels = drawn == 1 if task == "binary" else np.array(["a", "b", "c"])[drawn]
        outputs = {"output.probabilities": pa.array(list(chances), LISTS)}
    columns = {
        "row_id": [f"{release} {i}" for i in range(rows)],
        "release": [release] * rows,
        "variant": ["champion" if release == "one" else "challenger"] * rows,
        "instance": ["a"] * rows,
        "request_id": [f"request {i // 2}" for i in range(rows)],
        "latency_ms": (np.arange(rows) // 2 + 1.0),
        **outputs,
        "cleaned.late": pa.array(labels, mask=unlabelled),
    }
    return pa.table(columns | changed)


def report_of(table: pa.Table | None, task: Task = "binary", variance: float = 1.0) -> Any:
    served = ServedRows("served" if table else "no log", 1_000, table, {"2020-03-01": "ab"})
    report = served_performance(served, TARGETS[task], RULES, seed=3, variance=variance)
    assert json.loads(json_bytes(report)) == report
    return report


def answers_of(table: pa.Table, task: Task) -> Answers:
    if task == "regression":
        bounds = np.array(table.column("output.interval").to_pylist())
        return np.column_stack([table.column("output.prediction").to_numpy(), bounds])
    chances = np.array(table.column("output.probabilities").to_pylist(), np.float64)
    return chances[:, 1:] if task == "binary" else chances


@pytest.mark.parametrize("task", sorted(TARGETS))
def test_the_metrics_are_those_of_the_logged_answers(task: Task) -> None:
    table = joined(200, task)
    [found] = report_of(table, task, 2.0)["answered_by"]
    labels = table.column("cleaned.late").to_pylist()
    kept = [i for i, label in enumerate(labels) if label is not None]
    classes = TARGETS[task].class_names
    codes: Any = {
        "binary": lambda v: int(v),
        "multiclass": classes.index,
        "regression": lambda v: v,
    }[task]
    truth = np.array([codes(labels[i]) for i in kept])
    expected = evaluate(task, truth, answers_of(table, task)[kept], seed=3, variance=2.0)
    assert (found["rows"], found["labelled"], found["verdict"]) == (200, 180, "measured")
    assert found["metrics"] == {name: value.to_dict() for name, value in expected.items()}


def test_each_release_has_its_own_figures_and_decides_by_its_own_rule() -> None:
    one, two = joined(120), joined(160, release="two")
    report = report_of(pa.concat_tables([one, two]))
    assert (report["served_rows"], report["served_share"]) == (280, 0.28)
    assert [(a["release"], a["variant"], a["rows"]) for a in report["answered_by"]] == [
        ("one", "champion", 120),
        ("two", "challenger", 160),
    ]
    alone = report_of(two)["answered_by"][0]
    assert report["answered_by"][1] == alone
    as_one = served_performance(
        ServedRows("served", 1_000, two),
        TARGETS["binary"],
        {"two": RULES["one"]},
        seed=3,
        variance=1.0,
    )["answered_by"][0]
    assert as_one["metrics"]["recall"] != alone["metrics"]["recall"]
    assert as_one["metrics"]["roc_auc"] == alone["metrics"]["roc_auc"]


def test_a_request_counts_once_in_the_latencies() -> None:
    table = joined(200)
    latency = report_of(table)["answered_by"][0]["latency_ms"]
    each = np.arange(1.0, 101.0)
    assert latency == {"median": np.quantile(each, 0.5), "p99": np.quantile(each, 0.99)}
    assert report_of(table.drop_columns(["latency_ms"]))["answered_by"][0]["latency_ms"] == {
        "median": None,
        "p99": None,
    }


@pytest.mark.parametrize(
    "table",
    [
        joined(50),
        joined(200, release="unknown"),
        joined(200).drop_columns(["output.probabilities"]),
        joined(200, **{"output.probabilities": pa.array([[0.2, 0.3, 0.5]] * 200, LISTS)}),
        joined(200, **{"output.probabilities": pa.array([None] + [[0.5, 0.5]] * 199, LISTS)}),
        joined(200, **{"output.probabilities": pa.array([[0.5, float("nan")]] * 200, LISTS)}),
    ],
    ids=["few labels", "no rule", "no answers", "other classes", "one missing", "no numbers"],
)
def test_what_cannot_be_measured_is_unknown(table: pa.Table) -> None:
    [found] = report_of(table)["answered_by"]
    assert found["verdict"] == "insufficient evidence"
    assert set(found["metrics"]) == set(METRICS["binary"])
    assert {estimate["value"] for estimate in found["metrics"].values()} == {None}


def test_without_a_log_there_is_nothing() -> None:
    report = report_of(None)
    assert (report["status"], report["served_rows"], report["served_share"]) == ("no log", 0, None)
    assert report["answered_by"] == []


def test_a_row_that_two_releases_answered_is_served_once() -> None:
    again = joined(120, release="two", row_id=[f"one {i}" for i in range(120)])
    report = report_of(pa.concat_tables([joined(120), again]))
    assert report["served_rows"] == 120


def test_a_single_number_is_no_list() -> None:
    table = pa.table({"output.prediction": [1.0, 2.0], "output.interval": [[0.0, 2.0], [1.0, 3.0]]})
    answers = logged_answers(table, TARGETS["regression"])
    assert answers is not None
    assert answers.tolist() == [[1.0, 0.0, 2.0], [2.0, 1.0, 3.0]]
