"""From the type a source delivers to the type the use case declares, value by value.

Belongs here: the declared types, what is readable as which, and codes for missing values. Does not
belong here: times (``local_times.py``), the target's classes (``target_labels.py``), values as text
(``plain_values.py``), or whether a value that can be read is allowed (``validation.py``).

What becomes of a value depends on the value and the type of its column alone, never on the values
around it, so that a batch may be cut into chunks anywhere.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.data.cleaning.local_times import NO_ZONE, text_times, times
from mlops_assets.data.cleaning.plain_values import Kind, as_text, kind_of, plain
from mlops_assets.data.cleaning.target_labels import band_names, one_of_classes, two_classes
from mlops_assets.target_declaration import Target

PARQUET_TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}

LARGEST_NUMBER = float(np.finfo(np.float32).max)
"""Models compute in float32: what lies beyond it is infinite to them, and not a number here."""

LARGEST_INTEGER = 2**53 - 1
"""Beyond it, float64 does not tell neighbours apart."""

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


@dataclass(frozen=True)
class Coerced:
    """Values of the declared type (``[n]``), null where there is none, and which of them (``[n]``,
    or ``None`` where it is none) are null because what the source wrote cannot be read."""

    values: pa.Array
    unreadable: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Reading:
    """How a column is read: its declaration, what is declared of the target where it is that, and
    the time zones that its texts may be in."""

    column: Column
    target: Target | None = None
    zones: frozenset[str] = frozenset({NO_ZONE})

    @property
    def type(self) -> pa.DataType:
        return PARQUET_TYPES[self.column.type]


def coerce(given: pa.Array | pa.ChunkedArray, reading: Reading) -> Coerced:
    """The values as the declared type; never raises."""
    values = plain(given)
    kind = kind_of(values.type)
    if reading.column.missing:
        values = _without_codes(values, kind, reading.column.missing)
    coerced = _coerce(values, kind, reading)
    if coerced.null_count == values.null_count:
        return Coerced(coerced, None)
    lost = pc.and_(pc.is_null(coerced), pc.is_valid(values))
    return Coerced(coerced, lost.to_numpy(zero_copy_only=False))


def _coerce(values: pa.Array, kind: Kind, reading: Reading) -> pa.Array:
    nothing = pa.nulls(len(values), reading.type)
    if kind in ("null", "nested"):
        return nothing
    if reading.target is not None:
        return _target(values, kind, reading.target)
    return _typed(values, kind, reading, nothing)


def _target(values: pa.Array, kind: Kind, target: Target) -> pa.Array:
    reading = Reading(Column(type=target.type))
    nothing = pa.nulls(len(values), reading.type)
    if target.positive is not None:
        return two_classes(values, kind, str(target.positive), str(target.negative))
    if target.task == "binary" or (target.classes and target.type == "integer"):
        return _typed(values, kind, reading, nothing)
    if target.classes:
        return one_of_classes(values, kind, target.class_names)
    if kind in ("boolean", "time", "other"):
        # A number that is true or false is no number: another column was meant.
        return nothing
    if target.bands is not None:
        return band_names(_numbers(values, kind), target.bands)
    return _typed(values, kind, reading, nothing)


def _typed(values: pa.Array, kind: Kind, reading: Reading, nothing: pa.Array) -> pa.Array:
    match reading.column.type:
        case "string":
            return as_text(values)
        case "timestamp":
            if kind == "text":
                return text_times(values, reading.zones)
            return times(values) if kind == "time" else nothing
        case _ if kind in ("time", "other"):
            return nothing
        case "number":
            return _numbers(values, kind)
        case "integer":
            return _integers(values, kind)
        case "boolean":
            return _booleans(values, kind)


def _numbers(values: pa.Array, kind: Kind) -> pa.Array:
    numbers = _parsed(values) if kind == "text" else values.cast(pa.float64(), safe=False)
    size = np.abs(numbers.fill_null(0.0).to_numpy())
    # Not above and not NaN, which no comparison holds for.
    within = size <= LARGEST_NUMBER
    if within.all():
        return numbers
    return pc.if_else(pa.array(within), numbers, pa.scalar(None, pa.float64()))


def _parsed(texts: pa.Array) -> pa.Array:
    """Texts as float64, null where they are no decimal numbers."""
    try:
        return texts.cast(pa.float64())
    except pa.ArrowInvalid:
        trimmed = pc.utf8_trim_whitespace(texts)
        numeric = pc.match_substring_regex(trimmed, _NUMBER)
        trimmed = pc.utf8_ltrim(pc.if_else(numeric, trimmed, None), "+")
        return trimmed.cast(pa.float64())


def _integers(values: pa.Array, kind: Kind) -> pa.Array:
    if kind == "integer":
        ends = pc.min_max(values).as_py()
        if ends["min"] is None or max(-ends["min"], ends["max"]) <= LARGEST_INTEGER:
            return values.cast(pa.int64())
    numbers = _parsed(values) if kind == "text" else values.cast(pa.float64(), safe=False)
    plain_numbers = numbers.fill_null(0.0).to_numpy()
    whole = (np.abs(plain_numbers) <= LARGEST_INTEGER) & (plain_numbers == np.rint(plain_numbers))
    kept = np.where(whole, plain_numbers, 0.0).astype(np.int64)
    missing = ~whole | numbers.is_null().to_numpy(zero_copy_only=False)
    return pa.array(kept, mask=missing)


def _booleans(values: pa.Array, kind: Kind) -> pa.Array:
    if kind == "boolean":
        return values
    if kind == "text":
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        return _mapped(texts, _TRUTHS)
    numbers = values.cast(pa.float64(), safe=False)
    return _mapped(numbers, {1.0: True, 0.0: False})


def _mapped(values: pa.Array, meaning: dict[str, bool] | dict[float, bool]) -> pa.Array:
    places = pc.index_in(values, pa.array(list(meaning), values.type), skip_nulls=True)
    return pa.array(list(meaning.values())).take(places)


def _without_codes(values: pa.Array, kind: Kind, codes: Collection[str | int | float]) -> pa.Array:
    """The values, null where the source wrote that there is none; text may hold a number."""
    if kind == "text":
        wanted = pa.array(sorted({text for code in codes for text in _spellings(code)}))
        found = pc.is_in(pc.utf8_trim_whitespace(values), wanted)
    elif kind in ("integer", "float"):
        wanted = pa.array(sorted({n for code in codes for n in _as_number(code)}), pa.float64())
        found = pc.is_in(values.cast(pa.float64(), safe=False), wanted)
    elif kind in ("time", "other"):
        wanted = pa.array(sorted({str(code).replace(" ", "T") for code in codes}))
        found = pc.is_in(as_text(values), wanted)
    else:
        return values
    return (
        pc.if_else(found, pa.scalar(None, values.type), values) if pc.any(found).as_py() else values
    )


def _spellings(code: str | int | float) -> set[str]:
    whole = isinstance(code, float) and code.is_integer()
    return {str(code).strip(), *([str(int(code))] if whole else [])}


def _as_number(code: str | int | float) -> list[float]:
    try:
        return [float(code)]
    except ValueError:
        return []
