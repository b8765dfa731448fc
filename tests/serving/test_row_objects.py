"""Rows as objects ask the same as tensors do, and every error names row and field."""

import json
from typing import Any

import numpy as np
import pytest
from handmade_inputs import INPUTS, LIMITS, inputs_of
from handmade_models import CLASS_NAMES, MODELS

from mlops_assets.serving.inputs import InputColumn, Inputs
from mlops_assets.serving.message import Asked
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.refusal import RefusalError
from mlops_assets.serving.row_objects import read_rows, write_rows

ROW = {"city": "Oslo", "amount": 1.5, "seen": 3, "member": True}


def read(message: Any, inputs: Inputs = INPUTS) -> Asked:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return read_rows(body, inputs, LIMITS)


def column_of(value: Any, declared: str, kind: Any, nullable: bool = False) -> Any:
    inputs = Inputs({"x": InputColumn(kind, declared, nullable, "")}, {"prediction": ("FP32", 1)})
    return read([{"x": value}], inputs).columns["x"]


def test_rows_become_columns() -> None:
    asked = read({"rows": [ROW, {"seen": 4, "member": False}], "id": "r-1"})
    assert (asked.id, asked.rows) == ("r-1", 2)
    assert asked.columns["city"].tolist() == [["Oslo"], [""]]
    np.testing.assert_array_equal(asked.columns["amount"], [[1.5], [np.nan]])
    assert asked.columns["seen"].tolist() == [[3], [4]]
    assert asked.columns["member"].tolist() == [[True], [False]]
    assert [column.dtype.kind for column in asked.columns.values()] == ["O", "f", "i", "b"]
    assert [output.name for output in asked.outputs] == ["label", "probabilities"]
    assert (asked.row_ids, asked.entity_ids) == (None, None)
    assert read([ROW]).id is None


def test_null_is_missing_where_the_column_has_a_form_for_it() -> None:
    asked = read([ROW | {"city": None, "amount": None}])
    assert asked.columns["city"].tolist() == [[""]] and np.isnan(asked.columns["amount"]).all()
    strict = INPUTS.columns["city"]._replace(nullable=False)
    inputs = Inputs({**INPUTS.columns, "city": strict}, INPUTS.outputs)
    assert read([ROW | {"city": None}], inputs).columns["city"].tolist() == [[""]]
    without = {name: value for name, value in ROW.items() if name != "city"}
    with pytest.raises(RefusalError, match="'city': row 1: is left out, and never missing"):
        read([ROW, without], inputs)


def test_rows_are_named_by_their_columns() -> None:
    asked = read([ROW | {"order": 7, "customer": "a"}, ROW | {"order": "8"}])
    assert (asked.row_ids, asked.entity_ids) == (["7", "8"], ["a", ""])
    assert [*asked.columns] == [*ROW]
    assert read([ROW | {"order": None}, ROW | {"order": 7.0}]).row_ids == ["", "7"]
    by_input = inputs_of(row_id="seen", entity_id="amount")
    assert read([ROW], by_input).row_ids == ["3"]
    assert read([ROW, ROW | {"amount": None}], by_input).entity_ids == ["1.5", ""]
    for wrong in ([7], 7.5, True):
        with pytest.raises(RefusalError, match="'order': row 0 is neither a string nor an int"):
            read([ROW | {"order": wrong}])
    with pytest.raises(RefusalError, match="'order': row 0 has more than 20 characters"):
        read([ROW | {"order": "7" * 21}])


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01", 0),
        ("2013-01-01T05:15:00.000001", 1_357_017_300_000_001),
        ("1969-12-31 23:59:59", -1_000_000),
        (1_357_017_300_000_001, 1_357_017_300_000_001),
    ],
)
def test_a_timestamp_is_text_without_zone_or_microseconds(text: Any, microseconds: int) -> None:
    assert column_of(text, "timestamp", "int64").tolist() == [[microseconds]]


@pytest.mark.parametrize(
    "text",
    ["2013-01-01T05:15:00Z", "2013-01-01T05:15:00+01:00", "2013-02-30", "", "soon", "2" * 99],
)
def test_another_text_is_no_timestamp(text: str) -> None:
    with pytest.raises(RefusalError, match="column 'x': row 0 is no time as") as caught:
        column_of(text, "timestamp", "int64")
    assert not text or text not in str(caught.value)


