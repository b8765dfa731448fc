"""Figures gathered chunk by chunk are those of all rows at once."""

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.content_hash import json_bytes
from mlops_assets.prediction.answer_figures import AnswerFigures, Moments, share_outside

CLASSES = pa.schema(
    [
        ("row_id", pa.string()),
        ("label", pa.int64()),
        ("probability.0", pa.float32()),
        ("probability.1", pa.float32()),
        ("outside_envelope", pa.bool_()),
    ]
)
NUMBERS = pa.schema(
    [
        ("prediction", pa.float32()),
        ("lower", pa.float32()),
        ("upper", pa.float32()),
        ("outside_envelope", pa.bool_()),
    ]
)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=8), max_size=6))
def test_moments_add_up(parts: Sequence[Sequence[float]]) -> None:
    moments, values = Moments(), np.array([v for part in parts for v in part])
    for part in parts:
        moments.add(np.array(part, np.float64))
    if len(values) == 0:
        assert (moments.mean, moments.standard_deviation, moments.minimum) == (None, None, None)
        return
    scale = max(float(np.abs(values).max()), 1.0)
    assert moments.mean == pytest.approx(values.mean(), abs=1e-12 * scale)
    assert moments.standard_deviation == pytest.approx(values.std(), rel=1e-9, abs=1e-9 * scale)
    assert (moments.minimum, moments.maximum) == (values.min(), values.max())


def test_classes_are_counted_and_their_probabilities_averaged() -> None:
    figures = AnswerFigures(CLASSES)
    for ids, labels, chances, outside in (
        (["a", None], [1, 1], [0.75, 0.5], [True, False]),
        (["b"], [0], [0.25], [False]),
    ):
        columns = [ids, labels, [1 - c for c in chances], chances, outside]
        figures.add(pa.table(dict(zip(CLASSES.names, columns, strict=True)), schema=CLASSES))
    record = figures.to_dict()
    assert record == {
        "rows": 3,
        "outside_envelope": 1,
        "without_row_id": 1,
        "answers": {
            "rows": {"0": 1, "1": 2},
            "shares": {"0": 0.333333333, "1": 0.666666667},
            "mean_probabilities": {"0": 0.5, "1": 0.5},
        },
    }
    assert share_outside(record) == 0.333333333


def test_numbers_are_described() -> None:
    figures = AnswerFigures(NUMBERS)
    for prediction in ([1.0, 3.0], [8.0]):
        lower, upper = [p - 1 for p in prediction], [p + 2 for p in prediction]
        columns = [prediction, lower, upper, [None] * len(prediction)]
        figures.add(pa.table(dict(zip(NUMBERS.names, columns, strict=True)), schema=NUMBERS))
    record = figures.to_dict()
    assert record["answers"] == {
        "mean": 4.0,
        "standard_deviation": float(f"{math.sqrt(26 / 3):.9g}"),
        "minimum": 1.0,
        "maximum": 8.0,
        "mean_interval_width": 3.0,
    }
    assert (record["outside_envelope"], record["without_row_id"]) == (None, None)
    assert share_outside(record) is None


@pytest.mark.parametrize("schema", [CLASSES, NUMBERS])
def test_of_no_rows_nothing_is_known(schema: pa.Schema) -> None:
    record = AnswerFigures(schema).to_dict()
    assert record["rows"] == 0
    assert share_outside(record) is None
    assert b"null" in json_bytes(record)


def test_an_answer_that_is_no_number_is_no_figure() -> None:
    figures = AnswerFigures(NUMBERS)
    columns = [[math.nan], [math.nan], [math.nan], [True]]
    figures.add(pa.table(dict(zip(NUMBERS.names, columns, strict=True)), schema=NUMBERS))
    assert figures.to_dict()["answers"]["mean"] is None
