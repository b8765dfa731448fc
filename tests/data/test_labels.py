"""Labels as models see them: encoded by the declaration, refused where nothing can be learned."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_assets.answers import Labels
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.labels import (
    encode_labels,
    label_figures,
    require_learnable,
    variance,
)
from mlops_assets.target_declaration import Target, Task
from mlops_assets.use_case import UseCase

TargetOf = Callable[[Task], Target]

CODES = Target(column="y", task="multiclass", type="integer", classes=(30, 10, 20))
BANDS = Target(
    column="y",
    task="multiclass",
    type="string",
    bands={"edges": (0.0, 1.0), "names": ("low", "middle", "high")},
)
NUMBERS = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("target", "values", "codes"),
    [
        (CODES, pd.Series([10, 30, 20]), [1, 0, 2]),
        (CODES, pd.Series([10.0, 30.0]), [1, 0]),
        (BANDS, pd.Series(["high", "low", "middle"]), [2, 0, 1]),
        (Target(column="y"), pd.Series([True, False], dtype=object), [1, 0]),
        (Target(column="y", type="integer"), pd.Series([1.0, 0.0]), [1, 0]),
    ],
)
def test_classes_are_their_positions_in_the_declaration(
    target: Target, values: pd.Series, codes: list[int]
) -> None:
    found = encode_labels(values, target)

    assert found.dtype == np.int64
    assert found.tolist() == codes


def test_numbers_are_themselves(target_of: TargetOf) -> None:
    found = encode_labels(pd.Series([3, -1], dtype="Int64"), target_of("regression"))

    assert (found.dtype, found.tolist()) == (np.float64, [3.0, -1.0])


def test_a_class_that_is_not_declared_is_an_error_without_its_name() -> None:
    with pytest.raises(BatchError, match="2 rows of 'y' are of no declared class") as error:
        encode_labels(pd.Series(["low", "secret", "secret"]), BANDS)
    assert "secret" not in str(error.value)


@given(NUMBERS)
def test_the_variance_is_exact_in_any_order(target_of: TargetOf, numbers: list[float]) -> None:
    target, labels = target_of("regression"), np.array(numbers)

    found = variance(labels, target)

    mean = sum(map(Fraction, numbers)) / len(numbers)
    exact = sum((Fraction(number) - mean) ** 2 for number in numbers) / len(numbers)
    assert found == pytest.approx(float(exact), rel=1e-9, abs=1e-6)
    assert found == variance(labels[::-1], target) == variance(np.sort(labels), target)


def test_classes_have_the_variance_one(target_of: TargetOf) -> None:
    for task in ("binary", "multiclass"):
        assert variance(np.array([0, 1, 1]), target_of(task)) == 1.0  # type: ignore[arg-type]


def test_figures_fit_the_task(target_of: TargetOf) -> None:
    assert label_figures(np.array([0, 1, 1]), target_of("binary")) == {"positive_share": 0.666667}
    assert label_figures(np.array([2, 0, 2, 2]), target_of("multiclass")) == {
        "class_shares": {"early": 0.25, "on time": 0.0, "late": 0.75}
    }
    assert label_figures(np.array([1.0, 2.0, 6.0]), target_of("regression")) == {
        "mean": 3.0,
        "standard_deviation": round(float(np.std([1.0, 2.0, 6.0])), 8),
        "quantiles": {"0.05": 1.1, "0.25": 1.5, "0.5": 2.0, "0.75": 4.0, "0.95": 5.6},
    }


CLASSES = np.array([0, 1, 2])
SPREAD = np.array([0.0, 1.0])


@pytest.mark.parametrize(
    ("task", "train", "calibration", "test", "problem"),
    [
        ("binary", [0, 1], [1, 1], [0, 1], r"the calibration split has 1 class\(es\) of 'late'"),
        ("binary", [0, 1], [0, 1], [], r"the test split has 0 class\(es\) of 'late', and two are"),
        ("multiclass", [0, 0], CLASSES, CLASSES, r"the train split has 1 class\(es\)"),
        ("multiclass", [0, 2], CLASSES, CLASSES,
         r"no train row of 'late' is of class 'on time': .* or take it out of target\.classes"),
        ("multiclass", CLASSES, CLASSES, [2, 2], r"the test split has 1 class\(es\)"),
        ("regression", [2.5] * 3, SPREAD, SPREAD, r"the target is constant: 'late' is one number"),
        ("regression", SPREAD, [], SPREAD, r"the calibration split has no row with a label"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_refused_with_what_to_do(
    task: Task, train: Any, calibration: Any, test: Any, problem: str, target_of: TargetOf
) -> None:
    labels = {"train": train, "calibration": calibration, "test": test}

    with pytest.raises(BatchError, match=problem):
        require_learnable({n: np.asarray(v) for n, v in labels.items()}, target_of(task))


@pytest.mark.parametrize(
    ("task", "train", "test"),
    [
        ("binary", [0, 1], [0, 1]),
        ("multiclass", CLASSES, [0, 2]),
        ("regression", SPREAD, [1.0, 1.0]),
    ],
)
def test_the_test_split_may_lack_a_class_or_be_one_number(
    task: Task, train: Labels, test: Labels, target_of: TargetOf
) -> None:
    labels = {"train": train, "calibration": train, "test": test}

    require_learnable({n: np.asarray(v) for n, v in labels.items()}, target_of(task))


def test_class_weights_are_for_classes(use_case_of: Callable[..., UseCase]) -> None:
    training = {"first_batches": 1, "remedies": {"class_weights": True}}

    assert use_case_of("multiclass", training=training).training.remedies.class_weights
    with pytest.raises(ValidationError, match="a regression has no classes to weigh"):
        use_case_of("regression", training=training)
