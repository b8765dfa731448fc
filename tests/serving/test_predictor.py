"""The predictor asks the model exactly what it was given, and knows the outputs of every task."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from handmade_models import CLASS_NAMES, MODELS, binary_model, columns
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from mlops_assets.answers import from_outputs
from mlops_assets.serving.predictor import Predictor


def test_answers_signature_and_types(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(MODELS["binary"])
    for source in (MODELS["binary"], path, str(path)):
        predictor = Predictor(source)
        assert predictor.signature == {
            "city": "string",
            "amount": "double",
            "seen": "int64",
            "member": "bool",
        }
        assert predictor.outputs == ("label", "probabilities")
        answer = predictor.predict(columns())
        assert answer["label"].tolist() == [0, 0, 1]
        assert answer["label"].dtype == np.int64
        expected = 1 / (1 + np.exp([2.0, 0.0, -2.0]))
        np.testing.assert_allclose(answer["probabilities"][:, 1], expected, atol=1e-6)
        assert answer["probabilities"].shape == (3, 2)


def test_classes_are_answered_as_they_are_called() -> None:
    answer = Predictor(MODELS["multiclass"]).predict(columns())
    assert answer["label"].tolist() == [CLASS_NAMES[0], CLASS_NAMES[0], CLASS_NAMES[2]]
    assert answer["probabilities"].dtype == np.float32
    np.testing.assert_allclose(answer["probabilities"].sum(axis=1), 1, atol=1e-6)


def test_a_number_is_answered_with_its_interval() -> None:
    predictor = Predictor(MODELS["regression"])
    assert predictor.outputs == ("prediction", "interval")
    answer = predictor.predict(columns())
    np.testing.assert_allclose(answer["prediction"], [-2 / 3, 0, 2 / 3], rtol=1e-6)
    np.testing.assert_allclose(answer["interval"][0], [-5 / 3, 1 / 3], rtol=1e-6)
    assert from_outputs(answer).shape == (3, 3)


@given(
    task=st.sampled_from(sorted(MODELS)),
    rows=st.integers(0, 40),
    chunk_rows=st.integers(1, 50),
    threads=st.integers(1, 4),
)
def test_answers_depend_neither_on_chunks_nor_on_threads(
    task: str, rows: int, chunk_rows: int, threads: int
) -> None:
    asked = columns(rows, amount=np.random.default_rng(rows).normal(size=rows))
    whole = Predictor(MODELS[task]).predict(asked)
    parts = Predictor(MODELS[task], threads=threads, chunk_rows=chunk_rows).predict(asked)
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values)
        assert len(values) == rows


def test_no_rows_have_no_answers(task: str) -> None:
    predictor = Predictor(MODELS[task])
    none, one = predictor.predict(columns(0)), predictor.predict(columns(1))
    for name, values in none.items():
        assert values.dtype == one[name].dtype
        assert values.shape == (0, *one[name].shape[1:])


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"outputs are \['output', 'scores_out'\], neither"):
        Predictor(binary_model(outputs=("output", "scores_out")))
    with pytest.raises(ValueError, match=r"tensor\(float\)"):
        Predictor(binary_model({"amount": TensorProto.FLOAT}))


@pytest.mark.parametrize("module", ["predictor", "app", "server", "client", "golden_check"])
def test_serving_needs_numpy_and_onnx_runtime_only(module: str) -> None:
    heavy = ("dagster", "sklearn", "pandas", "onnx", "scipy")
    program = (
        f"import sys, mlops_assets.serving.{module};"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
