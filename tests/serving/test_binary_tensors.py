"""The binary extension: the same bits come back, and sizes that do not add up are refused."""

import json
from typing import Any

import numpy as np
import pytest
from handmade_inputs import INPUTS, LIMITS
from handmade_models import CLASS_NAMES, columns
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mlops_assets.serving.binary_tensors import read_binary, write_binary
from mlops_assets.serving.json_tensors import DATATYPES
from mlops_assets.serving.message import Asked, WantedOutput
from mlops_assets.serving.protocol import binary_request, read_answers, read_infer, write_infer
from mlops_assets.serving.refusal import RefusalError

DTYPES = [dtype for dtype in DATATYPES if dtype.kind != "O"]
TEXTS = np.array(["Oslo", "", "Ö\0ß"], dtype=object)


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, st.integers(0, 20))))
def test_numbers_come_back_to_the_last_bit(values: NDArray[Any]) -> None:
    data = memoryview(write_binary(values))
    read = read_binary("x", DATATYPES[values.dtype], len(values), data)
    assert read.dtype == values.dtype
    assert read.tobytes() == values.tobytes()


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=20))
def test_texts_come_back(texts: list[str]) -> None:
    data = memoryview(write_binary(np.array(texts, dtype=object)))
    assert read_binary("x", "BYTES", len(texts), data).tolist() == texts


def test_the_bytes_are_those_of_the_extension() -> None:
    assert write_binary(np.array(["Ö", "ab"], object)) == b"\2\0\0\0\xc3\x96\2\0\0\0ab"
    assert write_binary(np.array([True, False])) == b"\1\0"
    assert write_binary(np.array([[1], [-2]], np.int16)) == b"\1\0\xfe\xff"
    assert write_binary(np.array([1.0], ">f8")) == b"\0\0\0\0\0\0\xf0\x3f"


@pytest.mark.parametrize(
    ("datatype", "count", "data", "problem"),
    [
        ("FP64", 2, bytes(8), "'x': has 8 bytes of data, and 2 values of FP64 are 16"),
        ("INT8", 1, b"", "'x': has 0 bytes of data"),
        ("FP64", 2**31 - 1, bytes(8), "'x': has 8 bytes"),
        ("BOOL", 2, b"\1\2", "'x': holds a BOOL that is neither 0 nor 1"),
        ("BYTES", 2**31 - 1, bytes(8), "'x': has 8 bytes of data, too few for the lengths"),
        ("BYTES", 1, b"\xff\xff\xff\xff", "'x': row 0 is a string that goes on beyond its data"),
        ("BYTES", 2, b"\1\0\0\0a\0\0\0", "'x': its data ends within the length of a string"),
        ("BYTES", 1, b"\1\0\0\0ab", "'x': has 1 bytes after the last of 1 strings"),
        ("BYTES", 2, b"\0\0\0\0\1\0\0\0\xff", "'x': row 1 is no UTF-8"),
        ("BYTES", 1, b"\3\0\0\0\xed\xa0\x80", "'x': row 0 is no UTF-8"),
        ("BYTES", 0, b"\0", "'x': has 1 bytes after"),
    ],
)
def test_data_that_is_not_as_many_values_is_refused(
    datatype: str, count: int, data: bytes, problem: str
) -> None:
    with pytest.raises(RefusalError, match=problem) as caught:
        read_binary("x", datatype, count, memoryview(data))
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def asked(body: bytes, length: int | None) -> Asked:
    return read_infer(body, length, INPUTS, LIMITS)


def body_of(edit: Any = None, tail: bytes = b"", **changed: NDArray[Any]) -> tuple[bytes, int]:
    """A binary request whose JSON was edited."""
    body, length = binary_request(columns(**changed))
    message = json.loads(body[:length])
    if edit is not None:
        edit(message)
    text = json.dumps(message).encode()
    return text + body[length:] + tail, len(text)


def test_a_binary_request_is_read_whole() -> None:
    amounts = np.array([np.nan, -0.0, 5e-324])
    read = asked(*binary_request(columns(city=TEXTS, amount=amounts)))
    assert [*read.columns] == [*INPUTS.columns] and read.rows == 3
    assert read.columns["city"][:, 0].tolist() == TEXTS.tolist()
    assert read.columns["amount"].tobytes() == amounts.tobytes()
    assert read.outputs == (WantedOutput("label", True), WantedOutput("probabilities", True))
    for column in read.columns.values():
        assert column.shape == (3, 1) and column.flags.aligned and column.base is not read


