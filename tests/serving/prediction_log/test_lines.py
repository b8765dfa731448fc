"""What is logged comes back equal, to the bit, through the journal and through Parquet."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from logged_answers import NOON, RELEASE, batch
from logged_answers import plan as small_plan
from numpy.typing import NDArray

from mlops_assets.serving.answered import AnsweredBatch, AnsweredRequest
from mlops_assets.serving.prediction_log.lines import column_kinds, read_line, write_line
from mlops_assets.serving.prediction_log.parquet_sink import ParquetSink
from mlops_assets.serving.prediction_log.pieces import pieces
from mlops_assets.serving.prediction_log.plan import LoggedColumn, LogPlan
from mlops_assets.serving.prediction_log.segment import Header, SegmentReader, SegmentWriter, sync

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
PLAN = LogPlan(
    RELEASE,
    inputs=(
        LoggedColumn("text", "string"),
        LoggedColumn("float", "float64"),
        LoggedColumn("integer", "int64"),
        LoggedColumn("bool", "bool"),
    ),
    outputs=(
        LoggedColumn("label", "string"),
        LoggedColumn("prediction", "float32"),
        LoggedColumn("interval", "list<float32>"),
    ),
    row_id=LoggedColumn("id", "string", "string"),
)


@st.composite
def batches(draw: st.DrawFn) -> AnsweredBatch:
    """A batch of up to four requests; its columns are ``[n]`` or ``[n, 1]``."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    rows = sum(sizes)

    def values(elements: st.SearchStrategy[Any], dtype: Any) -> NDArray[Any]:
        made = np.array(draw(st.lists(elements, min_size=rows, max_size=rows)), dtype)
        return made[:, None] if draw(st.booleans()) else made

    requests = [
        AnsweredRequest(
            draw(TEXTS),
            size,
            draw(st.none() | st.lists(TEXTS, min_size=size, max_size=size)),
            draw(st.integers(0, 2**32)) / 8.0,
            draw(st.floats(0.0, 100.0)),
        )
        for size in sizes
    ]
    singles = st.floats(width=32)
    return AnsweredBatch(
        RELEASE,
        draw(st.sampled_from(("champion", "challenger"))),
        draw(st.booleans()),
        draw(st.none() | TEXTS),
        requests,
        {
            "text": values(TEXTS, object),
            "float": values(st.floats(), np.float64),
            "integer": values(INTEGERS, np.int64),
            "bool": values(st.booleans(), np.bool_),
        },
        {
            "label": values(TEXTS, object),
            "prediction": values(singles, np.float32),
            "interval": values(st.tuples(singles, singles), np.float32).reshape(rows, 2),
        },
    )


@example_settings(max_examples=40)
@given(st.lists(batches(), min_size=1, max_size=4), st.integers(1, 5))
def test_any_batches_come_back_equal_to_the_bit(
    answered: list[AnsweredBatch], line_rows: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = _through_parquet(Path(folder), answered, line_rows)

    rows = [
        (batch, request, n)
        for batch in answered
        for request in batch.requests
        for n in range(request.rows)
    ]
    said = table.to_pydict()
    assert said["sequence"] == [*range(len(rows))]
    assert said["row"] == [n for _, _, n in rows]
    assert said["request_id"] == [request.id for _, request, _ in rows]
    assert said["row_id"] == [r.row_ids[n] if r.row_ids is not None else None for _, r, n in rows]
    assert said["latency_ms"] == [request.latency * 1e3 for _, request, _ in rows]
    assert table["time"].cast("int64").to_pylist() == [int(r.received * 1e6) for _, r, _ in rows]
    for name in ("variant", "answered", "experiment"):
        assert said[name] == [getattr(batch, name) for batch, _, _ in rows]
    for side in ("columns", "outputs"):
        for name in getattr(answered[0], side):
            sent = np.concatenate([getattr(b, side)[name].reshape(-1) for b in answered])
            column = table[f"{side.removesuffix('s').replace('column', 'input')}.{name}"]
            flat = column.combine_chunks().flatten() if name == "interval" else column
            assert _bits(flat.to_numpy(), sent.dtype) == _bits(sent, sent.dtype)


def _bits(values: NDArray[Any], dtype: Any) -> Any:
    """All NaN are one: JSON keeps that a value is none, not which of the bit patterns says so."""
    if dtype.kind == "O":
        return values.tolist()
    values = values.astype(dtype)
    if dtype.kind == "f":
        values = np.where(np.isnan(values), np.array(np.nan, dtype), values)
    return values.tobytes()


def _through_parquet(folder: Path, answered: list[AnsweredBatch], line_rows: int) -> Any:
    """All of one day, whenever they were received: one segment."""
    header = Header("one", 0, RELEASE, "2027-01-15", "", tuple(column_kinds(PLAN)))
    writer = SegmentWriter(folder, header)
    sequence = 0
    for one in answered:
        rows = len(one.columns["text"])
        for piece in pieces(sequence, one, rows, line_rows):
            line = write_line([piece], PLAN)
            writer.append(line.content, line.rows)
        sequence += rows
    written = writer.written()
    assert sync([written]) == [None]
    assert writer.mark_durable(written) == sequence
    writer.close()
    assert ParquetSink(folder).ship(SegmentReader(folder / "000000.jsonl")) == sequence
    return pq.read_table(folder / "answers" / "2027-01-15" / RELEASE / "one-000000.parquet")


def test_a_line_of_several_batches_has_the_rows_of_each_in_order() -> None:
    first, second = batch(0, 3), batch(3, 2, variant="challenger", experiment="trial")
    plan = small_plan()
    made = [*pieces(10, first, 3), *pieces(20, second, 2)]

    line = write_line(made, plan)
    columns = read_line(line.content, dict(column_kinds(plan)))

    assert line.rows == 5
    assert columns["sequence"] == [10, 11, 12, 20, 21]
    assert columns["variant"] == ["champion"] * 3 + ["challenger"] * 2
    assert columns["experiment"] == [None] * 3 + ["trial"] * 2
    assert columns["input.parcels"] == [*range(5)]
    assert columns["time"] == [int(NOON * 1e6)] * 5


def test_rows_outside_the_envelope_are_marked_and_counted() -> None:
    plan = small_plan()
    one = batch(99, 4)

    line = write_line([*pieces(0, one, 4)], plan)

    columns = read_line(line.content, dict(column_kinds(plan)))
    assert columns["outside_envelope"] == [False, False, True, True]
    assert line.outside == 2


def test_without_an_envelope_nobody_knows() -> None:
    line = write_line([*pieces(0, batch(99, 4)._replace(release=RELEASE), 4)], PLAN_WITHOUT)

    columns = read_line(line.content, dict(column_kinds(PLAN_WITHOUT)))
    assert columns["outside_envelope"] == [None] * 4
    assert line.outside == 0


PLAN_WITHOUT = LogPlan(RELEASE, small_plan().inputs, small_plan().outputs)
