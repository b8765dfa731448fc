"""The table of artifacts: complete, in an order of making, without a cycle, about code that is
there."""

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from mlops_assets.artifact import Artifact
from mlops_assets.catalog import ARTIFACTS, BY_NAME, REPRODUCIBLE, code_of
from mlops_assets.use_case import UseCase

EVERY = pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact.name)


def test_every_artifact_of_the_lifecycle_is_there() -> None:
    assert set(BY_NAME) == {
        "raw_copy",
        "cleaned_dataset",
        "data_profile",
        "features",
        "window_profile",
        "representation_report",
        "model",
        "onnx_model",
        "quantized_model",
        "evaluation_report",
        "fairness_report",
        "explainability_report",
        "risk_report",
        "predictions",
        "prediction_log",
        "operations_report",
        "ab_report",
        "drift_report",
        "performance_report",
        "candidate",
        "infra_check",
        "approval",
        "release",
    }
    assert len(BY_NAME) == len(ARTIFACTS)


def test_the_table_lists_what_an_artifact_is_made_of_before_it() -> None:
    listed: set[str] = set()
    for artifact in ARTIFACTS:
        assert set(artifact.upstream) <= listed
        listed.add(artifact.name)


def test_there_is_no_cycle_even_with_the_champion_that_the_monitors_read() -> None:
    edges = {
        artifact.name: {*artifact.upstream, *(("release",) if artifact.reads_champion else ())}
        for artifact in ARTIFACTS
    }

    order = list(TopologicalSorter(edges).static_order())

    assert set(order) == set(BY_NAME)


def test_predictions_and_monitors_read_the_champion() -> None:
    readers = {artifact.name for artifact in ARTIFACTS if artifact.reads_champion}

    assert readers == {"predictions", "drift_report", "performance_report"}


def test_a_release_rests_on_everything_that_belongs_to_no_single_batch() -> None:
    others = {a.name for a in REPRODUCIBLE if not a.is_partitioned and a.name != "release"}

    assert set(BY_NAME["release"].upstream) == others
    measured = {a.name for a in ARTIFACTS if a.measured and not a.is_partitioned}
    assert set(BY_NAME["release"].looks_at) == measured


def test_what_is_looked_at_is_measured_and_listed() -> None:
    for artifact in ARTIFACTS:
        assert all(BY_NAME[name].measured for name in artifact.looks_at)
        assert not (artifact.per_batch and artifact.per_day)


@EVERY
def test_the_fields_that_decide_an_artifact_are_fields_of_a_use_case(artifact: Artifact) -> None:
    assert set(artifact.fields) <= set(UseCase.model_fields)


@EVERY
def test_the_code_that_makes_an_artifact_exists(artifact: Artifact, project: Path) -> None:
    for path in code_of(artifact):
        assert (project / path).exists(), path


@EVERY
def test_metrics_and_plots_are_files_of_their_artifact(artifact: Artifact) -> None:
    assert {*artifact.metrics, *(plot.file for plot in artifact.plots)} <= set(artifact.files)


@EVERY
def test_a_report_is_data_and_a_page(artifact: Artifact) -> None:
    assert artifact.is_report is artifact.name.endswith(("_report", "_profile", "_check"))
    assert artifact.is_report is ({"report.json", "report.html"} <= set(artifact.files))
