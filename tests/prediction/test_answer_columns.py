"""Answers are the same to the last digit when they come back from the file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from predicted_project import cleaned_rows

from mlops_assets.answers import from_outputs
from mlops_assets.prediction.answer_columns import answer_chunks, answer_schema, read_answers
from mlops_assets.prediction.input_columns import model_inputs, to_tensors
from mlops_assets.prediction.scoring import score_parquet
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Task


def test_they_come_back_as_the_model_gave_them(
    bundles: dict[Task, Path], task: Task, tmp_path: Path
) -> None:
    rows, bundle = cleaned_rows(400, task), bundles[task]
    pq.write_table(rows, tmp_path / "rows.parquet")
    score_parquet(bundle, tmp_path / "rows.parquet", tmp_path / "answers.parquet")
    tensors = to_tensors(rows, model_inputs(bundle))
    expected = from_outputs(Predictor(bundle / "model.onnx").predict(tensors))
    found = read_answers(tmp_path / "answers.parquet")
    assert found.dtype == expected.dtype == np.float64
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_no_rows_are_no_answers_of_the_right_width(
    bundles: dict[Task, Path], task: Task, tmp_path: Path
) -> None:
    schema = answer_schema(bundles[task], with_row_id=False)
    pq.write_table(schema.empty_table(), tmp_path / "answers.parquet")
    width = {"binary": 1, "multiclass": 3, "regression": 3}[task]
    assert read_answers(tmp_path / "answers.parquet").shape == (0, width)
    assert [chunk.shape for chunk in answer_chunks(tmp_path / "answers.parquet")] == [(0, width)]


@pytest.mark.parametrize("with_row_id", [False, True])
def test_the_columns_are_named_by_what_they_hold(
    bundles: dict[Task, Path], with_row_id: bool
) -> None:
    first = ["row_id"] if with_row_id else []
    found = {t: answer_schema(b, with_row_id=with_row_id) for t, b in bundles.items()}
    assert found["binary"].names == [
        *first, "label", "probability.0", "probability.1", "outside_envelope"
    ]  # fmt: skip
    assert found["binary"].field("label").type == pa.int64()
    assert found["multiclass"].field("label").type == pa.string()
    assert "probability.middle, or so" in found["multiclass"].names
    assert found["regression"].names == [*first, "prediction", "lower", "upper", "outside_envelope"]
