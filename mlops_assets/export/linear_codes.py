"""A linear model whose categories are looked up as 8-bit weights.

Belongs here: the graphs that add up codes instead of multiplying a row of zeros and a one. Does not
belong here: the codes of a column (``category_codes.py``), numbers and what follows the sum
(``linear_folding.py``), products of dense layers (``integer_layers.py``), or the choice
(``quantization.py``).

A model of one output whose categories are strings looks each string's code up directly, and
multiplies it by the step of its column. Any other reads one int8 table, in which each category has
a row of weights, with one step for each output; what is not known to a column reads a row of zeros,
as it is in the one-hot form, and the codes of a row are added as integers, which is exact.

Weights of numbers stay floats: a number far from its mean multiplies what rounding did to its
weight, and they are few bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlops_assets.export.category_codes import CategoryCodes, category_codes
from mlops_assets.export.graph_builder import ML_DOMAIN
from mlops_assets.export.integer_layers import Layer, replace_nodes, weight_codes
from mlops_assets.export.linear_folding import Numbers, folded_numbers
from mlops_assets.export.network_layers import GraphView

PART = "codes"
LARGEST_SHORT = 32_767
LEVELS = 255


@dataclass(frozen=True)
class _Lookup:
    """Where the positions of a category come from, and which columns of weights they are of."""

    positions: str
    encoder: onnx.NodeProto | None
    columns: range


def with_codes(
    model: onnx.ModelProto, layer: Layer, levels: int = LEVELS
) -> onnx.ModelProto | None:
    """A copy of ``model`` that looks the categories of its only ``layer`` up, by codes of at most
    ``levels`` levels a column where there is no table; ``None`` where it has no category."""
    view = GraphView(model.graph)
    lookups = [found for t, c in layer.hot if (found := _lookup(view, t, c)) is not None]
    if len(lookups) < len(layer.hot) or not lookups:
        return None
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    numbers = folded_numbers(view, layer)
    build = _direct if looks_up_directly(view, layer) else _by_table
    made, constants = build(layer, numbers, lookups, levels)
    kept: list[onnx.NodeProto] = []
    for node in rewritten.graph.node:
        if node.output[0] == layer.sum:
            kept += made
        elif node.output[0] != layer.product:
            if node.output[0] in numbers.centres:
                node.input[1] = numbers.centres[node.output[0]]
            kept.append(node)
    replace_nodes(rewritten.graph, kept, [*model.graph.initializer, *constants])
    onnx.checker.check_model(rewritten)
    return rewritten


def looks_up_directly(view: GraphView, layer: Layer) -> bool:
    """Whether each category is a string that has one weight."""
    lookups = [_lookup(view, tensor, columns) for tensor, columns in layer.hot]
    return len(layer.bias) == 1 and all(found and found.encoder for found in lookups)


def _lookup(view: GraphView, hot: str, columns: range) -> _Lookup | None:
    equal = view.made_by(hot, "Equal")
    if equal is None or equal.input[1] not in view.constants:
        return None
    expected = np.arange(len(columns), dtype=np.float32)
    if not np.array_equal(np.ravel(view.constants[equal.input[1]]), expected):
        return None
    encoder = view.made_by(equal.input[0], "LabelEncoder")
    strings = encoder is not None and any(a.name == "keys_strings" for a in encoder.attribute)
    return _Lookup(equal.input[0], encoder if strings else None, columns)


def _direct(
    layer: Layer, numbers: Numbers, lookups: Sequence[_Lookup], levels: int
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """What computes the sum from the codes of strings and from the numbers, in one product."""
    nodes: list[onnx.NodeProto] = []
    bias = layer.bias + numbers.bias
    steps: list[float] = []
    for lookup in lookups:
        at = list(lookup.columns)
        found = category_codes(layer.weights[at, 0], layer.shares[at], levels)
        nodes.append(_code_node(lookup, f"{PART}/code_{len(steps)}", found))
        steps.append(found.step)
        bias = bias - found.zero * found.step
    codes = [node.output[0] for node in nodes]
    nodes.append(_node("Concat", codes, "codes", axis=1))
    nodes.append(_node("Cast", [f"{PART}/codes"], "floats", to=TensorProto.FLOAT))
    values = f"{PART}/floats"
    if numbers.tensors:
        nodes.append(_node("Concat", [*numbers.tensors, values], "values", axis=1))
        values = f"{PART}/values"
    weights = np.concatenate([numbers.weights, np.array(steps)[:, None]])
    constants = [
        _constant("weights", weights.astype(np.float32)),
        _constant("bias", bias.astype(np.float32)),
    ]
    nodes.append(_node("MatMul", [values, f"{PART}/weights"], "sums"))
    nodes.append(helper.make_node("Add", [f"{PART}/sums", f"{PART}/bias"], [layer.sum]))
    return nodes, constants


def _code_node(lookup: _Lookup, output: str, found: CategoryCodes) -> onnx.NodeProto:
    encoder = lookup.encoder
    assert encoder is not None
    keys = next(a for a in encoder.attribute if a.name == "keys_strings")
    # Without levels the one key that there is means nothing either.
    codes = found.codes if len(found.codes) else [found.zero] * len(keys.strings)
    made = helper.make_node(
        "LabelEncoder",
        encoder.input,
        [output],
        domain=ML_DOMAIN,
        values_int64s=[int(code) for code in codes],
        default_int64=found.zero,
    )
    made.attribute.append(keys)
    return made


def _by_table(
    layer: Layer,
    numbers: Numbers,
    lookups: Sequence[_Lookup],
    levels: int,  # noqa: ARG001 - a row of a table is always bytes
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """What computes the sums from rows of a table and from the numbers."""
    if len(layer.hot_columns) > LARGEST_SHORT:
        lookups = [replace(lookup, encoder=None) for lookup in lookups]
    codes, steps = weight_codes(layer.weights[layer.hot_columns])
    nodes, constants = _table_nodes(lookups, codes, steps)
    more, others = _number_nodes(layer, numbers, nodes[-1].output[0])
    return [*nodes, *more], [*constants, *others]


def _table_nodes(
    lookups: Sequence[_Lookup], codes: NDArray[np.int8], steps: NDArray[np.float32]
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """What computes the categories' share of the sums, float32 ``[n, m]``."""
    unknown = len(codes)
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []
    places: list[str] = []
    start = 0
    for number, lookup in enumerate(lookups):
        place = f"{PART}/place_{number}"
        if lookup.encoder is not None:
            nodes += _string_places(lookup, place, start, unknown)
        else:
            nodes += _number_places(lookup, place, start, unknown, constants)
        places.append(place)
        start += len(lookup.columns)
    joined = _joined(places, [lookup.encoder is not None for lookup in lookups])
    table = np.concatenate([codes, np.zeros((1, codes.shape[1]), np.int8)])
    constants += [
        _constant("table", table),
        _constant("axis", np.array([1])),
        _constant("steps", steps[None]),
    ]
    nodes += [
        *joined,
        _node("Gather", [f"{PART}/table", f"{PART}/places"], "read", axis=0),
        _node("Cast", [f"{PART}/read"], "wide", to=TensorProto.INT32),
        _node("ReduceSum", [f"{PART}/wide", f"{PART}/axis"], "added", keepdims=0),
        _node("Cast", [f"{PART}/added"], "floats", to=TensorProto.FLOAT),
        _node("Mul", [f"{PART}/floats", f"{PART}/steps"], "sums"),
    ]
    return nodes, constants


