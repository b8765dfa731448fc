"""The fitted encoding as ONNX operators: raw columns in, the estimator's float32 matrix out.

Belongs here: the counterpart of ``RowEncoder.transform``, operator for operation, so that both
give the same float32 numbers. Does not belong here: the encoding itself (``training/encoding.py``),
the columns that are computed from raw ones (``onnx_features.py``) and what follows the matrix
(``onnx_graph.py``).
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.onnx_features import add_codes, add_date_part, add_feature, as_double
from mlops_assets.export.tensors import TensorType, tensor_type
from mlops_assets.training.computed_features import LARGEST_FLOAT32
from mlops_assets.training.encoding import (
    CalendarEncoding,
    CategoryEncoding,
    Encoding,
    NumberEncoding,
    RowEncoder,
    standardisation,
)


def add_encoding(graph: GraphBuilder, encoder: RowEncoder, output: str) -> None:
    """Add what computes ``encoder.transform`` as ``output``, float32 ``[n, features]``."""
    parts: list[str] = []
    # Adjacent numbers are encoded together: a node costs more than a column.
    for is_number, group in groupby(encoder.encodings_, lambda e: isinstance(e, NumberEncoding)):
        encodings = list(group)
        if is_number:
            numbers = [e for e in encodings if isinstance(e, NumberEncoding)]
            parts.append(_encode_numbers(graph, numbers, encoder))
        else:
            parts += [part for e in encodings for part in _encode_codes(graph, e, encoder)]
    graph.add_node("Concat", parts, [output], axis=1)


def _encode_numbers(
    graph: GraphBuilder, encodings: Sequence[NumberEncoding], encoder: RowEncoder
) -> str:
    dense = encoder.form == "dense"
    doubles = {e.column: _double(graph, e.column, encoder) for e in encodings}
    # A column with a missing flag appears twice: as its value, and as the flag beside it.
    wide = [
        (e, flag) for e in encodings for flag in ((False, True) if dense and e.flag else (False,))
    ]
    raw = graph.add("Concat", *(doubles[e.column] for e, _ in wide), axis=1)
    # False of NaN as well: what float32 cannot hold is missing.
    held = graph.add("LessOrEqual", graph.add("Abs", raw), _largest(graph))
    fills = graph.constant([[e.fill for e, _ in wide]], np.float32)
    filled = graph.add("Where", held, graph.cast(raw), fills)
    if not dense:
        return filled
    scaled = _standardise(graph, filled, [e.mean for e, _ in wide], [e.scale for e, _ in wide])
    if len(wide) == len(encodings):
        return scaled
    is_flag = graph.constant([[flag for _, flag in wide]], np.bool_)
    missing = graph.cast(graph.add("Not", held))
    return graph.add("Where", is_flag, missing, scaled)


def _largest(graph: GraphBuilder) -> str:
    return graph.constant(LARGEST_FLOAT32, np.float64)


def _double(graph: GraphBuilder, name: str, encoder: RowEncoder) -> str:
    """A raw or computed number as double ``[n, 1]``."""
    if name in encoder.computed_:
        return add_feature(graph, encoder.computed_[name], encoder.columns)[0]
    return as_double(graph, name, encoder.columns)


def _category(graph: GraphBuilder, name: str, encoder: RowEncoder) -> tuple[str, TensorType]:
    """A raw or computed category ``[n, 1]``, and its type."""
    if name in encoder.computed_:
        return add_feature(graph, encoder.computed_[name], encoder.columns)
    return name, tensor_type(encoder.columns[name])


def _encode_codes(graph: GraphBuilder, encoding: Encoding, encoder: RowEncoder) -> list[str]:
    match encoding:
        case CategoryEncoding(column, levels):
            values, kind = _category(graph, column, encoder)
            codes = add_codes(graph, values, levels, kind)
            return [codes] if encoder.form == "tree" else _one_hot(graph, codes, len(levels))
        case CalendarEncoding(column, part, mean, scale):
            numbers = graph.cast(add_date_part(graph, column, part))
            dense = encoder.form == "dense"
            return [_standardise(graph, numbers, [mean], [scale]) if dense else numbers]
    raise TypeError(f"no ONNX form of {type(encoding).__name__}")


def _one_hot(graph: GraphBuilder, codes: str, levels: int) -> list[str]:
    if levels == 0:
        return []
    positions = graph.constant(np.arange(levels)[None], np.float32)
    return [graph.cast(graph.add("Equal", codes, positions))]


def _standardise(
    graph: GraphBuilder, numbers: str, means: Sequence[float], scales: Sequence[float]
) -> str:
    """``encoding.standardise`` of ``[n, columns]`` numbers."""
    reaches, divisors = zip(*map(standardisation, scales), strict=True)
    centred = graph.add("Sub", numbers, graph.constant([means], np.float32))
    above = graph.add("Max", centred, graph.constant([np.negative(reaches)], np.float32))
    within = graph.add("Min", above, graph.constant([reaches], np.float32))
    return graph.add("Div", within, graph.constant([divisors], np.float32))
