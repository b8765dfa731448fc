"""From the type a source delivers to the type the use case declares, value by value.

Belongs here: the declared types, what is readable as which, codes for missing values, the target's
two classes, and values as text. Does not belong here: times (``local_times.py``), or whether a
value that can be read is allowed (``validation.py``).

What becomes of a value depends on the value and the type of its column alone, never on the values
around it, so that a batch may be cut into chunks anywhere.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.data.cleaning.local_times import NO_ZONE, iso_text, text_times, times

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

Kind = Literal["text", "integer", "float", "boolean", "time", "other", "nested", "null"]

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
    """How a column is read: its declaration, what the source writes for the positive and the
    negative class where it is the target, and the time zones that its texts may be in."""

    column: Column
    classes: tuple[str, str] | None = None
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


def kind_of(kind: pa.DataType) -> Kind:
    """What values of a type are, once they are ``plain``."""
    of = pa.types
    if of.is_dictionary(kind):
        return kind_of(kind.value_type)
    tests = {
        "null": of.is_null,
        "boolean": of.is_boolean,
        "integer": of.is_integer,
        "nested": of.is_nested,
    }
    for name, test in tests.items():
        if test(kind):
            return name  # type: ignore[return-value]
    if of.is_floating(kind) or of.is_decimal(kind):
        return "float"
    if of.is_timestamp(kind) or of.is_date(kind):
        return "time"
    texts = (of.is_string, of.is_large_string, of.is_string_view)
    octets = (of.is_binary, of.is_large_binary, of.is_binary_view)
    return "text" if any(test(kind) for test in (*texts, *octets)) else "other"


def plain(given: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array without dictionary, runs or views; texts are valid UTF-8 (octets that are not are
    replaced), and a float that is no number is null."""
    values = given.combine_chunks() if isinstance(given, pa.ChunkedArray) else given
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if pa.types.is_dictionary(values.type):
        return plain(values.dictionary_decode())
    if pa.types.is_run_end_encoded(values.type):
        return plain(pc.run_end_decode(values))
    if kind_of(values.type) == "text":
        return _utf8(values)
    if pa.types.is_floating(values.type):
        values = values.cast(pa.float64())
        return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    return values


def without_views(kind: pa.DataType) -> pa.DataType:
    """A type of the same values that rows can be taken of, which views do not allow."""
    if pa.types.is_string_view(kind):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(kind) else kind


def _utf8(values: pa.Array) -> pa.Array:
    try:
        texts = values.cast(pa.string())
        texts.validate(full=True)
    except pa.ArrowInvalid:
        octets = values.cast(pa.binary()).to_pylist()
        texts = pa.array(
            [None if one is None else one.decode("utf-8", "replace") for one in octets],
            pa.string(),
        )
    return texts


def as_text(given: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Each value as text: numbers in the fewest digits that tell them apart (floats with a point or
    an exponent), booleans ``True`` and ``False``, times in ISO 8601 in their own zone without
    naming it, durations with their unit. What has no text (a list, a structure) is null."""
    values = plain(given)
    match kind_of(values.type):
        case "text":
            return values
        case "null" | "nested":
            return pa.nulls(len(values), pa.string())
        case "boolean":
            return pc.if_else(values, "True", "False")
        case "integer":
            return values.cast(pa.string())
        case "float" if pa.types.is_floating(values.type):
            texts = values.cast(pa.string())
            whole = pc.match_substring_regex(texts, r"^-?[0-9]+$")
            return pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts)
        case "time":
            return iso_text(values)
        case _ if pa.types.is_duration(values.type):
            # Python's own durations end before Arrow's.
            counts = values.cast(pa.int64()).cast(pa.string())
            return pc.binary_join_element_wise(counts, values.type.unit, " ")
        case _ if pa.types.is_time(values.type):
            return pc.replace_substring_regex(values.cast(pa.string()), r"\.0+$", "")
        case _:
            shown = [None if one is None else str(one) for one in values.to_pylist()]
            return pa.array(shown, pa.string())


def _coerce(values: pa.Array, kind: Kind, reading: Reading) -> pa.Array:
    nothing = pa.nulls(len(values), reading.type)
    if kind in ("null", "nested"):
        return nothing
    if reading.classes is not None:
        return _classes(values, kind, reading.classes)
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


def _classes(values: pa.Array, kind: Kind, classes: tuple[str, str]) -> pa.Array:
    """Whether each value is the positive class, as the source writes both."""
    positive, negative = classes
    texts = as_text(values)
    if kind == "float":
        # A source that has integers with gaps may deliver 1.0 for 1.
        texts = pc.replace_substring_regex(texts, r"\.0+$", "")
    if kind == "boolean":
        texts, positive, negative = pc.utf8_lower(texts), positive.lower(), negative.lower()
    meaning = {positive.strip(): True, negative.strip(): False}
    return _mapped(pc.utf8_trim_whitespace(texts), meaning)


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
