"""Leakage tests: each planted leak is found, real leaks without being told, honest data passes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest, norm
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.metrics import roc_auc_score

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import build_features
from mlops_assets.data.leakage.column_power import MIN_PER_CLASS, single_column_power
from mlops_assets.data.leakage.leakage import (
    exists_only_with_label,
    find_leaks,
    judge_columns,
    mirrors_target,
    predicts_too_well,
)
from mlops_assets.data.leakage.report import leakage_report, passes
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
SEEDS = st.integers(0, 2**32 - 1)


def labels_of(rows: int, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    labels = (np.arange(rows) < share * rows).astype(np.int64)
    return rng.permutation(labels)


def honest_rows(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Columns of every type that know nothing of any label."""
    return pd.DataFrame(
        {
            "size": rng.normal(size=rows),
            "parcels": rng.integers(0, 50, rows),
            "weight": pd.Series(rng.normal(size=rows)).mask(rng.random(rows) < 0.3),
            "city": pd.Series(rng.choice(["Ghent", "Lille", "Metz"], rows)).astype("str"),
            "street": pd.Series(rng.integers(0, rows, rows)).astype("str"),
            "fragile": rng.random(rows) < 0.2,
            "due": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 90_000, rows), unit="min"),
        }
    )


def verdicts(found: Any) -> dict[tuple[str, str | None], str]:
    return {(f.name, f.column): f.verdict for f in found if f.verdict != "ok"}


# One column alone


@pytest.mark.parametrize("share", [0.2, 0.5])
@pytest.mark.parametrize("agreement", [0.6, 0.85, 1.0])
@pytest.mark.parametrize("flipped", [False, True])
def test_the_power_of_a_binary_column_is_its_roc_auc(
    share: float, agreement: float, flipped: bool
) -> None:
    # Positives and negatives divide evenly over the folds, so that the folds' mean is exact.
    labels = np.repeat([1, 0], [int(1000 * share), int(1000 * (1 - share))]).astype(np.int64)
    agrees = np.concatenate(
        [np.arange(n) < agreement * n for n in (1000 * share, 1000 * (1 - share))]
    )
    column = np.where(agrees, labels, 1 - labels)

    power = single_column_power(pd.Series(1 - column if flipped else column), labels, seed=3)

    assert power == pytest.approx(roc_auc_score(labels, column), abs=1e-12)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_the_power_of_a_number_is_close_to_its_roc_auc_in_either_direction(
    direction: float,
) -> None:
    rng = np.random.default_rng(1)
    labels = labels_of(8000, 0.3, rng)
    numbers = rng.normal(size=8000) + 1.5 * labels

    power = single_column_power(pd.Series(direction * numbers), labels, seed=0)

    assert power == pytest.approx(roc_auc_score(labels, numbers), abs=0.01)


def test_a_power_without_order_is_seen() -> None:
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=4000)
    labels = (np.abs(numbers) > 1.0).astype(np.int64)

    power = single_column_power(pd.Series(numbers), labels, seed=0)

    assert power is not None and power > 0.99
    assert roc_auc_score(labels, numbers) == pytest.approx(0.5, abs=0.05)


def test_missing_is_a_level_of_its_own_in_every_type() -> None:
    rng = np.random.default_rng(3)
    labels = labels_of(1000, 0.4, rng)
    gone = labels == 1
    columns = honest_rows(1000, rng)[["size", "city", "due"]]
    columns["parcels"] = pd.array(rng.integers(0, 9, 1000), "Int64")
    columns["fragile"] = pd.array(rng.random(1000) < 0.5, "boolean")

    for name in columns:
        assert single_column_power(columns[name].mask(gone), labels, seed=0) == 1.0, name


@pytest.mark.parametrize("unit", ["hour", "day_of_week"])
def test_a_calendar_part_counts_as_the_timestamp(unit: str) -> None:
    rng = np.random.default_rng(4)
    times = honest_rows(3000, rng)["due"]
    early = getattr(times.dt, unit) < (12 if unit == "hour" else 3)

    power = single_column_power(times, early.to_numpy().astype(np.int64), seed=0)

    assert power is not None and power > 0.999


