"""The short way says what the general way says, to the byte, and leaves to it what it cannot."""

import json
from typing import Any

import numpy as np
import orjson
import pytest
from handmade_models import MODELS, SIGNATURES
from hypothesis import given
from hypothesis import strategies as st
from served_bundles import DECLARED

from mlops_assets.serving.fast_json import FastJson
from mlops_assets.serving.inputs import bundle_inputs
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import read_infer, write_infer
from mlops_assets.serving.refusal import RefusalError
from mlops_assets.serving.row_objects import read_rows, write_row, write_rows

LIMITS = ServerLimits(text_length=20)
DECLARATION = {"columns": DECLARED, "serving": {"row_id": "order", "entity_id": "customer"}}


def inputs_of(task: str) -> Any:
    predictor = Predictor(MODELS[task])
    return bundle_inputs(SIGNATURES[task], DECLARATION, predictor.signature, predictor.outputs)


INPUTS = inputs_of("binary")
FAST = FastJson(INPUTS, LIMITS.text_length)
DATATYPES = {"city": "BYTES", "amount": "FP64", "seen": "INT64", "member": "BOOL"}


def tensor(name: str, value: Any, datatype: str | None = None, shape: Any = (1, 1)) -> Any:
    return {
        "name": name,
        "datatype": datatype or DATATYPES.get(name, "BYTES"),
        "shape": list(shape) if isinstance(shape, tuple) else shape,
        "data": [value],
    }


def message(*tensors: Any, **fields: Any) -> bytes:
    return json.dumps({"inputs": [*tensors], **fields}).encode()


GOOD = {"city": "Oslo", "amount": 1.5, "seen": 3, "member": True}


def good(**changed: Any) -> list[Any]:
    return [tensor(name, value) for name, value in {**GOOD, **changed}.items()]


VALUES = {
    "city": st.one_of(st.none(), st.text(max_size=25), st.integers()),
    "amount": st.one_of(
        st.none(), st.floats(allow_nan=False), st.integers(-(2**70), 2**70), st.booleans()
    ),
    "seen": st.one_of(st.integers(-(2**64), 2**64), st.floats(allow_nan=False), st.none()),
    "member": st.one_of(st.booleans(), st.integers(0, 1), st.none()),
    "order": st.one_of(st.text(max_size=25), st.none()),
    "customer": st.one_of(st.text(max_size=25), st.integers(0, 9)),
}


@given(data=st.data())
def test_what_it_reads_is_what_the_general_way_reads(data: st.DataObject) -> None:
    names = data.draw(st.permutations([*VALUES])) if data.draw(st.booleans()) else [*GOOD]
    tensors = [
        tensor(name, data.draw(VALUES[name]), shape=data.draw(st.sampled_from([(1, 1), (1,)])))
        for name in names
    ]
    body = message(*tensors, **data.draw(st.sampled_from([{}, {"id": "a"}, {"id": 1}])))

    fast = FAST.read(body)

    if fast is None:
        return
    asked = read_infer(body, None, INPUTS, LIMITS)
    assert asked.rows == 1 and asked.id == fast.id
    assert (asked.row_ids or [None])[0] == fast.row_id
    assert (asked.entity_ids or [None])[0] == fast.entity_id
    for name, values in FAST.columns([fast.row]).items():
        assert values.dtype == asked.columns[name].dtype
        np.testing.assert_array_equal(values, asked.columns[name])


@pytest.mark.parametrize("changed", [{}, {"city": None}, {"amount": None}, {"amount": 7}])
def test_a_plain_row_is_read(changed: dict[str, Any]) -> None:
    assert FAST.read(message(*good(**changed))) is not None


def test_ids_beside_the_inputs_are_read() -> None:
    ids = [tensor("order", "o-7"), tensor("customer", 12, "INT64")]
    fast = FAST.read(message(*good(), *ids))
    assert fast is not None and (fast.row_id, fast.entity_id) == ("o-7", "12")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[1]",
        b"{}",
        message(),
        message(*good(), id=""),
        message(*good(), tensor("order", "x" * 21)),
        message(*good(), outputs=[{"name": "label"}]),
        message(*good(), parameters={}),
        message(*good()[1:]),
        message(*good(), tensor("other", "x")),
        message(*good(), good()[0]),
        message(*good(amount=1e39)),
        message(*good(seen=2**63)),
        message(*good(seen=True)),
        *(message(*good(city=nothing)) for nothing in (0, False, [], {})),
        *(message(*good()[1:], tensor("city", "Oslo", shape=s)) for s in ([True, 1], [1.0], 1)),
        message(*good(member=1)),
        message(*good(city="x" * 21)),
        message(*good()[:-1], tensor("member", True, shape=(2, 1))),
        message(*good()[:-1], tensor("member", True, "BYTES")),
        message(*good()[:-1], {"name": "member"}),
    ],
)
def test_all_else_is_left_to_the_general_way(body: bytes) -> None:
    assert FAST.read(body) is None


