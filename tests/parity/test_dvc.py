"""One truth with DVC: the real `dvc` on a small project, in an environment of its own."""

import json
from pathlib import Path

import pytest
from dvc_project import NAME, YAML, copy, dvc, mlops, outputs, path_of

from mlops_assets.catalog import REPRODUCIBLE


@pytest.fixture(scope="module")
def ticked(template: Path) -> Path:
    """The same window by Dagster: the first release, and March watched by it."""
    root = copy(template, "ticked")
    mlops(root, "run", NAME)
    return root


def test_dvc_repro_gives_the_hashes_of_the_sensors(reproduced: Path, ticked: Path) -> None:
    ours, theirs = outputs(ticked), outputs(reproduced)
    assert {path_of(artifact.name) for artifact in REPRODUCIBLE} <= set(theirs)
    assert ours == theirs


def test_dvc_status_is_clean_after_either(reproduced: Path, ticked: Path) -> None:
    for root in (reproduced, ticked):
        assert "up to date" in dvc(root, "status")


def test_a_changed_field_outdates_what_reads_it(ticked: Path) -> None:
    declared = ticked / YAML
    before = declared.read_bytes()
    try:
        declared.write_bytes(before.replace(b"seed: 2013", b"seed: 2014"))
        status = dvc(ticked, "status")
    finally:
        declared.write_bytes(before)
    assert f"{NAME}__features" in status
    assert f"{NAME}__cleaned_dataset" not in status


def test_metrics_and_plots_are_those_of_the_reports(reproduced: Path) -> None:
    metrics = json.loads(dvc(reproduced, "metrics", "show", "--json"))[""]["data"]
    folder = reproduced / path_of("evaluation_report")
    measured = json.loads((folder / "report.json").read_bytes())["forms"]["onnx"]
    shown = metrics[f"{path_of('evaluation_report')}/metrics.json"]["data"]
    assert shown["roc_auc"] == measured["roc_auc"]["value"]
    record = json.loads((reproduced / path_of("model") / "model.json").read_bytes())
    (chosen,) = [entry for entry in record["leaderboard"] if entry["chosen"]]
    assert metrics[f"{path_of('model')}/metrics.json"]["data"] == {
        "cv_loss": chosen["loss"],
        "cv_baseline_loss": record["baseline"]["loss"],
        **record["complexity"],
    }


def test_a_window_that_is_another_outdates_the_features_alone(reproduced: Path) -> None:
    root = copy(reproduced, "another_window")
    parameters = root / "params.yaml"
    parameters.write_text(f"{NAME}:\n  last_batch: 2013-03\n", encoding="utf-8")
    status = dvc(root, "status", f"{NAME}__features", f"{NAME}__cleaned_dataset")
    assert f"{NAME}.last_batch" in status
    assert f"{NAME}__features" in status
    assert f"{NAME}__cleaned_dataset" not in status
