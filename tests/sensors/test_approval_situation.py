"""What the sensors know of an approval: from a real store and real signature files."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mlops_assets.catalog import BY_NAME
from mlops_assets.use_case import UseCase
from resources.approvals import APPROVED, SETTING, folder, state_of
from resources.artifact_store import ArtifactKey
from resources.dvc_lock import fields_md5
from resources.workspace import Workspace
from sensors.situation import Situation, awaits_decision, gather

EVIDENCE = "0123456789abcdef" * 4


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def workspace(tmp_path: Path, make_use_case: Callable[..., UseCase]) -> Workspace:
    """A finished challenger of class ``high``, nobody having been asked yet."""
    use_case = make_use_case(policy={"ai_act_class": "high"})
    workspace = Workspace("deliveries", use_case, tmp_path / "defs" / "deliveries", tmp_path)
    assert workspace.source_folder is not None
    workspace.source_folder.mkdir(parents=True)
    (workspace.source_folder / "2020-01.parquet").write_text("a batch")
    for name in APPROVED:
        _make(workspace, name)
    return workspace


def _make(workspace: Workspace, name: str, content: str = "", **settings: Any) -> None:
    used = {"fields": fields_md5(workspace, BY_NAME[name]), "last_batch": "2020-01", **settings}
    upstream = workspace.upstream_hashes(name, None)
    with workspace.store.write(ArtifactKey(name), upstream=upstream, settings=used) as staged:
        (staged / "approval.json" if name == "approval" else staged / "content").write_text(content)


def _ask(workspace: Workspace, **changes: Any) -> None:
    """Store an approval as if it had been asked now."""
    record = {"evidence": EVIDENCE, "required": True, "holds": False, "missing": "nobody signed"}
    content = json.dumps({**record, "against": [], **changes})
    _make(workspace, "approval", content, **{SETTING: state_of(workspace, EVIDENCE)})


def test_evidence_that_nobody_was_asked_about_is_to_be_verified(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    now = gather(workspace, instance)

    assert now.undecided is not None and now.unverified is not None
    assert now.awaits_approval is None
    _make(workspace, "risk_report", "changed")
    assert gather(workspace, instance).unverified != now.unverified


def test_good_evidence_without_a_signature_waits_and_says_how_to_sign(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _ask(workspace)

    now = gather(workspace, instance)

    assert now.unverified is None and now.approvals is not None
    assert now.awaits_approval is not None
    assert "awaits approval of 0123456789abcdef, for nobody signed" in now.awaits_approval
    assert "mlops approve deliveries" in now.awaits_approval
    assert awaits_decision(workspace)


@pytest.mark.parametrize("changes", [{"holds": True, "missing": ""}, {"against": ["too noisy"]}])
def test_what_is_approved_or_cannot_be_is_decided(
    workspace: Workspace, instance: dg.DagsterInstance, changes: dict[str, Any]
) -> None:
    _ask(workspace, **changes)

    now = gather(workspace, instance)

    assert (now.unverified, now.awaits_approval) == (None, None)
    assert now.approvals is not None


def _sees_another_state(before: Situation, after: Situation) -> None:
    assert after.unverified is not None and after.unverified == after.approvals
    assert after.unverified != before.approvals
    assert after.awaits_approval is None


def test_a_signature_file_calls_for_another_look(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    _ask(workspace)
    before = gather(workspace, instance)
    folder(workspace).mkdir(parents=True)
    (folder(workspace) / f"{EVIDENCE[:16]}-somebody.json").write_text("{}")

    _sees_another_state(before, gather(workspace, instance))
    _ask(workspace)
    assert gather(workspace, instance).awaits_approval is not None


def test_another_approver_calls_for_another_look(
    workspace: Workspace, instance: dg.DagsterInstance, make_use_case: Callable[..., UseCase]
) -> None:
    _ask(workspace)
    before = gather(workspace, instance)
    someone = {"name": "Any", "role": "officer", "account": "a", "public_key": "A" * 43 + "="}
    policy = {"ai_act_class": "high", "approvers": [someone]}

    after = gather(replace(workspace, use_case=make_use_case(policy=policy)), instance)

    _sees_another_state(before, after)


def test_where_the_policy_asks_for_nobody_nothing_is_awaited(
    workspace: Workspace, instance: dg.DagsterInstance, make_use_case: Callable[..., UseCase]
) -> None:
    minimal = replace(workspace, use_case=make_use_case())

    now = gather(minimal, instance)

    assert now.undecided is not None
    assert (now.unverified, now.approvals, now.awaits_approval) == (None, None, None)
