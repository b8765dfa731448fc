"""From a raw batch to valid rows, and to a quarantine where nothing is lost.

Belongs here: what a broken rule costs a row, declared removals, and the count of every row's fate.
Does not belong here: the rules (``rules.py``) and who breaks them (``validation.py``), types
(``coercion.py``), files (``cleaned_batch.py``), or choosing what a model sees (``features.py``).

A batch is read in chunks, anew for each look at it, and its result does not depend on where they
begin and end.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.conditions import columns_named, matching_rows
from mlops_assets.data.cleaning.corrected_rows import Applied, CorrectedRows
from mlops_assets.data.cleaning.fates import Tally
from mlops_assets.data.cleaning.plain_values import without_views
from mlops_assets.data.cleaning.rules import declared_columns
from mlops_assets.data.cleaning.typed_rows import (
    Mask,
    TypedRows,
    frame,
    readings,
    row_schema,
    slices,
    typed_rows,
)
from mlops_assets.data.cleaning.validation import BatchFacts, Validator
from mlops_assets.data.cleaning.whole_batch import Read, survey
from mlops_assets.use_case import UseCase

OWN_COLUMNS = ("row", "reasons")
"""Columns of the quarantine that no source delivers."""


@dataclass(frozen=True)
class CleanedChunk:
    """The fate of some consecutive rows of a batch. ``rows`` are valid, with the declared types;
    ``quarantine`` are original rows with the columns ``row`` (position in the raw copy) and
    ``reasons`` (codes ``column:what is wrong``, in alphabetical order)."""

    rows: pa.Table
    quarantine: pa.Table


class Cleaning:
    """The cleaning of one batch, whose chunks ``read`` yields anew each time it is called.

    ``corrections`` are those of ``corrections.read_corrections``. ``row_schema`` and
    ``quarantine_schema`` are those of every chunk. Raises ``BatchError`` where the batch lacks a
    declared column or has several of one name, or where a condition of the use case cannot be
    evaluated.
    """

    def __init__(
        self,
        read: Read,
        schema: pa.Schema,
        use_case: UseCase,
        batch: str,
        corrections: pa.Table | None = None,
    ) -> None:
        self._unexpected = _check_columns(schema.names, use_case, batch)
        self._validator = Validator(use_case)
        self._read, self._schema = read, schema
        self._use_case, self._batch = use_case, batch
        self._corrections = None if corrections is None else CorrectedRows(corrections)
        self.row_schema = row_schema(use_case)
        self.quarantine_schema = _quarantine_schema(schema)
        self.counts: dict[str, Any] = {}
        """Complete once ``chunks`` is exhausted, as ``rules`` is."""
        self.rules: list[dict[str, Any]] = []

    def chunks(self) -> Iterator[CleanedChunk]:
        """The batch's rows in their order, each in one chunk's rows or quarantine, or counted as
        removed.

        Raises ``BatchError`` where the batch has no rows, a condition cannot be evaluated, or a
        correction is of a row that the batch does not have or that is valid as it was delivered.
        """
        found = survey(self._read, self._schema, self._use_case, self._corrections)
        used = readings(self._use_case, found.zones)
        tally = Tally(self._validator.rules, self._use_case)
        for first, raw in slices(self._read(None)):
            rows = typed_rows(raw, used)
            applied = None
            if self._corrections:
                applied = self._corrections.applied(rows, raw, first, used)
            if applied:
                self._require_quarantined(rows, applied, first, found.delivered)
                rows = applied.rows
            broken = self._validator.broken(rows, first, found.corrected)
            yield self._divide(raw, rows, broken, applied, first, tally)
        if tally.rows_in == 0:
            raise BatchError(f"batch {self._batch} has no rows: deliver it again with its data")
        self._require_known_rows(tally.rows_in)
        self.counts = {
            "batch": self._batch,
            **tally.counts(),
            "unexpected_columns": self._unexpected,
        }
        self.rules = tally.rules()

    def _divide(
        self,
        raw: pa.Table,
        rows: TypedRows,
        broken: Mapping[str, Mask],
        applied: Applied | None,
        first: int,
        tally: Tally,
    ) -> CleanedChunk:
        """Which of a chunk's rows are valid, quarantined and removed, counted."""
        size = raw.num_rows
        errors = {c: mask for c, mask in broken.items() if tally.severities[c] == "error"}
        bad = _any_of(errors.values(), size)
        rejected = np.flatnonzero(bad)
        removed = self._removed(rows.table, ~bad, first, tally)
        is_kept = ~bad & ~removed
        kept = rows.table if is_kept.all() else rows.table.filter(pa.array(is_kept))
        tally.add_rules(broken, first)
        tally.rows_in += size
        tally.rows_out += kept.num_rows
        tally.unlabelled += kept.column(self._use_case.target.column).null_count
        tally.add_rejected(errors, bad)
        if len(broken) > len(errors):
            warned = _any_of((m for c, m in broken.items() if c not in errors), size)
            tally.warned += int(np.count_nonzero(warned & is_kept))
        if applied:
            tally.corrected += int(np.count_nonzero(~bad[applied.places] & applied.changes))
        quarantine = _quarantine(raw, rejected, errors, first, self.quarantine_schema)
        return CleanedChunk(kept.cast(self.row_schema), quarantine)

    def _removed(self, table: pa.Table, valid: Mask, first: int, tally: Tally) -> Mask:
        """Which valid rows a declared removal takes, the first that does."""
        removed = np.zeros(len(valid), dtype=np.bool_)
        for rule in self._use_case.rows.remove:
            left = np.flatnonzero(valid & ~removed)
            if len(left) == 0:
                break
            names = columns_named(rule.remove_where, table.column_names)
            rows = frame(table.select(names).take(pa.array(left)), names, pd.Index(first + left))
            matches = matching_rows(rows, rule.remove_where, f"rows.remove {rule.name!r}")
            removed[left[matches]] = True
            tally.removed[rule.name] += int(np.count_nonzero(matches))
        return removed

    def _require_quarantined(
        self, rows: TypedRows, applied: Applied, first: int, facts: BatchFacts
    ) -> None:
        """Raise ``BatchError`` where a correction changes a row that needs none."""
        broken = self._validator.broken(rows, first, facts)
        rejecting = {rule.code for rule in self._validator.rules if rule.severity == "error"}
        bad = _any_of((m for c, m in broken.items() if c in rejecting), rows.table.num_rows)
        wrong = applied.places[~bad[applied.places] & applied.changes]
        if len(wrong):
            raise BatchError(
                f"batch {self._batch}: the corrections change row {first + wrong[0]}, which is "
                "valid as it was delivered: corrections are for rows of the quarantine, remove "
                "the line"
            )

    def _require_known_rows(self, rows: int) -> None:
        unknown = self._corrections.first_beyond(rows) if self._corrections else None
        if unknown is not None:
            raise BatchError(
                f"batch {self._batch}: the corrections name row {unknown}, and the batch has rows "
                f"0 to {rows - 1}: remove the line"
            )


