"""Every row of a file is answered as the model answers it, whatever the pieces and threads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from predicted_project import cleaned_rows

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.prediction import scoring
from mlops_assets.prediction.input_columns import model_inputs, to_tensors
from mlops_assets.prediction.scoring import column_names, score_parquet
from mlops_assets.serving.envelope import outside_envelope
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Task

Bundles = Mapping[Task, Path]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "CHUNK_ROWS", 64)


def written(folder: Path, table: pa.Table, group_rows: int = 131_072) -> Path:
    path = folder / "rows.parquet"
    pq.write_table(table, path, row_group_size=group_rows)
    return path


def test_the_answers_are_the_models_to_the_bit(
    bundles: Bundles, task: Task, tmp_path: Path
) -> None:
    rows, bundle = cleaned_rows(500, task), bundles[task]
    source, target = written(tmp_path, rows, 150), tmp_path / "answers.parquet"
    figures = score_parquet(bundle, source, target, row_id="id")
    tensors = to_tensors(rows, model_inputs(bundle))
    outputs = Predictor(bundle / "model.onnx").predict(tensors)
    answers = pq.read_table(target)
    assert answers.column("row_id").to_pylist() == rows.column("id").to_pylist()
    if task == "regression":
        expected = [outputs["prediction"], outputs["interval"][:, 0], outputs["interval"][:, 1]]
        found = [answers.column(name) for name in ("prediction", "lower", "upper")]
    else:
        expected = list(outputs["probabilities"].T)
        found = [answers.column(n) for n in answers.column_names if n.startswith("probability.")]
        assert answers.column("label").to_pylist() == outputs["label"].tolist()
    for column, values in zip(found, expected, strict=True):
        assert column.type == pa.float32()
        assert column.to_numpy().tobytes() == np.ascontiguousarray(values).tobytes()
    envelope = json.loads((bundle / "envelope.json").read_bytes())
    outside = outside_envelope(envelope, tensors)
    assert answers.column("outside_envelope").to_pylist() == outside.tolist()
    assert figures["rows"] == 500
    assert figures["outside_envelope"] == int(outside.sum()) > 0


def test_threads_and_row_groups_leave_no_trace(
    bundles: Bundles, task: Task, tmp_path: Path
) -> None:
    rows = cleaned_rows(1_000, task)
    found = set()
    for threads, group in ((1, 1_000), (2, 1_000), (5, 77), (3, 300)):
        target = tmp_path / "answers.parquet"
        source = written(tmp_path, rows, group)
        figures = score_parquet(bundles[task], source, target, row_id="id", threads=threads)
        found.add(target.read_bytes())
        assert figures["rows"] == 1_000
    assert len(found) == 1


def test_the_figures_do_not_depend_on_threads(bundles: Bundles, task: Task, tmp_path: Path) -> None:
    source = written(tmp_path, cleaned_rows(1_000, task))
    found = {
        json_bytes(score_parquet(bundles[task], source, tmp_path / "a.parquet", threads=threads))
        for threads in (1, 2, 4)
    }
    assert len(found) == 1


def test_a_file_without_rows_has_no_answers(bundles: Bundles, task: Task, tmp_path: Path) -> None:
    source = written(tmp_path, cleaned_rows(10, task).slice(0, 0))
    target = tmp_path / "answers.parquet"
    figures = score_parquet(bundles[task], source, target)
    assert figures["rows"] == pq.read_table(target).num_rows == 0
    assert json_bytes(figures)


def test_it_tells_how_far_it_is(bundles: Bundles, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    source = written(tmp_path, cleaned_rows(200))
    score_parquet(
        bundles["binary"],
        source,
        tmp_path / "a.parquet",
        threads=2,
        progress=lambda done, rows: told.append((done, rows)),
    )
    assert told == [(64, 200), (128, 200), (192, 200), (200, 200)]


def test_without_an_envelope_it_is_unknown_who_is_outside(bundles: Bundles, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for path in bundles["binary"].iterdir():
        if path.name != "envelope.json":
            (bundle / path.name).write_bytes(path.read_bytes())
    target = tmp_path / "answers.parquet"
    figures = score_parquet(bundle, written(tmp_path, cleaned_rows(20)), target)
    assert figures["outside_envelope"] is None
    assert pq.read_table(target).column("outside_envelope").null_count == 20


def test_an_integer_id_is_text_and_an_input_may_be_the_id(bundles: Bundles, tmp_path: Path) -> None:
    rows = cleaned_rows(4).append_column("number", pa.array([7, None, -1, 2**62]))
    source, target = written(tmp_path, rows), tmp_path / "answers.parquet"
    figures = score_parquet(bundles["binary"], source, target, row_id="number")
    expected = ["7", None, "-1", str(2**62)]
    assert pq.read_table(target).column("row_id").to_pylist() == expected
    assert figures["without_row_id"] == 1
    score_parquet(bundles["binary"], source, target, row_id="city")
    assert pq.read_table(target).column("row_id").to_pylist() == rows.column("city").to_pylist()


def changed(rows: pa.Table, name: str, values: Any) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, values)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("member", pa.array([True] * 99 + [None]), "'member'.*missing values.*fill them"),
        ("amount", pa.array([0.0] * 99 + [1e300]), "'amount'.*beyond"),
        ("seen", pa.array(["noon"] * 100), "'seen' is string: cast it to a timestamp"),
        ("city", pa.array([1] * 100), "'city' is int64: cast it to text"),
    ],
)
def test_what_cannot_be_asked_is_named_and_nothing_is_left_behind(
    bundles: Bundles, tmp_path: Path, name: str, values: Any, said: str
) -> None:
    target = tmp_path / "answers.parquet"
    target.write_bytes(b"of before")
    source = written(tmp_path, changed(cleaned_rows(100), name, values))
    with pytest.raises(BatchError, match=f"rows.parquet.*{said}") as raised:
        score_parquet(bundles["binary"], source, target, threads=2)
    assert "noon" not in str(raised.value)
    assert target.read_bytes() == b"of before"
    assert {path.name for path in tmp_path.iterdir()} == {"rows.parquet", "answers.parquet"}


def test_the_rows_at_fault_are_counted_from_the_beginning(bundles: Bundles, tmp_path: Path) -> None:
    member = pa.array([True] * 99 + [None])
    source = written(tmp_path, changed(cleaned_rows(100), "member", member))
    with pytest.raises(BatchError, match="rows 64 to 99"):
        score_parquet(bundles["binary"], source, tmp_path / "answers.parquet")


def test_an_id_has_to_be_there(bundles: Bundles, tmp_path: Path) -> None:
    source = written(tmp_path, cleaned_rows(5))
    for name in ("ticket", "amount"):
        with pytest.raises(BatchError, match=f"'{name}', which serving.row_id names"):
            score_parquet(bundles["binary"], source, tmp_path / "a.parquet", row_id=name)


@pytest.mark.parametrize("damage", ["no parquet", "cut", "flipped"])
def test_a_damaged_file_is_named(bundles: Bundles, tmp_path: Path, damage: str) -> None:
    source = tmp_path / "rows.parquet"
    pq.write_table(cleaned_rows(3_000), source, write_page_checksum=True)
    content = bytearray(source.read_bytes())
    if damage == "flipped":
        content[len(content) // 3] ^= 0xFF
    source.write_bytes(
        {"no parquet": b"a,b\n1,2\n", "cut": bytes(content[:-100])}.get(damage, bytes(content))
    )
    with pytest.raises(BatchError, match=r"rows.parquet: cannot be read as Parquet"):
        score_parquet(bundles["binary"], source, tmp_path / "answers.parquet")


def test_the_columns_of_a_file(tmp_path: Path) -> None:
    assert "city" in column_names(written(tmp_path, cleaned_rows(3)))
    (tmp_path / "rows.parquet").write_bytes(b"")
    with pytest.raises(BatchError, match=r"rows\.parquet"):
        column_names(tmp_path / "rows.parquet")
