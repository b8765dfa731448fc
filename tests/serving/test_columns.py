"""What a model cannot be asked is refused, by the column's name and without a value of the data."""

from typing import Any

import numpy as np
import pytest
from handmade_models import MODELS, columns
from numpy.typing import NDArray

from mlops_assets.serving.columns import InputError
from mlops_assets.serving.predictor import Predictor

SURROGATE = np.array(["a", "\ud800 Maria", "c"], dtype=object)


@pytest.mark.parametrize(
    "changed",
    [
        {"city": np.array(["a", "b", ""])},
        {"city": np.array(["a", "b", ""], dtype=np.dtypes.StringDType())},
        {"city": np.array([["a"], ["b"], [""]], dtype=object)},
        {"amount": np.array([1, 2, 3], dtype=np.int32)},
        {"amount": np.array([1, np.nan, 3], dtype=np.float32)},
        {"seen": np.array([1, 2, 3], dtype=np.uint8)},
        {"seen": np.array([[1], [2], [3]], dtype=np.int16)},
    ],
)
def test_what_the_tensor_type_holds_is_taken(changed: dict[str, NDArray[Any]]) -> None:
    assert len(Predictor(MODELS["binary"]).predict(columns(**changed))["label"]) == 3


@pytest.mark.parametrize(
    ("field", "values", "problem"),
    [
        ("city", np.array([1, 2, 3]), "strings are needed"),
        ("city", np.array(["a", None, "b"], dtype=object), "row 1 is NoneType.*missing is ''"),
        ("city", np.array(["a", "b", np.nan], dtype=object), "row 2 is float"),
        ("city", np.array([b"a", b"b", b"c"]), "strings are needed"),
        ("city", SURROGATE, "no text"),
        ("amount", np.array(["1", "2", "3"]), "numbers are needed; missing is NaN"),
        ("amount", np.array([True, False, True]), "numbers are needed"),
        ("amount", np.array([1, None, 2], dtype=object), "numbers are needed"),
        ("amount", np.array([1, 1j, 2]), "numbers are needed"),
        ("amount", np.array([1, np.inf, 2]), "beyond 3.403e"),
        ("amount", np.array([1, -1e39, 2]), "beyond 3.403e"),
        ("seen", np.array([1.0, 2.0, 3.0]), "integers are needed"),
        ("seen", np.array(["2013-01-01"] * 3, dtype="datetime64[us]"), "integers are needed"),
        ("seen", np.array([1, 2, 2**63], dtype=np.uint64), "beyond the range of int64"),
        ("member", np.array([0, 1, 1]), "booleans are needed"),
        ("member", np.array([[True, False]] * 3), r"shape \[3, 2\]"),
        ("member", np.array(True), r"shape \[\]"),
        ("member", np.array([True, False]), "has 2 rows, where 'city' has 3"),
    ],
)
def test_what_is_wrong_is_named(field: str, values: NDArray[Any], problem: str) -> None:
    with pytest.raises(InputError, match=f"column '{field}': .*{problem}") as caught:
        Predictor(MODELS["binary"]).predict(columns(**{field: values}))
    assert caught.value.field == field
    assert (caught.value.kind, caught.value.status) == ("invalid_input", 400)


def test_no_error_tells_what_a_cell_holds() -> None:
    mixed = np.array(["Maria Roe", 4711, "x"], dtype=object)
    for values in (mixed, SURROGATE):
        with pytest.raises(InputError) as caught:
            Predictor(MODELS["binary"]).predict(columns(city=values))
        assert not any(secret in str(caught.value) for secret in ("Maria", "4711"))
        assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_the_row_at_fault_is_counted_from_the_first_block() -> None:
    values = np.array(["a"] * 70_000, dtype=object)
    values[69_999] = None
    with pytest.raises(InputError, match="row 69999"):
        Predictor(MODELS["binary"]).predict(columns(70_000, city=values))


def test_a_missing_column_is_named() -> None:
    asked = columns()
    del asked["amount"]
    with pytest.raises(InputError, match=r"'amount': is missing.*double"):
        Predictor(MODELS["binary"]).predict(asked)


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(InputError, match="'ammount': is no input"):
        Predictor(MODELS["binary"]).predict(columns(ammount=np.zeros(3)))