@pytest.mark.parametrize("task", sorted(MODELS))
def test_answers_are_written_as_the_general_way_writes_them(task: str) -> None:
    inputs = inputs_of(task)
    fast = FastJson(inputs, LIMITS.text_length)
    rows = []
    for amount in (1e-30, None, -1 / 3, 5.0, 1e30):
        read = fast.read(message(*good(amount=amount)))
        assert read is not None
        rows.append(read.row)
    columns = fast.columns(rows)
    outputs = Predictor(MODELS[task]).score(columns)
    if task != "multiclass":  # whose softmax of a missing amount is no number
        outputs = {name: np.nan_to_num(values) for name, values in outputs.items()}
    else:
        outputs = {name: values[[0, 2, 3]] for name, values in outputs.items()}

    written = fast.write(outputs)

    for position, text in enumerate(written):
        assert text is not None
        one = {name: values[position : position + 1] for name, values in outputs.items()}
        asked = read_infer(message(*good()), None, inputs, LIMITS)
        body, length = write_infer("m", "v", asked, one)
        assert length is None
        assert orjson.loads(b"{" + text + b"}")["outputs"] == orjson.loads(body)["outputs"]


def test_an_answer_that_is_no_number_is_not_written_and_the_others_are() -> None:
    chances = np.array([[0.25, 0.75], [np.nan, 1.0], [0.5, np.inf]], np.float32)
    good, *bad = FAST.write({"label": np.array([1, 1, 0]), "probabilities": chances})
    assert good is not None and orjson.loads(b"{" + good + b"}")["outputs"][1]["data"] == [
        0.25,
        0.75,
    ]
    assert bad == [None, None]


def test_the_general_way_refuses_what_was_left_to_it() -> None:
    with pytest.raises(RefusalError):
        read_infer(message(*good(seen=2**63)), None, INPUTS, LIMITS)


OBJECT_VALUES = {
    **VALUES,
    "amount": st.one_of(VALUES["amount"], st.text(max_size=3)),
    "seen": st.one_of(VALUES["seen"], st.just("2026-01-31T13:45:00")),
}


@given(data=st.data())
def test_an_object_is_read_as_the_plain_door_reads_it(data: st.DataObject) -> None:
    names = data.draw(st.permutations([*VALUES])) if data.draw(st.booleans()) else [*GOOD]
    row = {name: data.draw(OBJECT_VALUES[name]) for name in names}
    sent: Any = data.draw(st.sampled_from([[row], {"rows": [row]}, {"rows": [row], "id": "a"}]))
    body = json.dumps(sent).encode()

    fast = FAST.read_object(body)

    if fast is None:
        return
    asked = read_rows(body, INPUTS, LIMITS)
    assert (asked.rows, asked.id) == (1, fast.id)
    assert (asked.row_ids or [None])[0] == fast.row_id
    assert (asked.entity_ids or [None])[0] == fast.entity_id
    for name, values in FAST.columns([fast.row]).items():
        assert values.dtype == asked.columns[name].dtype
        np.testing.assert_array_equal(values, asked.columns[name])


@pytest.mark.parametrize(
    "sent",
    [
        {},
        [],
        [GOOD, GOOD],
        {"rows": [GOOD], "other": 1},
        {"rows": GOOD},
        {"rows": [GOOD], "id": 7},
        [{**GOOD, "other": 1}],
        [{name: value for name, value in GOOD.items() if name != "city"}],
        [{**GOOD, "seen": 3.0}],
        [{**GOOD, "order": None}],
        [{**GOOD, "order": "x" * 21}],
    ],
)
def test_other_objects_are_left_to_the_plain_door(sent: Any) -> None:
    assert FAST.read_object(json.dumps(sent).encode()) is None


@pytest.mark.parametrize("row_id", [None, "o-1"])
@pytest.mark.parametrize("task", sorted(MODELS))
def test_one_object_is_answered_as_many_are(task: str, row_id: str | None) -> None:
    inputs = inputs_of(task)
    fast = FastJson(inputs, LIMITS.text_length)
    row = GOOD | ({} if row_id is None else {"order": row_id})
    body = json.dumps({"rows": [row], "id": "a"}).encode()
    read = fast.read_object(body)
    assert read is not None
    outputs = Predictor(MODELS[task]).score(fast.columns([read.row]))
    [written] = fast.write(outputs)
    assert written is not None

    answer = write_row("r", read.id, read.row_id, written, inputs)

    assert answer == write_rows("r", read_rows(body, inputs, LIMITS), outputs, inputs)
