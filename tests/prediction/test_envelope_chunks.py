"""Judged by distinct values, the same rows are outside as judged row by row."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.risk.envelope import learn_envelope
from mlops_assets.export import tensors as frames
from mlops_assets.prediction.envelope_chunks import outside_rows
from mlops_assets.prediction.input_columns import ModelInput, to_tensors
from mlops_assets.release.bundle import datatype
from mlops_assets.serving.envelope import outside_envelope

COLUMNS = {
    "city": Column(type="string", nullable=True),
    "size": Column(type="string"),
    "amount": Column(type="number", nullable=True),
    "code": Column(type="integer", categorical=True),
    "kind": Column(type="integer", categorical=True, nullable=True),
    "member": Column(type="boolean"),
    "loyal": Column(type="boolean", nullable=True),
    "seen": Column(type="timestamp"),
}
INPUTS = [ModelInput(name, column.type, datatype(column)) for name, column in COLUMNS.items()]


def draw(rows: int, seed: int, odd: float = 0.0) -> pa.Table:
    """Rows whose columns go together; a share of ``odd`` values is like none of the others."""
    rng = np.random.default_rng(seed)

    def oddly(values: list[object], other: object) -> list[object]:
        chosen = (rng.random(rows) < odd).tolist()
        return [other if is_odd else v for v, is_odd in zip(values, chosen, strict=True)]

    amount = rng.normal(size=rows)
    level = np.digitize(amount, [-1.0, 0.0, 1.0])
    return pa.table(
        {
            "city": oddly([("Ghent", "Lille", "Metz", None)[i] for i in level], "Atlantis"),
            "size": oddly([("small", "large")[int(i > 1)] for i in level], ""),
            "amount": pa.array(oddly(amount.tolist(), 1e9), pa.float64()),
            "code": pa.array(oddly(level.tolist(), 77), pa.int64()),
            "kind": pa.array(oddly([None if i == 0 else int(i) for i in level], 9), pa.int64()),
            "member": (level > 1),
            "loyal": [None if i % 5 == 0 else bool(i % 2) for i in range(rows)],
            "seen": pa.array([1] * rows, pa.timestamp("us")),
        }
    )


def frame(table: pa.Table) -> pd.DataFrame:
    rows: pd.DataFrame = table.to_pandas()
    return rows


@pytest.fixture(scope="module", params=[True, False], ids=["joint", "alone"])
def envelope(request: pytest.FixtureRequest) -> dict[str, object]:
    held_out = draw(400, 2) if request.param else draw(0, 2)
    return learn_envelope(frame(draw(1_000, 1)), frame(held_out), COLUMNS)


@given(st.integers(0, 10**6), st.integers(1, 80), st.sampled_from([0.0, 0.03, 0.5]), st.booleans())
@settings(max_examples=60)
def test_the_same_rows_are_outside(
    envelope: dict[str, object], seed: int, rows: int, odd: float, coded: bool
) -> None:
    table = draw(rows, seed, odd)
    tensors = to_tensors(table, INPUTS)
    expected = outside_envelope(envelope, frames.to_tensors(frame(table), COLUMNS))
    if coded:
        table = table.set_column(0, "city", table.column("city").dictionary_encode())
    assert outside_rows(envelope, table, tensors, INPUTS).tolist() == expected.tolist()


def test_some_are_outside_and_some_are_not(envelope: dict[str, object]) -> None:
    table = draw(500, 7, 0.05)
    found = outside_rows(envelope, table, to_tensors(table, INPUTS), INPUTS)
    assert 0.05 < found.mean() < 0.9
