"""The predictor asks the model exactly what it was given, or says which column is wrong."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlops_assets.serving.predictor import InputError, Predictor

TYPES = {
    "city": TensorProto.STRING,
    "amount": TensorProto.DOUBLE,
    "seen": TensorProto.INT64,
    "member": TensorProto.BOOL,
}


def model_of(
    inputs: dict[str, int], outputs: tuple[str, str] = ("label", "probabilities")
) -> bytes:
    """A model by hand: the probability is the sigmoid of ``amount``, all else is unread."""
    node = helper.make_node
    nodes = [
        node("Cast", ["amount"], ["x"], to=TensorProto.FLOAT),
        node("Mul", ["x", "signs"], ["scores"]),
        node("Sigmoid", ["scores"], [outputs[1]]),
        node("ArgMax", [outputs[1]], [outputs[0]], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info(name, kind, ["n", 1]) for name, kind in inputs.items()],
        [
            helper.make_tensor_value_info(outputs[0], TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info(outputs[1], TensorProto.FLOAT, ["n", 2]),
        ],
        [numpy_helper.from_array(np.array([[-1, 1]], np.float32), "signs")],
    )
    made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
    onnx.checker.check_model(made)
    serialized: bytes = made.SerializeToString()
    return serialized


MODEL = model_of(TYPES)


def columns(rows: int = 3, **changed: Any) -> dict[str, NDArray[Any]]:
    return {
        "city": np.array(["Oslo"] * rows, dtype=object),
        "amount": np.linspace(-2, 2, rows),
        "seen": np.arange(rows),
        "member": np.ones(rows, dtype=bool),
    } | changed


def test_answers_signature_and_types(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(MODEL)
    for source in (MODEL, path, str(path)):
        predictor = Predictor(source)
        assert predictor.signature == {
            "city": "string",
            "amount": "double",
            "seen": "int64",
            "member": "bool",
        }
        answer = predictor.predict(columns())
        assert answer.label.tolist() == [0, 0, 1]
        assert answer.label.dtype == np.int64
        expected = 1 / (1 + np.exp([2.0, 0.0, -2.0]))
        np.testing.assert_allclose(answer.probabilities[:, 1], expected, atol=1e-6)
        assert answer.probabilities.shape == (3, 2)


@given(
    rows=st.integers(0, 40),
    chunk_rows=st.integers(1, 50),
    threads=st.integers(1, 4),
)
def test_answers_depend_neither_on_chunks_nor_on_threads(
    rows: int, chunk_rows: int, threads: int
) -> None:
    asked = columns(rows, amount=np.random.default_rng(rows).normal(size=rows))
    whole = Predictor(MODEL).predict(asked)
    parts = Predictor(MODEL, threads=threads, chunk_rows=chunk_rows).predict(asked)
    np.testing.assert_array_equal(parts.label, whole.label)
    np.testing.assert_array_equal(parts.probabilities, whole.probabilities)
    assert len(whole.label) == rows


def test_no_rows_have_no_answers() -> None:
    answer = Predictor(MODEL).predict(columns(0))
    assert (answer.label.shape, answer.label.dtype) == ((0,), np.int64)
    assert (answer.probabilities.shape, answer.probabilities.dtype) == ((0, 2), np.float32)


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
    assert len(Predictor(MODEL).predict(columns(**changed)).label) == 3


@pytest.mark.parametrize(
    ("field", "values", "problem"),
    [
        ("city", np.array([1, 2, 3]), "strings are needed"),
        ("city", np.array(["a", None, "b"], dtype=object), "row 1 holds None.*missing is ''"),
        ("city", np.array(["a", "b", np.nan], dtype=object), "row 2 holds nan"),
        ("city", np.array([b"a", b"b", b"c"]), "strings are needed"),
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
        Predictor(MODEL).predict(columns(**{field: values}))
    assert caught.value.field == field


def test_a_missing_column_is_named() -> None:
    asked = columns()
    del asked["amount"]
    with pytest.raises(InputError, match=r"'amount': is missing.*double"):
        Predictor(MODEL).predict(asked)


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(InputError, match="'ammount': is no input"):
        Predictor(MODEL).predict(columns(ammount=np.zeros(3)))


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"outputs are \['output', 'scores_out'\]"):
        Predictor(model_of({"amount": TensorProto.DOUBLE}, ("output", "scores_out")))
    with pytest.raises(ValueError, match=r"tensor\(float\)"):
        Predictor(model_of({"amount": TensorProto.FLOAT}))


def test_serving_needs_numpy_and_onnx_runtime_only() -> None:
    heavy = ("dagster", "sklearn", "pandas", "onnx", "scipy")
    program = (
        "import sys, mlops_assets.serving.predictor;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
