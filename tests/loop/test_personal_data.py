"""Planted personal data on its way through a real run: taken out or held up, and never shown."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from small_project import NAME, make_project, run_once, source_file, workspace_of

from mlops_assets.data.batches import usable_batches
from resources.artifact_store import ArtifactKey
from sensors.tick import FinishedRun

pytestmark = pytest.mark.loop

BATCH = "2013-01"
PLANTED = "planted.example"
DATA = {"data.parquet", "quarantine.parquet"}
"""Files that hold rows as they were delivered; everything else is read by people or logged."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose notes hold e-mail addresses, and some of whose origins do by mistake."""
    root = make_project(tmp_path / "project", [BATCH])
    path = source_file(root, BATCH)
    table = pq.read_table(path)
    rows = range(table.num_rows)
    notes = pa.array([f"call guest{n}@{PLANTED}" if n % 3 == 0 else "none" for n in rows])
    origins = table.column("origin").to_pylist()
    origins[:5] = [f"desk{n}@{PLANTED}" for n in range(5)]
    place = table.column_names.index("origin")
    table = table.set_column(place, "origin", pa.array(origins)).append_column("note", notes)
    pq.write_table(table, path)
    return root


def declare_note(root: Path, **fields: str) -> None:
    path = root / "defs" / NAME / "defs.yaml"
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    note = {"type": "string", "role": "ignored", "nullable": True, **fields}
    declared["attributes"]["columns"]["note"] = note
    path.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")


def ingest(root: Path) -> tuple[list[FinishedRun], list[str]]:
    """One tick; returns its runs and what it printed."""
    said: list[str] = []
    return run_once(root, said.append), said


def where_shown(root: Path) -> list[str]:
    """Files other than data in which a planted value stands, Dagster's databases and logs
    included."""
    source = root / "defs"
    cached = {path for path in (root / ".dvc").rglob("*") if path.is_file()}
    data = {path for path in cached if path.read_bytes()[:4] == b"PAR1"}
    return [
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file()
        and path.name not in DATA
        and path not in data
        and not path.is_relative_to(source)
        and PLANTED.encode() in path.read_bytes()
    ]


def test_what_is_decided_about_is_taken_out_and_shown_nowhere(project: Path) -> None:
    declare_note(project, personal="drop")

    runs, said = ingest(project)

    assert [run.success for run in runs] == [True]
    store = workspace_of(project).store
    cleaned = store.folder(ArtifactKey("cleaned_dataset", BATCH))
    assert PLANTED not in str(pq.read_table(cleaned / "data.parquet").to_pydict())
    assert pq.read_table(cleaned / "quarantine.parquet").num_rows == 5
    assert (store.folder(ArtifactKey("data_profile", BATCH)) / "report.html").is_file()
    assert where_shown(project) == []
    assert PLANTED not in str(said) + str(runs)
    (project / "artifacts" / "a.log").write_text(PLANTED)
    assert where_shown(project) == ["artifacts/a.log"]


def test_what_nothing_is_decided_about_holds_the_batch_up_and_is_shown_nowhere(
    project: Path,
) -> None:
    declare_note(project)

    runs, said = ingest(project)

    assert [run.success for run in runs] == [False]
    assert "no_personal_data" in runs[0].message
    workspace = workspace_of(project)
    usable, excluded = usable_batches(workspace)
    assert usable == []
    assert excluded == {BATCH: "personal data that nothing is decided about: ['note']"}
    assert workspace.store.lineage(ArtifactKey("data_profile", BATCH)) is None
    assert where_shown(project) == []
    assert PLANTED not in str(said) + str(runs)
