"""Cut sources for tests: files of a folder, cut by a column of theirs, on a day in June."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops_assets.source_declaration import Batches, Source
from resources.sources.files import FileSource
from resources.sources.periods import CutSource

SOURCE = Source(
    folder=".",
    batches={"column": "day", "period": "month"},
    licence="CC0-1.0",
    attribution="them",
    terms="none",
    licence_expires="never",
)
TODAY = date(2024, 6, 15)


def cut_source(folder: Path, today: date = TODAY, **declared: Any) -> CutSource:
    if "period" in declared or "column" in declared:
        cut = {"period": "month", "column": "day"}
        cut.update({key: declared.pop(key) for key in list(cut) if key in declared})
        declared["batches"] = Batches(**cut)
    source = SOURCE.model_copy(update=declared)
    return CutSource(FileSource(folder, source), source, today=lambda: today)


def rows_of(days: Sequence[Any], first: int = 0) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(first, first + len(days)), pa.int64()),
            "day": pa.array(days, pa.date32()),
            "city": pa.array([f"city {i % 3}" for i in range(first, first + len(days))]),
        }
    )