def _string_places(lookup: _Lookup, place: str, start: int, unknown: int) -> list[onnx.NodeProto]:
    """Rows of the table straight from strings, as 16-bit integers: the smallest that are looked
    up."""
    encoder = lookup.encoder
    assert encoder is not None
    keys = next(a for a in encoder.attribute if a.name == "keys_strings")
    count = len(keys.strings)
    rows = np.arange(start, start + count) if len(lookup.columns) else np.full(count, unknown)
    made = helper.make_node(
        "LabelEncoder",
        encoder.input,
        [place],
        domain=ML_DOMAIN,
        values_tensor=_shorts(rows),
        default_tensor=_shorts(np.array([unknown])),
    )
    made.attribute.append(keys)
    return [made]


def _joined(places: Sequence[str], short: Sequence[bool]) -> list[onnx.NodeProto]:
    """All rows of the table to read, int32 ``[n, columns]``; strings gave 16-bit ones."""
    shorts = [place for place, is_short in zip(places, short, strict=True) if is_short]
    others = [place for place, is_short in zip(places, short, strict=True) if not is_short]
    nodes = []
    if shorts:
        nodes.append(_node("Concat", shorts, "shorts", axis=1))
        nodes.append(_node("Cast", [f"{PART}/shorts"], "strings", to=TensorProto.INT32))
        others.append(f"{PART}/strings")
    return [*nodes, _node("Concat", others, "places", axis=1)]


def _shorts(values: NDArray[Any]) -> onnx.TensorProto:
    # Not raw: a list of varints has one byte for most of them.
    return helper.make_tensor("", TensorProto.INT16, [len(values)], [int(v) for v in values])


def _number_places(
    lookup: _Lookup, place: str, start: int, unknown: int, constants: list[onnx.TensorProto]
) -> list[onnx.NodeProto]:
    """Rows of the table from float positions, of which an unknown one is negative."""
    for key, value in (("start", start), ("unknown", unknown)):
        constants.append(numpy_helper.from_array(np.array(value, np.int32), f"{place}/{key}"))
    constants.append(numpy_helper.from_array(np.array(0, np.float32), f"{place}/zero"))
    return [
        helper.make_node("Less", [lookup.positions, f"{place}/zero"], [f"{place}/is_unknown"]),
        helper.make_node("Cast", [lookup.positions], [f"{place}/whole"], to=TensorProto.INT32),
        helper.make_node("Add", [f"{place}/whole", f"{place}/start"], [f"{place}/known"]),
        helper.make_node(
            "Where", [f"{place}/is_unknown", f"{place}/unknown", f"{place}/known"], [place]
        ),
    ]


def _number_nodes(
    layer: Layer, numbers: Numbers, categories: str
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """What adds the numbers' share and the bias to that of the categories."""
    sums = categories
    nodes: list[onnx.NodeProto] = []
    constants = [_constant("bias", (layer.bias + numbers.bias).astype(np.float32))]
    if numbers.tensors:
        constants.append(_constant("number_weights", numbers.weights.astype(np.float32)))
        nodes.append(_node("Concat", numbers.tensors, "numbers", axis=1))
        weighed = [f"{PART}/numbers", f"{PART}/number_weights"]
        nodes.append(_node("MatMul", weighed, "number_sums"))
        nodes.append(_node("Add", [f"{PART}/number_sums", categories], "both"))
        sums = f"{PART}/both"
    nodes.append(helper.make_node("Add", [sums, f"{PART}/bias"], [layer.sum]))
    return nodes, constants


def _node(operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [f"{PART}/{output}"], **attributes)


def _constant(key: str, value: NDArray[Any]) -> onnx.TensorProto:
    return numpy_helper.from_array(value, f"{PART}/{key}")
