"""Through Dagster: days are taken in, checked, reported on and, when expired, really gone."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mlops_assets.traffic.assets import build_assets
from mlops_assets.traffic.checks import build_checks
from mlops_assets.traffic.logged_days import (
    LOG,
    expire,
    expired_days,
    ledger,
    logged_files,
    problems_of_retention,
    stored_days,
)
from resources.artifact_store import ArtifactKey
from resources.assets import day_partitions
from resources.workspace import Workspace

Make = Callable[..., Any]
TODAY = datetime.now(UTC).date()


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def materialize(
    workspace: Workspace, instance: dg.DagsterInstance, day: str
) -> tuple[bool, dict[str, dg.AssetCheckEvaluation]]:
    """Take in a day and report on it; whether that went well, and what the checks said."""
    result = _materialize(workspace, instance, day, [*build_checks(workspace)])
    return result.success, {c.check_name: c for c in result.get_asset_check_evaluations()}


def store(workspace: Workspace, instance: dg.DagsterInstance, day: str) -> bool:
    """Take in a day, and nothing else; whether that went well."""
    return _materialize(workspace, instance, day).success


def _materialize(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    day: str,
    checks: Sequence[dg.AssetChecksDefinition] = (),
) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions(day_partitions(workspace).name or "", [day])
    assets = build_assets(workspace)
    return dg.materialize(
        [*assets, *checks] if checks else assets[:1],
        partition_key=day,
        instance=instance,
        raise_on_error=False,
    )


def objects(workspace: Workspace) -> set[str]:
    return {path.parent.name + path.name for path in workspace.store.cache.glob("*/*")}


def test_a_day_is_taken_in_checked_and_reported_on(
    workspace: Workspace, instance: dg.DagsterInstance, server: Make
) -> None:
    server().write(range(200), ago(1))
    success, checks = materialize(workspace, instance, ago(1))
    assert success
    said = {name: check.passed for name, check in checks.items()}
    assert said == {
        "no_answer_was_lost": True,
        "log_is_kept_as_long_as_declared": True,
        "no_personal_data_in_log": True,
        # Nothing is known of the servers' memory.
        "operations_within_budget": False,
    }
    assert [path.name for path in logged_files(workspace)] == [f"{server().release}.parquet"]
    report = workspace.store.report(ArtifactKey("operations_report", ago(1)))
    assert [one["verdict"] for one in report["budget"]] == ["within", None]


def test_more_files_of_a_day_are_a_new_version(
    workspace: Workspace, instance: dg.DagsterInstance, server: Make
) -> None:
    one = server()
    one.write(range(10), ago(1))
    store(workspace, instance, ago(1))
    first = workspace.store.hash(ArtifactKey(LOG, ago(1)))
    store(workspace, instance, ago(1))
    assert workspace.store.hash(ArtifactKey(LOG, ago(1))) == first
    one.write(range(10, 30), ago(1))
    store(workspace, instance, ago(1))
    assert workspace.store.replaced(ArtifactKey(LOG, ago(1))) == (first,)
    assert problems_of_retention(workspace, TODAY.isoformat()) == []


def test_a_lost_row_fails_its_check(
    workspace: Workspace, instance: dg.DagsterInstance, server: Make
) -> None:
    one = server()
    one.write(range(10), ago(1))
    one.sequence += 2
    one.write(range(20, 30), ago(1))
    _, checks = materialize(workspace, instance, ago(1))
    assert not checks["no_answer_was_lost"].passed
    assert checks["no_answer_was_lost"].metadata["lost_rows"].value == 2


def test_a_log_is_not_replaced_by_what_is_left_of_it(
    workspace: Workspace, instance: dg.DagsterInstance, server: Make
) -> None:
    one = server()
    gone = one.write(range(10), ago(1))
    one.write(range(10, 20), ago(1))
    store(workspace, instance, ago(1))
    before = stored_days(workspace)
    gone.unlink()
    success = store(workspace, instance, ago(1))
    assert not success and stored_days(workspace) == before


def test_an_expired_day_is_really_gone_in_every_version(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    server: Make,
) -> None:
    one = server()
    secret = b"Ghent-that-nobody-should-find"
    one.changed["input.city"] = secret.decode()
    one.write(range(10), ago(30))
    store(workspace, instance, ago(30))
    one.write(range(10, 30), ago(30))
    store(workspace, instance, ago(30))
    one.changed.clear()
    one.write(range(20), ago(2))
    store(workspace, instance, ago(2))
    kept = workspace.store.hash(ArtifactKey(LOG, ago(2)))
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    assert expired_days(workspace, TODAY.isoformat()) == ()
    assert expired_days(workspace, tomorrow) == (ago(30),)
    assert "is still there" in problems_of_retention(workspace, tomorrow)[0]
    days, count = expire(workspace, tomorrow)
    # Two versions of a file, of a manifest and of their listing.
    assert (days, count) == ((ago(30),), 6)
    for path in workspace.store.root.parents[1].rglob("*"):
        if path.is_file() and "served" not in path.parts:
            assert secret not in path.read_bytes()
    assert stored_days(workspace) == {ago(2): kept}
    workspace.store.restore(kept, workspace.root / "restored")
    assert [one.deleted_on for one in ledger(workspace)] == [tomorrow, None]
    assert expire(workspace, tomorrow) == ((), 0)
    assert problems_of_retention(workspace, tomorrow) == [
        f"{ago(30)}: the servers' files are still there, and days before {ago(29)} are to be gone "
        "after 30 days: start a server, which deletes them"
    ]


def test_a_deletion_that_was_cut_off_is_finished(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    server: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server().write(range(10), ago(30))
    materialize(workspace, instance, ago(30))
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    unlink = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        if path.parent.parent == workspace.store.cache and path.name.endswith(".dir"):
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        expire(workspace, tomorrow)
    monkeypatch.undo()
    assert any(
        "the cache still has it" in one for one in problems_of_retention(workspace, tomorrow)
    )
    assert expired_days(workspace, tomorrow) == (ago(30),)
    expire(workspace, tomorrow)
    # The report about the day holds no answers, and stays.
    report = workspace.store.lineage(ArtifactKey("operations_report", ago(30)))
    assert report is not None
    assert objects(workspace) == {report.hash, *(file.md5 for file in report.files)}


def test_an_object_that_something_else_has_stays(
    workspace: Workspace, instance: dg.DagsterInstance, server: Make
) -> None:
    server().write(range(10), ago(30))
    store(workspace, instance, ago(30))
    folder = workspace.store.folder(ArtifactKey(LOG, ago(30)))
    other = ArtifactKey("predictions", "2020-01")
    with workspace.store.write(other, upstream={}) as target:
        (target / "manifest.json").write_bytes((folder / "manifest.json").read_bytes())
    expire(workspace, (TODAY + timedelta(days=1)).isoformat())
    workspace.store.restore(workspace.store.hash(other), workspace.root / "restored")


def test_days_that_may_not_be_kept_are_not_taken_in(
    workspace: Workspace, instance: dg.DagsterInstance, server: Make
) -> None:
    for day in (ago(31), (TODAY + timedelta(days=2)).isoformat()):
        server().write(range(3), day)
        assert not store(workspace, instance, day)
    assert stored_days(workspace) == {} and ledger(workspace) == ()


def test_the_ledger_holds_no_answer(
    workspace: Workspace, instance: dg.DagsterInstance, server: Make
) -> None:
    server().write(range(3), ago(1))
    store(workspace, instance, ago(1))
    record = json.loads((workspace.store.root / "prediction_log_days.json").read_bytes())
    hash = workspace.store.hash(ArtifactKey(LOG, ago(1)))
    assert record == [{"day": ago(1), "hash": hash, "deleted_on": None}]