def test_json_and_binary_tensors_may_be_mixed() -> None:
    def as_json(message: dict[str, Any]) -> None:
        del message["inputs"][2]["parameters"]
        message["inputs"][2] |= {"shape": [3, 1], "data": [7, 8, 9]}
        message["outputs"] = [
            {"name": "probabilities", "parameters": {"binary_data": False}},
            {"name": "label"},
        ]

    seen = np.zeros(0, np.int64)
    body, length = body_of(as_json, seen=seen)
    read = asked(body, length)
    assert read.columns["seen"].tolist() == [[7], [8], [9]]
    assert read.outputs == (WantedOutput("probabilities", False), WantedOutput("label", True))


def test_a_tensor_of_another_width_is_taken_as_it_is() -> None:
    read = asked(*body_of(amount=np.array([0.1, np.nan, 2], np.float32)))
    assert read.columns["amount"].dtype == np.float64
    np.testing.assert_array_equal(read.columns["amount"][:, 0], [np.float32(0.1), np.nan, 2])


def set_size(size: Any) -> Any:
    def edit(message: dict[str, Any]) -> None:
        message["inputs"][1]["parameters"]["binary_data_size"] = size

    return edit


def set_field(field: str, value: Any) -> Any:
    def edit(message: dict[str, Any]) -> None:
        message["inputs"][1][field] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (set_size(-24), "'amount': 'binary_data_size' is no number of bytes"),
        (set_size(2**62), r"'amount': 'binary_data_size' is \d+, and the body has 51 bytes left"),
        (set_size(24.0), "'amount': 'binary_data_size' is no number of bytes"),
        (set_size(None), "'amount': 'binary_data_size' is no number of bytes"),
        (set_size(True), "'amount': 'binary_data_size' is no number of bytes"),
        (set_size(16), "'amount': has 16 bytes of data, and 3 values of FP64 are 24"),
        (set_field("shape", [2**31 - 1]), "'amount': has 2147483647 rows, where a request may"),
        (set_field("shape", [2]), "'amount': has 2 rows, where 'city' has 3"),
        (set_field("datatype", "INT8"), "'amount': has 24 bytes of data, and 3 values of INT8"),
        (set_field("datatype", "FP16"), "'amount': 'datatype' is none of"),
        (set_field("data", [1, 2, 3]), "'amount': has both 'data' and 'binary_data_size'"),
    ],
)
def test_sizes_that_do_not_add_up_are_refused(edit: Any, problem: str) -> None:
    with pytest.raises(RefusalError, match=problem):
        asked(*body_of(edit))


def test_the_header_length_is_held_to_the_body() -> None:
    body, length = body_of()
    with pytest.raises(RefusalError, match="Length is 9999, and the body"):
        asked(body, 9999)
    with pytest.raises(RefusalError, match="Length is -1"):
        asked(body, -1)
    with pytest.raises(RefusalError, match="no JSON"):
        asked(body, length - 1)
    with pytest.raises(RefusalError, match="no JSON"):
        asked(body, None)
    with pytest.raises(RefusalError, match="'city': has a 'binary_data_size', and the message no"):
        asked(body[:length], None)
    with pytest.raises(RefusalError, match="goes on for 3 bytes after the last tensor's data"):
        asked(*body_of(tail=b"abc"))
    with pytest.raises(RefusalError, match="and the body has 2 bytes left"):
        asked(body[:-1], length)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"city": np.array(["a", "b" * 21, ""], object)}, "'city': row 1 has more than 20"),
        ({"amount": np.array([1, np.inf, 2])}, "column 'amount': holds a number beyond"),
        ({"seen": np.array([1, 2, 2**63], np.uint64)}, "column 'seen': holds an integer beyond"),
        ({"seen": np.array([1.0, 2.0, 3.0])}, "column 'seen': is FP64, where integers are"),
    ],
)
def test_values_are_checked_as_those_of_json_are(changed: Any, problem: str) -> None:
    with pytest.raises(RefusalError, match=problem):
        asked(*binary_request(columns(**changed)))


def test_an_answer_in_binary_is_the_models_own_bits() -> None:
    answers = {
        "label": np.array([*CLASS_NAMES], dtype=object),
        "probabilities": np.array([[0.25, 1e-45], [-0.0, np.nan], [1, 0]], np.float32),
    }
    wanted = (WantedOutput("probabilities", True), WantedOutput("label", True))
    body, length = write_infer("m", "v", Asked({}, 3, "r", None, None, wanted), answers)
    assert length is not None
    message = json.loads(body[:length])
    assert message["id"] == "r"
    assert message["outputs"][0]["parameters"] == {"binary_data_size": 24}
    read = read_answers(message, memoryview(body)[length:])
    assert read["label"].tolist() == CLASS_NAMES
    assert read["probabilities"].tobytes() == answers["probabilities"].tobytes()
    assert read["probabilities"].shape == (3, 2)
