"""The single values that an Arrow array holds, and how each is written as a text.

Belongs here: taking lists, structures and dictionaries apart, and numbers and bytes as texts. Does
not belong here: what is looked for in the texts (``personal_data.py``).
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc


def single_values(array: pa.Array) -> Iterator[pa.Array]:
    """The arrays of single values within ``array``."""
    kind = pa.types
    if isinstance(array.type, pa.BaseExtensionType):
        parts = [array.storage]
    elif kind.is_struct(array.type):
        parts = array.flatten()
    elif kind.is_map(array.type):
        entries = pa.list_(pa.struct([array.type.key_field, array.type.item_field]))
        parts = [array.cast(entries)]
    elif kind.is_dictionary(array.type):
        parts = [array.dictionary_decode()]
    elif kind.is_string_view(array.type):
        parts = [array.cast(pa.large_string())]
    elif kind.is_nested(array.type):
        parts = [pc.list_flatten(array)]
    elif kind.is_boolean(array.type) or _is_span(array.type):
        return
    else:
        yield array
        return
    for part in parts:
        yield from single_values(part)


def _is_span(type: pa.DataType) -> bool:
    """Hours, durations and intervals, which say nothing of a person."""
    return pa.types.is_temporal(type) and not (
        pa.types.is_timestamp(type) or pa.types.is_date(type)
    )


def long_numbers(values: pa.Array) -> pa.Array:
    """The whole numbers that have digits enough for a check."""
    if pa.types.is_integer(values.type):
        if values.type.bit_width < 32:
            return values[:0]
        # A float as the limit would make floats of the values, which hold 2**53 at most.
        return values.filter(pc.greater_equal(values, pa.scalar(10**8, values.type)))
    long = values.filter(pc.greater_equal(values, 1e8))
    if len(long):
        long = long.filter(pc.equal(pc.floor(long), long))
    return long


def as_texts(values: pa.Array) -> pa.Array:
    if pa.types.is_floating(values.type):
        # A gap makes floats of integers, and 123456782.0 hides the number that was there.
        doubles = values.cast(pa.float64())
        whole = pc.and_(pc.equal(pc.floor(doubles), doubles), pc.less(pc.abs(doubles), 2.0**53))
        integers = pc.if_else(whole, doubles, None).cast(pa.int64())
        return pc.coalesce(integers.cast(pa.large_string()), doubles.cast(pa.large_string()))
    if "binary" in str(values.type):
        decoded = [value.decode("utf-8", "replace") for value in values.to_pylist()]
        return pa.array(decoded, pa.large_string())
    return values.cast(pa.large_string())
