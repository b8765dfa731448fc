"""The columns that a model computes from raw ones, as ONNX operators.

Belongs here: the counterpart of ``training/computed_features.compute``, operator for operation, so
that both give the same numbers, and the codes of categories. Does not belong here: what is learned
from the fitted rows (``training/computed_features.py``) and what an estimator sees of the result
(``onnx_encoding.py``).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from mlops_assets.column_declaration import (
    BinsFeature,
    Column,
    DatePart,
    DatePartFeature,
    LogFeature,
    MissingFeature,
    RareCategoriesFeature,
    RatioFeature,
)
from mlops_assets.export.graph_builder import ML_DOMAIN, GraphBuilder
from mlops_assets.export.tensors import TensorType, tensor_type
from mlops_assets.training.computed_features import (
    DAYS_IN_400_YEARS,
    DAYS_TO_EPOCH,
    EPOCH_DAY_OF_WEEK,
    LARGEST_FLOAT32,
    MICROSECONDS_A_DAY,
    MICROSECONDS_A_MINUTE,
    MICROSECONDS_AN_HOUR,
    SATURDAY,
    UNKNOWN,
    Crossing,
    FittedFeature,
    Levels,
)

PACKET = 8
"""How often a value is repeated before its logarithm: the doubles of the widest register. ONNX
Runtime computes a logarithm several values at a time and what is left of a tensor otherwise in the
last bit; repeated, a row's logarithm does not depend on the rows beside it."""


def add_feature(
    graph: GraphBuilder, feature: FittedFeature, columns: dict[str, Column]
) -> tuple[str, TensorType]:
    """Add what computes ``feature`` from the raw ``columns``; the name of the result ``[n, 1]``
    and its type: double for a number, int64 for a category that is none of the raw columns."""
    match feature:
        case DatePartFeature(column=column, part=part):
            return graph.cast(add_date_part(graph, column, part), TensorProto.DOUBLE), "double"
        case RatioFeature(numerator=numerator, denominator=denominator):
            parts = (as_double(graph, name, columns) for name in (numerator, denominator))
            return _within_float32(graph, graph.add("Div", *parts)), "double"
        case LogFeature(column=column):
            return _logarithm(graph, as_double(graph, column, columns)), "double"
        case BinsFeature(column=column, edges=edges):
            return _bins(graph, as_double(graph, column, columns), edges), "int64"
        case RareCategoriesFeature(column=column):
            return column, tensor_type(columns[column])
        case MissingFeature(column=column):
            return _is_missing(graph, column, tensor_type(columns[column])), "double"
        case Crossing():
            return _pairs(graph, feature, columns), "int64"


def as_double(graph: GraphBuilder, column: str, columns: dict[str, Column]) -> str:
    """An integer goes through double on its way to float, as in pandas, or it rounds otherwise."""
    if tensor_type(columns[column]) == "double":
        return column
    return graph.cast(column, TensorProto.DOUBLE)


def add_codes(graph: GraphBuilder, values: str, levels: Levels, kind: TensorType) -> str:
    """Position of each value among ``levels`` as float32 ``[n, 1]``, -1 for an unknown one."""
    # The operator needs a key; without levels, whatever is found is unknown all the same.
    positions = [float(position) for position in range(len(levels))] or [float(UNKNOWN)]
    if kind == "double":
        return _codes_of_doubles(graph, values, list(levels) or [0], positions)
    keys: dict[str, Any] = (
        {"keys_strings": list(levels) or [""]}
        if kind == "string"
        else {"keys_int64s": list(levels) or [0]}
    )
    return graph.add(
        "LabelEncoder",
        values,
        domain=ML_DOMAIN,
        **keys,
        values_floats=positions,
        default_float=float(UNKNOWN),
    )


def add_date_part(graph: GraphBuilder, column: str, part: DatePart) -> str:
    """``computed_features.date_part`` on int64. ``Mod`` is never negative here, and ``Div`` only
    sees what divides without remainder or is not negative, so that 1969 is no special case."""
    day = graph.constant([MICROSECONDS_A_DAY], np.int64)
    within_day = graph.add("Mod", column, day)
    if part == "minute_of_day":
        return _by(graph, "Div", within_day, MICROSECONDS_A_MINUTE)
    if part == "hour":
        return _by(graph, "Div", within_day, MICROSECONDS_AN_HOUR)
    days = graph.add("Div", graph.add("Sub", column, within_day), day)
    if part in ("day_of_week", "weekend"):
        day_of_week = _by(graph, "Mod", _by(graph, "Add", days, EPOCH_DAY_OF_WEEK), 7)
        if part == "day_of_week":
            return day_of_week
        return graph.cast(_by(graph, "GreaterOrEqual", day_of_week, SATURDAY), TensorProto.INT64)
    return _civil_part(graph, days, part)


