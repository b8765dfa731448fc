"""The fitted encoding as ONNX operators: raw columns in, the estimator's float32 matrix out.

Belongs here: the counterpart of ``RowEncoder.transform``, operator for operation, so that both
give the same float32 numbers. Does not belong here: the encoding itself (``training/encoding.py``)
and what follows it (``onnx_graph.py``).
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from mlops_assets.export.graph_builder import ML_DOMAIN, GraphBuilder
from mlops_assets.export.tensors import TensorType, tensor_type
from mlops_assets.training.encoding import (
    EPOCH_DAY_OF_WEEK,
    MICROSECONDS_A_DAY,
    MICROSECONDS_A_MINUTE,
    UNKNOWN_CODE,
    CalendarEncoding,
    CategoryEncoding,
    Encoding,
    NumberEncoding,
    RowEncoder,
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
    doubles = {e.column: _as_double(graph, e.column, encoder) for e in encodings}
    # A column with a missing flag appears twice: as its value, and as the flag beside it.
    wide = [
        (e, flag) for e in encodings for flag in ((False, True) if dense and e.flag else (False,))
    ]
    raw = graph.add("Concat", *(doubles[e.column] for e, _ in wide), axis=1)
    numbers = graph.cast(raw)
    missing = graph.add("IsNaN", numbers)
    fills = graph.constant([[e.fill for e, _ in wide]], np.float32)
    filled = graph.add("Where", missing, fills, numbers)
    if not dense:
        return filled
    means, scales = [[e.mean for e, _ in wide]], [[e.scale for e, _ in wide]]
    scaled = _standardise(graph, filled, means, scales)
    is_flag = graph.constant([[flag for _, flag in wide]], np.bool_)
    return graph.add("Where", is_flag, graph.cast(missing), scaled)


def _as_double(graph: GraphBuilder, column: str, encoder: RowEncoder) -> str:
    """An integer goes through double on its way to float, as in pandas, or it rounds otherwise."""
    if tensor_type(encoder.columns[column]) == "double":
        return column
    return graph.cast(column, TensorProto.DOUBLE)


def _encode_codes(graph: GraphBuilder, encoding: Encoding, encoder: RowEncoder) -> list[str]:
    match encoding:
        case CategoryEncoding(column, levels):
            codes = _codes(graph, column, levels, tensor_type(encoder.columns[column]))
            return [codes] if encoder.form == "tree" else _one_hot(graph, codes, len(levels))
        case CalendarEncoding(column, part, mean, scale):
            numbers = graph.cast(_calendar_part(graph, column, part))
            dense = encoder.form == "dense"
            return [_standardise(graph, numbers, mean, scale) if dense else numbers]
    raise TypeError(f"no ONNX form of {type(encoding).__name__}")


def _one_hot(graph: GraphBuilder, codes: str, levels: int) -> list[str]:
    if levels == 0:
        return []
    positions = graph.constant(np.arange(levels)[None], np.float32)
    return [graph.cast(graph.add("Equal", codes, positions))]


def _codes(graph: GraphBuilder, column: str, levels: Sequence[Any], kind: TensorType) -> str:
    """Position of each value among ``levels`` as float32 ``[n, 1]``, -1 for an unknown one."""
    # The operator needs a key; without levels, whatever is found is unknown all the same.
    positions = [float(position) for position in range(len(levels))] or [UNKNOWN_CODE]
    if kind == "double":
        return _codes_of_doubles(graph, column, list(levels) or [0], positions)
    keys: dict[str, Any] = (
        {"keys_strings": list(levels) or [""]}
        if kind == "string"
        else {"keys_int64s": list(levels) or [0]}
    )
    return graph.add(
        "LabelEncoder",
        column,
        domain=ML_DOMAIN,
        **keys,
        values_floats=positions,
        default_float=UNKNOWN_CODE,
    )


def _codes_of_doubles(
    graph: GraphBuilder, column: str, keys: Sequence[int], positions: Sequence[float]
) -> str:
    """The codes of a nullable integer. ONNX Runtime looks doubles up only to give doubles."""
    codes = graph.add(
        "LabelEncoder",
        column,
        domain=ML_DOMAIN,
        keys_tensor=numpy_helper.from_array(np.array(keys, dtype=np.float64)),
        values_tensor=numpy_helper.from_array(np.array(positions, dtype=np.float64)),
        default_tensor=numpy_helper.from_array(np.array([UNKNOWN_CODE], dtype=np.float64)),
    )
    return graph.cast(codes)


def _calendar_part(graph: GraphBuilder, column: str, part: str) -> str:
    """``encoding.calendar_part`` on int64. ``Mod`` is never negative here, and ``Div`` only sees
    what divides without remainder or is not negative, so that 1969 is no special case."""
    day = graph.constant([MICROSECONDS_A_DAY], np.int64)
    within_day = graph.add("Mod", column, day)
    if part == "minute_of_day":
        return graph.add("Div", within_day, graph.constant([MICROSECONDS_A_MINUTE], np.int64))
    days = graph.add("Div", graph.add("Sub", column, within_day), day)
    shifted = graph.add("Add", days, graph.constant([EPOCH_DAY_OF_WEEK], np.int64))
    return graph.add("Mod", shifted, graph.constant([7], np.int64))


def _standardise(graph: GraphBuilder, numbers: str, mean: Any, scale: Any) -> str:
    centred = graph.add("Sub", numbers, graph.constant(mean, np.float32))
    return graph.add("Div", centred, graph.constant(scale, np.float32))
