"""Layers of a network with 8-bit weights as ONNX operators.

Belongs here: how one layer is computed from 8-bit weights, and the graph with such layers in it.
Does not belong here: the units in which layers hand their values on (``layer_scales.py``), what is
measured to choose among the forms (``quantization.py``), or tables of categories
(``linear_codes.py``).

Weights get up to 255 levels a column of the matrix. Three products are told apart:

- Of 0/1 columns: of integers, and exact but for the weights. What numbers stand beside them is
  added as a product of floats, by weights of 8 or 16 bits: a number far from its mean multiplies
  what rounding did to its weight.
- Wide ones of values that are never negative: of integers, the values in 161 levels a row of the
  batch, so that no answer depends on the rows beside it, and the weights in 205 levels. They are no
  more because processors without VNNI add two products of an unsigned and a signed byte in 16 bits
  and saturate, which two of 160 times 102 never do: every processor gives the same integers, and
  those with VNNI give them at four times the speed of float.
- All others, such as of numbers, whose outliers want more than eight bits: of floats, by weights
  that a session unpacks once, when it loads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LARGEST_CODE = 127
LARGEST_WIDE_CODE = 32_767
LARGEST_VALUE, LARGEST_FACTOR = 160, 102
"""Codes of values and of weights in products of integers. Two products must fit into 16 bits, which
127 with 127 and 180 with 91 do as well; tried on two data sets, none is best on both."""
SMALLEST_PEAK = 1e-30
"""Stands in for the peak of a row of zeros, whose codes are zero by whatever they are divided."""
FEWEST_INTEGER_WEIGHTS = 4_096
"""Smaller products take less time than turning their values into integers."""
FEWEST_CODED_WEIGHTS = 512
"""Of fewer, the operators that unpack them take as many bytes as are gained."""


@dataclass(frozen=True)
class Layer:
    """A matrix product of ``values`` by constant ``weights`` ``[k, m]``, and its ``sum`` with a
    ``bias`` ``[m]``; ``values``, ``product`` and ``sum`` name the tensors.

    ``never_negative`` tells so of the values, ``rectified`` that they are nothing but the ReLU of
    the layer before, whose sums ``unrectified`` names. Where the values are columns put together,
    ``hot`` names the boolean tensors among them with the columns that each fills, and ``numbers``
    the others. ``peaks`` are the largest magnitudes of the ``k`` values, ``shares`` their means,
    ``mean_sum`` the mean of each of the ``m`` sums, all over the calibration rows.
    """

    values: str
    product: str
    sum: str
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    never_negative: bool
    rectified: bool
    peaks: NDArray[np.float64]
    shares: NDArray[np.float64]
    mean_sum: NDArray[np.float64]
    hot: tuple[tuple[str, range], ...] = ()
    numbers: tuple[tuple[str, range], ...] = ()
    unrectified: str | None = None
    is_in_steps: bool = False
    """Whether weights of 0/1 columns are codes once they are rounded."""
    wide_numbers: bool = False
    """Whether weights of numbers beside 0/1 columns get 16 bits."""

    @property
    def hot_columns(self) -> list[int]:
        return [column for _, columns in self.hot for column in columns]

    @property
    def number_columns(self) -> list[int]:
        return [column for _, columns in self.numbers for column in columns]

    @property
    def is_split(self) -> bool:
        return bool(len(self.hot_columns) * len(self.bias) >= FEWEST_INTEGER_WEIGHTS)

    @property
    def codes_numbers(self) -> bool:
        return bool(len(self.number_columns) * len(self.bias) >= FEWEST_CODED_WEIGHTS)

    @property
    def suits_integers(self) -> bool:
        return bool(self.never_negative and self.weights.size >= FEWEST_INTEGER_WEIGHTS)


def rewrite(model: onnx.ModelProto, layers: Sequence[Layer], integers: bool) -> onnx.ModelProto:
    """A copy of ``model`` with the weights of every layer in 8 bits where that saves bytes, and
    every layer's bias as given. Without ``integers`` all products are of floats."""
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    graph = rewritten.graph
    products = {layer.product for layer in layers}
    sums = {layer.sum: position for position, layer in enumerate(layers)}
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = list(graph.initializer)
    for node in model.graph.node:
        output = node.output[0]
        if output in sums:
            position = sums[output]
            nodes += _layer_nodes(f"int8_{position}", layers[position], integers, constants)
        elif output not in products:
            nodes.append(node)
    replace_nodes(graph, nodes, constants)
    onnx.checker.check_model(rewritten)
    return rewritten


def replace_nodes(
    graph: onnx.GraphProto,
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto],
) -> None:
    """Put ``nodes`` into the graph, but for those that nothing reads, and the constants read."""
    read = {output.name for output in graph.output}
    used = []
    for node in reversed(nodes):
        if read.intersection(node.output):
            used.append(node)
            read.update(node.input)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(used))
    graph.initializer.extend(tensor for tensor in constants if tensor.name in read)


def weight_steps(weights: NDArray[np.float32], largest: int = LARGEST_CODE) -> NDArray[np.float32]:
    """The step of each column of ``[k, m]``, at which its largest weight has the ``largest``
    code."""
    steps = np.abs(weights).max(axis=0, initial=0.0) / np.float32(largest)
    # A step of one is left out of the graph, and weights divided by their steps have it but for
    # rounding.
    steps[(steps == 0) | (np.abs(steps - 1) < 1e-6)] = 1.0
    rounded: NDArray[np.float32] = steps.astype(np.float32)
    return rounded


