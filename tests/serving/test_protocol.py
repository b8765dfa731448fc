"""A request is read whole or refused by name; an answer says the model's own bits."""

import json
from typing import Any

import numpy as np
import pytest
from handmade_inputs import INPUTS, LIMITS, inputs_of
from handmade_models import CLASS_NAMES, MODELS, columns
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mlops_assets.serving.inputs import Inputs
from mlops_assets.serving.message import Asked, WantedOutput
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import (
    header_length_of,
    read_answers,
    read_columns,
    read_infer,
    request,
    to_tensor,
    write_infer,
)
from mlops_assets.serving.refusal import RefusalError


def asked(message: Any, inputs: Inputs = INPUTS) -> Asked:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return read_infer(body, None, inputs, LIMITS)


def changed(column: str, **fields: Any) -> dict[str, Any]:
    message = request(columns())
    message["inputs"] = [
        tensor | fields if tensor["name"] == column else tensor for tensor in message["inputs"]
    ]
    return message


def refused(message: Any, problem: str, kind: str | None = None) -> None:
    with pytest.raises(RefusalError, match=problem) as caught:
        asked(message)
    assert kind is None or caught.value.kind == kind


def test_a_request_is_read_whole() -> None:
    rows = columns(amount=np.array([1.5, np.nan, -0.0]), city=np.array(["", "Ö", 'a"\0'], object))
    message = request(rows) | {"id": "r-1", "outputs": [{"name": "label"}]}
    read = asked(message)
    assert (read.id, read.rows, read.outputs) == ("r-1", 3, (WantedOutput("label", False),))
    assert (read.row_ids, read.entity_ids) == (None, None)
    for name, values in rows.items():
        assert read.columns[name].shape == (3, 1)
        assert read.columns[name].dtype == values.dtype
        np.testing.assert_array_equal(read.columns[name][:, 0], values)
    assert np.signbit(read.columns["amount"][2, 0])


@given(hnp.arrays(np.float64, (10, 1)))
def test_numbers_come_back_to_the_last_bit(values: NDArray[np.float64]) -> None:
    values = np.where(np.abs(values) > 3e38, np.nan, values)
    read = asked(request(columns(10, amount=values))).columns["amount"]
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(np.signbit(read), np.signbit(values) & ~np.isnan(values))


@pytest.mark.parametrize("datatype", ["INT8", "INT32", "INT64", "UINT8", "UINT64"])
def test_an_integer_of_any_width_is_taken(datatype: str) -> None:
    for column in ("seen", "amount"):
        read = asked(changed(column, datatype=datatype, data=[0, 5, 100])).columns[column]
        assert read.tolist() == [[0], [5], [100]]


def test_a_float32_is_taken_as_it_is() -> None:
    read = asked(changed("amount", datatype="FP32", data=[0.1, None, 2])).columns["amount"]
    np.testing.assert_array_equal(read[:, 0], [float(np.float32(0.1)), np.nan, 2.0])


def test_missing_is_null_or_the_token_nan() -> None:
    body = json.dumps(changed("amount", data=[4711, None, 2])).encode()
    read = asked(body.replace(b"4711", b"NaN")).columns["amount"][:, 0]
    np.testing.assert_array_equal(read, [np.nan, np.nan, 2.0])
    assert asked(changed("city", data=[None, "", "a"])).columns["city"].tolist() == [
        [""],
        [""],
        ["a"],
    ]
    refused(body.replace(b"4711", b"Infinity"), "column 'amount': row 0 is a number beyond")
    refused(body.replace(b"4711", b"nan"), "no JSON")


def test_what_the_standard_library_reads_is_held_to_the_same() -> None:
    body = json.dumps(changed("city", data=["?", "b", "c"]) | {"id": "#"}).encode()
    with_nan = body.replace(b"-2.0", b"NaN")
    refused(with_nan.replace(b'"?"', b'"\\ud800"'), "'city': row 0 holds half a surrogate pair")
    refused(with_nan.replace(b'"#"', b'"\\udfff"'), "'id' holds half a surrogate")
    refused(with_nan.decode().encode("utf-16"), "no JSON")
    refused(b"\xef\xbb\xbf" + with_nan, "no JSON")
    refused(with_nan.replace(b'"#"', b"9" * 5000), "no JSON")
    refused(b"[" * 200_000 + b"NaN", "no JSON")


def test_data_may_be_nested_and_shapes_may_be_flat() -> None:
    for shape, data in (([3, 1], [[1], [2], [3]]), ([3], [1, 2, 3]), ([3, 1], [1, 2, 3])):
        read = asked(changed("seen", shape=shape, data=data)).columns["seen"]
        assert read.tolist() == [[1], [2], [3]]


def named(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}


