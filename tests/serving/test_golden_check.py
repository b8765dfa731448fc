"""A deployment agrees with the golden rows exactly where its answers are those of the release."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from handmade_models import MODELS, columns

from mlops_assets.release.golden import golden_file
from mlops_assets.serving.golden_check import check_endpoint, check_file, check_golden
from mlops_assets.serving.predictor import Predictor


def rows() -> dict[str, Any]:
    return {name: values[:, None] for name, values in columns(16).items()}


def golden_of(task: str) -> dict[str, Any]:
    answers = Predictor(MODELS[task]).predict(rows())
    made: dict[str, Any] = json.loads(json.dumps(golden_file(rows(), {"model.onnx": answers})))
    return made


def version_of(address: str, task: str) -> str:
    with urlopen(f"{address}/v2/models/{task}") as answer:
        (version,) = json.load(answer)["versions"]
    named: str = version
    return named


def test_file_and_endpoint_agree(tmp_path: Path, addresses: Mapping[str, str], task: str) -> None:
    (tmp_path / "model.onnx").write_bytes(MODELS[task])
    golden = golden_of(task)
    for verdict in (
        check_file(tmp_path, golden),
        check_endpoint(addresses[task], task, golden),
        check_endpoint(addresses[task], task, golden, binary=True),
        check_endpoint(addresses[task], task, golden, version=version_of(addresses[task], task)),
    ):
        assert verdict["agrees"] and verdict["findings"] == []
        for figures in verdict["outputs"].values():
            assert (figures["rows_compared"], figures["rows_beyond"]) == (16, 0)
            assert figures["largest_difference"] in (0.0, None)
        json.dumps(verdict, allow_nan=False)


@pytest.mark.parametrize(
    ("output", "change", "beyond"),
    [
        ("probabilities", lambda values: values + np.float32(2e-5), 16),
        ("probabilities", lambda values: values + np.float32(2e-6), 0),
        ("probabilities", lambda values: np.where(values > 0.8, np.nan, values), None),
        ("label", lambda values: 1 - values, 16),
    ],
)
def test_other_answers_do_not_agree(output: str, change: Any, beyond: int | None) -> None:
    answers = Predictor(MODELS["binary"]).predict(rows())
    verdict = check_golden(answers | {output: change(answers[output])}, golden_of("binary"))
    if beyond is None:
        assert verdict["outputs"][output]["largest_difference"] is None
        assert verdict["outputs"][output]["rows_beyond"] > 0
    else:
        assert verdict["outputs"][output]["rows_beyond"] == beyond
    assert verdict["agrees"] == (beyond == 0)
    json.dumps(verdict, allow_nan=False)


def test_a_changed_class_name_does_not_agree() -> None:
    answers = Predictor(MODELS["multiclass"]).predict(rows())
    answers["label"][0] = "Low"
    verdict = check_golden(answers, golden_of("multiclass"))
    assert verdict["findings"] == ["output label: 1 of 16 rows are not as expected"]


def test_what_could_not_be_compared_does_not_agree(tmp_path: Path) -> None:
    golden = golden_of("binary")
    answers = Predictor(MODELS["binary"]).predict(rows())
    short = {name: values[:-1] for name, values in answers.items()}
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    (tmp_path / "model.onnx").write_bytes(MODELS["regression"])
    for verdict, finding in (
        (check_golden({}, golden), "output label: nothing"),
        (check_golden(short, golden), "shape [15]"),
        (check_golden(answers, golden, "quantized.onnx"), "expects nothing of quantized.onnx"),
        (check_endpoint("http://127.0.0.1:9", "binary", golden), "could not be asked"),
        (check_file(tmp_path, golden, "broken.onnx"), "broken.onnx could not be loaded"),
        (check_file(tmp_path, golden), "output label: nothing"),
    ):
        assert not verdict["agrees"]
        assert finding in verdict["findings"][0]
