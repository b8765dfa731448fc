"""An answer that is missing is found, whatever is missing of it."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_assets.prediction.completeness import completeness

ANSWERS: dict[str, list[Any]] = {
    "row_id": ["a", None, "c"],
    "label": [0, 1, 1],
    "probability.1": [0.25, 0.5, 1.0],
    "outside_envelope": [None, True, False],
}


def complete(folder: Path, asked_rows: int = 3, said: int = 3, **changed: Any) -> dict[str, Any]:
    asked, answered = folder / "asked.parquet", folder / "answered.parquet"
    pq.write_table(pa.table({"x": [0] * asked_rows}), asked)
    pq.write_table(pa.table(ANSWERS | changed), answered)
    return completeness(asked, answered, {"rows": said})


def test_every_row_is_answered(tmp_path: Path) -> None:
    assert complete(tmp_path) == {
        "rows": 3,
        "answered_rows": 3,
        "rows_without_answer": 0,
        "complete": True,
    }


@pytest.mark.parametrize(
    ("changed", "unanswered"),
    [
        ({"label": [0, None, 1]}, 1),
        ({"probability.1": [float("nan"), 0.5, float("inf")]}, 2),
        ({"label": [None, 1, 1], "probability.1": [None, 0.5, 0.5]}, 1),
    ],
)
def test_a_missing_answer_counts_once(
    tmp_path: Path, changed: dict[str, Any], unanswered: int
) -> None:
    found = complete(tmp_path, **changed)
    assert found["rows_without_answer"] == unanswered
    assert found["complete"] is False


@pytest.mark.parametrize(("asked", "said"), [(4, 3), (2, 3), (3, 4)])
def test_another_number_of_rows_is_not_complete(tmp_path: Path, asked: int, said: int) -> None:
    assert complete(tmp_path, asked, said)["complete"] is False