def test_rows_may_be_named_beside_the_inputs_or_by_one() -> None:
    message = request(columns())
    message["inputs"].insert(0, named("order", "INT32", [7, -8, 9]))
    message["inputs"].append(named("customer", "BYTES", ["a", None, "ü"]))
    read = asked(message)
    assert (read.row_ids, read.entity_ids) == (["7", "-8", "9"], ["a", "", "ü"])
    assert [*read.columns] == [*INPUTS.columns]
    by_input = inputs_of(row_id="seen", entity_id="amount")
    read = asked(changed("amount", data=[1, None, 2.5]), by_input)
    assert (read.row_ids, read.entity_ids) == (["0", "1", "2"], ["1", "", "2.5"])
    message["inputs"][0] = named("order", "FP64", [7.0, 8.0, 9.0])
    refused(message, "column 'order': is FP64, where strings or integers are needed")


@pytest.mark.parametrize(
    ("column", "fields", "problem"),
    [
        ("amount", {"datatype": "FP65"}, "'amount': 'datatype' is none of"),
        ("amount", {"datatype": ["FP64"]}, "'amount': 'datatype' is none of"),
        ("amount", {"datatype": "BYTES"}, "column 'amount': is BYTES, where numbers are needed"),
        ("amount", {"datatype": "BOOL"}, "column 'amount': is BOOL, where numbers"),
        ("city", {"datatype": "INT64"}, "column 'city': is INT64, where strings are needed"),
        ("seen", {"datatype": "FP64"}, "column 'seen': is FP64, where integers are needed"),
        ("amount", {"shape": [-1]}, "'amount': 'shape'"),
        ("amount", {"shape": [True]}, "'amount': 'shape'"),
        ("amount", {"shape": []}, "'amount': 'shape'"),
        ("amount", {"shape": [1, 1, 1]}, "'amount': 'shape'"),
        ("amount", {"shape": [10**30]}, "'amount': 'shape'"),
        ("amount", {"shape": 1}, "'amount': 'shape'"),
        ("amount", {"shape": [1, 3]}, r"column 'amount': has shape \[1, 3\]"),
        ("member", {"shape": [2]}, "column 'member': has 2 rows, where 'city' has 3"),
        ("amount", {"data": [1.0]}, r"'amount': has 1 values, and its shape is \[3\]"),
        ("amount", {"data": "1.0"}, "'amount': 'data' is no list"),
        ("amount", {"data": [0, 1, "x"]}, "'amount': row 2 is a string, where a number"),
        ("amount", {"data": [0, True, 2]}, "'amount': row 1 is true or false, where a number"),
        ("amount", {"data": [[[1.0]], [1], [2]]}, "'amount': row 0 is a list, where a number"),
        ("amount", {"data": [0, 1, 1e39]}, "'amount': row 2 is a number beyond 3.403e"),
        ("amount", {"data": [0, 1, -(10**40)]}, "'amount': row 2 is a number beyond 3.403e"),
        ("amount", {"datatype": "FP32", "data": [0, 1, 1e39]}, "'amount': holds a number beyond"),
        ("amount", {"datatype": "FP32", "data": [0, 1, "x"]}, "'amount': numbers, or null"),
        ("seen", {"data": [0, 1, None]}, "'seen': row 2 is null, where an integer"),
        ("seen", {"data": [0, 1, 2.0]}, "'seen': row 2 is a number with a point"),
        ("seen", {"data": [0, 1, 2**63]}, "'seen': row 2 is an integer beyond"),
        ("seen", {"datatype": "UINT64", "data": [0, 1, 2**63]}, "'seen': holds an integer beyond"),
        ("seen", {"datatype": "UINT8", "data": [0, 1, -1]}, "'seen': holds a number beyond UINT8"),
        ("member", {"data": [0, 1, 1]}, "'member': row 0 is an integer, where true or false"),
        ("city", {"data": ["a", "b", 7]}, "'city': row 2 is an integer, where a string"),
        ("city", {"data": ["a", "b", False]}, "'city': row 2 is true or false, where a string"),
        ("city", {"data": ["a", "b" * 21, ""]}, "'city': row 1 has more than 20 characters"),
        ("city", {"name": 7}, "'inputs' holds something without a name"),
        ("city", {"name": ""}, "'inputs' holds something without a name"),
        ("city", {"name": "x" * 101}, "without a name of 1 to 100 characters"),
        ("city", {"name": "town"}, "column 'town': is no input of the model, which are"),
        ("seen", {"name": "amount"}, "'amount' is in 'inputs' twice"),
        ("city", {"parameters": 3}, "'city': 'parameters' is no object"),
        ("city", {"parameters": {"shared_memory_region": "x"}}, "'city': 'shared_memory_region'"),
        ("city", {"parameters": {"binary_data_size": 8}}, "'city': has both 'data' and"),
    ],
)
def test_what_is_wrong_with_a_tensor_is_named(
    column: str, fields: dict[str, Any], problem: str
) -> None:
    refused(changed(column, **fields), problem)