@dataclass(frozen=True)
class CleanedBatch:
    """The fate of every row of a batch that is held whole: see ``CleanedChunk``, ``Cleaning``."""

    rows: pa.Table
    quarantine: pa.Table
    counts: dict[str, Any]


def clean(raw: pa.Table, use_case: UseCase, batch: str) -> CleanedBatch:
    """Clean a batch that fits into memory, such as a sample. Raises ``BatchError`` as ``Cleaning``
    does."""

    def read(columns: Sequence[str] | None) -> Iterator[pa.Table]:
        yield raw if columns is None else raw.select(list(columns))

    cleaning = Cleaning(read, raw.schema, use_case, batch)
    chunks = list(cleaning.chunks())
    return CleanedBatch(
        pa.concat_tables([chunk.rows for chunk in chunks]).combine_chunks(),
        pa.concat_tables([chunk.quarantine for chunk in chunks]).combine_chunks(),
        cleaning.counts,
    )


def _check_columns(names: Sequence[str], use_case: UseCase, batch: str) -> list[str]:
    """The columns that are not declared; raises ``BatchError`` where declared ones are not there
    or not one."""
    declared = declared_columns(use_case)
    repeated = sorted(name for name, n in Counter(names).items() if n > 1)
    if repeated:
        raise BatchError(
            f"batch {batch} has several columns called {repeated}: deliver it with one of each"
        )
    unexpected = sorted(set(names) - set(declared))
    missing = [
        name
        for name, column in declared.items()
        if name not in names and not (column.since is not None and batch < column.since)
    ]
    if missing:
        what = "the target " if missing == [use_case.target.column] else ""
        hint = f" It has {unexpected}, which are not declared: renamed?" if unexpected else ""
        if len(missing) > len(declared) / 2:
            # Where the names are no names, they are values of the first row, and not for a message.
            hint = " Most are missing: is this the right file, and are names in its first line?"
        raise BatchError(
            f"batch {batch} lacks {what}column(s) {missing}.{hint} Deliver the batch with them, "
            "or change columns in the use case"
        )
    return unexpected


def _any_of(masks: Any, size: int) -> Mask:
    found = np.zeros(size, dtype=np.bool_)
    for mask in masks:
        found |= mask
    return found


def _quarantine_schema(schema: pa.Schema) -> pa.Schema:
    # The use case may declare no column of these names, but a source may deliver one all the same.
    fields = [
        (f"{one.name} (source)" if one.name in OWN_COLUMNS else one.name, without_views(one.type))
        for one in schema
    ]
    return pa.schema([*fields, ("row", pa.int64()), ("reasons", pa.list_(pa.string()))])


def _quarantine(
    raw: pa.Table,
    rejected: NDArray[np.int64],
    errors: Mapping[str, Mask],
    first: int,
    schema: pa.Schema,
) -> pa.Table:
    if len(rejected) == 0:
        return schema.empty_table()
    codes = sorted(errors)
    breaks = np.stack([errors[code][rejected] for code in codes], axis=1)
    offsets = np.concatenate([[0], np.cumsum(breaks.sum(axis=1))])
    names = pa.array(codes, pa.string()).take(pa.array(np.nonzero(breaks)[1]))
    reasons = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names)
    held = [column.cast(one.type) for column, one in zip(raw.columns, schema, strict=False)]
    original = pa.table(held, names=raw.column_names).take(pa.array(rejected)).columns
    return pa.Table.from_arrays(
        [*original, pa.array(first + rejected, pa.int64()), reasons], schema=schema
    )
