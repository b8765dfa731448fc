"""A day is taken in whole, once, in one order, whatever the files it comes in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_assets.content_hash import folder_md5, hash_folder
from mlops_assets.data.batch_error import BatchError
from mlops_assets.traffic import merging
from mlops_assets.traffic.answer_sources import FileAnswers
from mlops_assets.traffic.day_log import take_in

DAY = "2024-03-05"
OTHER = "f" * 32 + ".dir"
Make = Callable[..., Any]


def taken(served: Path, target: Path) -> tuple[dict[str, Any], pa.Table]:
    target.mkdir(exist_ok=True)
    manifest = take_in([FileAnswers(served)], served, DAY, target)
    rows = [pq.read_table(path) for path in sorted(target.glob("*.parquet"))]
    return manifest, pa.concat_tables(rows, promote_options="permissive")


def test_rows_of_all_servers_stand_in_the_order_of_time(
    served: Path,
    server: Make,
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(merging, "GROUP_ROWS", 50)
    for name in "abc":
        one = server(name)
        for start in (0, 20_000, 60_000):
            # Answered in another order than asked, as servers do.
            one.write(start + rng.permutation(20_000)[:200] / 1.0, DAY)
    manifest, rows = taken(served, tmp_path / "log")
    keys = rows.select(["time", "instance", "sequence"]).to_pylist()
    assert [*map(tuple, map(dict.values, keys))] == sorted(map(tuple, map(dict.values, keys)))
    assert rows.num_rows == manifest["rows"] == 1800
    assert manifest["lost_rows"] == manifest["repeated_rows"] == 0


def test_one_file_a_release_with_its_counts(served: Path, server: Make, tmp_path: Path) -> None:
    champion, challenger = server("a"), server("b", release=OTHER)
    champion.write(range(10), DAY, outside_envelope=[n < 3 for n in range(10)])
    challenger.write(
        range(4), DAY, variant="challenger", answered=False, experiment="e1", outside_envelope=None
    )
    manifest, _ = taken(served, tmp_path / "log")
    assert sorted(path.name for path in (tmp_path / "log").iterdir()) == [
        f"{champion.release}.parquet",
        f"{OTHER}.parquet",
    ]
    assert [part["rows"] for part in manifest["parts"]] == [10, 4]
    first, second = manifest["parts"]
    assert (first["answered"], first["shadow"], first["outside_envelope"]) == (10, 0, 3)
    assert (second["answered"], second["shadow"], second["envelope_unknown"]) == (0, 4, 4)
    assert second["experiment"] == "e1" and first["experiment"] is None
    assert (manifest["rows"], manifest["answered"], manifest["shadow"]) == (14, 10, 4)


def test_a_row_that_is_there_twice_is_taken_in_once(
    served: Path, server: Make, tmp_path: Path
) -> None:
    one = server()
    rows = one.answers(range(100), DAY)
    one.write_table(rows, DAY)
    one.write_table(rows.slice(40, 30), DAY)
    manifest, found = taken(served, tmp_path / "log")
    assert (found.num_rows, manifest["rows"], manifest["repeated_rows"]) == (100, 100, 30)


def test_a_gap_in_the_numbers_is_a_lost_row(served: Path, server: Make, tmp_path: Path) -> None:
    one = server()
    one.write(range(10), DAY)
    one.sequence += 3
    one.write(range(20, 25), DAY)
    manifest, _ = taken(served, tmp_path / "log")
    assert manifest["lost_rows"] == 3
    assert manifest["instances"][0]["missing"] == 3


def test_the_same_answers_in_other_files_are_the_same_log(
    served: Path, server: Make, tmp_path: Path
) -> None:
    one = server()
    rows = one.answers(range(0, 5000, 7), DAY)
    one.write_table(rows, DAY)
    _, whole = taken(served, tmp_path / "whole")
    for path in (served / "answers").rglob("*.parquet"):
        path.unlink()
    for start in range(0, rows.num_rows, 100):
        one.write_table(rows.slice(start, 100), DAY, group_rows=33)
    taken(served, tmp_path / "parts")
    hashes = [folder_md5(hash_folder(tmp_path / name)) for name in ("whole", "parts")]
    assert hashes[0] == hashes[1] and whole.num_rows == rows.num_rows


def test_a_column_that_some_servers_left_out_is_null(
    served: Path, server: Make, tmp_path: Path
) -> None:
    server("a").write([1], DAY)
    other = server("b")
    other.write_table(other.answers([2], DAY).drop_columns(["input.city"]), DAY)
    _, rows = taken(served, tmp_path / "log")
    assert rows.column("input.city").to_pylist() == ["Ghent", None]


@pytest.mark.parametrize("damage", [b"", b"PAR1 and nothing"])
def test_a_damaged_file_is_named(served: Path, server: Make, tmp_path: Path, damage: bytes) -> None:
    path = server().write([1], DAY)
    path.write_bytes(damage)
    with pytest.raises(BatchError, match=r"served/answers/2024-03-05/0123.*a-000000\.parquet"):
        taken(served, tmp_path / "log")


def test_columns_of_other_types_are_refused(served: Path, server: Make, tmp_path: Path) -> None:
    server("a").write([1], DAY)
    other = server("b")
    rows = other.answers([2], DAY)
    other.write_table(rows.set_column(13, "input.weight", pa.array(["heavy"])), DAY)
    with pytest.raises(BatchError, match="b-000000"):
        taken(served, tmp_path / "log")


def test_a_day_without_answers_is_a_manifest_of_nothing(served: Path, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    manifest = take_in([FileAnswers(served)], served, DAY, tmp_path / "log")
    assert (manifest["rows"], manifest["parts"], manifest["files"]) == (0, [], [])


def test_what_is_being_written_is_no_file_yet(served: Path, server: Make) -> None:
    path = server().write([1], DAY)
    path.with_name(f".{path.name}.unfinished").write_bytes(b"")
    assert [file["path"] for file in FileAnswers(served).pieces(DAY)] == [
        f"{path.parent.name}/{path.name}"
    ]
