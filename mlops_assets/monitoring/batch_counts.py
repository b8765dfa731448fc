"""A batch counted over the reference's bins, from its files, a chunk at a time.

Belongs here: which columns are read, and adding up the counts of chunks. Does not belong here: the
bins and how one frame is counted (``histograms.py``), or whether the counts differ (``drift.py``).
"""

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from mlops_assets.data.labels import encode_labels
from mlops_assets.data.parquet_files import read_chunks
from mlops_assets.monitoring.histograms import (
    Counts,
    Series,
    Summary,
    count,
    count_outcomes,
    count_scores,
    merge,
)
from mlops_assets.prediction.answer_columns import answer_chunks
from mlops_assets.target_declaration import Target


def count_batch(cleaned: Path, predictions: Path, summary: Summary) -> dict[str, Counts]:
    """The counts of a batch's cleaned rows and of the champion's answers to them, by series, as
    ``count`` and ``count_scores`` give them of all rows at once. Both are Parquet files, and the
    first has a row."""
    watched = {series["column"] for series in summary["series"].values()}
    columns = [name for name in pq.read_schema(cleaned).names if name in watched]
    rows = (count(chunk.to_pandas(), summary) for chunk in read_chunks(cleaned, columns))
    answers = (count_scores(chunk, summary) for chunk in answer_chunks(predictions))
    return {**_added_up(rows), **_added_up(answers)}


def _added_up(parts: Iterable[dict[str, Counts]]) -> dict[str, Counts]:
    together: dict[str, Counts] | None = None
    for part in parts:
        together = part if together is None else merge(together, part)
    return together or {}


def count_batch_outcomes(cleaned: Path, target: Target, outcomes: Series) -> Counts | None:
    """The counts of the outcomes that the batch has already; ``None`` where it has none."""
    counted = None
    for chunk in read_chunks(cleaned, [target.column]):
        known = chunk.to_pandas()[target.column].dropna()
        if known.empty:
            continue
        counts = count_outcomes(encode_labels(known, target), outcomes)
        counted = counts if counted is None else counted + counts
    return counted
