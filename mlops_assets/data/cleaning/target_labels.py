"""The target as the source writes it, read as the classes that the use case declares.

Belongs here: which class a value is, by the class's own name or by the band that a number is in.
Does not belong here: other columns and plain numbers (``coercion.py``), or the labels as a model
sees them (``data/labels.py``).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_assets.data.cleaning.plain_values import Kind, as_text
from mlops_assets.target_declaration import Bands

_ZEROS = r"\.0+$"


def two_classes(values: pa.Array, kind: Kind, positive: str, negative: str) -> pa.Array:
    """Whether each value is the positive class (``[n]``), as the source writes both; null where it
    is neither."""
    texts = as_text(values)
    if kind == "float":
        # A source that has integers with gaps may deliver 1.0 for 1.
        texts = pc.replace_substring_regex(texts, _ZEROS, "")
    if kind == "boolean":
        texts, positive, negative = pc.utf8_lower(texts), positive.lower(), negative.lower()
    places = _places(pc.utf8_trim_whitespace(texts), [positive.strip(), negative.strip()])
    return pa.array([True, False]).take(places)


def one_of_classes(values: pa.Array, kind: Kind, names: tuple[str, ...]) -> pa.Array:
    """Each value as the name of its class (``[n]``, text), and as its own text where it is of none.
    Space around it is no part of a name, 1.0 is also 1, and a boolean is true in any case."""
    texts = pc.utf8_trim_whitespace(as_text(values))
    wanted = pa.array([name.strip() for name in names], pa.string())
    found = texts
    if kind == "float":
        found, wanted = (pc.replace_substring_regex(t, _ZEROS, "") for t in (texts, wanted))
    if kind == "boolean":
        found, wanted = pc.utf8_lower(texts), pc.utf8_lower(wanted)
    named = pa.array(names, pa.string()).take(_places(found, wanted.to_pylist()))
    return pc.coalesce(named, texts)


def band_names(numbers: pa.Array, bands: Bands) -> pa.Array:
    """The name of the band that each number (``[n]``, float64) is in, null where there is none; an
    edge is in the band above it."""
    places = np.searchsorted(bands.edges, numbers.fill_null(0.0).to_numpy(), side="right")
    present = numbers.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(bands.names, pa.string()).take(pa.array(places, pa.int64(), mask=~present))


def _places(texts: pa.Array, names: list[str]) -> pa.Array:
    return pc.index_in(texts, pa.array(names, pa.string()), skip_nulls=True)