@settings(max_examples=30)
@given(seed=SEEDS, rows=st.integers(60, 600))
def test_noise_has_no_power_however_many_levels_it_has(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    labels = labels_of(rows, 0.5, rng)
    names = pd.Series([f"n{number}" for number in rng.permutation(rows)])

    power = single_column_power(names, labels, seed=seed)

    assert power == pytest.approx(0.5, abs=1e-12)


def test_what_ranks_the_held_rows_wrongly_is_chance_and_no_leak_turned_round() -> None:
    # Each value is there twice, once in either class: the one misleads about the other.
    labels = np.tile([0, 1], 100).astype(np.int64)
    twins = pd.Series([f"pair {number // 2}" for number in range(200)])

    assert single_column_power(twins, labels, seed=0) == 0.5


@pytest.mark.parametrize("positives", [0, MIN_PER_CLASS - 1])
def test_too_few_rows_of_a_class_are_not_judged(positives: int) -> None:
    labels = (np.arange(500) < positives).astype(np.int64)

    assert single_column_power(pd.Series(np.arange(500)), labels, seed=0) is None
    found = predicts_too_well(pd.DataFrame({"size": np.arange(500)}), labels, seed=0)
    assert verdicts(found) == {("predicts_too_well", "size"): "unknown"}


@pytest.mark.parametrize("value", [1, None, "one"])
def test_a_constant_has_no_power(value: Any) -> None:
    labels = labels_of(200, 0.5, np.random.default_rng(0))

    assert single_column_power(pd.Series([value] * 200), labels, seed=0) is None


def test_infinite_numbers_and_large_classes_are_ranked() -> None:
    rng = np.random.default_rng(5)
    labels = labels_of(40_000, 0.5, rng)
    numbers = pd.Series(np.where(labels == 1, np.inf, rng.normal(size=40_000)))

    assert single_column_power(numbers, labels, seed=0) == 1.0


# Judging the columns of unknown data


def read(project: Path, use_case: str, batch: str) -> pd.DataFrame:
    return pd.read_parquet(project / f"mlops_assets/defs/{use_case}/data/{batch}.parquet")


@pytest.mark.parametrize("batch", ["2013-01", "2013-04", "2013-11"])
def test_the_three_leaks_of_the_flights_are_found_and_nothing_else(
    project: Path, batch: str
) -> None:
    rows = read(project, "flight_delays", batch)

    found = judge_columns(rows.drop(columns="late"), rows["late"], seed=0)

    leaks = {"departure_delay", "air_time", "arrival_delay"}
    assert {f.column for f in found if f.verdict == "leak"} == leaks
    assert {f.column for f in found if f.verdict != "ok"} == leaks
    assert find_leaks(rows.drop(columns="late"), rows["late"], seed=0) == tuple(
        f for f in found if f.verdict == "leak"
    )


def test_among_labelled_flights_the_delays_are_seen_by_their_power(project: Path) -> None:
    rows = read(project, "flight_delays", "2013-01").dropna(subset="late")

    found = judge_columns(rows.drop(columns="late"), rows["late"], seed=0)

    assert verdicts(found) == {
        ("predicts_too_well", "arrival_delay"): "leak",
        ("predicts_too_well", "departure_delay"): "suspicious",
    }


def test_nothing_is_found_in_the_employment_data(project: Path) -> None:
    rows = read(project, "employment", "2015")

    assert verdicts(judge_columns(rows.drop(columns="employed"), rows["employed"], seed=0)) == {}


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_iris])
@pytest.mark.parametrize("positive", [0, 1])
def test_strong_but_honest_measurements_warn_and_do_not_block(
    load: Callable[..., Any], positive: int
) -> None:
    data = load(as_frame=True)

    found = judge_columns(data.data, data.target == positive, seed=0)

    assert "leak" not in verdicts(found).values()
    strongest = max(found, key=lambda f: f.number or 0.0)
    expected = "suspicious" if (strongest.number or 0.0) >= 0.95 else "ok"
    assert strongest.verdict == expected


