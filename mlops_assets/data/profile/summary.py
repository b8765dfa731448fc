"""A batch in counts: the summary that a profile is made of, exactly mergeable over batches.

Belongs here: counting cleaned rows, chunk by chunk, and adding summaries up. Does not belong here:
how one column is counted (``series.py``, ``tally.py``), what the counts mean
(``insights.py``) or how they are shown (``page.py``).

``profile(a + b) == merge(profile(a), profile(b))``, so everything is a whole number in bins that no
data decides. A count is ``[rows, labelled, positives]``; only a binary target has positives, and of
another the third number says nothing. Each column, and each part of a timestamp, is a series with
three tables: ``values``, exact counts of a bounded number of distinct values, ``rest``, all other
values in fine bins, and ``coarse``, all values in few bins.

A summary holds values as they are, rare ones too: it is data, to be guarded as the rows are. Only
of columns that ``Column.personal`` protects it holds hashes instead.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.rules import declared_columns
from mlops_assets.data.profile.series import (
    ColumnCounts,
    SeriesCounts,
    code_column,
    count_codes,
    label_codes,
)
from mlops_assets.data.profile.tally import (
    Integers,
    Table,
    Tally,
    add_counts,
    add_tables,
    hashes,
)
from mlops_assets.use_case import UseCase

CHUNK_ROWS = 131_072
"""Rows that are counted at a time: memory is bounded by them."""
PAIRED = 32
"""Joint counts are kept for the first so many series, so that a summary is bounded."""
WORD_BITS = 40
LAYOUT = ("column", "kind", "range", "levels")

Summary = dict[str, Any]
Cells = dict[str, int]


def profile(rows: pa.Table | pd.DataFrame, use_case: UseCase) -> Summary:
    """The summary of cleaned ``rows``, JSON-able and independent of their order.

    Columns have the types of the cleaned dataset, as Arrow or pandas hand them over. Infinite
    numbers count as missing. Raises ``BatchError`` where a declared column is not there.
    """
    return profile_chunks((rows,), use_case)


def profile_chunks(chunks: Iterable[pa.Table | pd.DataFrame], use_case: UseCase) -> Summary:
    """The summary of the rows of all ``chunks``, that of no rows where there are none.

    The same as ``profile`` of their concatenation, in memory bounded by the largest chunk. Raises
    ``BatchError`` where a chunk lacks a declared column.
    """
    counts = _Counts(use_case)
    for chunk in chunks:
        for rows in _slices(chunk, [*declared_columns(use_case)]):
            counts.add(rows)
    return counts.summary()


def merge(first: Summary, *others: Summary) -> Summary:
    """The summary of the rows of all: associative and commutative to the last digit.

    Raises ``ValueError`` where they were made for different columns, ranges or levels.
    """
    summaries = (first, *others)
    layouts = [{n: [one[k] for k in LAYOUT] for n, one in s["series"].items()} for s in summaries]
    if any(
        layout != layouts[0] or summary["columns"] != first["columns"]
        for layout, summary in zip(layouts, summaries, strict=True)
    ):
        raise ValueError(
            "two profiles differ in columns, ranges or levels: profile both batches again with "
            "the use case as it is now"
        )
    return {
        "rows": add_tables({"": s["rows"]} for s in summaries)[""],
        "columns": first["columns"],
        "series": {n: _merge_series([s["series"][n] for s in summaries]) for n in first["series"]},
        "patterns": _merge_tallies(Tally("category"), [s["patterns"] for s in summaries]),
        "joint": {
            a: {b: _add_cells([s["joint"][a][b] for s in summaries]) for b in pairs}
            for a, pairs in first["joint"].items()
        },
    }


class _Counts:
    """What has been counted of a batch so far."""

    def __init__(self, use_case: UseCase) -> None:
        self._declared = declared_columns(use_case)
        self._target = use_case.target.column
        self._is_binary = use_case.target.task == "binary"
        self._rows = [0, 0, 0]
        self._columns = {name: ColumnCounts(name, c) for name, c in self._declared.items()}
        self._patterns = Tally("category")
        paired = [n for n, one in self._series().items() if _is_paired(one)][:PAIRED]
        sizes = {name: one.bins + 1 for name, one in self._series().items()}
        self._joint = {
            (a, b): np.zeros((sizes[a], sizes[b]), np.int64) for a, b in combinations(paired, 2)
        }
        self._paired = paired

    def add(self, rows: pa.Table) -> None:
        coded = {n: code_column(rows.column(n), column) for n, column in self._declared.items()}
        labels = label_codes(coded[self._target], is_binary=self._is_binary)
        outcomes = np.bincount(labels, minlength=3).tolist()
        so_far = [rows.num_rows, outcomes[1] + outcomes[2], outcomes[2]]
        self._rows = add_counts(self._rows, so_far)
        bins: dict[str, Integers] = {}
        for name, chunk in coded.items():
            found = self._columns[name].add(chunk, chunk.count(labels))
            bins |= {n: found[n][chunk.codes] for n in found if n in self._paired}
        self._count_patterns([chunk.missing for chunk in coded.values()], labels)
        for (a, b), cells in self._joint.items():
            codes = bins[a] * cells.shape[1] + bins[b]
            cells += np.bincount(codes, minlength=cells.size).reshape(cells.shape)

    def summary(self) -> Summary:
        joint: dict[str, dict[str, Cells]] = {name: {} for name in self._paired}
        for (a, b), cells in self._joint.items():
            # The last bin on either side is of rows without the value.
            found = zip(*np.nonzero(cells[:-1, :-1]), strict=True)
            joint[a][b] = {f"{i},{j}": int(cells[i, j]) for i, j in found}
        return {
            "rows": self._rows,
            "columns": list(self._declared),
            "series": {name: one.to_dict() for name, one in self._series().items()},
            "patterns": self._patterns.tables(),
            "joint": joint,
        }

    def _series(self) -> dict[str, SeriesCounts]:
        return {n: one for column in self._columns.values() for n, one in column.series.items()}

    def _count_patterns(
        self, missing: Sequence[NDArray[np.bool_] | None], labels: Integers
    ) -> None:
        """Count which columns are missing together, as positions "3 7"."""
        codes, patterns = missing_patterns(missing, len(labels))
        texts = np.array([" ".join(map(str, one)) for one in patterns], dtype=object)
        self._patterns.add(texts, hashes(texts), count_codes(codes, labels, len(patterns)))


def missing_patterns(
    missing: Sequence[NDArray[np.bool_] | None], rows: int
) -> tuple[Integers, list[tuple[int, ...]]]:
    """A code a row and, by code, the positions of the columns that are missing in such rows;
    ``None`` stands for a column that is missing nowhere."""
    codes = np.zeros(rows, np.int64)
    patterns: list[tuple[int, ...]] = [()]
    masks = [(position, mask) for position, mask in enumerate(missing) if mask is not None]
    for start in range(0, len(masks), WORD_BITS):
        group = masks[start : start + WORD_BITS]
        words = codes << len(group)
        for bit, (_, mask) in enumerate(group):
            words |= mask.astype(np.int64) << bit
        encoded = pa.array(words).dictionary_encode()
        codes = encoded.indices.to_numpy().astype(np.int64)
        patterns = [
            patterns[word >> len(group)]
            + tuple(position for bit, (position, _) in enumerate(group) if word >> bit & 1)
            for word in encoded.dictionary.to_pylist()
        ]
    return codes, patterns


def _slices(chunk: pa.Table | pd.DataFrame, names: Sequence[str]) -> Iterator[pa.Table]:
    """The declared columns of a chunk in tables of at most ``CHUNK_ROWS`` rows."""
    present = chunk.columns if isinstance(chunk, pd.DataFrame) else chunk.column_names
    absent = [name for name in names if name not in present]
    if absent:
        raise BatchError(f"cleaned rows lack the column(s) {absent}: clean the batch again")
    for start in range(0, len(chunk), CHUNK_ROWS):
        if isinstance(chunk, pd.DataFrame):
            part = chunk.iloc[start : start + CHUNK_ROWS]
            yield pa.Table.from_pandas(part[[*names]], preserve_index=False)
        else:
            yield chunk.select(names).slice(start, CHUNK_ROWS)


def _is_paired(series: SeriesCounts) -> bool:
    return series.layout["kind"] in ("number", "category")


def _merge_series(series: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    lows, highs = (
        [one[end] for one in series if one[end] is not None] for end in ("minimum", "maximum")
    )
    layout = {part: series[0][part] for part in LAYOUT}
    return {
        **layout,
        "missing": add_tables({"": one["missing"]} for one in series)[""],
        "minimum": min(lows, default=None),
        "maximum": max(highs, default=None),
        **_merge_tallies(Tally(layout["kind"], (layout["range"] or [0.0])[0]), series),
        "coarse": add_tables(one["coarse"] for one in series),
    }


def _merge_tallies(tally: Tally, parts: Sequence[Mapping[str, Table]]) -> dict[str, Table]:
    for part in parts:
        tally.add_tables(part["values"], part["rest"])
    return tally.tables()


def _add_cells(parts: Sequence[Cells]) -> Cells:
    total: Cells = {}
    for part in parts:
        for cell, rows in part.items():
            total[cell] = total.get(cell, 0) + rows
    return dict(sorted(total.items()))