def _civil_part(graph: GraphBuilder, days: str, part: DatePart) -> str:
    """``computed_features._civil``, of which only what ``part`` needs is added."""
    shifted = _by(graph, "Add", days, DAYS_TO_EPOCH)
    in_period = _by(graph, "Mod", shifted, DAYS_IN_400_YEARS)
    by_4, by_100, by_400 = (_by(graph, "Div", in_period, n) for n in (1460, 36_524, 146_096))
    leap_days = graph.add("Add", graph.add("Sub", by_4, by_100), by_400)
    year_in_period = _by(graph, "Div", graph.add("Sub", in_period, leap_days), 365)
    whole = graph.add(
        "Add", _by(graph, "Mul", year_in_period, 365), _by(graph, "Div", year_in_period, 4)
    )
    first_day = graph.add("Sub", whole, _by(graph, "Div", year_in_period, 100))
    in_year = graph.add("Sub", in_period, first_day)
    months = _by(graph, "Div", _by(graph, "Add", _by(graph, "Mul", in_year, 5), 2), 153)
    if part == "day_of_month":
        before = _by(graph, "Div", _by(graph, "Add", _by(graph, "Mul", months, 153), 2), 5)
        return _by(graph, "Add", graph.add("Sub", in_year, before), 1)
    if part == "year":
        period = _by(graph, "Div", graph.add("Sub", shifted, in_period), DAYS_IN_400_YEARS)
        march_year = graph.add("Add", year_in_period, _by(graph, "Mul", period, 400))
        is_next = graph.cast(_by(graph, "GreaterOrEqual", months, 10), TensorProto.INT64)
        return graph.add("Add", march_year, is_next)
    month = _by(graph, "Add", _by(graph, "Mod", _by(graph, "Add", months, 2), 12), 1)
    return month if part == "month" else _by(graph, "Div", _by(graph, "Add", month, 2), 3)


def _by(graph: GraphBuilder, operator: str, values: str, number: int) -> str:
    return graph.add(operator, values, graph.constant([number], np.int64))


def _within_float32(graph: GraphBuilder, values: str) -> str:
    largest = graph.constant([LARGEST_FLOAT32], np.float64)
    held = graph.add("LessOrEqual", graph.add("Abs", values), largest)
    return graph.add("Where", held, values, graph.constant([np.nan], np.float64))


def _logarithm(graph: GraphBuilder, numbers: str) -> str:
    plus_one = graph.add("Add", numbers, graph.constant([1.0], np.float64))
    repeated = graph.add("Tile", plus_one, graph.constant([1, PACKET], np.int64))
    logarithms = graph.add("Log", repeated)
    first = graph.add("Gather", logarithms, graph.constant([0], np.int64), axis=1)
    return _within_float32(graph, first)


def _bins(graph: GraphBuilder, numbers: str, edges: tuple[float, ...]) -> str:
    reached = graph.add("GreaterOrEqual", numbers, graph.constant([edges], np.float64))
    counted = graph.cast(reached, TensorProto.INT64)
    position = graph.add("ReduceSum", counted, graph.constant([1], np.int64), keepdims=1)
    unknown = graph.constant([UNKNOWN], np.int64)
    return graph.add("Where", graph.add("IsNaN", numbers), unknown, position)


def _is_missing(graph: GraphBuilder, column: str, kind: TensorType) -> str:
    if kind == "string":
        code = add_codes(graph, column, ("",), kind)
        is_missing = graph.add("Equal", code, graph.constant([0], np.float32))
    else:
        is_missing = graph.add("IsNaN", column)
    return graph.cast(is_missing, TensorProto.DOUBLE)


def _pairs(graph: GraphBuilder, crossing: Crossing, columns: dict[str, Column]) -> str:
    sides = ((crossing.first, crossing.first_levels), (crossing.second, crossing.second_levels))
    first, second = (
        graph.cast(add_codes(graph, name, levels, tensor_type(columns[name])), TensorProto.INT64)
        for name, levels in sides
    )
    shifted = _by(graph, "Mul", first, len(crossing.second_levels))
    unknown = graph.constant([UNKNOWN], np.int64)
    is_unknown = graph.add("Equal", graph.add("Min", first, second), unknown)
    return graph.add("Where", is_unknown, unknown, graph.add("Add", shifted, second))


def _codes_of_doubles(
    graph: GraphBuilder, values: str, keys: Sequence[Any], positions: Sequence[float]
) -> str:
    """The codes of a nullable integer. ONNX Runtime looks doubles up only to give doubles."""
    codes = graph.add(
        "LabelEncoder",
        values,
        domain=ML_DOMAIN,
        keys_tensor=numpy_helper.from_array(np.array(keys, dtype=np.float64)),
        values_tensor=numpy_helper.from_array(np.array(positions, dtype=np.float64)),
        default_tensor=numpy_helper.from_array(np.array([UNKNOWN], dtype=np.float64)),
    )
    return graph.cast(codes)