@settings(max_examples=40)
@given(seed=SEEDS, rows=st.integers(100, 800), share=st.floats(0.25, 0.75))
def test_nothing_is_found_in_random_data(seed: int, rows: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    target = pd.Series(labels_of(rows, share, rng)).astype(object)
    target[rng.random(rows) < 0.2] = None
    if target.value_counts().min() < MIN_PER_CLASS:
        return

    assert verdicts(judge_columns(honest_rows(rows, rng), target, seed=seed)) == {}


@settings(max_examples=20)
@given(seed=SEEDS, copies=st.integers(1, 3))
def test_copies_of_a_leak_do_not_hide_each_other(seed: int, copies: int) -> None:
    rng = np.random.default_rng(seed)
    labels = labels_of(500, 0.3, rng)
    rows = honest_rows(500, rng)
    for number in range(copies):
        rows[f"cost{number}"] = 100.0 * labels + rng.normal(size=500)

    found = find_leaks(rows, pd.Series(labels), seed=seed)

    assert {f.column for f in found if f.name == "predicts_too_well"} == {
        f"cost{number}" for number in range(copies)
    }


@settings(max_examples=15)
@given(seed=SEEDS, sign=st.sampled_from([1.0, -1.0]), names=st.permutations(list("abcdefgh")))
def test_names_order_and_direction_do_not_change_a_verdict(
    seed: int, sign: float, names: list[str]
) -> None:
    rng = np.random.default_rng(seed)
    labels = labels_of(400, 0.4, rng)
    rows = honest_rows(400, rng).assign(cost=50.0 * labels + rng.normal(size=400))
    renamed = rows.assign(cost=sign * rows["cost"]).set_axis(names, axis=1)
    drawn = rng.permutation(400)

    first = find_leaks(rows, pd.Series(labels), seed=1)
    second = find_leaks(renamed.iloc[drawn], pd.Series(labels[drawn]), seed=2)

    back = dict(zip(names, rows.columns, strict=True))
    assert [f.column for f in first] == ["cost"]
    assert [(f.name, back[str(f.column)]) for f in second] == [(f.name, f.column) for f in first]


def informed(labels: NDArray[np.int64], auc: float, rng: np.random.Generator) -> Any:
    """Normal numbers of two classes that a ROC AUC of ``auc`` lies between."""
    return rng.normal(size=len(labels)) + np.sqrt(2.0) * norm.ppf(auc) * labels


@pytest.mark.parametrize(("helpers", "expected"), [(4, None), (0, "suspicious")])
def test_a_strong_column_is_suspicious_only_far_above_the_others_together(
    helpers: int, expected: str | None
) -> None:
    rng = np.random.default_rng(11)
    labels = labels_of(4000, 0.5, rng)
    rows = pd.DataFrame({"strong": informed(labels, 0.9, rng), "noise": rng.normal(size=4000)})
    for number in range(helpers):
        rows[f"helper{number}"] = informed(labels, 0.72, rng)

    found = verdicts(predicts_too_well(rows, labels, seed=0))

    assert found == ({("predicts_too_well", "strong"): expected} if expected else {})


@pytest.mark.parametrize(
    ("strong", "other", "alone", "beside"),
    [(0.9995, 0.97, "leak", "suspicious"), (0.88, 0.84, "suspicious", "ok")],
)
def test_a_known_leak_is_no_yardstick(strong: float, other: float, alone: str, beside: str) -> None:
    rng = np.random.default_rng(12)
    labels = labels_of(6000, 0.5, rng)
    columns = {"strong": informed(labels, strong, rng), "other": informed(labels, other, rng)}
    rows = pd.DataFrame(columns)

    for known, expected in ((("other",), alone), ((), beside)):
        found = predicts_too_well(rows, labels, seed=0, not_compared=known)
        assert found[0].verdict == expected


def test_targets_of_text_many_classes_and_numbers_are_judged_too() -> None:
    rng = np.random.default_rng(6)
    rows = honest_rows(900, rng)
    targets = {
        "words": pd.Series(np.where(rng.random(900) < 0.3, "yes", "no")),
        "classes": pd.Series(rng.choice(["red", "green", "blue"], 900, p=[0.5, 0.3, 0.2])),
        "codes": pd.Series(rng.choice([0, 1, 2], 900, p=[0.3, 0.2, 0.5])),
        "price": pd.Series(rng.gamma(2.0, 3.0, 900)),
    }

    for name, target in targets.items():
        found = judge_columns(rows.assign(copy=target), target, seed=0)
        assert {c for (_, c), v in verdicts(found).items() if v == "leak"} == {"copy"}, name


def test_nested_values_are_judged() -> None:
    rng = np.random.default_rng(7)
    labels = labels_of(300, 0.5, rng)
    tags = pd.Series([["late"] if label else [] for label in labels])

    assert find_leaks(pd.DataFrame({"tags": tags}), pd.Series(labels), seed=0)[0].column == "tags"


# Missing together with the label


def test_what_is_missing_with_the_label_is_a_leak_and_what_is_often_missing_is_not() -> None:
    rng = np.random.default_rng(8)
    labelled = rng.random(2000) < 0.9
    rows = pd.DataFrame(
        {
            "outcome_time": np.where(labelled, 1.0, np.nan),
            "mostly": np.where(labelled | (rng.random(2000) < 0.2), 1.0, np.nan),
            "anywhere": np.where(rng.random(2000) < 0.3, 1.0, np.nan),
            "bad_times": np.where(rng.random(2000) < np.where(labelled, 0.8, 0.5), 1.0, np.nan),
            "always": 1.0,
            "opposite": np.where(labelled, np.nan, 1.0),
        }
    )

    found = {f.column: f for f in exists_only_with_label(rows, labelled)}

    assert {c for c, f in found.items() if f.verdict == "leak"} == {"outcome_time", "mostly"}
    gone = rows["bad_times"].isna()
    wilson = binomtest(int(gone[~labelled].sum()), int((~labelled).sum())).proportion_ci(
        confidence_level=2 * norm.cdf(3.0) - 1, method="wilson"
    )
    assert found["bad_times"].number == pytest.approx(wilson.low - gone[labelled].mean())


def test_a_few_rows_without_label_prove_nothing() -> None:
    labelled = np.arange(300) >= 8
    rows = pd.DataFrame({"late_column": np.where(labelled, 1.0, np.nan), "other": 1})

    assert verdicts(exists_only_with_label(rows, labelled)) == {}


def test_blank_rows_accuse_no_column() -> None:
    labelled = np.arange(300) >= 100
    rows = pd.DataFrame(
        {"a": np.where(labelled, 1.0, np.nan), "b": np.where(labelled, 2.0, np.nan)}
    )

    assert [f.verdict for f in exists_only_with_label(rows, labelled)] == ["ok"]


def test_without_any_label_nothing_is_known() -> None:
    rows = pd.DataFrame({"a": [1, 2, 3]})

    assert [f.verdict for f in exists_only_with_label(rows, np.zeros(3, bool))] == ["unknown"]


# Copies of the target


@pytest.mark.parametrize("share", [0.5, 0.003])
@pytest.mark.parametrize("missing", [False, True])
def test_a_copy_of_the_target_under_other_names_is_found(share: float, missing: bool) -> None:
    labels = labels_of(20_000, share, np.random.default_rng(9))
    copy = pd.Series(np.where(labels == 1, "paid", "open")).astype("str")
    copy = copy.mask(labels == 0) if missing else copy
    blurred = pd.Series(np.where(np.arange(20_000) % 50 == 0, 1 - labels, labels))
    # Nearly every row agrees with a constant where one class is rare.
    rare = pd.Series(np.arange(20_000) == 0)
    # The one holds a class and more, the other divides a class into two levels.
    wider = pd.Series((labels == 1) | (np.arange(20_000) % 7 == 0))
    finer = pd.Series(labels * (1 + (np.arange(20_000) % 5 < 2)))
    rows = pd.DataFrame(
        {"copy": copy, "blurred": blurred, "rare": rare, "wider": wider, "finer": finer}
    )

    assert verdicts(mirrors_target(rows, labels)) == {("mirrors_target", "copy"): "leak"}


# The report of a training window


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
