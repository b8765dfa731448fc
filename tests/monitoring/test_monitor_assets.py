"""Both monitors read the stored predictions, and say the same as if the model were asked again."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from served_batches import logged, store_day

# isort: split
from predicted_project import BATCH, cleaned_rows, make_workspace, materialize, use_case_of

from mlops_assets.answers import DecisionRule
from mlops_assets.content_hash import json_md5
from mlops_assets.data.labels import encode_labels
from mlops_assets.evidence.metrics.groups import row_groups
from mlops_assets.monitoring.assets import build_assets
from mlops_assets.monitoring.drift import detect, drift_report, outcome_drift
from mlops_assets.monitoring.gathering import reference_of
from mlops_assets.monitoring.histograms import count, count_outcomes, count_scores
from mlops_assets.monitoring.performance import performance_report
from mlops_assets.prediction.assets import build_assets as build_predictions
from mlops_assets.release.answers import champion_of, released_answers
from mlops_assets.target_declaration import Task
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

DRIFT, PERFORMANCE = (ArtifactKey(f"{name}_report", BATCH) for name in ("drift", "performance"))


@pytest.fixture(params=["binary", "multiclass", "regression"])
def task(request: pytest.FixtureRequest) -> Task:
    name: Task = request.param
    return name


@pytest.fixture
def workspace(declared: Callable[[], dict[str, Any]], tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, use_case_of(declared()))


def run(workspace: Workspace) -> None:
    assert materialize(*build_predictions(workspace), *build_assets(workspace)).success


def asked_again(workspace: Workspace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Drift and performance of the whole frame, by asking the model."""
    use_case, release = workspace.use_case, champion_of(workspace, BATCH).release or ""
    folder = workspace.store.folder(ArtifactKey("cleaned_dataset", BATCH))
    rows = pq.read_table(folder / "data.parquet").to_pandas()
    reference, target = reference_of(workspace, release), use_case.target
    watched, settings = reference["histograms"], {"monitoring": use_case.monitoring, "seed": 7}
    counts = {
        **count(rows, watched),
        **count_scores(released_answers(workspace, release, rows), watched),
    }
    labelled = rows[rows[target.column].notna()].reset_index(drop=True)
    labels = encode_labels(labelled[target.column], target)
    outcomes = outcome_drift(
        reference["outcomes"], count_outcomes(labels, reference["outcomes"]), **settings
    )
    named = {"use_case": use_case.title, "batch": BATCH, "champion": release}
    return drift_report(
        detect(watched, counts, **settings),
        **named,
        monitoring=use_case.monitoring,
        attribution=reference["attribution"],
        outcomes=outcomes,
    ), performance_report(
        target.task,
        labels,
        released_answers(workspace, release, labelled),
        row_groups(labelled, use_case),
        **named,
        rows=len(rows),
        reference=reference["metrics"],
        retraining=use_case.retraining,
        variance=reference["variance"],
        seed=7,
        cut=DecisionRule.parse(reference["decision_rule"]).cut(labelled),
    )


def test_the_figures_are_those_of_asking_the_model_again(
    declared: Callable[[], dict[str, Any]], tmp_path: Path, task: Task
) -> None:
    workspace = make_workspace(tmp_path, use_case_of(declared(), task))
    run(workspace)
    for key, expected in zip((DRIFT, PERFORMANCE), asked_again(workspace), strict=True):
        found = workspace.store.report(key)
        assert found.pop("served")["status"] == "no log"
        del expected["served"]
        assert json_md5(found) == json_md5(expected)


def test_what_was_served_is_said_and_decides_nothing(workspace: Workspace) -> None:
    run(workspace)
    before = [workspace.store.report(key) for key in (DRIFT, PERFORMANCE)]
    bundle = workspace.releases.bundle(champion_of(workspace, BATCH).release or "")
    store_day(workspace, logged(bundle, cleaned_rows().slice(0, 120)))
    run(workspace)
    for key, earlier in zip((DRIFT, PERFORMANCE), before, strict=True):
        report = workspace.store.report(key)
        served = report["served"]
        assert (served["status"], served["served_rows"], served["rows"]) == ("served", 120, 300)
        assert served["days"] == {"2020-03-01": workspace.store.hash(_day("2020-03-01"))}
        assert report | {"served": None} == earlier | {"served": None}
        lineage = workspace.store.lineage(key)
        assert lineage is not None
        assert lineage.upstream["prediction_log/2020-03-01"] == served["days"]["2020-03-01"]
        html = (workspace.store.folder(key) / "report.html").read_text(encoding="utf-8")
        assert "120 of 300 rows of the batch were answered live (40.0%)." in html


def test_a_day_that_served_other_rows_changes_nothing(workspace: Workspace) -> None:
    bundle = workspace.releases.bundle(champion_of(workspace, BATCH).release or "")
    store_day(workspace, logged(bundle, cleaned_rows().slice(0, 60)))
    run(workspace)
    hashes = [workspace.store.hash(key) for key in (DRIFT, PERFORMANCE)]
    others = cleaned_rows(80)
    ids = others.set_column(0, "id", [[f"other {i}" for i in range(80)]])
    store_day(workspace, logged(bundle, ids, "2020-03-02"), day="2020-03-02")
    run(workspace)
    assert [workspace.store.hash(key) for key in (DRIFT, PERFORMANCE)] == hashes


def test_a_batch_without_rows_is_an_error(workspace: Workspace) -> None:
    from predicted_project import store_cleaned

    store_cleaned(workspace, cleaned_rows().slice(0, 0))
    assets = [*build_predictions(workspace), *build_assets(workspace)]
    result = materialize(*assets, raise_on_error=False)
    assert not result.success
    assert "has no valid row" in str(result.get_step_failure_events())


def _day(day: str) -> ArtifactKey:
    return ArtifactKey("prediction_log", day)
