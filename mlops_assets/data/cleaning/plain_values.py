"""Values of whatever type a source delivers, in one plain form and as text.

Belongs here: undoing dictionaries, runs and views, what kind of values there are, and each value as
text. Does not belong here: reading a value as the declared type (``coercion.py``).
"""

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from mlops_assets.data.cleaning.local_times import iso_text

Kind = Literal["text", "integer", "float", "boolean", "time", "other", "nested", "null"]


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
