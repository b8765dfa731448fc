"""A batch that comes again: recognised where it is the same, kept beside the first where it is not,
and cleaned again where a person corrected it."""

import csv
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from small_project import NAME, deliver, make_project, run_once, source_file, workspace_of

from mlops_assets.data.cleaning.corrections import corrections_template
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

pytestmark = pytest.mark.loop

BATCH = "2013-01"
RAW, CLEANED = ArtifactKey("raw_copy", BATCH), ArtifactKey("cleaned_dataset", BATCH)


def spoil(root: Path, rows: int) -> Path:
    """Give the first ``rows`` flights of the batch an airport that is not declared."""
    path = deliver(root, BATCH)
    table = pq.read_table(path)
    origins = table.column("origin").to_pylist()
    changed = pa.array(["SWF"] * rows + origins[rows:])
    pq.write_table(table.set_column(table.column_names.index("origin"), "origin", changed), path)
    return path


def export(workspace: Workspace) -> list[dict[str, str]]:
    """The quarantined rows as a person gets them."""
    quarantine = pq.read_table(workspace.store.folder(CLEANED) / "quarantine.parquet")
    fingerprint = workspace.store.json(RAW, "manifest.json")["fingerprint"]
    text = corrections_template(quarantine, fingerprint)
    return list(csv.DictReader(text.splitlines()))


def save(workspace: Workspace, rows: list[dict[str, str]]) -> None:
    path = workspace.corrections(BATCH)
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def evaluations(root: Path, asset: str, check: str) -> list[dg.AssetCheckEvaluation]:
    """What a check of the batch said, latest first."""
    key = dg.AssetCheckKey(dg.AssetKey([NAME, asset]), check)
    with dg.DagsterInstance.from_config(str(root / ".dagster")) as instance:
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    events = [record.event.dagster_event for record in records if record.event is not None]
    return [event.asset_check_evaluation_data for event in events if event is not None]


def test_the_same_content_again_is_no_delivery(tmp_path: Path) -> None:
    root = make_project(tmp_path, [BATCH])
    assert [run.success for run in run_once(root)] == [True]

    deliver(root, BATCH)

    assert run_once(root) == []
    assert [e.passed for e in evaluations(root, "raw_copy", "delivered_once")] == [True]


def test_a_changed_delivery_is_a_new_version_and_the_first_is_kept(tmp_path: Path) -> None:
    root = make_project(tmp_path, [BATCH])
    run_once(root)
    workspace = workspace_of(root)
    first = workspace.store.hash(RAW)
    before = source_file(root, BATCH).read_bytes()

    spoil(root, 3)
    [again] = run_once(root)

    assert again.success
    assert workspace.store.hash(RAW) != first
    assert workspace.store.replaced(RAW) == (first,)
    [latest, earliest] = evaluations(root, "raw_copy", "delivered_once")
    assert (latest.passed, earliest.passed) == (False, True)
    assert latest.severity == dg.AssetCheckSeverity.WARN
    workspace.store.restore(first, tmp_path / "restored")
    assert (tmp_path / "restored" / "data.parquet").read_bytes() == before


def test_a_rule_says_how_many_rows_break_it_and_which(tmp_path: Path) -> None:
    root = make_project(tmp_path, [])
    spoil(root, 3)
    [run] = run_once(root)
    assert run.success

    rules = {
        rule["code"]: rule for rule in workspace_of(root).store.json(CLEANED, "rules.json")["rules"]
    }
    broken = rules["origin:not allowed"]
    assert (broken["rows"], broken["examples"]) == (3, [0, 1, 2])
    [said] = evaluations(root, "cleaned_dataset", broken["check"])
    assert not said.passed
    assert said.metadata["rows"].value == 3
    assert "SWF" not in str(said)
    kept = [rule for rule in rules.values() if rule["rows"] == 0]
    for rule in kept:
        assert [e.passed for e in evaluations(root, "cleaned_dataset", rule["check"])] == [True]


def test_corrected_rows_are_cleaned_again_and_the_others_stay(tmp_path: Path) -> None:
    root = make_project(tmp_path, [])
    spoil(root, 3)
    run_once(root)
    workspace = workspace_of(root)
    raw = workspace.store.hash(RAW)
    rows = export(workspace)
    assert [row["row"] for row in rows] == ["0", "1", "2"]

    save(workspace, [{**row, "origin": "JFK"} for row in rows[:2]])
    [replay] = run_once(root)

    assert replay.success, replay.message
    assert f"{BATCH} with content" in replay.intent
    counts = workspace.store.json(CLEANED, "counts.json")
    assert (counts["corrected"], counts["quarantined"]) == (2, 1)
    cleaned = pq.read_table(workspace.store.folder(CLEANED) / "data.parquet")
    assert cleaned.column("origin").to_pylist()[:2] == ["JFK", "JFK"]
    assert workspace.store.hash(RAW) == raw
    assert run_once(root) == []


def redeclare(root: Path, **changes: Any) -> None:
    path = root / "defs" / NAME / "defs.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    for column, fields in changes.items():
        content["attributes"]["columns"][column].update(fields)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_a_declaration_that_was_wrong_is_corrected_by_correcting_it(tmp_path: Path) -> None:
    root = make_project(tmp_path, [BATCH])
    redeclare(root, distance={"minimum": 5000})
    [first] = run_once(root)
    assert not first.success
    assert first.message.count("few_rows_quarantined") == 1
    assert "Stack Trace" not in first.message
    assert run_once(root) == []

    redeclare(root, distance={"minimum": 1})
    [again] = run_once(root)

    assert again.success, again.message
    assert workspace_of(root).store.json(CLEANED, "counts.json")["quarantined"] == 0


def test_corrections_of_another_delivery_change_nothing(tmp_path: Path) -> None:
    root = make_project(tmp_path, [])
    spoil(root, 2)
    run_once(root)
    workspace = workspace_of(root)
    save(workspace, [{**row, "origin": "JFK"} for row in export(workspace)])
    run_once(root)
    cleaned = workspace.store.hash(CLEANED)

    spoil(root, 4)
    [again] = run_once(root)

    assert not again.success
    assert "corrections are for another delivery" in again.message
    assert workspace.store.hash(CLEANED) == cleaned


@pytest.mark.parametrize(("good", "column"), [("row", "line"), ("origin", "airport")])
def test_corrections_that_cannot_be_read_are_a_clear_error(
    good: str, column: str, tmp_path: Path
) -> None:
    root = make_project(tmp_path, [])
    spoil(root, 2)
    run_once(root)
    workspace = workspace_of(root)
    renamed = [{column if n == good else n: v for n, v in row.items()} for row in export(workspace)]
    save(workspace, renamed)

    [replay] = run_once(root)

    assert not replay.success
    assert f"{BATCH}.csv" in replay.message
    assert "SWF" not in replay.message
