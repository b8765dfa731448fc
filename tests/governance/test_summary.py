"""The story of a use case: one record a batch, unknown where it is unknown."""

from typing import Any

import pytest

from mlops_assets.governance.ledger import Entry
from mlops_assets.governance.summary import print_table, summarise
from mlops_assets.policy_declaration import Monitoring
from mlops_assets.release.gate import Outcome
from mlops_assets.target_declaration import Task

MONITORING = Monitoring(min_weighted_distance=0.1)


def _drift(drifted: bool | None, *columns: str) -> dict[str, Any]:
    return {
        "drifted": drifted,
        "drift_features": list(columns),
        "weighted_distance": 0.3 if columns else 0.0,
        "champion": "release a",
    }


def _performance(lost: bool | None, auc: float | None = 0.71) -> dict[str, Any]:
    return {
        "lost": lost,
        "rows": 12345,
        "labelled": 12000,
        "champion": "release a",
        "metrics": {"roc_auc": {"value": auc}, "loss": {"value": 0.4567}},
    }


def _entry(batch: str, release: str | None, reason: str) -> Entry:
    outcome: Outcome = "promoted" if release else "rejected"
    return Entry(batch, f"model of {batch}", outcome, (reason, "and more"), release, "release a")


ENTRIES = (
    _entry("2020-04", "release b", "better by 0.01"),
    _entry("2020-05", None, "not better"),
)


def _record(batch: str, drift: Any, performance: Any) -> dict[str, Any]:
    (record,) = summarise({batch: (drift, performance)}, ENTRIES, MONITORING, "binary")
    return record


def test_a_quiet_batch_says_why_nothing_followed() -> None:
    assert _record("2020-03", _drift(False), _performance(False)) == {
        "batch": "2020-03",
        "rows": 12345,
        "labelled": 12000,
        "champion": "release a",
        "roc_auc": 0.71,
        "loss": 0.4567,
        "drifted": False,
        "drift_features": [],
        "retrained": False,
        "retrain_cause": None,
        "promoted": False,
        "reason": "performance held; no drift",
    }


def test_a_promotion_says_what_caused_the_training_and_why_it_won() -> None:
    record = _record("2020-04", _drift(True, "wind"), _performance(True))

    assert record["retrained"]
    assert record["promoted"]
    assert record["retrain_cause"] == "lost performance; drift in wind"
    assert record["reason"] == "better by 0.01; and more"


def test_a_rejection_is_retrained_and_not_promoted() -> None:
    record = _record("2020-05", _drift(True, "wind"), _performance(False))

    assert record["retrained"]
    assert not record["promoted"]
    assert record["reason"] == "not better; and more"


def test_the_latest_decision_on_a_batch_is_told() -> None:
    entries = (*ENTRIES, _entry("2020-05", "release c", "better after all"))

    (record,) = summarise({"2020-05": (None, None)}, entries, MONITORING, "binary")

    assert record["promoted"]
    assert record["reason"].startswith("better after all")


@pytest.mark.parametrize(
    ("drift", "performance", "unknown", "champion"),
    [
        (None, _performance(False), {"drifted", "drift_features"}, "release a"),
        (
            _drift(False),
            None,
            {"rows", "labelled", "roc_auc", "loss"},
            "release a",
        ),
        (
            None,
            None,
            {"rows", "labelled", "roc_auc", "loss", "drifted", "drift_features", "champion"},
            None,
        ),
        (_drift(False), _performance(None, None), {"roc_auc"}, "release a"),
    ],
)
def test_what_is_not_known_is_none(
    drift: Any, performance: Any, unknown: set[str], champion: str | None
) -> None:
    record = _record("2020-03", drift, performance)

    assert {name for name, value in record.items() if value is None} == {*unknown, "retrain_cause"}
    assert record["champion"] == champion


def test_batches_are_told_in_order() -> None:
    reports = dict.fromkeys(("2020-05", "2020-03", "2020-04"), (None, None))

    records = summarise(reports, ENTRIES, MONITORING, "binary")

    assert [r["batch"] for r in records] == ["2020-03", "2020-04", "2020-05"]


def test_the_table_shows_every_batch_and_why() -> None:
    records = summarise(
        {
            "2020-03": (_drift(False), _performance(False)),
            "2020-04": (_drift(True, "wind", "gust", "rain", "snow"), _performance(True, 0.65)),
            "2020-05": (_drift(True, "wind"), _performance(True)),
            "2020-06": (None, _performance(None, None)),
        },
        ENTRIES,
        MONITORING,
        "binary",
    )

    assert print_table(records, "binary").splitlines() == [
        "batch    rows    drift    strongest features  ROC AUC  log loss  retrained  promoted",
        "2020-03  12,345  no       -                   0.7100   0.4567    no         no",
        "2020-04  12,345  yes      wind, gust, rain    0.6500   0.4567    yes        yes",
        "2020-05  12,345  yes      wind                0.7100   0.4567    yes        no",
        "2020-06  12,345  MISSING  -                   MISSING  0.4567    no         no",
        "",
        "Why",
        "2020-03: not retrained: performance held; no drift",
        "2020-04: retrained for lost performance; drift in wind, gust, rain; promoted: "
        "better by 0.01; and more",
        "2020-05: retrained for lost performance; drift in wind; not promoted: "
        "not better; and more",
        "2020-06: not retrained: performance unknown; drift unknown",
    ]


@pytest.mark.parametrize(
    ("task", "metrics", "heads"),
    [
        ("multiclass", {"accuracy": 0.6123, "loss": 0.9}, "accuracy  log loss"),
        ("regression", {"rmse": 12.5, "r2": 0.25}, "RMSE     R2"),
    ],
)
def test_the_two_columns_are_those_of_the_task(
    task: Task, metrics: dict[str, float], heads: str
) -> None:
    report = {**_performance(False), "metrics": {n: {"value": v} for n, v in metrics.items()}}

    records = summarise({"2020-03": (_drift(False), report)}, (), MONITORING, task)

    assert {name: records[0][name] for name in metrics} == metrics
    head, line = print_table(records, task).splitlines()[:2]
    assert heads in head
    for value in metrics.values():
        assert f"{value:.4f}" in line