GOOD = request(columns())


@pytest.mark.parametrize(
    ("message", "problem", "kind"),
    [
        (b"", "no JSON", "malformed"),
        (b"\xff\xfe{}", "no JSON", "malformed"),
        (b"[" * 200_000, "no JSON", "malformed"),
        (b"[" + b"[]," * 500_001 + b"0]", "more than 500000 lists", "too_large"),
        (b"[]", "no JSON object", "malformed"),
        ({}, "'inputs' is no list", "malformed"),
        ({"inputs": []}, "'inputs' is no list", "malformed"),
        ({"inputs": [3]}, "'inputs' holds something without a name", "malformed"),
        ({"inputs": GOOD["inputs"][:3]}, "'member': is missing", "invalid_input"),
        (GOOD | {"outputs": "label"}, "'outputs' is no list", "malformed"),
        (GOOD | {"outputs": ["label"]}, "'outputs' holds something", "malformed"),
        (GOOD | {"outputs": [{"name": "price"}]}, "'price' is no output", "malformed"),
        (GOOD | {"outputs": [{"name": "label"}] * 2}, "'label' is in 'outputs' twice", "malformed"),
        (GOOD | {"id": 7}, "'id' is no string", "malformed"),
        (GOOD | {"id": "x" * 257}, "'id' is no string of at most 256", "malformed"),
        (GOOD | {"parameters": {"binary_data_output": 1}}, "the request: 'binary", "malformed"),
        (request(columns(11)), "'city': has 11 rows, where a request may have 10", "too_large"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(message: Any, problem: str, kind: str) -> None:
    refused(message, problem, kind)


@pytest.mark.parametrize("parameter", ["classification", "shared_memory_region"])
def test_an_extension_that_would_change_the_answer_is_refused(parameter: str) -> None:
    output = {"name": "probabilities", "parameters": {parameter: 1}}
    refused(GOOD | {"outputs": [output]}, f"'probabilities': '{parameter}' is not spoken")
    asked(GOOD | {"parameters": {"priority": 3, "timeout": 7, "own": "x"}})


def test_the_length_of_the_json_is_a_number() -> None:
    assert header_length_of(None) is None
    assert header_length_of(b"0012") == 12
    for field in (b"", b"-1", b"1.5", b"+3", b"x", b"9" * 13):
        with pytest.raises(RefusalError, match="is no number of bytes"):
            header_length_of(field)


ALL = tuple(WantedOutput(name, False) for name in INPUTS.outputs)


def answered(outputs: tuple[WantedOutput, ...], answers: Any, id_: str | None = None) -> Any:
    asking = Asked({}, 3, id_, None, None, outputs)
    body, length = write_infer("model", "hash", asking, answers)
    assert length is None
    return json.loads(body)


def test_an_answer_names_its_release_and_what_was_wanted() -> None:
    answers = Predictor(MODELS["multiclass"]).predict(columns())
    said = answered((WantedOutput("label", False),), answers, "r-1")
    assert {key: said[key] for key in ("model_name", "model_version", "id")} == {
        "model_name": "model",
        "model_version": "hash",
        "id": "r-1",
    }
    assert said["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [3], "data": [*answers["label"]]}
    ]
    assert set(answers["label"]) <= set(CLASS_NAMES)
    assert "id" not in answered(ALL, answers)


@given(hnp.arrays(np.uint32, st.integers(1, 60)))
def test_answers_come_back_to_the_last_bit(bits: NDArray[np.uint32]) -> None:
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    tensor = to_tensor("p", values)
    read = read_answers(json.loads(json.dumps({"outputs": [tensor]})))["p"]
    np.testing.assert_array_equal(read.view(np.uint32), values.view(np.uint32))
    # A reader that knows doubles only rounds to the same float32.
    as_doubles = np.array(tensor["data"], dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(as_doubles.view(np.uint32), values.view(np.uint32))


def test_an_answer_that_is_no_number_is_not_written_as_json() -> None:
    for value in (np.nan, np.inf):
        answers = {"probabilities": np.array([[value, 1.0]], np.float32)}
        with pytest.raises(RefusalError, match="probabilities is no number") as caught:
            answered((WantedOutput("probabilities", False),), answers)
        assert caught.value.kind == "internal"
    with pytest.raises(RefusalError, match="is no number"):
        answered((WantedOutput("p", False),), {"p": np.array([np.nan])})


def test_columns_of_a_request_in_json_are_read_without_a_model() -> None:
    read = read_columns(json.loads(json.dumps(request(columns()))))
    assert [*read] == [*columns()]
    with pytest.raises(RefusalError, match="'city' is in 'inputs' twice"):
        read_columns({"inputs": [GOOD["inputs"][0]] * 2})
