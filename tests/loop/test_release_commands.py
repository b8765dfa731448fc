"""The commands of ``mlops`` about a release, on the releases of a small project."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from conftest import FinishedProject
from small_project import make_project, workspace_of

from mlops_assets import cli_release
from mlops_assets.governance.ledger import champion
from mlops_assets.serving.app import make_app
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.release import released_model
from mlops_assets.serving.server import running
from resources.workspace import Workspace

pytestmark = pytest.mark.loop


def asked(url: str = "", **options: Any) -> Namespace:
    return Namespace(**{"url": url, "release": None, "file": None, "into": None, **options})


def champion_of(workspace: Workspace) -> str:
    entry = champion(workspace.releases.entries())
    assert entry is not None and entry.release is not None
    return entry.release


def app_of(workspace: Workspace, model: Path) -> Any:
    bundle = workspace.releases.bundle(champion_of(workspace))
    signature = json.loads((bundle / "signature.json").read_bytes())
    return make_app(Predictor(model), workspace.name, "1", signature)


def test_a_deployment_of_the_champion_agrees_with_its_golden_rows(
    finished: FinishedProject,
) -> None:
    workspace, said = workspace_of(finished.root), list[str]()
    model = released_model(workspace.releases.bundle(champion_of(workspace)))
    with running(app_of(workspace, model)) as address:
        assert cli_release.check_endpoint(workspace, asked(address), said.append) == 0
    assert "agrees with" in said[-1]


def test_a_deployment_of_another_model_does_not(finished: FinishedProject, tmp_path: Path) -> None:
    """One weight, or leaf, of the served file is another."""
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
    altered = tmp_path / "altered.onnx"
    onnx.save(model, altered)
    with running(app_of(workspace, altered)) as address:
        options = asked(address, file="model.onnx")
        assert cli_release.check_endpoint(workspace, options, said.append) == 1
    assert "does NOT agree with" in said[-1]


def test_an_endpoint_that_cannot_be_asked_does_not_agree(finished: FinishedProject) -> None:
    workspace, said = workspace_of(finished.root), list[str]()
    url = "http://127.0.0.1:1"
    assert cli_release.check_endpoint(workspace, asked(url), said.append) == 1
    assert "could not be asked" in "\n".join(said)


def test_without_a_release_there_is_nothing_to_serve_or_compare_with(tmp_path: Path) -> None:
    workspace = workspace_of(make_project(tmp_path, []))
    said: list[str] = []
    for command in (cli_release.serve, cli_release.check_endpoint):
        assert command(workspace, asked(host="127.0.0.1", port=0), said.append) == 1
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
