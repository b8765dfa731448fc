"""One truth with DVC: the real `dvc` on a small project, in an environment of its own."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from mlops_assets.catalog import ARTIFACTS

PROJECT = Path(__file__).resolve().parents[2]
NAME = "small_flights"
MONTHS = ("2013-01", "2013-02", "2013-03")
EVERY = 20


def run(root: Path, *command: str) -> str:
    """Run a command of the project's environments in a copy of the project."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DAGSTER_HOME": str(root / ".dagster"),
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def dvc(root: Path, *arguments: str) -> str:
    return run(root, str(PROJECT / ".venv-dvc" / "bin" / "dvc"), *arguments)


def mlops(root: Path, *arguments: str) -> str:
    return run(root, ".venv/bin/mlops", *arguments)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own files with one small use case instead of the bundled ones, in git."""
    import pyarrow.parquet as pq

    from mlops_assets.data.parquet_files import write_table

    root = tmp_path_factory.mktemp("parity") / "template"
    ignored = shutil.ignore_patterns("__pycache__", "employment", "data")
    for name in ("mlops_assets", "resources", "sensors"):
        patterns = ignored if name == "mlops_assets" else shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / name, root / name, ignore=patterns)
    shutil.copytree(
        PROJECT / "mlops_assets" / "data",
        root / "mlops_assets" / "data",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in (
        ".dvcignore",
        ".gitignore",
        ".dvc/config",
        ".dvc/.gitignore",
        ".dagster/dagster.yaml",
        "pyproject.toml",
    ):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(PROJECT / name, root / name)
    (root / ".venv").symlink_to(PROJECT / ".venv")
    defs = root / "mlops_assets" / "defs"
    (defs / "flight_delays").rename(defs / NAME)
    declared = yaml.safe_load((defs / NAME / "defs.yaml").read_text(encoding="utf-8"))
    declared["attributes"]["training"]["search"] = {
        "families": ["logistic_regression"],
        "max_fits": 3,
        "folds": 3,
        "max_rows": 2000,
    }
    declared["attributes"]["promotion"] = {"first_min_roc_auc": 0.5}
    (defs / NAME / "defs.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")
    (defs / NAME / "data").mkdir()
    for month in MONTHS:
        table = pq.read_table(PROJECT / f"mlops_assets/defs/flight_delays/data/{month}.parquet")
        thinned = table.take(list(range(0, table.num_rows, EVERY)))
        write_table(thinned, defs / NAME / "data" / f"{month}.parquet")
    (root / "params.yaml").write_text(f"{NAME}:\n  last_batch: 2013-02\n", encoding="utf-8")
    mlops(root, "dvc-yaml")
    run(root, "git", "init", "--quiet")
    run(root, "git", "add", "--all")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    run(root, "git", *identity, "commit", "--quiet", "--message", "Start")
    return root


def copy(template: Path, name: str) -> Path:
    return Path(shutil.copytree(template, template.parent / name, symlinks=True))


def outputs(root: Path) -> dict[str, str]:
    """The hash of each stage's output, as DVC recorded it."""
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    return {name: stage["outs"][0]["md5"] for name, stage in lock["stages"].items()}


@pytest.fixture(scope="module")
def reproduced(template: Path) -> Path:
    root = copy(template, "reproduced")
    dvc(root, "repro")
    return root


@pytest.fixture(scope="module")
def ticked(template: Path) -> Path:
    """The same window by Dagster: the first release, and March watched by it."""
    root = copy(template, "ticked")
    # The first month in which the sensors retrain would move the window: hold them off.
    declared = root / "mlops_assets" / "defs" / NAME / "defs.yaml"
    content = yaml.safe_load(declared.read_text(encoding="utf-8"))
    content["attributes"]["retraining"] = {"cooldown_batches": 99}
    declared.write_text(yaml.safe_dump(content), encoding="utf-8")
    mlops(root, "run", NAME)
    return root


def test_dvc_repro_gives_the_hashes_of_the_sensors(reproduced: Path, ticked: Path) -> None:
    ours, theirs = outputs(ticked), outputs(reproduced)
    assert len(theirs) == len(ARTIFACTS)
    # The one report that states the changed field is compared without it.
    field = f"{NAME}__performance_report"
    assert {k: v for k, v in ours.items() if k != field} == {
        k: v for k, v in theirs.items() if k != field
    }


def test_dvc_status_is_clean_after_either(reproduced: Path, ticked: Path) -> None:
    for root in (reproduced, ticked):
        assert "up to date" in dvc(root, "status")


def test_a_changed_field_outdates_what_reads_it(ticked: Path) -> None:
    declared = ticked / "mlops_assets" / "defs" / NAME / "defs.yaml"
    before = declared.read_bytes()
    try:
        declared.write_bytes(before.replace(b"seed: 2013", b"seed: 2014"))
        status = dvc(ticked, "status")
    finally:
        declared.write_bytes(before)
    assert f"{NAME}__features" in status
    assert f"{NAME}__cleaned_dataset" not in status


def test_metrics_plots_and_parameters(reproduced: Path) -> None:
    metrics = json.loads(dvc(reproduced, "metrics", "show", "--json"))
    [shown] = metrics[""]["data"].values()
    evaluation = reproduced / "artifacts" / NAME / "evaluation_report" / "report.json"
    measured = json.loads(evaluation.read_bytes())["forms"]["onnx"]["roc_auc"]["value"]
    assert shown["data"]["roc_auc"] == measured
    dvc(reproduced, "plots", "show")
    page = (reproduced / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert "calibration" in page and "importance" in page


def test_another_window_is_an_experiment(reproduced: Path) -> None:
    before = outputs(reproduced)
    dvc(reproduced, "exp", "run", "--set-param", f"{NAME}.last_batch=2013-03")
    parameters = dvc(reproduced, "params", "diff")
    assert "2013-03" in parameters and "2013-02" in parameters
    after = outputs(reproduced)
    assert after[f"{NAME}__model"] != before[f"{NAME}__model"]
    assert after[f"{NAME}__raw_copy"] == before[f"{NAME}__raw_copy"]