def test_a_whole_number_is_an_integer() -> None:
    assert read([ROW | {"seen": 3.0}]).columns["seen"].tolist() == [[3]]
    with pytest.raises(RefusalError, match="row 0 is a number with a point, where an integer"):
        read([ROW | {"seen": 3.5}])
    with pytest.raises(RefusalError, match="row 0 is an integer beyond"):
        read([ROW | {"seen": 1e300}])


def test_a_boolean_that_may_be_missing_is_a_number_to_the_model() -> None:
    for value, number in ((True, 1.0), (False, 0.0), (1, 1.0), (0.0, 0.0)):
        assert column_of(value, "boolean", "double", True).tolist() == [[number]]
    assert np.isnan(column_of(None, "boolean", "double", True)).all()
    with pytest.raises(RefusalError, match="row 0 is neither true, false nor null"):
        column_of(2, "boolean", "double", True)
    with pytest.raises(RefusalError, match="row 0 is true or false, where a number"):
        column_of(True, "number", "double", True)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"{", "no JSON"),
        ({}, "the body is neither"),
        ([], "the body is neither"),
        (7, "the body is neither"),
        ({"rows": ROW}, "the body is neither"),
        ({"rows": [ROW], "row": 1}, "something else than 'rows' and 'id'"),
        ({"rows": [ROW], "id": 1}, "'id' is no string"),
        ([ROW, 7], "row 1 is no object"),
        ([ROW, ROW | {"town": 1}], "column 'town': row 1: is no input of the model"),
        ([ROW | {"x" * 999: 1}], "column 'x{100}': row 0: is no input"),
        ([ROW] * 11, "has 11 rows, where a request may have 10"),
        ([{"city": "Oslo", "member": True}], "column 'seen': row 0: is left out"),
        ([ROW | {"seen": None}], "column 'seen': row 0 is null, where an integer is needed"),
        ([ROW | {"seen": "3"}], "column 'seen': row 0 is a string, where an integer"),
        ([ROW, ROW | {"amount": "1"}], "column 'amount': row 1 is a string, where a number"),
        ([ROW | {"amount": 1e39}], "column 'amount': row 0 is a number beyond"),
        ([ROW | {"member": 1}], "column 'member': row 0 is an integer, where true or false"),
        ([ROW | {"city": {"a": 1}}], "column 'city': row 0 is an object, where a string"),
        ([ROW | {"city": "b" * 21}], "column 'city': row 0 has more than 20 characters"),
    ],
)
def test_what_is_wrong_is_said_by_row_and_field(message: Any, problem: str) -> None:
    with pytest.raises(RefusalError, match=problem):
        read(message)


def written(task: str, rows: list[dict[str, Any]], **fields: Any) -> Any:
    inputs = inputs_of(task)
    asked = read({"rows": rows, **fields}, inputs)
    answers = Predictor(MODELS[task]).predict(asked.columns)
    return json.loads(write_rows("hash", asked, answers, inputs)), answers


def test_classes_are_answered_by_name() -> None:
    said, answers = written("multiclass", [ROW | {"order": 7}, ROW | {"amount": -2}], id="r")
    assert (said["release"], said["id"]) == ("hash", "r")
    first, second = said["predictions"]
    assert (first["row_id"], second["row_id"]) == ("7", "")
    assert first["label"] == answers["label"][0]
    assert [*first["probabilities"]] == CLASS_NAMES
    given = np.array([[*p["probabilities"].values()] for p in said["predictions"]], np.float32)
    np.testing.assert_array_equal(given, answers["probabilities"])


def test_numbers_are_answered_with_their_interval() -> None:
    said, answers = written("regression", [ROW, ROW | {"amount": -2}])
    assert [*said] == ["release", "predictions"]
    for place, prediction in enumerate(said["predictions"]):
        assert [*prediction] == ["prediction", "interval"]
        assert np.float32(prediction["prediction"]) == answers["prediction"][place]
        np.testing.assert_array_equal(
            np.array(prediction["interval"], np.float32), answers["interval"][place]
        )


def test_a_binary_model_answers_the_probability_of_each_class() -> None:
    said, _ = written("binary", [ROW])
    assert said["predictions"][0]["label"] == 1
    assert [*said["predictions"][0]["probabilities"]] == ["0", "1"]


def test_an_answer_that_is_no_number_is_an_internal_error() -> None:
    answers = {"label": np.array([1]), "probabilities": np.array([[np.nan, 1]], np.float32)}
    with pytest.raises(RefusalError, match="probabilities is no number") as caught:
        write_rows("hash", read([ROW]), answers, INPUTS)
    assert caught.value.kind == "internal"
