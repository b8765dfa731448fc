"""Bad batches at the end of a working loop: a clear error or a quarantine, and nothing is lost."""

import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from small_project import (
    deliver,
    hashes,
    run_once,
    source_file,
    workspace_of,
)

from resources.artifact_store import ArtifactKey

pytestmark = pytest.mark.loop

BATCH = "2013-05"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def without_target(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["late"]), path)


def renamed(path: Path) -> None:
    table = pq.read_table(path)
    names = ["airline" if name == "carrier" else name for name in table.column_names]
    pq.write_table(table.rename_columns(names), path)


def empty(path: Path) -> None:
    pq.write_table(pq.read_table(path).slice(0, 0), path)


def delivered_twice(path: Path) -> None:
    shutil.copyfile(path.with_name("2013-04.parquet"), path)


def wrong_dtype(path: Path) -> None:
    table = pq.read_table(path)
    position = table.column_names.index("distance")
    words = pa.array(["far"] * table.num_rows)
    pq.write_table(table.set_column(position, "distance", words), path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncate, "2013-05.parquet is no whole Parquet file"),
        (without_target, "batch 2013-05 lacks the target column(s) ['late']"),
        (renamed, "lacks column(s) ['carrier']. It has ['airline']"),
        (empty, "batch 2013-05 has no rows"),
        (delivered_twice, "has the same content as batch 2013-04: it was delivered twice"),
        (wrong_dtype, "check few_rows_quarantined failed: 100.00% of the rows are quarantined"),
    ],
)
def test_a_bad_batch_fails_clearly_and_leaves_everything_else(
    spoil: Callable[[Path], None], said: str, copy_of: Callable[..., Path]
) -> None:
    root = copy_of()
    before = hashes(root)
    spoil(deliver(root, BATCH))
    first = run_once(root)
    assert [run.success for run in first] == [False]
    assert said in first[0].message
    after = hashes(root)
    assert {key: after[key] for key in before} == before
    assert run_once(root) == [], "a batch that failed is not tried again until it changes"
    deliver(root, BATCH)
    repaired = run_once(root)
    assert repaired[0].success and repaired[0].intent.startswith(f"ingest {BATCH}")


def test_a_new_column_stays_in_the_raw_copy_and_is_warned_of(copy_of: Callable[..., Path]) -> None:
    root = copy_of()
    path = deliver(root, BATCH)
    table = pq.read_table(path)
    pq.write_table(table.append_column("gate", pa.array(["A1"] * table.num_rows)), path)
    runs = run_once(root)
    assert runs[0].success
    store = workspace_of(root).store
    raw = store.folder(ArtifactKey("raw_copy", BATCH)) / "data.parquet"
    clean = store.folder(ArtifactKey("cleaned_dataset", BATCH))
    assert "gate" in pq.read_schema(raw).names
    assert "gate" not in pq.read_schema(clean / "data.parquet").names
    counts = store.json(ArtifactKey("cleaned_dataset", BATCH), "counts.json")
    assert counts["unexpected_columns"] == ["gate"]


def test_new_categories_are_quarantined_or_unknown(copy_of: Callable[..., Path]) -> None:
    root = copy_of()
    path = deliver(root, BATCH)
    table = pq.read_table(path)
    first_three = pa.array([i < 3 for i in range(table.num_rows)])
    for name, value in (("origin", "SWF"), ("carrier", "ZZ")):
        rows = first_three if name == "origin" else pc.invert(first_three)
        changed = pc.if_else(rows, value, table.column(name))
        table = table.set_column(table.column_names.index(name), name, changed)
    pq.write_table(table, path)
    runs = run_once(root)
    assert runs[0].success, runs[0].message
    clean = workspace_of(root).store.folder(ArtifactKey("cleaned_dataset", BATCH))
    quarantine = pq.read_table(clean / "quarantine.parquet").to_pandas()
    assert quarantine["row"].tolist() == [0, 1, 2]
    assert [list(codes) for codes in quarantine["reasons"]] == [["origin:not allowed"]] * 3
    assert quarantine["origin"].tolist() == ["SWF"] * 3
    assert set(pq.read_table(clean / "data.parquet").to_pandas()["carrier"]) == {"ZZ"}


def test_one_class_only_is_watched_but_not_learned_from(copy_of: Callable[..., Path]) -> None:
    root = copy_of(trains=True)
    before = hashes(root)
    path = deliver(root, BATCH)
    table = pq.read_table(path)
    always_late = pa.array([True] * table.num_rows)
    pq.write_table(table.set_column(table.column_names.index("late"), "late", always_late), path)
    runs = run_once(root)
    assert runs[0].success
    report = workspace_of(root).store.report(ArtifactKey("performance_report", BATCH))
    assert report["metrics"]["roc_auc"]["value"] is None
    for run in runs[1:]:
        assert not run.success
        assert "the test split has 1 class(es) of 'late'" in run.message
    assert len(runs) > 1
    after = hashes(root)
    assert {key: after[key] for key in before} == before


def test_a_source_that_is_away_is_an_error_and_not_an_empty_source(
    copy_of: Callable[..., Path],
) -> None:
    root = copy_of()
    before = hashes(root)
    shutil.rmtree(source_file(root, BATCH).parent)
    with pytest.raises(dg.Failure, match=r"does not exist: create it or correct source\.folder"):
        run_once(root)
    assert hashes(root) == before
