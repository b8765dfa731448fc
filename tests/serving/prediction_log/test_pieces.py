"""Cutting batches: every row once, in order, under its own day and request."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logged_answers import RELEASE

from mlops_assets.serving.answered import AnsweredBatch, AnsweredRequest
from mlops_assets.serving.prediction_log.pieces import SECONDS_A_DAY, pieces, row_count


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=8),
    st.integers(1, 6),
)
def test_every_row_is_in_one_piece(sizes: list[tuple[int, int]], most_rows: int) -> None:
    requests = [
        AnsweredRequest(str(number), rows, None, day * SECONDS_A_DAY + 5.0, 0.0)
        for number, (rows, day) in enumerate(sizes)
    ]
    rows = sum(request.rows for request in requests)
    numbers = np.arange(rows)
    batch = AnsweredBatch(
        RELEASE, "champion", True, None, requests, {"x": numbers}, {"y": -numbers}
    )
    expected = [
        (request.id, int(request.received // SECONDS_A_DAY), row)
        for request in requests
        for row in range(request.rows)
    ]

    made = [*pieces(100, batch, rows, most_rows)]

    assert all(piece.rows <= most_rows for piece in made)
    assert [
        (span.request.id, piece.day, span.first + row)
        for piece in made
        for span in piece.spans
        for row in range(span.rows)
    ] == expected
    assert [int(x) for piece in made for x in piece.columns["x"]] == numbers.tolist()
    assert [int(y) for piece in made for y in piece.outputs["y"]] == (-numbers).tolist()
    sequences = [piece.sequence + row for piece in made for row in range(piece.rows)]
    assert sequences == [*range(100, 100 + rows)]


def test_a_batch_that_does_not_add_up_is_refused() -> None:
    request = AnsweredRequest("r", 2, None, 0.0, 0.0)
    batch = AnsweredBatch(RELEASE, "champion", True, None, [request], {"x": np.zeros(3)}, {})

    with pytest.raises(ValueError, match="rows"):
        [*pieces(0, batch, 3)]


def test_rows_are_counted_by_a_column_or_an_output() -> None:
    nothing = AnsweredBatch(RELEASE, "champion", True, None, [], {}, {})

    assert row_count(nothing) == 0
    assert row_count(nothing._replace(columns={"x": np.zeros((4, 1))})) == 4
    assert row_count(nothing._replace(outputs={"y": np.zeros(3)})) == 3
