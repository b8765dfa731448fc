"""The leakage report of a training window: what is planted blocks, and no cell is shown."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from planted_leaks import SEEDS

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import build_features
from mlops_assets.data.leakage.report import leakage_report, passes
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]


@pytest.fixture(scope="module")
def cleaned(
    make_batch: Callable[..., pa.Table], make_use_case: MakeUseCase
) -> dict[str, pd.DataFrame]:
    months = ["2020-01", "2020-02", "2020-03"]
    raw = {month: make_batch(month, seed=number) for number, month in enumerate(months)}
    return {m: clean(rows, make_use_case(), m).rows.to_pandas() for m, rows in raw.items()}


@pytest.fixture(scope="module")
def window(cleaned: dict[str, pd.DataFrame], make_use_case: MakeUseCase) -> pd.DataFrame:
    return build_features(cleaned, make_use_case())


@pytest.fixture
def planted(declared: Callable[[], dict[str, Any]]) -> Callable[..., UseCase]:
    """The small use case with one more input."""

    def make(name: str, **column: Any) -> UseCase:
        fields = declared()
        fields["columns"][name] = column
        return UseCase(**fields)

    return make


def found_in(report: dict[str, Any]) -> dict[tuple[str, str | None], str]:
    return {(t["name"], t["column"]): t["verdict"] for t in report["tests"] if t["verdict"] != "ok"}


def test_an_honest_window_passes_and_its_report_is_plain_json(
    window: pd.DataFrame, cleaned: dict[str, pd.DataFrame], make_use_case: MakeUseCase
) -> None:
    use_case = make_use_case()

    report = leakage_report(window, use_case, cleaned)

    assert found_in(report) == {}
    assert passes(report)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert set(use_case.inputs) <= {t["column"] for t in report["tests"]}
    assert {t["name"] for t in report["tests"]} == {
        "known_only_afterwards", "exists_only_with_label", "predicts_too_well", "mirrors_target",
        "identifier", "same_rows_in_train_and_test", "future_rows_in_the_past",
    }  # fmt: skip
    assert leakage_report(window, use_case, cleaned) == report


def test_planted_columns_are_named_and_block(
    window: pd.DataFrame, planted: Callable[..., UseCase]
) -> None:
    rng = np.random.default_rng(10)
    late = window["late"].to_numpy()
    rows = len(window)
    cases: list[tuple[dict[str, Any], Any, dict[str, str]]] = [
        ({"type": "number"}, late + 0.1 * rng.random(rows), {"predicts_too_well": "leak"}),
        (
            {"type": "string"},
            pd.Series(np.where(late == 1, "r", "s")).astype("str"),
            {"predicts_too_well": "leak", "mirrors_target": "leak"},
        ),
        (
            {"type": "string"},
            pd.Series([f"p{n}" for n in rng.permutation(rows)]).astype("str"),
            {"identifier": "leak"},
        ),
        ({"type": "integer"}, rng.permutation(rows) + 7_000, {"identifier": "leak"}),
        (
            {"type": "integer", "categorical": True},
            rng.choice(2**40, rows),
            {"identifier": "leak"},
        ),
        ({"type": "integer"}, rng.choice(2**40, rows), {"identifier": "suspicious"}),
        ({"type": "integer"}, np.full(rows, 3), {"constant": "suspicious"}),
        ({"type": "integer"}, rng.integers(0, rows, rows), {}),
    ]
    for column, values, expected in cases:
        use_case = planted("planted", **column)
        report = leakage_report(window.assign(planted=values), use_case)

        assert found_in(report) == {(name, "planted"): v for name, v in expected.items()}
        assert passes(report) == ("leak" not in expected.values())


def test_an_identifier_that_returns_in_every_batch_is_found(
    window: pd.DataFrame, planted: Callable[..., UseCase]
) -> None:
    customer = window.groupby("batch").cumcount() * 3
    use_case = planted("customer", type="integer", categorical=True)

    report = leakage_report(window.assign(customer=customer), use_case)

    assert found_in(report) == {("identifier", "customer"): "leak"}


def test_in_small_batches_names_are_looked_for_in_the_whole_window(
    window: pd.DataFrame, planted: Callable[..., UseCase]
) -> None:
    use_case = planted("street", type="string")
    streets = pd.Series([f"s{n // 30}" for n in range(len(window))]).astype("str")
    days = window["due"].dt.strftime("%Y-%m-%d").astype("str")

    report = leakage_report(window.assign(batch=days, street=streets), use_case)

    assert days.value_counts().max() < 50
    assert [t["verdict"] for t in report["tests"] if t["name"] == "identifier"] == ["ok"] * 4


def test_what_exists_only_with_the_label_needs_the_rows_without(
    cleaned: dict[str, pd.DataFrame], planted: Callable[..., UseCase]
) -> None:
    use_case = planted("signed", type="number", nullable=True)
    more = {
        m: rows.assign(signed=np.where(rows["late"].notna(), np.arange(len(rows)) % 7, np.nan))
        for m, rows in cleaned.items()
    }
    features = build_features(more, use_case)

    assert found_in(leakage_report(features, use_case)) == {}
    report = leakage_report(features, use_case, more)
    assert found_in(report) == {("exists_only_with_label", "signed"): "leak"}
    vouched_for = planted(
        "signed", type="number", nullable=True, no_leak=True, reason="signed when ordered"
    )
    vouched = leakage_report(features, vouched_for, more)
    assert found_in(vouched) == {("exists_only_with_label", "signed"): "suspicious"}
    assert passes(vouched) and not passes(report)


def test_a_declared_leak_among_the_features_blocks(
    window: pd.DataFrame, make_use_case: MakeUseCase
) -> None:
    report = leakage_report(window.assign(minutes_late=1), make_use_case())

    assert found_in(report) == {("known_only_afterwards", None): "leak"}


def test_test_rows_copied_into_train_warn(window: pd.DataFrame, make_use_case: MakeUseCase) -> None:
    test_rows = window[window["split"] == "test"]
    copies = test_rows.head(len(test_rows) // 4).assign(split="train")
    use_case = make_use_case(training={"first_batches": 1})

    report = leakage_report(pd.concat([window, copies], ignore_index=True), use_case)

    calibrating = copies.assign(split="calibration")
    elsewhere = leakage_report(pd.concat([window, calibrating], ignore_index=True), use_case)

    assert found_in(report) == {("same_rows_in_train_and_test", None): "suspicious"}
    assert found_in(elsewhere) == {}
    assert passes(report)
    repeated = next(t for t in report["tests"] if t["name"].startswith("same_rows"))
    assert repeated["number"] == pytest.approx(len(copies) / len(test_rows), abs=1e-6)


@settings(max_examples=15)
@given(seed=SEEDS)
def test_rows_of_few_columns_repeat_by_chance_without_a_warning(
    window: pd.DataFrame, make_use_case: MakeUseCase, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    few = window.assign(
        due=pd.Timestamp("2020-01-01"), weight=1.0, parcels=rng.integers(0, 4, 1080)
    )

    report = leakage_report(few, make_use_case(training={"first_batches": 1}))

    repeated = next(t for t in report["tests"] if t["name"].startswith("same_rows"))
    assert repeated["number"] > 0.5
    assert repeated["verdict"] == "ok"


@pytest.mark.parametrize("split", ["train", "calibration"])
@pytest.mark.parametrize("moved", [1, 5])
def test_rows_of_the_future_are_counted(
    split: str, moved: int, window: pd.DataFrame, make_use_case: MakeUseCase
) -> None:
    rows = window.index[window["split"] == split][:moved]
    late = window.copy()
    late.loc[rows, "due"] = window["due"].max()

    report = leakage_report(late, make_use_case())

    assert found_in(report) == {("future_rows_in_the_past", None): "leak"}
    assert report["tests"][-1]["number"] == moved


def test_without_a_time_column_newer_batches_are_the_future(
    window: pd.DataFrame, make_use_case: MakeUseCase
) -> None:
    use_case = make_use_case(training={"first_batches": 1})
    newest = window.index[window["split"] == "train"][:3]
    later = window.copy()
    later.loc[newest, "batch"] = "2020-04"

    assert found_in(leakage_report(window, use_case)) == {}
    assert leakage_report(later, use_case)["tests"][-1]["number"] == 3


def test_rows_without_a_time_cannot_be_ordered(
    window: pd.DataFrame, make_use_case: MakeUseCase
) -> None:
    gap = window.copy()
    gap.loc[gap.index[0], "due"] = pd.NaT

    report = leakage_report(gap, make_use_case())

    assert found_in(report) == {("future_rows_in_the_past", None): "unknown"}
    assert not passes(report)


def test_a_window_too_small_is_unknown_and_blocks(
    window: pd.DataFrame, make_use_case: MakeUseCase
) -> None:
    few = window.groupby("split").head(12)

    report = leakage_report(few, make_use_case())

    assert {"predicts_too_well", "identifier"} <= {name for name, _ in found_in(report)}
    assert not passes(report)


def test_a_report_without_tests_does_not_pass() -> None:
    assert not passes({"tests": []})


def test_no_cell_is_shown(window: pd.DataFrame, planted: Callable[..., UseCase]) -> None:
    names = pd.Series([f"Jo{n}@example.org" for n in range(len(window))]).astype("str")

    report = leakage_report(window.assign(mail=names), planted("mail", type="string"))

    assert "example.org" not in json.dumps(report)
