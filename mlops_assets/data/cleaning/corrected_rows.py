"""A person's corrections, put in the place of what a batch delivered.

Belongs here: finding the corrected rows of a chunk and replacing their values. Does not belong
here: the file that corrections come in (``corrections.py``), or whether they are right
(``validation.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.data.cleaning.coercion import Coerced, Reading, coerce
from mlops_assets.data.cleaning.local_times import NO_ZONE
from mlops_assets.data.cleaning.plain_values import as_text, plain
from mlops_assets.data.cleaning.typed_rows import Mask, TypedRows


@dataclass(frozen=True)
class Applied:
    """Rows with their corrections: ``places`` in the chunk of the rows that the corrections name
    (``[k]``), and whether they change any value of each (``[k]``)."""

    rows: TypedRows
    places: NDArray[np.int64]
    changes: Mask


class CorrectedRows:
    """Corrections as ``corrections.read_corrections`` returns them: ``row`` (int64), and texts."""

    def __init__(self, corrections: pa.Table) -> None:
        ordered = corrections.sort_by("row")
        self.rows: NDArray[np.int64] = ordered.column("row").to_numpy()
        self._texts = ordered.drop_columns(["row"])

    def first_beyond(self, rows: int) -> int | None:
        """The first row that corrections name and a batch of ``rows`` rows does not have."""
        outside = self.rows[(self.rows < 0) | (self.rows >= rows)]
        return int(outside[0]) if len(outside) else None

    def applied(
        self, typed: TypedRows, raw: pa.Table, first: int, readings: Mapping[str, Reading]
    ) -> Applied | None:
        """The typed rows of ``raw``, whose first row is the batch's row ``first``, with the
        corrections in place; ``None`` where there are none of these rows.

        A text that says what was delivered changes nothing; an empty one is a missing value.
        """
        start, stop = np.searchsorted(self.rows, (first, first + raw.num_rows)).tolist()
        if start == stop:
            return None
        places = self.rows[start:stop] - first
        changes = np.zeros(len(places), dtype=np.bool_)
        table, unreadable = typed.table, dict(typed.unreadable)
        for name in self._texts.column_names:
            if name not in readings or name not in raw.column_names:
                continue
            texts = _empty_is_missing(self._texts.column(name).slice(start, stop - start))
            changed = _differs(as_text(plain(raw.column(name)).take(pa.array(places))), texts)
            if not changed.any():
                continue
            changes |= changed
            where = places[changed]
            corrected = coerce(texts.filter(pa.array(changed)), _in_any_zone(readings[name]))
            place = table.column_names.index(name)
            values = _replaced(table.column(name).combine_chunks(), where, corrected.values)
            table = table.set_column(place, name, values)
            unreadable[name] = _unreadable(unreadable.get(name), raw.num_rows, where, corrected)
        return Applied(TypedRows(table, unreadable), places, changes)


def _in_any_zone(reading: Reading) -> Reading:
    """A person need not write the zone that the source's texts name."""
    return replace(reading, zones=reading.zones | {NO_ZONE})


def _empty_is_missing(texts: pa.ChunkedArray) -> pa.Array:
    values = texts.combine_chunks()
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _differs(delivered: pa.Array, texts: pa.Array) -> Mask:
    differs = pc.not_equal(pc.fill_null(delivered, ""), pc.fill_null(texts, ""))
    mask: Mask = differs.to_numpy(zero_copy_only=False)
    return mask


def _replaced(values: pa.Array, places: NDArray[np.int64], by: pa.Array) -> pa.Array:
    order = np.arange(len(values))
    order[places] = len(values) + np.arange(len(by))
    return pa.concat_arrays([values, by]).take(pa.array(order))


def _unreadable(
    before: Mask | None, rows: int, places: NDArray[np.int64], corrected: Coerced
) -> Mask:
    mask = np.zeros(rows, dtype=np.bool_) if before is None else before.copy()
    mask[places] = False if corrected.unreadable is None else corrected.unreadable
    return mask
