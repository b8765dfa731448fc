"""The whole loop on a small real slice: release, drift, retraining, decision."""

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest
import yaml
from conftest import MONTHS, FinishedProject
from small_project import (
    NAME,
    hashes,
    run_until_quiet,
    workspace_of,
)

from mlops_assets.content_hash import folder_md5, hash_folder
from mlops_assets.governance.ledger import champion
from mlops_assets.governance.summary import summarise
from resources.artifact_store import ArtifactKey
from sensors.situation import CAUSE_TAG, reports

pytestmark = pytest.mark.loop


def test_every_run_succeeds_and_batches_come_in_order(finished: FinishedProject) -> None:
    assert [run.message for run in finished.runs if not run.success] == []
    ingested = [run.intent.split()[1] for run in finished.runs if run.intent.startswith("ingest")]
    assert ingested == MONTHS


def test_each_month_is_predicted_before_it_is_learned_from(finished: FinishedProject) -> None:
    order = [run.intent for run in finished.runs]
    for month in MONTHS[2:]:
        ingest = next(i for i, intent in enumerate(order) if f"ingest {month}" in intent)
        training = [i for i, intent in enumerate(order) if f"train up to {month}" in intent]
        assert all(ingest < position for position in training)
    workspace = workspace_of(finished.root)
    windows = {e.release: e.batch for e in workspace.releases.entries() if e.release}
    for month in MONTHS[2:]:
        champion = workspace.store.report(ArtifactKey("performance_report", month))["champion"]
        assert windows[champion] < month


def test_drift_retrains_and_a_better_challenger_is_promoted(finished: FinishedProject) -> None:
    workspace = workspace_of(finished.root)
    entries = workspace.releases.entries()
    assert (entries[0].outcome, entries[0].batch) == ("first release", "2013-02")
    assert len(entries) > 1
    found = {month: reports(workspace, month) for month in MONTHS[2:]}
    records = summarise(found, entries, workspace.use_case.monitoring, "binary")
    assert [record["batch"] for record in records] == MONTHS[2:]
    assert any(record["drifted"] and record["retrained"] for record in records)
    for record in records:
        assert record["promoted"] in (True, False) and record["reason"]
        assert 0.5 < record["roc_auc"] < 1.0 and record["labelled"] < record["rows"]


def test_the_cause_of_a_retraining_is_in_its_run(finished: FinishedProject) -> None:
    with dg.DagsterInstance.from_config(str(finished.root / ".dagster")) as instance:
        runs = instance.get_runs(filters=dg.RunsFilter(job_name=f"{NAME}__train"))
        causes = [run.tags[CAUSE_TAG] for run in runs]
    assert causes[-1] == "first training"
    assert all("drift in" in cause or "lost performance" in cause for cause in causes[:-1])


def test_dagsters_data_version_is_the_content_hash(finished: FinishedProject) -> None:
    workspace = workspace_of(finished.root)
    with dg.DagsterInstance.from_config(str(finished.root / ".dagster")) as instance:
        for name in ("features", "model", "onnx_model", "evaluation_report", "release"):
            event = instance.get_latest_materialization_event(dg.AssetKey([NAME, name]))
            assert event is not None and event.asset_materialization is not None
            tags = event.asset_materialization.tags or {}
            folder = workspace.store.folder(ArtifactKey(name))
            assert tags["dagster/data_version"] == folder_md5(hash_folder(folder))


def test_leaks_never_reach_a_model(finished: FinishedProject) -> None:
    workspace = workspace_of(finished.root)
    leaks = set(workspace.use_case.leaks)
    assert leaks == {"departure_delay", "air_time", "arrival_delay"}
    features = workspace.store.folder(ArtifactKey("features")) / "data.parquet"
    assert not leaks & set(pq.read_schema(features).names)
    for entry in workspace.releases.entries():
        if entry.release is None:
            continue
        bundle = workspace.releases.bundle(entry.release)
        signature = json.loads((bundle / "signature.json").read_bytes())
        assert not leaks & {given["name"] for given in signature["inputs"]}


def test_a_finished_loop_does_nothing_more(copy_of: Callable[..., Path]) -> None:
    root = copy_of(trains=True)
    before = hashes(root)
    assert run_until_quiet(root) == []
    assert hashes(root) == before


def test_every_version_comes_back_by_its_hash(finished: FinishedProject, tmp_path: Path) -> None:
    workspace = workspace_of(finished.root)
    for entry in workspace.releases.entries():
        for name, version in entry.evidence.items():
            target = tmp_path / f"{entry.batch} {name}"
            workspace.store.restore(version, target)
            assert folder_md5(hash_folder(target)) == version


def test_another_declaration_cleans_and_trains_again(copy_of: Callable[..., Path]) -> None:
    root = copy_of()
    before = champion(workspace_of(root).releases.entries())
    assert before is not None
    path = root / "defs" / NAME / "defs.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["attributes"]["columns"]["humidity"]["role"] = "ignored"
    content["attributes"]["features"] = {
        "hour": {"function": "date_part", "column": "scheduled_departure", "part": "hour"}
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    runs = run_until_quiet(root)

    assert [run.message for run in runs if not run.success] == []
    assert [run.intent.split()[1] for run in runs if run.intent.startswith("ingest")] == MONTHS
    [training] = [run for run in runs if run.intent.startswith("train")]
    model = workspace_of(root).store.json(ArtifactKey("model"), "model.json")
    assert "humidity" not in model["inputs"]
    latest = workspace_of(root).releases.entries()[-1]
    assert latest.champion_before == before.release
    assert latest.batch in training.intent
    assert run_until_quiet(root) == []
