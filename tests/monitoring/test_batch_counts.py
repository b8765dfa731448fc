"""Counting a batch chunk by chunk gives what counting its frame gives."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prediction"))

from predicted_project import cleaned_rows, use_case_of

from mlops_assets.data.labels import encode_labels
from mlops_assets.data.parquet_files import read_chunks
from mlops_assets.monitoring import batch_counts, histograms
from mlops_assets.prediction import answer_columns
from mlops_assets.target_declaration import Task


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_counts, "read_chunks", partial(read_chunks, rows=37))
    monkeypatch.setattr(answer_columns, "read_chunks", partial(read_chunks, rows=41))


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
def test_counts_are_those_of_the_frame(
    declared: Callable[[], dict[str, Any]], tmp_path: Path, task: Task
) -> None:
    use_case = use_case_of(declared(), task)
    rows = cleaned_rows(500, task)
    width = 1 if task == "binary" else 3
    answers = np.random.default_rng(0).random((500, width)).astype(np.float32)
    names = {
        "binary": ["probability.0", "probability.1"],
        "multiclass": ["probability.a", "probability.b", "probability.c"],
        "regression": ["prediction", "lower", "upper"],
    }[task]
    stored = [1 - answers[:, 0], answers[:, 0]] if task == "binary" else list(answers.T)
    pq.write_table(rows, tmp_path / "rows.parquet")
    pq.write_table(pa.table(dict(zip(names, stored, strict=True))), tmp_path / "answers.parquet")
    watched = {**use_case.inputs, "age": use_case.columns["age"]}
    frame = rows.to_pandas()
    summary = histograms.with_scores(
        histograms.summarise(cleaned_rows(400, task, 3).to_pandas(), watched),
        histograms.summarise_scores(use_case.target, answers[:200].astype(np.float64)),
    )
    found = batch_counts.count_batch(
        tmp_path / "rows.parquet", tmp_path / "answers.parquet", summary
    )
    expected = histograms.count(frame, summary)
    expected |= histograms.count_scores(answers.astype(np.float64), summary)
    assert {n: c.tolist() for n, c in found.items()} == {n: c.tolist() for n, c in expected.items()}
    known = frame[use_case.target.column].dropna()
    labels = encode_labels(known, use_case.target)
    outcomes = histograms.summarise_outcomes(use_case.target, labels)
    counted = batch_counts.count_batch_outcomes(
        tmp_path / "rows.parquet", use_case.target, outcomes
    )
    assert counted is not None
    assert counted.tolist() == histograms.count_outcomes(labels, outcomes).tolist()


def test_a_column_that_is_gone_is_left_out_and_no_label_is_no_count(
    declared: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    use_case, rows = use_case_of(declared()), cleaned_rows(100)
    summary = histograms.summarise(rows.to_pandas(), use_case.inputs)
    unlabelled = rows.drop_columns(["city", "late"]).append_column(
        "late", pa.nulls(100, pa.bool_())
    )
    pq.write_table(unlabelled, tmp_path / "rows.parquet")
    pq.write_table(
        pa.table({"probability.0": [0.5], "probability.1": [0.5]}), tmp_path / "a.parquet"
    )
    found = batch_counts.count_batch(tmp_path / "rows.parquet", tmp_path / "a.parquet", summary)
    assert "city" not in found
    assert found["amount"].sum() == 100
    assert batch_counts.count_batch_outcomes(tmp_path / "rows.parquet", use_case.target, {}) is None
