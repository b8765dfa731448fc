"""A copy of the project with one small use case, in git, and the real ``dvc`` on it.

Belongs here: making it and running commands in it. Does not belong here: what is expected of them.
"""

import os
import shutil
import subprocess
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]
NAME = "small_flights"
YAML = f"mlops_assets/defs/{NAME}/defs.yaml"
MONTHS = ("2013-01", "2013-02", "2013-03")
EVERY = 10
BUDGET = {"p99_milliseconds": 5000, "memory_megabytes": 1000, "start_seconds": 60}
"""Of a machine that runs other tests as well."""
COPIED = (
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dagster/dagster.yaml",
    "pyproject.toml",
)


def try_to_run(root: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's environments in a copy of the project."""
    identity = {"NAME": "test", "EMAIL": "test@example.com"}
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DAGSTER_HOME": str(root / ".dagster"),
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in identity.items()},
        **variables,
    }
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def run(root: Path, *command: str) -> str:
    done = try_to_run(root, *command)
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def dvc(root: Path, *arguments: str) -> str:
    return run(root, str(PROJECT / ".venv-dvc" / "bin" / "dvc"), *arguments)


def mlops(root: Path, *arguments: str) -> str:
    return run(root, ".venv/bin/mlops", *arguments)


def git(root: Path, *arguments: str) -> str:
    return run(root, "git", *arguments)


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def copy(root: Path, name: str) -> Path:
    # The sockets of a warm process that may still be running.
    ignored = shutil.ignore_patterns("fork_server")
    return Path(shutil.copytree(root, root.parent / name, symlinks=True, ignore=ignored))


def outputs(root: Path) -> dict[str, str]:
    """The hash of everything that a stage made, as DVC recorded it, by its path."""
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}


def path_of(artifact: str) -> str:
    return f"artifacts/{NAME}/{artifact}"


def make_template(root: Path) -> Path:
    """The project's own files with one small use case instead of the bundled ones, committed."""
    ignored = shutil.ignore_patterns("__pycache__", "employment", "data")
    for name in ("mlops_assets", "resources", "sensors"):
        patterns = ignored if name == "mlops_assets" else shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / name, root / name, ignore=patterns)
    shutil.copytree(
        PROJECT / "mlops_assets" / "data",
        root / "mlops_assets" / "data",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in COPIED:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(PROJECT / name, root / name)
    (root / ".venv").symlink_to(PROJECT / ".venv")
    defs = root / "mlops_assets" / "defs"
    (defs / "flight_delays").rename(defs / NAME)
    _declare(root / YAML)
    _thin(defs / NAME / "data")
    (root / "params.yaml").write_text(f"{NAME}:\n  last_batch: 2013-02\n", encoding="utf-8")
    mlops(root, "dvc-yaml")
    git(root, "init", "--quiet")
    # As in a real project, where it is a folder: here it is a link, which .gitignore lets pass.
    (root / ".git" / "info" / "exclude").write_text(".venv\n", encoding="utf-8")
    commit(root, "Start")
    return root


def _declare(path: Path) -> None:
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    declared["attributes"]["training"]["search"] = {
        "families": ["linear", "histogram_gradient_boosting"],
        "max_fits": 9,
        "folds": 3,
        "max_rows": 3000,
    }
    declared["attributes"]["quantization"] = {"prefer": "speed"}
    declared["attributes"]["promotion"] = {"first_min_roc_auc": 0.5, "confidence": 0.55}
    declared["attributes"]["serving"] = {"budget": BUDGET}
    declared["attributes"]["explanation"] = {"rows": 60, "background": 20, "refits": 1}
    declared["attributes"]["risk"] = {"rows": 200, "evasion_rows": 40, "shadow_models": 8}
    # The first month in which the sensors retrain would move the window: hold them off.
    declared["attributes"]["retraining"] = {"cooldown_batches": 99}
    path.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")


def _thin(folder: Path) -> None:
    import pyarrow.parquet as pq

    from mlops_assets.data.parquet_files import write_table

    folder.mkdir()
    for month in MONTHS:
        table = pq.read_table(PROJECT / f"mlops_assets/defs/flight_delays/data/{month}.parquet")
        write_table(table.take(list(range(0, table.num_rows, EVERY))), folder / f"{month}.parquet")
