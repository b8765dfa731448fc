"""The commands of ``mlops`` about a release, on the releases of a small project."""

import json
import shutil
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from conftest import FinishedProject
from small_project import make_project, workspace_of

sys.path.append(str(Path(__file__).parents[1] / "serving"))

from server_process import serving

from mlops_assets import cli_release
from mlops_assets.content_hash import folder_md5, hash_folder, json_bytes
from mlops_assets.governance.ledger import champion
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import read_columns, to_tensor
from resources.workspace import Workspace

pytestmark = pytest.mark.loop


def asked(url: str = "", **options: Any) -> Namespace:
    return Namespace(**{"url": url, "release": None, "file": None, "into": None, **options})


def champion_of(workspace: Workspace) -> str:
    entry = champion(workspace.releases.entries())
    assert entry is not None and entry.release is not None
    return entry.release


def test_a_deployment_of_the_champion_agrees_with_its_golden_rows(
    finished: FinishedProject,
) -> None:
    workspace, said = workspace_of(finished.root), list[str]()
    with serving(workspace.store.root, "--no-log") as server:
        assert cli_release.check_endpoint(workspace, asked(server.url), said.append) == 0
    assert "agrees with" in said[-1]


def test_a_deployment_of_another_model_does_not(finished: FinishedProject, tmp_path: Path) -> None:
    """One weight, or leaf, of the served file is another, and its golden rows are its own, without
    which no server would take it."""
    import onnx
    from onnx import numpy_helper

    workspace, said = workspace_of(finished.root), list[str]()
    bundle = workspace.releases.bundle(champion_of(workspace))
    model = onnx.load(bundle / "model.onnx")
    trees = [n for n in model.graph.node if n.op_type == "TreeEnsembleRegressor"]
    if trees:
        [base] = [a for a in trees[0].attribute if a.name == "target_weights"]
        base.floats[:] = [weight + 0.05 for weight in base.floats]
    else:
        weights = max(model.graph.initializer, key=lambda t: t.data_type == 1 and len(t.raw_data))
        changed = numpy_helper.to_array(weights) + 0.05
        weights.CopyFrom(numpy_helper.from_array(changed.astype("float32"), weights.name))
    with serving(*_deployed(bundle, model.SerializeToString(), tmp_path)) as server:
        options = asked(server.url, file="model.onnx")
        assert cli_release.check_endpoint(workspace, options, said.append) == 1
    assert "does NOT agree with" in said[-1]


def _deployed(bundle: Path, model: bytes, root: Path) -> tuple[Path, str, str, str]:
    """A release like ``bundle`` that serves ``model`` and says so, below ``root``; what a server of
    it is started with."""
    staged = root / "releases" / "staged"
    shutil.copytree(bundle, staged)
    (staged / "model.onnx").write_bytes(model)
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    golden = json.loads((bundle / "golden.json").read_bytes())
    answers = Predictor(model).predict(read_columns(golden["request"]))
    golden["responses"]["model.onnx"]["outputs"] = [to_tensor(n, v) for n, v in answers.items()]
    (staged / "golden.json").write_bytes(json_bytes(golden))
    (staged / "manifest.json").write_bytes(json_bytes({**manifest, "serves": "model.onnx"}))
    release = folder_md5(hash_folder(staged))
    staged.rename(staged.with_name(release))
    return root, "--release", release, "--no-log"


def test_an_endpoint_that_cannot_be_asked_does_not_agree(finished: FinishedProject) -> None:
    workspace, said = workspace_of(finished.root), list[str]()
    url = "http://127.0.0.1:1"
    assert cli_release.check_endpoint(workspace, asked(url), said.append) == 1
    assert "could not be asked" in "\n".join(said)


def test_without_a_release_there_is_nothing_to_serve_or_compare_with(tmp_path: Path) -> None:
    workspace = workspace_of(make_project(tmp_path, []))
    said: list[str] = []
    for command in (cli_release.serve, cli_release.check_endpoint):
        assert command(workspace, asked(options=[]), said.append) == 1
    assert "no release yet" in said[0]


def test_a_release_that_is_in_no_cache_cannot_be_made_again(finished: FinishedProject) -> None:
    workspace, said = workspace_of(finished.root), list[str]()
    assert cli_release.reproduce(workspace, asked(release="0" * 32 + ".dir"), said.append) == 1
    assert "no version with the hash" in said[-1]


def test_a_version_comes_back_into_a_folder_that_is_not_there(
    finished: FinishedProject, tmp_path: Path
) -> None:
    workspace, said = workspace_of(finished.root), list[str]()
    release = champion_of(workspace)
    options = asked(hash=release, target=tmp_path / "restored")
    assert cli_release.restore(workspace, options, said.append) == 0
    assert (tmp_path / "restored" / "manifest.json").is_file()
    assert cli_release.restore(workspace, options, said.append) == 2
    unknown = asked(hash="0" * 32 + ".dir", target=tmp_path / "unknown")
    assert cli_release.restore(workspace, unknown, said.append) == 1
