"""What of a finished graph is really in 8 bits.

Belongs here: the count, whatever made the graph. Does not belong here: making it
(``quantization.py``).
"""

from collections.abc import Sequence
from math import prod

import numpy as np
import onnx
from onnx import TensorProto

LEVELS = 256
FEWEST_NUMBERS = 8
EIGHT_BITS = (TensorProto.INT8, TensorProto.UINT8)


def count_quantized_nodes(model: bytes) -> int:
    """How many operators of a model really read 8-bit numbers: from a table of constants, or from
    one that is only unpacked (cast, scaled, dequantized) before; encoders that give a category the
    8-bit code of its weight; and trees whose leaves are chosen from at most 256 values an output.
    """
    graph = onnx.load_from_string(model).graph
    stored = {t.name for t in graph.initializer if _is_table(t)}
    constants = {tensor.name for tensor in graph.initializer}
    count = 0
    for node in graph.node:
        if node.op_type == "TreeEnsemble":
            count += _has_8_bit_leaves(node)
        elif node.op_type == "LabelEncoder":
            count += _looks_up_codes(node)
        elif stored.intersection(node.input):
            if constants.issuperset(name for name in node.input if name):
                stored.update(node.output)
                constants.update(node.output)
            else:
                count += 1
    return count


def _is_table(tensor: onnx.TensorProto) -> bool:
    """Zero points and shifts are 8 bits as well, and none of the model's learned numbers."""
    return tensor.data_type in EIGHT_BITS and prod(tensor.dims) > FEWEST_NUMBERS


def _looks_up_codes(node: onnx.NodeProto) -> bool:
    """Positions of categories are floats or 16 bits wide in every graph of this project."""
    codes: Sequence[int] = next((a.ints for a in node.attribute if a.name == "values_int64s"), [])
    return len(codes) > FEWEST_NUMBERS and min(codes) >= 0 and max(codes) < LEVELS


def _has_8_bit_leaves(node: onnx.NodeProto) -> bool:
    outputs = next(a.ints for a in node.attribute if a.name == "leaf_targetids")
    return bool(max(np.bincount(outputs), default=0) <= LEVELS)
