"""The released files give the same answers in Node.js as here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_changes import CHANGES
from release_bundles import DECIDED, TARGETS

from mlops_assets.serving.golden_check import check_file


def test_every_family_and_task_agrees(
    bundle: Any, ask_node: Callable[[Any], dict[str, Any]]
) -> None:
    verdicts = ask_node(bundle)
    assert {file: verdict["findings"] for file, verdict in verdicts.items()} == {
        file: [] for file in bundle.files
    }
    golden = json.loads((bundle.folder / "golden.json").read_bytes())
    rows = golden["request"]["inputs"][0]["shape"][0]
    assert rows > 50
    for file, verdict in verdicts.items():
        assert verdict["agrees"]
        assert all(answer["shape"][0] == rows for answer in verdict["answers"].values())
        assert check_file(bundle.folder, golden, file)["agrees"]


@pytest.mark.parametrize("name", DECIDED)
def test_the_golden_rows_ask_for_decisions_that_are_not_the_most_probable(
    name: str, bundle_of: Any
) -> None:
    golden = json.loads((bundle_of(name, "linear").folder / "golden.json").read_bytes())
    outputs = golden["responses"]["model.onnx"]["outputs"]
    label, probabilities = (
        next(output for output in outputs if output["name"] == wanted)
        for wanted in ("label", "probabilities")
    )
    classes = TARGETS[DECIDED[name][0]].classes or (0, 1)
    chances = np.array(probabilities["data"]).reshape(probabilities["shape"])
    likeliest = [classes[position] for position in chances.argmax(axis=1)]
    others = sum(a != b for a, b in zip(label["data"], likeliest, strict=True))
    assert others >= 3


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_is_wrong_is_found(
    change: str, bundle_of: Any, ask_node: Callable[[Any], dict[str, Any]], tmp_path: Path
) -> None:
    task, finding, do = CHANGES[change]
    verdict = ask_node(bundle_of(task, "linear").changed(tmp_path / "changed", do))["model.onnx"]
    assert not verdict["agrees"]
    assert any(found.startswith(finding) for found in verdict["findings"]), verdict["findings"]


def test_a_file_that_is_no_model_does_not_agree(
    bundle_of: Any, ask_node: Callable[[Any], dict[str, Any]], tmp_path: Path
) -> None:
    copy = bundle_of("binary", "linear").changed(tmp_path / "copy", lambda golden: None)  # noqa: ARG005
    (copy.folder / "model.onnx").write_bytes(b"no model")
    verdict = ask_node(copy)["model.onnx"]
    assert not verdict["agrees"] and "could not be asked" in verdict["findings"][0]
