"""``predictions`` of a batch through Dagster: the champion's, complete, of the rows as they are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from predicted_project import (
    BATCH,
    cleaned_rows,
    make_workspace,
    materialize,
    store_cleaned,
    use_case_of,
)

from mlops_assets.answers import Answers
from mlops_assets.governance.ledger import Entry
from mlops_assets.prediction.answer_columns import read_answers
from mlops_assets.prediction.assets import build_assets
from mlops_assets.prediction.checks import answered, build_checks
from mlops_assets.prediction.gathering import predicted
from mlops_assets.release.answers import champion_of, released_answers
from mlops_assets.target_declaration import Task
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.workspace import Workspace

KEY = ArtifactKey("predictions", BATCH)


@pytest.fixture
def workspace(declared: Callable[[], dict[str, Any]], tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, use_case_of(declared()))


def asked_again(workspace: Workspace) -> Answers:
    folder = workspace.store.folder(ArtifactKey("cleaned_dataset", BATCH))
    rows = pq.read_table(folder / "data.parquet").to_pandas()
    return released_answers(workspace, champion_of(workspace, BATCH).release or "", rows)


def test_they_are_what_the_champion_answers(
    declared: Callable[[], dict[str, Any]], task: Task, tmp_path: Path
) -> None:
    workspace = make_workspace(tmp_path, use_case_of(declared(), task))
    result = materialize(*build_assets(workspace), *build_checks(workspace))
    [check] = result.get_asset_check_evaluations()
    assert (check.passed, check.blocking) == (True, True)
    found = predicted(workspace, BATCH)
    assert read_answers(found.file).tolist() == asked_again(workspace).tolist()
    record = workspace.store.json(KEY, "predictions.json")
    assert record["release"] == found.release == champion_of(workspace, BATCH).release
    assert (record["rows"], record["file"], record["batch"]) == (300, "model.onnx", BATCH)
    assert pq.read_table(found.file).column("row_id")[0].as_py() == "row 0"
    [event] = result.get_asset_materialization_events()
    assert event.materialization.metadata["dagster/row_count"].value == 300
    assert event.materialization.metadata["champion"].value == found.release


def test_the_same_rows_have_the_same_predictions(workspace: Workspace) -> None:
    hashes = set()
    for _ in range(2):
        materialize(*build_assets(workspace))
        hashes.add(workspace.store.hash(KEY))
    assert len(hashes) == 1


def test_a_part_of_them_is_not_taken_for_all(workspace: Workspace) -> None:
    materialize(*build_assets(workspace))
    folder = workspace.store.folder(KEY)
    pq.write_table(pq.read_table(folder / "data.parquet").slice(1), folder / "data.parquet")
    assert not answered(workspace, BATCH).passed


def test_predictions_of_other_rows_are_not_looked_at(workspace: Workspace) -> None:
    materialize(*build_assets(workspace))
    store_cleaned(workspace, cleaned_rows(300, seed=5))
    with pytest.raises(MissingArtifactError, match="have changed since they were predicted"):
        predicted(workspace, BATCH)
    assert not answered(workspace, BATCH).passed


def test_predictions_of_another_champion_are_not_looked_at(workspace: Workspace) -> None:
    materialize(*build_assets(workspace))
    folder = workspace.store.folder(KEY)
    record = json.loads((folder / "predictions.json").read_bytes())
    (folder / "predictions.json").write_text(json.dumps(record | {"release": "another"}))
    with pytest.raises(MissingArtifactError, match="those of release another"):
        predicted(workspace, BATCH)


def test_without_a_champion_nothing_is_predicted(
    declared: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    workspace = Workspace(
        "deliveries", use_case_of(declared()), tmp_path / "defs" / "deliveries", tmp_path
    )
    store_cleaned(workspace, cleaned_rows())
    workspace.releases.record(Entry(BATCH, "c", "rejected", ("no",), None, None))
    result = materialize(*build_assets(workspace), raise_on_error=False)
    assert not result.success
    assert "no release learned from batches before 2020-02" in str(result.get_step_failure_events())


def test_a_release_of_other_columns_cannot_be_asked(
    declared: Callable[[], dict[str, Any]], workspace: Workspace
) -> None:
    columns = {n: c for n, c in declared()["columns"].items() if n != "fragile"}
    use_case = use_case_of(
        declared(),
        columns={**columns, "id": {"type": "string"}},
        slices=(),
        training={**declared()["training"]},
    )
    other = Workspace(workspace.name, use_case, workspace.folder, workspace.root)
    result = materialize(*build_assets(other), raise_on_error=False)
    assert "cannot be asked: it needs ['amount', 'seen', 'member']" in str(
        result.get_step_failure_events()
    )
