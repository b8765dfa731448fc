"""A process killed with SIGKILL at any step leaves the old version or the new one, whole; doing it
again ends as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

OLD = {"a.txt": "old", "same.txt": "same", "deep/b.txt": "old"}
NEW = {"a.txt": "new, and longer", "same.txt": "same", "deep/c.txt": "new"}
NEW_FILES = sorted(f"2020-01/{name}" for name in NEW)
NEIGHBOUR_FILES = sorted(f"2020-02/{name}" for name in OLD)


def _kill_everywhere(scenario: str, work: Path, project: Path) -> list[dict[str, Any]]:
    program = Path(__file__).with_name("kill_points.py")
    done = subprocess.run(
        [sys.executable, str(program), scenario, str(work)],
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    records: list[dict[str, Any]] = json.loads(done.stdout)
    return records


def test_a_version_is_replaced_whole_or_not_at_all(tmp_path: Path, project: Path) -> None:
    records = _kill_everywhere("replace_version", tmp_path, project)

    seen = [record["after_kill"] for record in records]
    assert all(content in (OLD, NEW) for content in seen)
    assert seen == sorted(seen, key=[OLD, NEW].index), "once new, it stays new"
    assert OLD in seen
    assert NEW in seen
    assert len(records) > 20
    for record in records:
        assert record["after_repeat"] == NEW
        assert record["left"] == [*NEW_FILES, *NEIGHBOUR_FILES]
        assert record["kept"]


def test_a_first_version_is_there_whole_or_not_at_all(tmp_path: Path, project: Path) -> None:
    records = _kill_everywhere("first_version", tmp_path, project)

    assert all(record["after_kill"] in (None, NEW) for record in records)
    assert any(record["after_kill"] == NEW for record in records)
    assert all(record["after_repeat"] == NEW for record in records)
    assert all(record["left"] == NEW_FILES for record in records)
    assert all(record["kept"] for record in records)


def test_a_recovery_that_is_killed_is_recovered_from(tmp_path: Path, project: Path) -> None:
    records = _kill_everywhere("recovery", tmp_path, project)

    assert len(records) > 10
    for record in records:
        assert record["after_kill"] in (OLD, NEW)
        assert record["after_repeat"] == record["after_kill"]
        assert len(record["left"]) == len(record["after_kill"])


def test_a_decision_is_recorded_once_or_not_at_all(tmp_path: Path, project: Path) -> None:
    records = _kill_everywhere("ledger", tmp_path, project)

    assert {record["after_kill"] for record in records} <= {0, 1}
    assert {record["after_repeat"] for record in records} == {1}


def test_a_release_is_there_whole_or_not_at_all(tmp_path: Path, project: Path) -> None:
    records = _kill_everywhere("bundle", tmp_path, project)

    assert all(record["after_kill"] in ([], [NEW]) for record in records)
    assert all(record["after_repeat"] == [NEW] for record in records)


def test_a_release_brought_back_from_the_cache_is_there_whole_or_not_at_all(
    tmp_path: Path, project: Path
) -> None:
    records = _kill_everywhere("lost_bundle", tmp_path, project)

    assert len(records) > 5
    assert all(record["after_kill"] == record["after_repeat"] == NEW for record in records)
