"""The same files whatever the machine offers: other threads, workers, cores and hash seeds."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from mlops_assets.training_declaration import FAMILIES
from mlops_assets.use_case import UseCase

Make = Callable[..., Any]
TASKS = ("binary", "multiclass", "regression")
CHILD = """
import hashlib, json, os, sys
from pathlib import Path
import joblib
from mlops_assets.content_hash import json_bytes
from mlops_assets.training.fit import train
from mlops_assets.training.model_file import model_bytes

given, cores, workers = sys.argv[1:]
if cores:
    os.sched_setaffinity(0, {int(cores)})
if workers:
    joblib.cpu_count = lambda: int(workers)
found = {}
for name, (rows, use_case) in joblib.load(given).items():
    training = train(rows, use_case, lambda _: None)
    files = {"model.joblib": model_bytes(training.model), "model.json": json_bytes(training.record)}
    found |= {f"{name}: {f}": hashlib.md5(content).hexdigest() for f, content in files.items()}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def given(task_use_case: Make, task_window: Make, tmp_path_factory: Any) -> Path:
    """Rows and a use case for every task and family."""
    said = {"max_fits": 3, "max_rows": 200}
    trained = {
        f"{task}, {family}": (task_window(task), task_use_case(task, families=(family,), **said))
        for task in TASKS
        for family in FAMILIES
    }
    trained["mitigated"] = _mitigated(task_use_case, task_window("binary"))
    path: Path = tmp_path_factory.mktemp("given") / "trained.joblib"
    joblib.dump(trained, path)
    return path


def _mitigated(task_use_case: Make, window: pd.DataFrame) -> tuple[pd.DataFrame, UseCase]:
    """With costs, weights and thresholds by group."""
    group = {"type": "string", "role": "sensitive", "sensitive_input": True, "reason": "a test"}
    use_case = task_use_case("binary", max_fits=3, families=("mlp",), columns={"group": group})
    by_group = {"column": "group", "legal_basis": "an act of parliament"}
    mitigation = {"reweighing": ["group"], "group_thresholds": by_group}
    declared = {
        **use_case.model_dump(),
        "decision": {"costs": {"false_negative": 3.0}},
        "fairness": {"min_rows": 20, "mitigation": mitigation},
    }
    group_of_row = np.where(window["x"] + window["z"] > 0, "a", "b")
    return window.assign(group=group_of_row), UseCase(**declared)


def _hashes(given: Path, seed: str, threads: str, cores: str, workers: str) -> dict[str, str]:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
    command = [sys.executable, "-c", CHILD, str(given), cores, workers]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_threads_workers_cores_and_hash_seed_change_no_byte(given: Path) -> None:
    first_core = str(min(os.sched_getaffinity(0)))

    one = _hashes(given, seed="0", threads="1", cores=first_core, workers="")
    several = _hashes(given, seed="1", threads="3", cores="", workers="2")

    assert len(one) == 2 * (len(TASKS) * len(FAMILIES) + 1)
    assert len(set(one.values())) == len(one)
    assert several == one
