"""Steps around a product by constant weights that its weights and bias take over.

Belongs here: the standardisation before the product of a linear model, and the calibration after
the last product of any. Does not belong here: categories (``linear_codes.py``), or what happens
between layers (``layer_scales.py``).
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

from mlops_assets.export.integer_layers import Layer, replace_nodes
from mlops_assets.export.network_layers import GraphView

PAIR = np.array([[-1.0, 1.0]])
FOLDED = "folded"


@dataclass
class Numbers:
    """What is left of the numbers of a linear model: the tensors to multiply, put together, by
    ``weights`` ``[k, m]``, what is added to the bias ``[m]``, and tensors that are subtracted
    elsewhere in the graph, by the name of what the subtraction gives."""

    tensors: list[str]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    centres: dict[str, str] = field(default_factory=dict)


def folded_numbers(view: GraphView, layer: Layer) -> Numbers:
    """The numbers of ``layer`` without what divides them, and centred on what stands in for a
    missing value, which saves a list of means.

    The farthest distance from the mean that counts (``encoding.FARTHEST``) is then that from the
    stand-in, the median: at most one standard deviation of a hundred apart.
    """
    weights = layer.weights.astype(np.float64)
    numbers = Numbers([], weights, np.zeros(weights.shape[1]))
    for tensor, columns in layer.numbers:
        at = list(columns)
        divide = view.made_by(tensor, "Div")
        if divide is None or divide.input[1] not in view.constants:
            numbers.tensors.append(tensor)
            continue
        divisors = np.ravel(view.constants[divide.input[1]]).astype(np.float64)
        weights[at] /= np.broadcast_to(divisors, len(at))[:, None]
        numbers.tensors.append(divide.input[0])
        subtract, fills = _centring(view, divide.input[0])
        if subtract is not None:
            apart = view.constants[fills].astype(np.float64) - view.constants[subtract.input[1]]
            numbers.bias += (np.ravel(apart)[:, None] * weights[at]).sum(axis=0)
            numbers.centres[subtract.output[0]] = fills
    numbers.weights = weights[layer.number_columns]
    return numbers


def _centring(view: GraphView, tensor: str) -> tuple[onnx.NodeProto | None, str]:
    """The subtraction of the means before ``tensor`` was held within its reach, and the name of
    what stands in for missing values."""
    within = view.made_by(tensor, "Min")
    above = within and view.made_by(within.input[0], "Max")
    subtract = above and view.made_by(above.input[0], "Sub")
    filled = subtract and view.made_by(subtract.input[0], "Where")
    if subtract is None or filled is None:
        return None, ""
    fills, means = (view.constants.get(name) for name in (filled.input[2], subtract.input[1]))
    if fills is None or means is None or fills.shape != means.shape:
        return None, ""
    return subtract, filled.input[2]


def fold_calibration(model: onnx.ModelProto, total: str) -> onnx.ModelProto:
    """The model whose product takes over the Platt scaling of ``total``, its sum with the bias;
    the same model where that is not how the sum goes on."""
    view = GraphView(model.graph)
    add = view.makers[total]
    product = view.made_by(add.input[0], "MatMul")
    steps = _calibration(view, total)
    if product is None or steps is None or product.input[1] not in view.constants:
        return model
    clip, scale, move = steps
    slope = view.constants[scale.input[1]][0, 1]
    intercept = view.constants[move.input[1]][0, 1]
    bounds = sorted(view.constants[name] * slope + intercept for name in clip.input[1:])
    names = [f"{FOLDED}/{key}" for key in ("weights", "bias", "lowest", "highest", "pair")]
    weights, bias, lowest, highest, pair = names
    values = [
        view.constants[product.input[1]] * slope,
        view.constants[add.input[1]] * slope + intercept,
        *bounds,
        PAIR,
    ]
    inputs = {
        product.output[0]: [product.input[0], weights],
        total: [add.input[0], bias],
        clip.output[0]: [total, lowest, highest],
        scale.output[0]: [clip.output[0], pair],
    }
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    constants = [
        onnx.numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)
        for name, value in zip(names, values, strict=True)
    ]
    nodes = [node for node in folded.graph.node if node.output[0] != move.output[0]]
    for node in nodes:
        if node.output[0] in inputs:
            node.input[:] = inputs[node.output[0]]
        if node.output[0] == scale.output[0]:
            node.output[0] = move.output[0]
    replace_nodes(folded.graph, nodes, [*folded.graph.initializer, *constants])
    onnx.checker.check_model(folded)
    return folded


def fold_rectifier(model: onnx.ModelProto, total: str) -> onnx.ModelProto:
    """The model whose ``total``, a product with a bias, takes over the bias before the ReLU that it
    reads, so that one operator does the rest: ``relu(x + b) = max(x, -b) + b``; the same model
    where that is not what it reads."""
    view = GraphView(model.graph)
    add = view.makers[total]
    product = view.made_by(add.input[0], "MatMul")
    rectifier = product and view.made_by(product.input[0], "Relu")
    before = rectifier and view.made_by(rectifier.input[0], "Add")
    if product is None or rectifier is None or before is None:
        return model
    only = view.only_reader(before.output[0], "Relu") and view.only_reader(
        rectifier.output[0], "MatMul"
    )
    found = [view.constants.get(n) for n in (before.input[1], product.input[1], add.input[1])]
    if only is None or any(constant is None for constant in found):
        return model
    bias, weights, following = (np.asarray(constant, dtype=np.float64) for constant in found)
    moved = following + (np.ravel(bias)[:, None] * weights).sum(axis=0)
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    constants = list(folded.graph.initializer)
    for name, value in (("floor", -bias), ("moved", moved)):
        array = value.astype(np.float32)
        constants.append(onnx.numpy_helper.from_array(array, f"{FOLDED}/{name}"))
    nodes = [node for node in folded.graph.node if node.output[0] != rectifier.output[0]]
    for node in nodes:
        if node.output[0] == before.output[0]:
            inputs = [before.input[0], f"{FOLDED}/floor"]
            node.CopyFrom(onnx.helper.make_node("Max", inputs, [rectifier.output[0]]))
        elif node.output[0] == total:
            node.input[1] = f"{FOLDED}/moved"
    replace_nodes(folded.graph, nodes, constants)
    onnx.checker.check_model(folded)
    return folded


def _calibration(
    view: GraphView, total: str
) -> tuple[onnx.NodeProto, onnx.NodeProto, onnx.NodeProto] | None:
    """The nodes that hold, scale and move ``total``, as ``onnx_answers.add_platt`` writes them."""
    clip = view.only_reader(total, "Clip")
    scale = clip and view.only_reader(clip.output[0], "Mul")
    move = scale and view.only_reader(scale.output[0], "Add")
    if clip is None or scale is None or move is None:
        return None
    pairs = [view.constants.get(node.input[1]) for node in (scale, move)]
    if any(pair is None or not np.array_equal(pair, pair[0, 1] * PAIR) for pair in pairs):
        return None
    return clip, scale, move
