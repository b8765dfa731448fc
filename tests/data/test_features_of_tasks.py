"""The training window of classes and of numbers: encoded, described, and the same every time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import SPLIT_NAMES, build_features, describe_features
from mlops_assets.data.window import describe_window
from mlops_assets.target_declaration import Task
from mlops_assets.use_case import UseCase

UseCaseOf = Callable[..., UseCase]
BatchOf = Callable[..., pa.Table]
MONTHS = ("2020-01", "2020-02")


def window(use_case: UseCase, batches: dict[str, pa.Table]) -> tuple[Any, ...]:
    made = {month: clean(batch, use_case, month) for month, batch in batches.items()}
    cleaned = {month: one.rows.to_pandas() for month, one in made.items()}
    return build_features(cleaned, use_case), cleaned, {m: one.counts for m, one in made.items()}


def batches(task: Task, batch_of: BatchOf) -> dict[str, pa.Table]:
    return {month: batch_of(task, month, seed=place) for place, month in enumerate(MONTHS)}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_labels_are_encoded_and_missing_ones_dropped(
    task: Task, use_case_of: UseCaseOf, batch_of: BatchOf
) -> None:
    raw = batches(task, batch_of)

    features, _, _ = window(use_case_of(task), raw)

    given = pa.concat_tables(raw.values()).column("late").drop_null().to_pylist()
    if task == "multiclass":
        given = [("early", "on time", "late").index(word) for word in given]
    assert features["late"].tolist() == given
    assert features["late"].dtype == (np.int64 if task == "multiclass" else np.float64)


def test_the_target_is_described_with_the_variance_of_the_train_labels(
    use_case_of: UseCaseOf, batch_of: BatchOf
) -> None:
    for task in ("binary", "multiclass", "regression"):
        use_case = use_case_of(task)
        features, cleaned, counts = window(use_case, batches(task, batch_of))  # type: ignore[arg-type]

        facts = describe_features(features, use_case, dict.fromkeys(cleaned, "0"), counts, {})

        train = features.loc[features["split"] == "train", "late"]
        spread = float(np.var(train)) if task == "regression" else 1.0
        expected = {"column": "late", "task": task, "variance": pytest.approx(spread, rel=1e-12)}
        assert facts["target"] == expected
        assert json_bytes(facts)
        for name in SPLIT_NAMES:
            own = features.loc[features["split"] == name, "late"]
            assert facts["splits"][name]["rows"] == len(own)
            if task == "regression":
                assert facts["splits"][name]["mean"] == pytest.approx(own.mean(), rel=1e-8)
            if task == "multiclass":
                shares = facts["splits"][name]["class_shares"]
                assert shares["late"] == pytest.approx((own == 2).mean(), abs=1e-6)


def test_a_class_that_no_train_row_has_is_named(use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    raw = batches("multiclass", batch_of)
    gone = {month: batch.filter(pc.field("late") != "early") for month, batch in raw.items()}

    with pytest.raises(BatchError, match="no train row of 'late' is of class 'early'"):
        window(use_case_of("multiclass"), gone)


def test_a_constant_number_is_nothing_to_learn(use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    raw = batch_of("regression")
    same = raw.set_column(
        raw.column_names.index("late"), "late", pa.array(np.full(raw.num_rows, 7.0))
    )

    with pytest.raises(BatchError, match="the target is constant: 'late' is one number"):
        window(use_case_of("regression"), {"2020-01": same})


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_every_document_of_a_window_of_two_hundred_rows_is_made(
    task: Task, use_case_of: UseCaseOf, batch_of: BatchOf
) -> None:
    use_case = use_case_of(task)
    raw = batch_of(task, rows=200)
    nothing = pa.nulls(200, pa.float64())
    raw = raw.set_column(raw.column_names.index("weight"), "weight", nothing)
    features, cleaned, counts = window(use_case, {"2020-01": raw})

    made = [
        describe_window(
            features.copy(),
            cleaned,
            use_case,
            cleaned={"2020-01": "0"},
            counts=counts,
            excluded={},
        )
        for _ in range(2)
    ]

    assert json_bytes(made[0]) == json_bytes(made[1])
    tests = {(one["name"], one["column"]): one for one in made[0]["leakage.json"]["tests"]}
    assert tests["constant", "weight"]["verdict"] == "suspicious"
    assert isinstance(features, pd.DataFrame)
