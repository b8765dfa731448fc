"""The facts of a tick, gathered from a real store: also of what a kill left half done."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import bytes_md5
from mlops_assets.governance.ledger import Entry
from mlops_assets.release.gate import Outcome
from mlops_assets.use_case import UseCase
from resources.approvals import APPROVED
from resources.artifact_store import ArtifactKey
from resources.assets import SOURCE_LOST_TAG
from resources.dvc_lock import fields_md5
from resources.sources.base import SourceError
from resources.workspace import Workspace
from sensors.situation import INTENT_TAG, USE_CASE_TAG, Situation, gather, reports

A, B, C = "2020-01", "2020-02", "2020-03"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def workspace(tmp_path: Path, make_use_case: Callable[..., UseCase]) -> Workspace:
    """A use case whose source holds two batches, with nothing made yet."""
    workspace = Workspace("deliveries", make_use_case(), tmp_path / "defs", tmp_path)
    _source_folder(workspace).mkdir(parents=True)
    _deliver(workspace, A, "a")
    _deliver(workspace, B, "b")
    return workspace


def _declared(workspace: Workspace, content: str) -> str:
    """What a batch with this content is made from."""
    declaration = fields_md5(workspace, BY_NAME["cleaned_dataset"])
    return f"{bytes_md5(content.encode())} declared {declaration}"


def _source_folder(workspace: Workspace) -> Path:
    assert workspace.source_folder is not None
    return workspace.source_folder


def _deliver(workspace: Workspace, batch: str, content: str) -> None:
    (_source_folder(workspace) / f"{batch}.parquet").write_text(content)


def _make(workspace: Workspace, name: str, batch: str | None = None, content: str = "") -> str:
    """Store an artifact made of its upstream as it stands now; returns its hash."""
    key = ArtifactKey(name, batch)
    upstream = workspace.upstream_hashes(name, batch)
    settings = {
        "features": {"last_batch": content},
        "cleaned_dataset": {"corrections": workspace.corrections_md5(batch or "")},
    }.get(name, {})
    settings["fields"] = fields_md5(workspace, BY_NAME[name])
    with workspace.store.write(key, upstream=upstream, settings=settings) as folder:
        manifest = {"fingerprint": bytes_md5(content.encode())}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (folder / "counts.json").write_text(json.dumps({"rows_in": 1, "quarantined": 0}))
        (folder / "privacy.json").write_text(json.dumps({"findings": []}))
        (folder / "report.json").write_text(json.dumps({"said": content}))
    return workspace.store.hash(key)


def _ingest(workspace: Workspace, batch: str, content: str) -> None:
    _make(workspace, "raw_copy", batch, content)
    _make(workspace, "cleaned_dataset", batch, content)
    _make(workspace, "predictions", batch, content)


def _watch(workspace: Workspace, batch: str) -> None:
    _make(workspace, "drift_report", batch)
    _make(workspace, "performance_report", batch)


def _train(workspace: Workspace, last_batch: str) -> str:
    """Make a challenger with all its evidence; returns its hash."""
    for name in APPROVED:
        _make(workspace, name, content=last_batch)
    return workspace.store.hash(ArtifactKey("onnx_model"))


def _decide(workspace: Workspace, batch: str, challenger: str, release: str | None) -> None:
    outcome: Outcome = "promoted" if release else "rejected"
    workspace.releases.record(Entry(batch, challenger, outcome, ("why",), release, None))


def test_nothing_done_yet(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    assert gather(workspace, instance) == Situation(
        delivered={A: _declared(workspace, "a"), B: _declared(workspace, "b")},
        ingested={},
        unprofiled=(),
        unusable=(),
        watched=(),
        declaration=gather(workspace, instance).declaration,
        trained_as=None,
        trained_until=None,
        undecided=None,
        awaits_approval=None,
        approvals=None,
        trial=None,
        tried_out=None,
        unverified=None,
        first_release=None,
        under_way=(),
        attempts={},
        interrupted={},
    )


def test_a_source_that_is_away_is_not_a_source_without_batches(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _source_folder(workspace).rename(workspace.root / "elsewhere")

    with pytest.raises(SourceError, match="does not exist"):
        gather(workspace, instance)


def test_changed_content_of_the_same_size_is_seen(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    gather(workspace, instance)
    _deliver(workspace, A, "z")

    assert gather(workspace, instance).delivered[A] == _declared(workspace, "z")


def test_a_batch_is_taken_in_when_it_is_clean(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _ingest(workspace, A, "a")
    _make(workspace, "raw_copy", B, "b")

    assert gather(workspace, instance).ingested == {A: _declared(workspace, "a")}


def test_a_raw_copy_newer_than_what_was_cleaned_is_not_taken_in(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _ingest(workspace, A, "a")
    _deliver(workspace, A, "changed")
    _make(workspace, "raw_copy", A, "changed")

    now = gather(workspace, instance)

    assert now.ingested[A] not in (_declared(workspace, "a"), _declared(workspace, "changed"))


def test_a_profile_is_that_of_the_batch_as_it_was_cleaned(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _ingest(workspace, A, "a")
    assert gather(workspace, instance).unprofiled == (A,)

    _make(workspace, "data_profile", A)
    assert gather(workspace, instance).unprofiled == ()

    _deliver(workspace, A, "changed")
    _ingest(workspace, A, "changed")
    assert gather(workspace, instance).unprofiled == (A,)


def test_corrections_make_a_batch_another_one_until_it_is_cleaned_with_them(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _ingest(workspace, A, "a")
    before = gather(workspace, instance)
    path = workspace.corrections(A)
    path.parent.mkdir()
    path.write_text("row,reasons")

    corrected = gather(workspace, instance)
    _ingest(workspace, A, "a")
    replayed = gather(workspace, instance)

    assert before.delivered[A] == before.ingested[A] == corrected.ingested[A]
    assert corrected.delivered[A] != before.delivered[A]
    assert replayed.delivered[A] == replayed.ingested[A] == corrected.delivered[A]


def test_another_declaration_outdates_batches_and_the_challenger(
    workspace: Workspace, instance: dg.DagsterInstance, make_use_case: Callable[..., UseCase]
) -> None:
    _ingest(workspace, A, "a")
    _train(workspace, A)
    before = gather(workspace, instance)
    assert before.ingested[A] == before.delivered[A]
    assert before.trained_as == before.declaration

    removal = {"name": "tiny", "remove_where": "parcels < 1", "reason": "no delivery"}
    changed = replace(workspace, use_case=make_use_case(rows={"remove": [removal]}))
    after = gather(changed, instance)

    assert after.ingested[A] == before.ingested[A] != after.delivered[A]
    assert after.trained_as == after.declaration
    seeded = replace(workspace, use_case=make_use_case(training={"first_batches": 1, "seed": 8}))
    assert gather(seeded, instance).trained_as != gather(seeded, instance).declaration


def test_a_run_that_lost_its_source_is_tried_again(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    tags = {USE_CASE_TAG: "deliveries", INTENT_TAG: "ingest"}
    failure = dg.DagsterRunStatus.FAILURE
    lost = dg.DagsterRun(
        job_name="deliveries__ingest", tags={**tags, SOURCE_LOST_TAG: "true"}, status=failure
    )
    instance.add_run(lost)
    first = gather(workspace, instance)
    instance.add_run(dg.DagsterRun(job_name="deliveries__ingest", tags=tags, status=failure))

    assert not first.was_tried("ingest")
    assert gather(workspace, instance).was_tried("ingest")


@pytest.mark.parametrize("missing", ["drift_report", "performance_report", None])
def test_a_batch_is_watched_when_both_reports_are_there(
    missing: str | None, workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _ingest(workspace, A, "a")
    for name in {"drift_report", "performance_report"} - {missing}:
        _make(workspace, name, A)

    assert gather(workspace, instance).watched == ((A,) if missing is None else ())


def test_reports_on_earlier_content_do_not_count(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _ingest(workspace, A, "a")
    _watch(workspace, A)
    _ingest(workspace, A, "changed")
    _make(workspace, "drift_report", A)

    assert gather(workspace, instance).watched == ()
    _make(workspace, "performance_report", A)
    assert gather(workspace, instance).watched == (A,)


def test_a_complete_challenger_awaits_its_decision_and_a_decided_one_does_not(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    challenger = _train(workspace, B)

    before = gather(workspace, instance)
    _decide(workspace, B, challenger, None)
    after = gather(workspace, instance)

    assert (before.trained_until, before.undecided) == (B, challenger)
    assert (after.trained_until, after.undecided) == (B, None)
    assert not after.has_champion


@pytest.mark.parametrize("made", range(1, len(APPROVED)))
def test_a_training_that_was_cut_off_left_no_challenger(
    made: int, workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    for name in APPROVED[:made]:
        _make(workspace, name, content=A)
    first = gather(workspace, instance)
    _decide(workspace, A, _train(workspace, A), "release")
    for name in APPROVED[:made]:
        _make(workspace, name, content=B)

    later = gather(workspace, instance)

    assert (first.trained_until, first.undecided) == (None, None)
    assert (later.trained_until, later.undecided) == (A, None)


def test_batches_are_predicted_after_the_window_of_the_first_release(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _decide(workspace, A, "m1", None)
    _decide(workspace, B, "m2", "release")
    _decide(workspace, C, "m3", "better")

    now = gather(workspace, instance)

    assert now.first_release == B
    assert now.has_champion
    assert [now.is_predicted(batch) for batch in (A, B, C)] == [False, False, True]


def test_runs_are_counted_by_intent_and_only_those_of_the_use_case(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    status = dg.DagsterRunStatus
    for run_status, intent, use_case in (
        (status.SUCCESS, "ingest", "deliveries"),
        (status.FAILURE, "ingest", "deliveries"),
        (status.CANCELED, "ingest", "deliveries"),
        (status.CANCELED, "train", "deliveries"),
        (status.STARTED, "decide", "deliveries"),
        (status.NOT_STARTED, None, "deliveries"),
        (status.STARTED, "ingest", "another"),
    ):
        tags = {USE_CASE_TAG: use_case, **({INTENT_TAG: intent} if intent else {})}
        run = dg.DagsterRun(job_name=f"{use_case}__{intent}", tags=tags, status=run_status)
        instance.add_run(run)

    now = gather(workspace, instance)

    assert now.attempts == {"ingest": 3, "train": 1, "decide": 1}
    assert now.interrupted == {"ingest": 1, "train": 1}
    assert sorted(now.under_way) == ["deliveries__None", "deliveries__decide"]
    assert now.was_tried("ingest")
    assert not now.was_tried("train")
    assert not now.was_tried("never")


def test_the_reports_of_a_batch_are_read_where_they_are(workspace: Workspace) -> None:
    _ingest(workspace, A, "a")
    _make(workspace, "performance_report", A, "well")

    assert reports(workspace, A) == (None, {"said": "well"})
    assert reports(workspace, B) == (None, None)
