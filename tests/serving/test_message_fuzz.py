"""Whatever is sent is a request or is refused; and it never costs more than it is long."""

import json
import tracemalloc
from contextlib import suppress
from typing import Any

import numpy as np
import orjson
import pytest
from handmade_inputs import INPUTS, LIMITS
from handmade_models import columns
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.serving.json_tensors import DTYPES
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.message import Asked
from mlops_assets.serving.protocol import binary_request, read_infer, request
from mlops_assets.serving.refusal import STATUS, RefusalError
from mlops_assets.serving.row_objects import read_rows

PLAIN, LENGTH = binary_request(columns())
AS_JSON = json.dumps(request(columns())).encode()
ROWS = b'[{"city": "Oslo", "amount": 1.5, "seen": 3, "member": true}]'
INTEGERS = st.integers(-(2**70), 2**70) | st.sampled_from([0, 1, 3, 24, 2**31, 2**63, 2**64])
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PARAMETERS = st.dictionaries(
    st.sampled_from(["binary_data_size", "binary_data", "shared_memory_region"]),
    INTEGERS | JSON,
    max_size=2,
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from([*INPUTS.columns, "order", "customer", "town"]) | JSON,
        "datatype": st.sampled_from([*DTYPES, "FP16"]) | JSON,
        "shape": st.lists(INTEGERS, max_size=3) | JSON,
    },
    optional={"data": st.lists(JSON, max_size=4) | JSON, "parameters": PARAMETERS | JSON},
)
MESSAGES = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS | JSON, max_size=6) | JSON},
    optional={
        "id": st.text() | JSON,
        "outputs": st.lists(TENSORS | JSON, max_size=3) | JSON,
        "parameters": st.dictionaries(st.just("binary_data_output"), JSON) | JSON,
    },
)


def asked_or_refused(read: Any) -> None:
    try:
        asked = read()
    except RefusalError as refusal:
        known = STATUS[refusal.kind] in (400, 413) and str(refusal).isprintable()
        assert known, refusal.kind  # noqa: PT017 - a refusal is one of the two good ends
    else:
        check(asked)


def check(asked: Asked) -> None:
    """What a model is asked is as it takes it."""
    kinds = {"string": "O", "double": "f", "int64": "i", "bool": "b"}
    assert [*asked.columns] == [*INPUTS.columns] or set(asked.columns) == set(INPUTS.columns)
    for name, column in asked.columns.items():
        assert column.shape == (asked.rows, 1)
        assert column.dtype.kind == kinds[INPUTS.columns[name].kind]
        if column.dtype.kind == "O":
            assert all(type(text) is str and text.encode() is not None for text in column[:, 0])
    for ids in (asked.row_ids, asked.entity_ids):
        assert ids is None or len(ids) == asked.rows
    assert asked.id is None or asked.id.encode()
    assert asked.outputs


@given(st.binary(max_size=300), st.none() | st.integers(-5, 400))
def test_any_bytes_and_any_length(body: bytes, length: int | None) -> None:
    asked_or_refused(lambda: read_infer(body, length, INPUTS, LIMITS))
    asked_or_refused(lambda: read_rows(body, INPUTS, LIMITS))


@given(MESSAGES, st.binary(max_size=60), st.booleans())
def test_any_message_of_the_protocols_words(message: Any, data: bytes, binary: bool) -> None:
    text = json.dumps(message).encode()
    length = len(text) if binary else None
    asked_or_refused(lambda: read_infer(text + data * binary, length, INPUTS, LIMITS))


@given(JSON, st.sampled_from([*INPUTS.columns, "order", "customer"]), st.booleans())
def test_any_value_in_a_row(value: Any, column: str, listed: bool) -> None:
    row = {**json.loads(ROWS)[0], column: value}
    body = json.dumps([row] if listed else {"rows": [row]}).encode()
    asked_or_refused(lambda: read_rows(body, INPUTS, LIMITS))


