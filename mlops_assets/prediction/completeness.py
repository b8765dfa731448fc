"""Whether every row has an answer.

Belongs here: comparing a file of predictions with what was to be answered, from the files alone.
Does not belong here: what follows where one has none (``checks.py``).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.data.parquet_files import read_chunks
from mlops_assets.prediction.answer_columns import OUTSIDE, ROW_ID


def completeness(asked: Path, answered: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of rows, and whether the file ``answered`` holds an answer for every row of ``asked``:
    as many rows as there are, and as ``record`` (``predictions.json``) says, with no answer that is
    missing or no finite number.

    Raises ``pyarrow.ArrowException`` or ``OSError`` where a file cannot be read.
    """
    rows = pq.read_metadata(asked).num_rows
    found = pq.read_metadata(answered).num_rows
    unanswered = sum(_unanswered(chunk) for chunk in read_chunks(answered))
    return {
        "rows": rows,
        "answered_rows": found - unanswered,
        "rows_without_answer": unanswered,
        "complete": rows == found == record["rows"] and unanswered == 0,
    }


def _unanswered(chunk: pa.Table) -> int:
    missing = np.zeros(chunk.num_rows, np.bool_)
    for name, column in zip(chunk.column_names, chunk.columns, strict=True):
        if name in (ROW_ID, OUTSIDE):
            continue
        missing |= column.is_null().to_numpy()
        if pa.types.is_floating(column.type):
            missing |= ~np.isfinite(column.to_numpy())
    return int(missing.sum())
