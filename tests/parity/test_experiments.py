"""A parameter is changed, run, compared, and kept or dropped: by the real ``dvc exp``."""

import json
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dvc_project import NAME, YAML, commit, copy, dvc, git, outputs, path_of, try_to_run

from mlops_assets.catalog import REPRODUCIBLE
from mlops_assets.content_hash import hash_folder
from resources.artifact_store import ArtifactKey
from resources.experiment import EXPERIMENT_TAG
from resources.workspace import Workspace

UP_TO_EVIDENCE = f"{NAME}__evaluation_report"
CHANGE = ("--set-param", f"{YAML}:+attributes.training.split.calibration=0.3")
METRICS = [path_of(f"{name}/metrics.json") for name in ("model", "quantized_model")]


@dataclass(frozen=True)
class Experiment:
    """A project whose experiment ``wider`` is in its workspace, and what was there before."""

    root: Path
    before: dict[str, str]
    ledger: bytes


def workspace_of(root: Path) -> Workspace:
    return Workspace.read(root / "mlops_assets" / "defs" / NAME, root)


def ledger_of(root: Path) -> bytes:
    return (root / path_of("ledger.json")).read_bytes()


def of_another_version(root: Path) -> list[str]:
    """Artifacts whose files are not those that their lineage records."""
    store = workspace_of(root).store
    keys = [
        ArtifactKey(artifact.name, batch)
        for artifact in REPRODUCIBLE
        for batch in (store.batches(artifact.name) if artifact.per_batch else (None,))
    ]
    found = [(key, store.lineage(key)) for key in keys]
    return [
        str(key)
        for key, lineage in found
        if lineage is None or hash_folder(store.folder(key)) != lineage.files
    ]


def drop(root: Path) -> None:
    git(root, "checkout", "--quiet", ".")
    dvc(root, "checkout")


@pytest.fixture(scope="module")
def start(reproduced: Path) -> Path:
    root = copy(reproduced, "experiments")
    (root / ".git" / "info" / "exclude").write_text(".venv\n/dvc_plots/\n", encoding="utf-8")
    commit(root, "The model to beat")
    return root


@pytest.fixture(scope="module")
def ran(start: Path) -> Experiment:
    root = copy(start, "ran")
    before, ledger = outputs(root), ledger_of(root)
    dvc(root, "exp", "run", "--name", "wider", *CHANGE, UP_TO_EVIDENCE)
    return Experiment(root, before, ledger)


def test_an_experiment_is_compared_by_parameters_metrics_and_plots(ran: Experiment) -> None:
    root = ran.root
    changed = json.loads(dvc(root, "params", "diff", "--json"))
    assert changed[YAML]["attributes.training.split.calibration"]["new"] == 0.3
    metrics = json.loads(dvc(root, "metrics", "diff", "--json"))
    assert metrics[METRICS[0]]["cv_loss"]["diff"] != 0
    assert metrics[METRICS[1]]["largest_difference"]["diff"] != 0
    evaluated = metrics[path_of("evaluation_report/metrics.json")]
    assert evaluated["loss"]["diff"] != 0
    assert evaluated["gain_over_champion"]["new"] is not None
    dvc(root, "plots", "diff")
    page = (root / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    for title in ("leaderboard", "calibration", "importance"):
        assert f"{NAME}: {title}" in page
    assert "HEAD" in page and "workspace" in page
    table = dvc(root, "exp", "show", "--only-changed", "--csv")
    assert "wider" in table and "roc_auc" in table


def test_an_experiment_is_found_in_the_ui_by_its_name_with_plain_numbers(ran: Experiment) -> None:
    with dg.DagsterInstance.from_config(str(ran.root / ".dagster")) as instance:
        runs = instance.get_runs(dg.RunsFilter(tags={EXPERIMENT_TAG: "wider"}))
        latest = instance.get_latest_materialization_event(dg.AssetKey([NAME, "model"]))
    assert f"{NAME}__train" in {run.job_name for run in runs}
    assert latest is not None and latest.asset_materialization is not None
    assert latest.run_id in {run.run_id for run in runs}
    shown = latest.asset_materialization.metadata
    for number in ("cv_loss", "cv_baseline_loss", "parameters", "operations", "bytes"):
        assert isinstance(shown[number].value, int | float), number


def test_an_experiment_decides_nothing(ran: Experiment) -> None:
    assert ledger_of(ran.root) == ran.ledger
    given = try_to_run(
        ran.root, ".venv/bin/mlops", "materialize", NAME, "release", DVC_EXP_NAME="wider"
    )
    assert given.returncode == 0
    assert "an experiment releases nothing" in given.stdout
    assert ledger_of(ran.root) == ran.ledger


def test_an_experiment_before_the_first_release_says_how_far_to_run_it(template: Path) -> None:
    given = try_to_run(
        template, ".venv/bin/mlops", "materialize", NAME, "release", DVC_EXP_NAME="early"
    )
    assert given.returncode == 1
    assert f"dvc exp run {UP_TO_EVIDENCE}" in given.stdout


def test_a_dropped_experiment_leaves_files_lineage_and_the_next_one_as_before(
    ran: Experiment,
) -> None:
    root = copy(ran.root, "dropped")
    drop(root)
    dvc(root, "exp", "remove", "wider")
    assert git(root, "status", "--short") == ""
    assert outputs(root) == ran.before
    assert of_another_version(root) == []
    assert "up to date" in dvc(root, "status")
    # The evaluation reads the model, which this one does not make again.
    smaller = ("--set-param", f"{YAML}:attributes.quantization.prefer=size")
    ran_stages = dvc(root, "exp", "run", "--name", "smaller", *smaller, UP_TO_EVIDENCE)
    assert f"Running stage '{NAME}__quantized_model'" in ran_stages
    assert f"Stage '{NAME}__model' didn't change" in ran_stages


def test_an_experiment_beside_the_workspace_gives_the_same_and_is_kept(
    start: Path, ran: Experiment
) -> None:
    root = copy(start, "beside")
    dvc(root, "exp", "run", "--temp", "--name", "apart", *CHANGE, UP_TO_EVIDENCE)
    assert git(root, "status", "--short") == ""
    assert outputs(root) == ran.before
    dvc(root, "exp", "apply", "apart")
    assert outputs(root) == outputs(ran.root)
    assert of_another_version(root) == []
    commit(root, "A wider calibration split")
    assert "up to date" in dvc(root, "status", "--with-deps", UP_TO_EVIDENCE)
