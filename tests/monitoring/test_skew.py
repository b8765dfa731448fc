"""Inputs that differ between asking and delivery are found, and nothing else is."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.content_hash import json_bytes
from mlops_assets.monitoring.served import ServedRows
from mlops_assets.monitoring.skew import served_inputs
from mlops_assets.prediction.input_columns import ModelInput

ROWS = 100
INPUTS = {
    "city": ModelInput("city", "string", "BYTES"),
    "amount": ModelInput("amount", "number", "FP64"),
    "seen": ModelInput("seen", "timestamp", "INT64"),
    "parcels": ModelInput("parcels", "integer", "INT64"),
    "member": ModelInput("member", "boolean", "BOOL"),
    "loyal": ModelInput("loyal", "boolean", "FP64"),
}
NOON = datetime.fromisoformat("2020-02-01T12:00")
MICROSECONDS = 1_580_558_400_000_000
CLEANED: dict[str, Any] = {
    "city": ["Ghent", None] * 50,
    "amount": [0.1, None] * 50,
    "seen": pa.array([NOON] * ROWS, pa.timestamp("us")),
    "parcels": [3] * ROWS,
    "member": [True] * ROWS,
    "loyal": [True, None] * 50,
}
SENT: dict[str, Any] = {
    "city": ["Ghent", ""] * 50,
    "amount": [0.1, None] * 50,
    "seen": [MICROSECONDS] * ROWS,
    "parcels": [3] * ROWS,
    "member": [True] * ROWS,
    "loyal": [1.0, float("nan")] * 50,
}


def joined(
    sent: dict[str, Any] | None = None, cleaned: dict[str, Any] | None = None, release: str = "one"
) -> pa.Table:
    return pa.table(
        {
            "row_id": [f"{release} {i}" for i in range(ROWS)],
            "release": [release] * ROWS,
            **{f"input.{name}": values for name, values in (SENT | (sent or {})).items()},
            **{f"cleaned.{name}": values for name, values in (CLEANED | (cleaned or {})).items()},
        }
    )


def report_of(table: pa.Table | None, inputs: Any = None, max_skew: float = 0.01) -> Any:
    served = ServedRows("served" if table else "no row id", 400, table)
    report = served_inputs(served, inputs or {"one": [*INPUTS.values()]}, max_skew)
    assert json_bytes(report)
    return report


def by_column(report: Any) -> dict[str, Any]:
    return {column["column"]: column for column in report["columns"]}


def test_what_was_sent_as_it_was_delivered_does_not_differ() -> None:
    report = report_of(joined())
    assert report["skewed"] is False
    assert set(by_column(report)) == set(INPUTS)
    for column in report["columns"]:
        assert (column["compared"], column["differing"], column["skewed"]) == (ROWS, 0, False)


@pytest.mark.parametrize(
    ("name", "sent", "differing"),
    [
        ("city", ["Ghent", "Ghent"] * 50, 50),
        ("city", ["ghent", ""] * 50, 50),
        ("amount", [0.1, 0.0] * 50, 50),
        ("amount", [None, None] * 50, 50),
        ("amount", [0.1001, None] * 50, 50),
        ("seen", [MICROSECONDS - 1] * ROWS, ROWS),
        ("parcels", [4] * 3 + [3] * 97, 3),
        ("member", [False] * ROWS, ROWS),
        ("loyal", [0.0, None] * 50, 50),
    ],
)
def test_another_value_differs(name: str, sent: Any, differing: int) -> None:
    report = report_of(joined({name: sent}))
    found = by_column(report)
    assert found[name]["differing"] == differing
    assert found[name]["share"] == differing / ROWS
    assert report["skewed"] is found[name]["skewed"] is True
    assert report["columns"][0]["column"] == name
    assert not any(column["differing"] for other, column in found.items() if other != name)


def test_single_precision_is_no_difference() -> None:
    sent = [float(np.float32(0.1)), None] * 50
    assert by_column(report_of(joined({"amount": sent})))["amount"]["differing"] == 0
    assert (
        by_column(report_of(joined({"amount": [float("inf"), None] * 50})))["amount"]["differing"]
        == 50
    )


def test_the_limit_is_beside_the_share() -> None:
    table = joined({"parcels": [4] * 3 + [3] * 97})
    at, below = report_of(table, max_skew=0.03), report_of(table, max_skew=0.029)
    assert (at["max_skew"], at["skewed"]) == (0.03, False)
    assert (below["max_skew"], below["skewed"]) == (0.029, True)


def test_an_input_that_was_not_logged_is_unknown() -> None:
    dropped = joined().drop_columns(["input.city"])
    report = report_of(dropped)
    city = by_column(report)["city"]
    assert (city["compared"], city["share"], city["skewed"]) == (0, None, None)
    assert report["skewed"] is None
    some = joined({"city": ["Ghent", ""] * 40 + [None] * 20})
    assert by_column(report_of(some))["city"]["compared"] == 80


def test_few_rows_tell_nothing() -> None:
    report = report_of(joined({"parcels": [4] * ROWS}).slice(0, 49))
    assert report["skewed"] is None
    assert by_column(report)["parcels"]["share"] == 1.0


def test_a_value_that_the_source_lost_differs() -> None:
    lost = {"parcels": pa.array([None] * 5 + [3] * 95, pa.int64())}
    assert by_column(report_of(joined(cleaned=lost)))["parcels"]["differing"] == 5


def test_a_column_is_compared_where_it_is_an_input() -> None:
    two = joined({"city": ["Metz"] * ROWS}, release="two")
    table = pa.concat_tables([joined(), two])
    without = [given for name, given in INPUTS.items() if name != "city"]
    report = report_of(table, {"one": [*INPUTS.values()], "two": without})
    assert by_column(report)["city"]["compared"] == ROWS
    assert by_column(report)["city"]["differing"] == 0
    assert by_column(report)["amount"]["compared"] == 2 * ROWS


def test_a_column_that_became_another_is_not_compared() -> None:
    report = report_of(joined(cleaned={"amount": ["much", None] * 50}))
    assert by_column(report)["amount"]["skewed"] is None


def test_without_ids_nothing_is_compared() -> None:
    report = report_of(None)
    assert (report["status"], report["skewed"], report["columns"]) == ("no row id", None, [])
