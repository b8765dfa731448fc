"""SIGKILL at any point, another folder, another number of threads: the same hashes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from conftest import MONTHS, FinishedProject
from small_project import hashes, make_project

pytestmark = pytest.mark.loop

SCRIPT = Path(__file__).with_name("small_project.py")
KILL_AFTER_RECORDS = (1, 5, 7, 10, 13, 15, 17, 20)
"""Lineage records that exist when a run is killed: in the first and the second ingestion, in the
first training (after features, model, evaluation, explainability), at the release (after approval),
in a watched batch."""
OTHER_MACHINE = {
    "OMP_NUM_THREADS": "4",
    "OPENBLAS_NUM_THREADS": "4",
    "PYTHONHASHSEED": "7",
    "TZ": "Pacific/Auckland",
    "LC_ALL": "C",
}


def start(root: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **OTHER_MACHINE, "DAGSTER_HOME": str(root / ".dagster")}
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(root)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def records(root: Path) -> int:
    return len(list((root / "artifacts").rglob("lineage/**/*.json")))


def kill_when(process: subprocess.Popen[bytes], root: Path, at_least: int) -> None:
    """SIGKILL the process and its workers as soon as so many records are there."""
    while records(root) < at_least:
        assert process.poll() is None, process.stdout and process.stdout.read().decode()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def failures(root: Path) -> list[str]:
    """Why each failed run failed; a killed run is no failed one."""
    with dg.DagsterInstance.from_config(str(root / ".dagster")) as instance:
        failed = instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        return [
            f"{run.job_name}: {entry.dagster_event.event_specific_data}"
            for run in failed
            for entry in instance.all_logs(run.run_id)
            if entry.dagster_event is not None and entry.dagster_event.is_failure
        ]


def test_killed_again_and_again_it_ends_in_the_same_hashes(
    finished: FinishedProject, tmp_path: Path
) -> None:
    root = make_project(tmp_path / "killed", MONTHS)
    for at_least in KILL_AFTER_RECORDS:
        kill_when(start(root), root, at_least)
    last = start(root)
    said, _ = last.communicate()
    assert last.returncode == 0, said.decode()
    assert failures(root) == []
    assert hashes(root) == hashes(finished.root)
