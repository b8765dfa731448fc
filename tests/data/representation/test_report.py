"""Who is there, in which share, and who falls short, in a training window."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.representation.report import representation_holds, representation_report
from mlops_assets.use_case import UseCase

Make = Callable[..., UseCase]
SPLITS = ("train", "calibration", "test")


@pytest.fixture(scope="module")
def make(declared: Callable[[], dict[str, Any]]) -> Make:
    """Makes the small use case with sensitive columns, by default ``group`` alone."""

    def made(
        columns: dict[str, Any] | None = None, declared_use_case: Any = declared, **said: Any
    ) -> UseCase:
        changed = declared_use_case()
        if columns is not None:
            del changed["columns"]["group"]
            sensitive = {name: {**one, "role": "sensitive"} for name, one in columns.items()}
            changed["columns"].update(sensitive)
        if "reference" in said:
            said.setdefault("reference_source", "a census")
        return UseCase(**{**changed, "representation": said})

    return made


def _rows(counts: dict[Any, tuple[int, int, int]], rate: float = 0.5, **more: Any) -> pd.DataFrame:
    """Rows of ``group`` by split; the first ``rate`` of each cell are positive."""
    parts = [
        pd.DataFrame({"group": [group] * n, "split": split, "late": np.arange(n) < rate * n})
        for group, by_split in counts.items()
        for split, n in zip(SPLITS, by_split, strict=True)
    ]
    rows = pd.concat(parts, ignore_index=True).assign(batch="2020-01", **more)
    return rows.astype({"late": "int64", "group": "object"})


def _groups(report: dict[str, Any], column: str = "group") -> dict[str, dict[str, Any]]:
    (found,) = [one for one in report["columns"] if one["column"] == column]
    return {one["label"]: one for one in found["groups"]}


def test_counts_shares_and_rates_are_those_of_the_rows(make: Make) -> None:
    rows = _rows({1: (600, 60, 200), 2: (200, 20, 100)}, rate=0.25)
    rows.loc[rows.index[-40:], "late"] = np.nan

    report = representation_report(rows, make(reference={"group": {1: 0.5, 2: 0.5}}))

    first, second = _groups(report)["1"], _groups(report)["2"]
    assert first["rows"] == first["labelled"] == {"train": 600, "calibration": 60, "test": 200}
    assert second["rows"]["test"] == 100 and second["labelled"]["test"] == 60
    assert report["rows"]["test"] == 300 and report["labelled"]["test"] == 260
    assert first["share"]["value"] == 0.75 and first["ratio"]["value"] == 1.5
    assert first["ratio"]["low"] == pytest.approx(first["share"]["low"] / 0.5, abs=2e-6)
    assert first["label_rate"]["value"] == 0.25
    assert report["label_rate"] == pytest.approx(295 / 1140, abs=1e-3)


@pytest.mark.parametrize(("rows_there", "is_under"), [(60, True), (74, False), (100, False)])
def test_only_a_ratio_certainly_below_the_limit_is_under_representation(
    rows_there: int, is_under: bool, make: Make
) -> None:
    # The reference is 10%: at 74 of 1,000 the ratio is 0.74, and its interval reaches 0.92.
    rows = _rows({1: (1000 - rows_there, 0, 100), 2: (rows_there, 0, 100)})

    report = representation_report(rows, make(reference={"group": {1: 0.9, 2: 0.1}}))

    found = _groups(report)["2"]
    assert ("under-represented" in found["verdicts"]) is is_under
    assert (found["ratio"]["high"] < 0.8) is is_under
    assert representation_holds(report) is not is_under
    assert bool(report["shortfalls"]) is is_under


@pytest.mark.parametrize(("tested", "verdicts"), [(99, ["too small to evaluate"]), (100, [])])
def test_a_group_with_too_few_labelled_test_rows_is_named(
    tested: int, verdicts: list[str], make: Make
) -> None:
    rows = _rows({1: (500, 0, 150), 2: (500, 0, 110)})
    rows.loc[rows[(rows["split"] == "test") & (rows["group"] == 2)].index[tested:], "late"] = np.nan

    report = representation_report(rows, make(min_rows=100))

    assert _groups(report)["2"]["verdicts"] == [*verdicts, "no reference"]
    said = [f"group = 2 has {tested} labelled test rows, and 100 are needed to evaluate a group."]
    assert [one["text"] for one in report["shortfalls"]] == (said if verdicts else [])


def test_without_a_reference_shares_are_not_judged_and_that_is_said(make: Make) -> None:
    report = representation_report(_rows({1: (900, 0, 200), 2: (10, 0, 200)}), make())

    assert _groups(report)["2"]["verdicts"] == ["no reference"]
    assert _groups(report)["2"]["ratio"]["value"] is None
    assert representation_holds(report)


def test_groups_that_only_one_side_knows_are_named(make: Make) -> None:
    rows = _rows({1: (500, 0, 200), 2: (500, 0, 200)})

    report = representation_report(rows, make(reference={"group": {1: 0.5, 3: 0.4, 4: 0.1, 5: 0}}))

    found = _groups(report)
    assert found["3"]["rows"] == {"train": 0, "calibration": 0, "test": 0}
    assert found["3"]["verdicts"][0] == "does not occur"
    assert found["2"]["verdicts"] == ["not in the reference"]
    assert found["5"]["verdicts"] == ["represented"]
    assert [one["group"] for one in report["shortfalls"]] == ["group = 2", "group = 3", "group = 4"]
    assert "does not occur in the window, and is 40% of the" in report["shortfalls"][1]["text"]


def test_those_who_do_not_say_are_a_group_and_no_shortfall(make: Make) -> None:
    rows = _rows({1: (400, 0, 200), 2: (400, 0, 200), None: (200, 0, 3)})

    report = representation_report(rows, make(reference={"group": {1: 0.5, 2: 0.5}}))

    found = _groups(report)
    assert found["1"]["share"]["value"] == 0.5, "of those that say"
    assert found["missing"]["share"]["value"] == 0.2, "of all"
    assert found["missing"]["verdicts"] == ["too small to evaluate"]
    assert representation_holds(report)
    counted = make(reference={"group": {1: 0.2, 2: 0.2, "missing": 0.6}})
    report = representation_report(rows, counted)
    assert _groups(report)["1"]["share"]["value"] == 0.4
    assert {one["group"] for one in report["shortfalls"]} == {"group missing"}


def test_a_reference_that_nothing_can_be_compared_with_fails(make: Make) -> None:
    rows = _rows({None: (400, 0, 0), 1: (0, 0, 200)})

    report = representation_report(rows, make(reference={"group": {1: 1.0}}))

    assert _groups(report)["1"]["verdicts"] == ["cannot be compared"]
    assert not representation_holds(report)


def test_bands_are_the_groups_of_a_number(make: Make) -> None:
    rows = _rows({1: (300, 0, 300)}).assign(age=np.arange(600.0) % 60)
    columns = {"age": {"type": "number"}}
    shares = {"below 30": 0.5, "30 to below 50": 0.3, "from 50": 0.2}

    use_case = make(columns, bands={"age": [30, 50]}, reference={"age": shares})
    report = representation_report(rows.drop(columns="group"), use_case)

    found = _groups(report, "age")
    assert [one["rows"]["train"] for one in found.values()] == [150, 100, 50]
    assert all(one["reference"] is not None for one in found.values())


def test_the_report_is_json_and_the_same_for_rows_in_another_order(make: Make) -> None:
    rows = _rows({1: (40, 9, 30), 2: (30, 3, 33), None: (2, 2, 2)})
    use_case = make(reference={"group": {1: 0.5, 2: 0.5}})

    first = json_bytes(representation_report(rows, use_case))

    shuffled = rows.sample(frac=1.0, random_state=1).reset_index(drop=True)
    assert json_bytes(representation_report(shuffled, use_case)) == first


def test_a_use_case_without_sensitive_columns_holds(make: Make) -> None:
    report = representation_report(_rows({1: (9, 9, 9)}), make({}))

    assert report["columns"] == report["shortfalls"] == [] and representation_holds(report)
    json_bytes(report)
