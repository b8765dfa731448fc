"""The loop under a real daemon: a batch that drifts is answered without a hand, and one that cannot
be read becomes an alert and changes nothing."""

from pathlib import Path

import dagster as dg
import pytest
from processes import running, wait_until
from small_project import NAME, deliver, make_project, source_file, workspace_of
from webhook import Webhook

from mlops_assets.governance.ledger import Entry
from resources.alerts import CHANNELS_VARIABLE
from resources.artifact_store import ArtifactKey
from sensors.situation import CAUSE_TAG, INTENT_TAG, UNFINISHED

pytestmark = pytest.mark.loop


def test_the_daemon_closes_the_loop_without_a_hand(tmp_path: Path, webhook: Webhook) -> None:
    root = make_project(tmp_path / "project", ["2013-01", "2013-02"])
    with running(root, "dagster-daemon", "run", **{CHANNELS_VARIABLE: webhook.url}):
        wait_until(lambda: _decision(root, "2013-02"), "the first release")
        first = _decision(root, "2013-02")
        assert first is not None
        assert first.outcome == "first release"

        deliver(root, "2013-03")
        wait_until(lambda: _decision(root, "2013-03"), "the decision on what 2013-03 set off")
        _assert_drift_was_answered(root, first)
        wait_until(lambda: _is_idle(root), "the end of the last run")
        assert webhook.received == []

        before = _contents(root)
        _deliver_truncated(root, "2013-04")
        wait_until(lambda: webhook.received, "the alert")
        _assert_only_an_alert_came_of_it(root, webhook)
        assert _contents(root) == before


def _assert_drift_was_answered(root: Path, first: Entry) -> None:
    report = workspace_of(root).store.report(ArtifactKey("drift_report", "2013-03"))
    assert report["drifted"] is True
    assert report["champion"] == first.release
    (training,) = _runs(root, "train", "train up to 2013-03")
    assert training.status == dg.DagsterRunStatus.SUCCESS
    assert "drift in " in training.tags[CAUSE_TAG]
    promoted = _decision(root, "2013-03")
    assert promoted is not None
    assert promoted.outcome == "promoted"
    assert promoted.reasons
    assert promoted.champion_before == first.release
    assert promoted.release not in (None, first.release)


def _assert_only_an_alert_came_of_it(root: Path, webhook: Webhook) -> None:
    (failed,) = _runs(root, "ingest", "ingest 2013-04 with content ")
    assert failed.status == dg.DagsterRunStatus.FAILURE
    ((_, sent),) = webhook.received
    assert sent["title"] == f"{NAME}__ingest for 2013-04 failed"
    assert failed.run_id in sent["message"]
    assert "2013-04.parquet is no whole Parquet file" in sent["message"]


def _decision(root: Path, batch: str) -> Entry | None:
    entries = workspace_of(root).releases.entries()
    return next((entry for entry in entries if entry.batch == batch), None)


def _runs(root: Path, verb: str, intent: str) -> list[dg.DagsterRun]:
    with dg.DagsterInstance.from_config(str(root / ".dagster")) as instance:
        runs = instance.get_runs(filters=dg.RunsFilter(job_name=f"{NAME}__{verb}"))
    return [run for run in runs if run.tags[INTENT_TAG].startswith(intent)]


def _is_idle(root: Path) -> bool:
    with dg.DagsterInstance.from_config(str(root / ".dagster")) as instance:
        return not instance.get_runs(filters=dg.RunsFilter(statuses=list(UNFINISHED)))


def _deliver_truncated(root: Path, batch: str) -> None:
    target = source_file(root, batch)
    temporary = target.with_suffix(".part")
    temporary.write_bytes(source_file(root, "2013-03").read_bytes()[:-1000])
    temporary.replace(target)


def _contents(root: Path) -> dict[str, bytes]:
    artifacts = workspace_of(root).store.root
    return {
        path.relative_to(artifacts).as_posix(): path.read_bytes()
        for path in sorted(artifacts.rglob("*"))
        if path.is_file()
    }
