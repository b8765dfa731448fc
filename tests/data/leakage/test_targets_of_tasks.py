"""Leaks of targets with several classes or numbers: each planted one is found, honest data is not
accused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_leaks import SEEDS, honest_rows, verdicts
from scipy.stats import spearmanr
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import build_features
from mlops_assets.data.leakage.copies import follows_target, mirrors_target
from mlops_assets.data.leakage.leakage import find_leaks, gives_target_away, judge_columns
from mlops_assets.data.leakage.report import failing, leakage_report
from mlops_assets.data.leakage.target_views import Judged
from mlops_assets.use_case import UseCase

ROWS = 900


def classes_of(rng: np.random.Generator) -> Any:
    return rng.choice([0, 1, 2], ROWS, p=[0.5, 0.3, 0.2])


def leaks(rows: pd.DataFrame, judged: Judged) -> set[str | None]:
    found = [*gives_target_away(rows, judged, seed=0)]
    if judged.task == "regression":
        found += follows_target(rows, judged.labels.astype(float), seed=0)
    else:
        found += mirrors_target(rows, judged.labels)
    return {finding.column for finding in found if finding.verdict == "leak"}


@settings(max_examples=15)
@given(seed=SEEDS)
def test_each_kind_of_leak_of_a_class_is_found_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = classes_of(rng)
    planted = {
        "copy": np.array(["b", "c", "a"])[labels],
        "is_rarest": labels == 2,
        "cost_of_one": np.where(labels == 1, 100.0, 0.0) + rng.normal(size=ROWS),
    }
    rows = honest_rows(ROWS, rng).assign(**planted)

    assert leaks(rows, Judged("multiclass", labels)) == set(planted)


@settings(max_examples=15)
@given(seed=SEEDS, sign=st.sampled_from([1.0, -1.0]))
def test_each_kind_of_leak_of_a_number_is_found_and_nothing_else(seed: int, sign: float) -> None:
    rng = np.random.default_rng(seed)
    price = rng.gamma(2.0, 3.0, ROWS)
    planted = {
        "copy": price,
        "linear": sign * 2.54 * price + 7.0,
        "monotone": sign * np.log(price),
        "rounded": np.round(price, 1),
        "gaps": pd.Series(price).mask(rng.random(ROWS) < 0.5),
        "is_dear": price > np.quantile(price, 0.8),
        "range": pd.cut(pd.Series(price), 5, labels=list("edcba")).astype("str"),
        "nearly": price + rng.normal(0.0, 0.01, ROWS),
    }
    rows = honest_rows(ROWS, rng).assign(**planted)

    assert leaks(rows, Judged("regression", price)) == set(planted)


@settings(max_examples=25)
@given(seed=SEEDS, task=st.sampled_from(["multiclass", "regression"]))
def test_nothing_is_found_in_random_data(seed: int, task: Any) -> None:
    rng = np.random.default_rng(seed)
    rows = honest_rows(ROWS, rng)
    labels = classes_of(rng) if task == "multiclass" else rng.normal(size=ROWS)

    found = [*gives_target_away(rows, Judged(task, labels), seed=seed)]
    found += judge_columns(rows, pd.Series(labels), seed=seed)

    assert verdicts(found) == {}


@settings(max_examples=10)
@given(seed=SEEDS)
def test_a_number_that_is_only_strongly_related_does_not_block(seed: int) -> None:
    rng = np.random.default_rng(seed)
    price = rng.normal(size=ROWS)
    rows = honest_rows(ROWS, rng).assign(related=price + rng.normal(0.0, 0.5, ROWS))

    assert leaks(rows, Judged("regression", price)) == set()


@pytest.mark.parametrize(
    ("load", "what"),
    [(load_iris, {}), (load_wine, {}), (load_digits, {"n_class": 4}), (load_diabetes, {})],
)
def test_measurements_of_known_sets_do_not_block(
    load: Callable[..., Any], what: dict[str, int]
) -> None:
    data = load(as_frame=True, **what)

    assert find_leaks(data.data, data.target, seed=0) == ()


def test_the_rank_correlation_is_that_of_scipy() -> None:
    rng = np.random.default_rng(3)
    target = np.round(rng.normal(size=ROWS), 1)
    rows = pd.DataFrame({"a": target + rng.normal(size=ROWS), "b": -np.round(target + 0.1, 0)})
    rows["b"] += rng.integers(0, 30, ROWS)

    found = {f.column: f.number for f in follows_target(rows, target, seed=0)}

    assert found == {
        name: pytest.approx(abs(spearmanr(rows[name], target).statistic)) for name in ("a", "b")
    }


def test_too_few_rows_accuse_no_column() -> None:
    rng = np.random.default_rng(4)
    price = rng.normal(size=ROWS)
    rows = pd.DataFrame(
        {
            "few": pd.Series(price).mask(np.arange(ROWS) >= 39),
            "rare": price > np.sort(price)[-10],
            "name": [f"n{place}" for place in range(ROWS)],
        }
    )

    assert follows_target(rows, price, seed=0) == []


def test_a_class_of_few_rows_is_no_question_and_of_all_few_nothing_is_known() -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], [400, 490, 10])
    rows = honest_rows(ROWS, rng).assign(copy=labels.astype(str))

    assert leaks(rows, Judged("multiclass", labels)) == {"copy"}
    few = np.repeat([0, 1, 2], 6)
    found = gives_target_away(rows.iloc[:18][["size"]], Judged("multiclass", few), seed=0)
    assert [f.verdict for f in found] == ["unknown"]
    assert "one answer has fewer than 20 rows" in found[0].explanation


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_half_of_the_numbers_may_be_one(share: float, sign: float) -> None:
    rng = np.random.default_rng(6)
    waits = np.where(rng.random(ROWS) < share, 0.0, sign * rng.gamma(2.0, 3.0, ROWS))

    (view,) = Judged("regression", waits).views()

    assert 0.2 < view.answers.mean() < 0.8
    assert waits[view.answers == 1].min() > waits[view.answers == 0].max()


def test_the_delay_of_flights_has_its_leaks_found(project: Any) -> None:
    path = project / "mlops_assets/defs/flight_delays/data/2013-01.parquet"
    rows = pq.read_table(path).to_pandas()

    found = find_leaks(rows.drop(columns="arrival_delay"), rows["arrival_delay"], seed=0)

    assert {f.column for f in found} == {"departure_delay", "air_time", "late"}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_the_report_of_a_window_finds_a_leak_among_its_inputs(
    task: Any,
    use_case_of: Callable[..., UseCase],
    batch_of: Callable[..., pa.Table],
    declared: Callable[[], dict[str, Any]],
) -> None:
    raw = batch_of(task, rows=1500)
    columns = declared()["columns"]
    columns["note"] = {"type": "string" if task == "multiclass" else "number", "nullable": True}
    leaking = raw.set_column(raw.column_names.index("note"), "note", raw.column("late"))

    for batch, blocking in ((raw, set()), (leaking, {"note"})):
        own = columns if blocking else declared()["columns"]
        use_case = use_case_of(task, columns=own)
        cleaned = {"2020-01": clean(batch, use_case, "2020-01").rows.to_pandas()}
        report = leakage_report(build_features(cleaned, use_case), use_case, cleaned)
        found = {one["column"] for one in failing(report) if one["name"] != "identifier"}
        assert found == blocking
