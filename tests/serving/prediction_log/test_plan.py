"""What a bundle's declaration lets be logged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_assets.serving.answered import AnsweredBatch, AnsweredRequest
from mlops_assets.serving.prediction_log.lines import column_kinds, read_line, write_line
from mlops_assets.serving.prediction_log.pieces import pieces
from mlops_assets.serving.prediction_log.plan import (
    RETENTION_DAYS,
    LoggedColumn,
    plan_of,
    pseudonym_key,
)
from mlops_assets.serving.prediction_log.protection import pseudonym
from mlops_assets.serving_declaration import RETENTION_DAYS as DECLARED_DAYS

KEY = b"k" * 32
COLUMNS: dict[str, Any] = {
    "id": {"type": "string", "role": "ignored", "personal": "pseudonymise"},
    "who": {"type": "string", "personal": "pseudonymise"},
    "born": {"type": "timestamp", "personal": "generalise"},
    "age": {"type": "number", "personal": "generalise"},
    "city": {"type": "string", "personal": "generalise"},
    "gone": {"type": "string", "personal": "drop"},
    "open": {"type": "boolean", "personal": "keep", "reason": "needed"},
}
DATATYPES = {
    "who": "BYTES",
    "born": "INT64",
    "age": "FP64",
    "city": "BYTES",
    "gone": "BYTES",
    "open": "BOOL",
}


def _bundle(folder: Path, serving: dict[str, Any] | None = None, **columns: Any) -> Path:
    bundle = folder / ("c" * 32 + ".dir")
    bundle.mkdir()
    declared: dict[str, Any] = {"columns": {**COLUMNS, **columns}}
    if serving is not None:
        declared["serving"] = serving
    signature = {
        "inputs": [{"name": n, "datatype": t, "shape": [-1, 1]} for n, t in DATATYPES.items()],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
        ],
    }
    (bundle / "declaration.json").write_text(json.dumps(declared))
    (bundle / "manifest.json").write_text(json.dumps({"use_case": "parcels"}))
    (bundle / "signature.json").write_text(json.dumps(signature))
    return bundle


def test_a_plan_says_of_each_column_what_is_done(tmp_path: Path) -> None:
    plan = plan_of(_bundle(tmp_path, {"row_id": "id", "retention_days": 30}), KEY)

    assert plan.release == "c" * 32 + ".dir"
    assert plan.inputs == (
        LoggedColumn("who", "string", "string", "pseudonymise"),
        LoggedColumn("born", "int64", "timestamp", "generalise"),
        LoggedColumn("age", "float64", "number", "generalise"),
        LoggedColumn("city", "string", "string", "generalise"),
        LoggedColumn("open", "bool", "boolean", None),
    )
    assert plan.outputs == (
        LoggedColumn("label", "string"),
        LoggedColumn("probabilities", "list<float32>"),
    )
    assert plan.row_id == LoggedColumn("id", "string", "string", "pseudonymise")
    assert (plan.retention_days, plan.left_out, plan.envelope) == (30, (), None)
    assert plan.use_case == "parcels"


@pytest.mark.parametrize("key", [None, b""])
def test_without_a_key_what_is_to_be_hashed_is_left_out_and_named(
    tmp_path: Path, key: bytes | None
) -> None:
    plan = plan_of(_bundle(tmp_path, {"row_id": "id"}), key)

    assert plan.left_out == ("who", "id")
    assert plan.row_id is None
    assert [column.name for column in plan.inputs] == ["born", "age", "city", "open"]


def test_an_id_of_which_nothing_is_declared_is_not_logged(tmp_path: Path) -> None:
    plan = plan_of(_bundle(tmp_path), KEY)

    assert plan.row_id is None
    assert plan.retention_days == RETENTION_DAYS == DECLARED_DAYS


def test_an_id_that_is_dropped_is_not_logged(tmp_path: Path) -> None:
    plan = plan_of(_bundle(tmp_path, {"row_id": "gone"}), KEY)

    assert plan.row_id is None and plan.left_out == ()


@pytest.mark.parametrize("key", [KEY, None])
def test_nothing_personal_is_in_a_line(tmp_path: Path, key: bytes | None) -> None:
    plan = plan_of(_bundle(tmp_path, {"row_id": "id"}), key)
    columns = {
        "who": np.array(["Mary Secret", ""], object),
        "born": np.array([1_000_000_000_000_001, -1]),
        "age": np.array([47.5, np.nan]),
        "city": np.array(["Hiddenham", "Hiddenham"], object),
        "gone": np.array(["private", "private"], object),
        "open": np.array([True, False]),
    }
    outputs = {
        "label": np.array(["x", "y"], object),
        "probabilities": np.zeros((2, 3), np.float32),
    }
    request = AnsweredRequest("r", 2, ["person-1", "person-2"], 0.0, 0.0)
    batch = AnsweredBatch(plan.release, "champion", True, None, [request], columns, outputs)

    line = write_line([*pieces(0, batch, 2)], plan)

    for value in (b"Mary", b"Hiddenham", b"private", b"person", b"47", b"1000000000000001"):
        assert value not in line.content
    read = read_line(line.content, dict(column_kinds(plan)))
    assert read["input.city"] == ["Hi", "Hi"]
    assert read["input.born"] == [978_307_200_000_000, -31_536_000_000_000]
    assert read["input.age"][0] == 40.0 and np.isnan(read["input.age"][1])
    if key:
        assert read["row_id"] == [pseudonym("person-1", key), pseudonym("person-2", key)]
        assert read["input.who"] == [pseudonym("Mary Secret", key), ""]
    else:
        assert read["row_id"] == [None, None] and "input.who" not in read


def test_a_plan_does_not_show_its_key(tmp_path: Path) -> None:
    assert "kkkk" not in repr(plan_of(_bundle(tmp_path), KEY))


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        plan_of(tmp_path, None)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_PSEUDONYM_KEY", "secret")
    assert pseudonym_key() == b"secret"
    monkeypatch.setenv("MLOPS_PSEUDONYM_KEY", "")
    assert pseudonym_key() is None
    monkeypatch.delenv("MLOPS_PSEUDONYM_KEY")
    assert pseudonym_key() is None
