"""``mlops predict``: a file in, a file out, and a sentence where that is not possible."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent / "prediction"))

from predicted_project import BATCH, cleaned_rows, make_workspace, use_case_of

from mlops_assets.cli_predict import add_commands
from mlops_assets.prediction.answer_columns import read_answers
from mlops_assets.release.answers import champion_of, released_answers
from resources.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(
    declared: Callable[[], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("project"), use_case_of(declared()))


def predict(workspace: Workspace, *arguments: str | Path) -> tuple[int, list[str]]:
    """The exit status of ``mlops predict`` and the lines it said."""
    said: list[str] = []
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(), lambda _: workspace, said.append)
    options = parser.parse_args(["predict", workspace.name, *map(str, arguments)])
    return options.command(options), said


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows without a label, as somebody has them who wants one."""
    path = tmp_path / "rows.parquet"
    pq.write_table(cleaned_rows(120).drop_columns(["late", "age"]), path)
    return path


def test_every_row_of_a_file_is_answered(workspace: Workspace, rows: Path, tmp_path: Path) -> None:
    status, said = predict(workspace, rows, tmp_path / "answers.parquet")
    release = champion_of(workspace, BATCH).release or ""
    assert status == 0
    assert said[0] == "120 of 120 rows answered (100%)"
    assert said[1].startswith("120 rows, outside the model's envelope: ")
    assert f"release {release}" in said[-1]
    frame = pq.read_table(rows).to_pandas()
    expected = released_answers(workspace, release, frame)
    assert read_answers(tmp_path / "answers.parquet").tolist() == expected.tolist()
    ids = pq.read_table(tmp_path / "answers.parquet").column("row_id").to_pylist()
    assert ids == frame["id"].tolist()


def test_a_release_may_be_named_and_ids_may_be_missing(
    workspace: Workspace, rows: Path, tmp_path: Path
) -> None:
    pq.write_table(pq.read_table(rows).drop_columns(["id"]), rows)
    release = champion_of(workspace, BATCH).release or ""
    status, _ = predict(workspace, rows, tmp_path / "a.parquet", "--release", release)
    assert status == 0
    assert "row_id" not in pq.read_schema(tmp_path / "a.parquet").names


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("nothing.parquet", "a.parquet", "is no file"),
        ("rows.parquet", "rows.parquet", "is the input itself"),
        ("rows.parquet", "no/folder/a.parquet", "in a folder that exists"),
        ("rows.parquet", ".", "cannot be written"),
    ],
)
def test_what_is_in_the_way_is_said(
    workspace: Workspace, rows: Path, tmp_path: Path, source: str, target: str, said: str
) -> None:
    before = rows.read_bytes()
    status, lines = predict(workspace, tmp_path / source, tmp_path / target)
    assert status == 1
    assert said in lines[0]
    assert rows.read_bytes() == before


def test_a_file_that_does_not_fit_is_said(workspace: Workspace, rows: Path, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(rows).drop_columns(["city"]), rows)
    status, lines = predict(workspace, rows, tmp_path / "a.parquet")
    assert status == 1
    assert lines == ["rows.parquet: column 'city' is missing: add it, as text (UTF-8)"]
    rows.write_bytes(b"id,city\n")
    assert predict(workspace, rows, tmp_path / "a.parquet")[0] == 1


def test_a_release_that_is_not_there_is_said(
    workspace: Workspace, rows: Path, tmp_path: Path
) -> None:
    status, lines = predict(workspace, rows, tmp_path / "a.parquet", "--release", "0" * 32 + ".dir")
    assert status == 1
    assert "no version with the hash" in lines[0]


def test_without_a_release_it_says_what_to_do(
    declared: Callable[[], dict[str, Any]], rows: Path, tmp_path: Path
) -> None:
    bare = Workspace("deliveries", use_case_of(declared()), tmp_path / "defs", tmp_path)
    status, lines = predict(bare, rows, tmp_path / "a.parquet")
    assert (status, lines) == (
        1, ["deliveries has no release yet: make run USE_CASE=deliveries"]
    )  # fmt: skip