def weight_codes(
    weights: NDArray[np.float32], largest: int = LARGEST_CODE
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes ``[k, m]`` of at most ``largest`` and steps ``[m]``, whose product is the weights."""
    steps = weight_steps(weights, largest)
    return np.rint(weights / steps).astype(np.int8), steps


class _Part:
    """The nodes and constants of one layer, under its name."""

    def __init__(self, name: str, constants: list[onnx.TensorProto]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._name = name
        self._constants = constants

    def constant(self, key: str, value: Any) -> str:
        name = f"{self._name}/{key}"
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, operator: str, inputs: Sequence[str], key: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        return self.add_node(operator, inputs, f"{self._name}/{key}", **attributes)

    def add_node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


def _layer_nodes(
    name: str, layer: Layer, integers: bool, constants: list[onnx.TensorProto]
) -> list[onnx.NodeProto]:
    part = _Part(name, constants)
    if integers and layer.is_split:
        _add_split(part, layer)
    else:
        as_integers = integers and layer.suits_integers
        product = _add_integers(part, layer) if as_integers else _add_floats(part, layer)
        part.add_node("Add", [product, part.constant("bias", layer.bias)], layer.sum)
    return part.nodes


def _add_split(part: _Part, layer: Layer) -> None:
    """The 0/1 columns as integers; on top of them, as floats, the others and the bias."""
    tensors = [tensor for tensor, _ in layer.hot]
    casts = [
        part.add("Cast", [tensor], f"hot_{position}", to=TensorProto.UINT8)
        for position, tensor in enumerate(tensors)
    ]
    hot = part.add("Concat", casts, "hot", axis=1)
    hot_weights = layer.weights[layer.hot_columns]
    steps = np.ones_like(layer.bias) if layer.is_in_steps else weight_steps(hot_weights)
    codes = np.rint(hot_weights / steps).astype(np.int8)
    integers = part.add("MatMulInteger", [hot, part.constant("hot_weights", codes)], "integers")
    sums = _scaled(part, part.add("Cast", [integers], "sums", to=TensorProto.FLOAT), steps)
    # A column of ones carries the bias: another pass over the sums would cost more.
    first = part.add("Gather", [hot, part.constant("first", np.array([0]))], "any", axis=1)
    one = part.add("Max", [first, part.constant("one", np.array([[1]], np.uint8))], "ones")
    ones = part.add("Cast", [one], "float_ones", to=TensorProto.FLOAT)
    numbers = part.add("Concat", [*(t for t, _ in layer.numbers), ones], "numbers", axis=1)
    weights = layer.weights[layer.number_columns]
    unpack = _wide if layer.wide_numbers else _unpacked
    bias = part.constant("bias", layer.bias[None])
    both = part.add("Concat", [unpack(part, weights), bias], "both", axis=0)
    part.add_node("Gemm", [numbers, both, sums], layer.sum)


def _add_floats(part: _Part, layer: Layer) -> str:
    return part.add_node("MatMul", [layer.values, _unpacked(part, layer.weights)], layer.product)


def _add_integers(part: _Part, layer: Layer) -> str:
    codes, steps = weight_codes(layer.weights, LARGEST_FACTOR)
    # Codes are never negative, which is all that a ReLU would do.
    given = layer.unrectified or layer.values
    axis = part.constant("axis", np.array([1]))
    peak = part.add("ReduceMax", [given, axis], "peak", keepdims=0)
    smallest = part.constant("smallest", np.float32(SMALLEST_PEAK))
    positive = part.add("Max", [peak, smallest], "positive_peak")
    row = part.add("Div", [positive, part.constant("largest", np.float32(LARGEST_VALUE))], "row")
    values = part.add("QuantizeLinear", [given, row], "values", axis=0)
    integers = part.add("MatMulInteger", [values, part.constant("weights", codes)], "integers")
    return _scaled(part, part.add("DequantizeLinear", [integers, row], "floats", axis=0), steps)


def _scaled(part: _Part, values: str, steps: NDArray[np.float32]) -> str:
    if (steps == 1).all():
        return values
    return part.add("Mul", [values, part.constant("steps", steps[None])], "scaled")


def _unpacked(part: _Part, weights: NDArray[np.float32]) -> str:
    """The name of float weights that are stored as codes where that is smaller. A cast and a
    product of constants are folded when a session loads; ``DequantizeLinear`` is not, and would
    run again for every request."""
    if weights.size < FEWEST_CODED_WEIGHTS:
        return part.constant("float_weights", weights)
    codes, steps = weight_codes(weights)
    floats = part.add("Cast", [part.constant("codes", codes)], "unpacked", to=TensorProto.FLOAT)
    return part.add("Mul", [floats, part.constant("code_steps", steps[None])], "float_weights")


def _wide(part: _Part, weights: NDArray[np.float32]) -> str:
    """The name of float weights that are stored in 16 bits, with a step for each row, as numbers
    differ in scale."""
    if weights.size < FEWEST_CODED_WEIGHTS:
        return part.constant("float_weights", weights)
    steps = np.abs(weights).max(axis=1, keepdims=True) / np.float32(LARGEST_WIDE_CODE)
    steps[steps == 0] = 1.0
    codes = part.constant("wide_codes", np.rint(weights / steps).astype(np.int16))
    floats = part.add("Cast", [codes], "unpacked", to=TensorProto.FLOAT)
    return part.add("Mul", [floats, part.constant("row_steps", steps)], "float_weights")
