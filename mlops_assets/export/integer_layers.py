"""Matrix products in 8 bits as ONNX operators.

Belongs here: how one layer is computed with integers, and the graph with such layers in it. Does
not belong here: what is measured to choose the integers (``quantization.py``).

Weights get 255 levels a column of the matrix, activations 255 levels a row of the batch. Before,
each input column is divided by a power of two that its weights are multiplied with, so that one
wide column does not take the levels of all others (G. Xiao et al., "SmoothQuant", ICML 2023). Both
operands are unsigned because a product of mixed signs saturates on processors without VNNI; this
way every processor gives the same integers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

ZERO_CODE = 128
LARGEST_CODE = 127
LARGEST_UNSIGNED_CODE = 255
SMALLEST_PEAK = 1e-30
"""Stands in for the peak of a row of zeros, whose codes are zero by whatever they are divided."""


@dataclass(frozen=True)
class Layer:
    """A matrix product by constant ``weights`` ``[k, m]``, and its sum with a ``bias`` ``[m]``.

    ``values``, ``product`` and ``sum`` name the tensors read and written. ``unsigned`` tells that
    the values are never negative, which doubles their levels. ``peaks`` are the largest magnitudes
    of the ``k`` input columns, ``mean_sum`` the mean of each of the ``m`` sums, both over the
    calibration rows.
    """

    product: str
    values: str
    sum: str
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    unsigned: bool
    peaks: NDArray[np.float64]
    mean_sum: NDArray[np.float64]


def rewrite(model: onnx.ModelProto, layers: Sequence[Layer], strength: float) -> onnx.ModelProto:
    """A copy of ``model`` with every layer's product in 8 bits and every layer's bias as given.

    ``strength`` (0 to 1) is the share of a column's range that moves into its weights.
    """
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    graph = rewritten.graph
    products = {layer.product: position for position, layer in enumerate(layers)}
    sums = {layer.sum: position for position, layer in enumerate(layers)}
    nodes: list[onnx.NodeProto] = []
    constants = list(graph.initializer)
    for node in model.graph.node:
        output = node.output[0]
        if output in products:
            layer = layers[products[output]]
            nodes += _integer_product(f"int8_{products[output]}", layer, strength, constants)
        elif output in sums:
            bias = f"int8_{sums[output]}/bias"
            constants.append(numpy_helper.from_array(layers[sums[output]].bias, bias))
            nodes.append(helper.make_node("Add", [node.input[0], bias], [output], name=node.name))
        else:
            nodes.append(node)
    read = {name for node in nodes for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensor for tensor in constants if tensor.name in read)
    onnx.checker.check_model(rewritten)
    return rewritten


def smoothing(layer: Layer, strength: float) -> NDArray[np.float32]:
    """The power of two each input column is divided by, ``[k]``; exact in every arithmetic."""
    heights = np.abs(layer.weights).max(axis=1).astype(np.float64)
    used = (layer.peaks > 0) & (heights > 0)
    peaks, heights = np.where(used, layer.peaks, 1.0), np.where(used, heights, 1.0)
    exponents = strength * np.log2(peaks) - (1.0 - strength) * np.log2(heights)
    powers: NDArray[np.float32] = np.exp2(np.rint(exponents)).astype(np.float32)
    return powers


def _integer_product(
    name: str, layer: Layer, strength: float, constants: list[onnx.TensorProto]
) -> Iterator[onnx.NodeProto]:
    """The nodes that compute ``layer.product`` in 8 bits; what they read joins ``constants``."""
    constants += [
        numpy_helper.from_array(np.asarray(value), f"{name}/{key}")
        for key, value in _constants(layer, smoothing(layer, strength)).items()
    ]

    def node(operator: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
        made = f"{name}/{output}"
        read = [f"{name}/{read}" for read in inputs.split()]
        return helper.make_node(operator, read, [made], name=made, **attributes)

    smoothed, rescaled = f"{name}/smoothed", f"{name}/rescaled"
    yield helper.make_node("Mul", [layer.values, f"{name}/inverse"], [smoothed], name=smoothed)
    yield node("Abs", "smoothed", "magnitudes")
    yield node("ReduceMax", "magnitudes axis", "peak", keepdims=1)
    yield node("Max", "peak smallest", "positive_peak")
    yield node("Div", "positive_peak largest", "row_step")
    yield node("Div", "smoothed row_step", "scaled")
    yield node("Round", "scaled", "rounded")
    yield node("Add", "rounded offset", "moved")
    yield node("Cast", "moved", "codes", to=TensorProto.UINT8)
    yield node("MatMulInteger", "codes weights zero weights_zero", "integers")
    yield node("Cast", "integers", "floats", to=TensorProto.FLOAT)
    yield node("Mul", "floats row_step", "rescaled")
    yield helper.make_node(
        "Mul", [rescaled, f"{name}/steps"], [layer.product], name=f"{name}/product"
    )


def _constants(layer: Layer, divisors: NDArray[np.float32]) -> dict[str, Any]:
    smoothed = layer.weights * divisors[:, None]
    steps = np.abs(smoothed).max(axis=0) / np.float32(LARGEST_CODE)
    steps[steps == 0] = 1.0
    largest, zero = (LARGEST_UNSIGNED_CODE, 0) if layer.unsigned else (LARGEST_CODE, ZERO_CODE)
    return {
        "inverse": (1 / divisors)[None],
        "weights": (np.rint(smoothed / steps) + ZERO_CODE).astype(np.uint8),
        "steps": steps[None],
        "axis": np.array([1], dtype=np.int64),
        "smallest": np.float32(SMALLEST_PEAK),
        "largest": np.float32(largest),
        "offset": np.float32(zero),
        "zero": np.uint8(zero),
        "weights_zero": np.uint8(ZERO_CODE),
    }
