"""The command of ``mlops`` that hands a release to another server."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "serving"))

from handmade_models import MODELS

from mlops_assets import cli_deploy
from mlops_assets.governance.ledger import Entry
from mlops_assets.use_case import UseCase
from resources.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, make_use_case: Callable[..., UseCase]) -> Workspace:
    root = tmp_path / "project"
    return Workspace("deliveries", make_use_case(), root / "defs" / "deliveries", root)


def add_release(workspace: Workspace, task: str) -> str:
    def write(folder: Path) -> None:
        (folder / "model.onnx").write_bytes(MODELS[task])
        (folder / "manifest.json").write_text(json.dumps({"serves": "model.onnx"}))

    return workspace.releases.add(write)


def promote(workspace: Workspace, release: str) -> None:
    entry = Entry("2020-01", "challenger", "promoted", ("made up",), release, None)
    workspace.releases.record(entry)


def export(workspace: Workspace, folder: Path, release: str | None = None) -> tuple[int, str]:
    said: list[str] = []
    options = Namespace(folder=folder, release=release)
    return cli_deploy.export_triton(workspace, options, said.append), "\n".join(said)


def test_the_release_that_is_named_is_exported(workspace: Workspace, tmp_path: Path) -> None:
    release = add_release(workspace, "binary")
    repository = tmp_path / "repository"

    status, said = export(workspace, repository, release)

    assert (status, said) == (0, f"{repository / 'deliveries'}: release {release}")
    exported = repository / "deliveries" / "1" / "model.onnx"
    assert exported.read_bytes() == MODELS["binary"]
    assert release in (repository / "deliveries" / "config.pbtxt").read_text(encoding="utf-8")


def test_without_a_name_it_is_the_champion(workspace: Workspace, tmp_path: Path) -> None:
    promote(workspace, add_release(workspace, "binary"))
    add_release(workspace, "regression")

    status, _ = export(workspace, tmp_path / "repository")

    exported = tmp_path / "repository" / "deliveries" / "1" / "model.onnx"
    assert status == 0 and exported.read_bytes() == MODELS["binary"]


def test_without_a_release_it_says_how_to_get_one(workspace: Workspace, tmp_path: Path) -> None:
    status, said = export(workspace, tmp_path / "repository")

    assert status == 1 and "make run USE_CASE=deliveries" in said
    assert not (tmp_path / "repository").exists()


def test_a_release_that_was_changed_is_not_exported(workspace: Workspace, tmp_path: Path) -> None:
    release = add_release(workspace, "binary")
    (workspace.releases.bundle(release) / "model.onnx").write_bytes(MODELS["regression"])

    status, said = export(workspace, tmp_path / "repository", release)

    assert status == 1 and "was changed on disk" in said
    assert not (tmp_path / "repository").exists()


def test_what_is_there_is_not_overwritten(workspace: Workspace, tmp_path: Path) -> None:
    release = add_release(workspace, "binary")
    export(workspace, tmp_path / "repository", release)

    status, said = export(workspace, tmp_path / "repository", release)

    assert status == 1 and "exists already" in said
