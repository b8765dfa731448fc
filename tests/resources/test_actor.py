"""Who does something, and who trained a model: kept beside the artifacts, first one first."""

import getpass
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_assets.use_case import UseCase
from resources.actor import accounts, actor, record_trainer, trainers
from resources.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, make_use_case: Callable[..., UseCase]) -> Workspace:
    return Workspace("deliveries", make_use_case(), tmp_path / "defs" / "deliveries", tmp_path)


def test_the_account_is_that_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLOPS_ACTOR", raising=False)
    monkeypatch.setenv("LOGNAME", "own")

    assert accounts() == ("own",) == (getpass.getuser(),)
    assert actor() == "own"


def test_naming_another_account_does_not_hide_the_own_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "own")
    monkeypatch.setenv("MLOPS_ACTOR", " somebody ")
    assert accounts() == ("somebody", "own")
    assert actor() == "somebody"

    monkeypatch.setenv("MLOPS_ACTOR", "  ")
    assert accounts() == ("own",)


def test_who_trained_first_stays(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "own")
    for name in ("first", "second"):
        monkeypatch.setenv("MLOPS_ACTOR", name)
        record_trainer(workspace, "model a")
    record_trainer(workspace, "model b")

    assert trainers(workspace, "model a") == ("first", "own")
    assert trainers(workspace, "model b") == ("second", "own")
    assert trainers(workspace, "model c") == ()


def test_it_is_kept_beside_the_artifacts_and_is_part_of_none(workspace: Workspace) -> None:
    record_trainer(workspace, "model a")

    path = workspace.store.root / "trained_by.json"
    assert set(json.loads(path.read_bytes())) == {"model a"}
    assert not workspace.store.is_made("trained_by")