@given(
    st.sampled_from([(PLAIN, LENGTH), (AS_JSON, None), (ROWS, None)]),
    st.lists(
        st.tuples(st.integers(0, len(PLAIN)), st.integers(0, 3), st.binary(max_size=3)),
        min_size=1,
        max_size=4,
    ),
    st.integers(-3, 3),
)
@settings(max_examples=200)
def test_a_good_message_with_some_bytes_changed(
    message: tuple[bytes, int | None], edits: list[tuple[int, int, bytes]], moved: int
) -> None:
    body, length = message
    for place, removed, put in edits:
        place %= len(body) + 1
        body = body[:place] + put + body[place + removed :]
    length = None if length is None else length + moved
    asked_or_refused(lambda: read_infer(body, length, INPUTS, LIMITS))
    asked_or_refused(lambda: read_rows(body, INPUTS, LIMITS))


NAMED = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=3, max_size=3)


@given(
    NAMED,
    st.lists(st.floats(width=32) | st.none(), min_size=3, max_size=3),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_all_three_forms_ask_the_same(
    texts: list[str], numbers: list[float | None], integers: list[int], flags: list[bool]
) -> None:
    amounts = np.array([np.nan if n is None else n for n in numbers], np.float64)
    amounts = np.where(np.isinf(amounts), np.nan, amounts)
    given_columns = {
        "city": np.array(texts, dtype=object),
        "amount": amounts,
        "seen": np.array(integers, np.int64),
        "member": np.array(flags),
    }
    rows = [
        {name: None if (v := values[place]) != v else v for name, values in given_columns.items()}
        for place in range(3)
    ]
    plain = orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)
    body, length = binary_request(given_columns)
    forms = (
        read_infer(orjson.dumps(request(given_columns)), None, INPUTS, LIMITS),
        read_infer(body, length, INPUTS, LIMITS),
        read_rows(plain, INPUTS, LIMITS),
    )
    for asked in forms:
        check(asked)
        for name, values in given_columns.items():
            if values.dtype.kind == "O":
                assert asked.columns[name][:, 0].tolist() == texts
            else:
                np.testing.assert_array_equal(asked.columns[name][:, 0], values)
        nonzero = ~np.isnan(amounts)
        signs = np.signbit(asked.columns["amount"][nonzero, 0])
        np.testing.assert_array_equal(signs, np.signbit(amounts[nonzero]))


HOSTILE = {
    "brackets": b'{"inputs": [' + b"[]," * 700_000 + b"[]]}",
    "objects": b"[" + b"{}," * 700_000 + b"{}]",
    "depth": b"[" * 2_000_000,
    "depth with a token": b"NaN" + b"[" * 2_000_000,
    "keys": b"{" + b",".join(b'"%d":0' % number for number in range(150_000)) + b"}",
    "digits": b'{"inputs": ' + b"9" * 2_000_000 + b"}",
    "digits with a token": b'{"inputs": [NaN, ' + b"9" * 2_000_000 + b"]}",
    "numbers": b'{"inputs": [' + b"1.5," * 500_000 + b"1.5]}",
    "texts": b'{"inputs": [' + b'"ab",' * 400_000 + b'"ab"]}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_memory_is_a_small_multiple_of_the_body(name: str) -> None:
    body = HOSTILE[name]
    limits = ServerLimits()
    for read in (
        lambda: read_infer(body, None, INPUTS, limits),
        lambda: read_rows(body, INPUTS, limits),
    ):
        tracemalloc.start()
        with suppress(RefusalError):
            read()
            raise AssertionError("it was taken for a request")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 25 * len(body)


@pytest.mark.parametrize("datatype", [*DTYPES])
@pytest.mark.parametrize("size", [2**31 - 1, 2**62, 99_999])
def test_a_size_reserves_nothing(datatype: str, size: int) -> None:
    tensor = {
        "name": "city" if datatype == "BYTES" else "amount",
        "datatype": datatype,
        "shape": [min(size, 99_999)],
        "parameters": {"binary_data_size": size},
    }
    text = json.dumps({"inputs": [tensor]}).encode()
    tracemalloc.start()
    with pytest.raises(RefusalError):
        read_infer(text + bytes(99_999), len(text), INPUTS, ServerLimits())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
