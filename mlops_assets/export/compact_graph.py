"""A finished graph in as few bytes as it can have.

Belongs here: names and texts that no runtime needs, and parts that nothing reads. Does not belong
here: what the graph computes, or how its lists are written (``packed_bytes.py``). The documented
graph is the float form; this is one derived from it.
"""

from collections.abc import Iterator
from itertools import count
from string import ascii_letters

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LETTERS = ascii_letters
FEWEST_NEGATED = 8
"""Of fewer numbers, the operator that negates them takes as many bytes."""


def compacted(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model without descriptions and names that no runtime needs, its inner tensors named
    by letters in the order they appear. Inputs and outputs keep their names, types and order; that
    the batch may have any size is no longer called by a name."""
    compact = onnx.ModelProto()
    compact.CopyFrom(model)
    graph = compact.graph
    compact.ClearField("doc_string")
    compact.ClearField("producer_name")
    graph.ClearField("doc_string")
    graph.name = LETTERS[0]
    graph.ClearField("value_info")
    for value in [*graph.input, *graph.output]:
        value.ClearField("doc_string")
        for size in value.type.tensor_type.shape.dim:
            size.ClearField("dim_param")
    _negate(graph)
    kept = {value.name for value in [*graph.input, *graph.output]} | {""}
    names = _short_names(kept)
    short: dict[str, str] = {name: name for name in kept}
    for node in graph.node:
        node.ClearField("name")
        node.ClearField("doc_string")
        for tensors in (node.input, node.output):
            for position, name in enumerate(tensors):
                if name not in short:
                    short[name] = next(names)
                tensors[position] = short[name]
    read = [tensor for tensor in graph.initializer if tensor.name in short]
    for tensor in read:
        tensor.name = short[tensor.name]
    del graph.initializer[:]
    graph.initializer.extend(read)
    onnx.checker.check_model(compact)
    return compact


def _negate(graph: onnx.GraphProto) -> None:
    """Compute constants that are the negative of another one; a session does so when it loads."""
    known: dict[tuple[tuple[int, ...], bytes], str] = {}
    kept: list[onnx.TensorProto] = []
    negated: list[onnx.NodeProto] = []
    for tensor in graph.initializer:
        is_long = tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= FEWEST_NEGATED
        array = numpy_helper.to_array(tensor) if is_long else None
        if array is not None and (opposite := known.get((array.shape, (-array).tobytes()))):
            negated.append(helper.make_node("Neg", [opposite], [tensor.name]))
            continue
        if array is not None:
            known.setdefault((array.shape, array.tobytes()), tensor.name)
        kept.append(tensor)
    nodes = [*negated, *graph.node]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)


def _short_names(taken: set[str]) -> Iterator[str]:
    for number in count():
        name, rest = "", number
        while True:
            rest, letter = divmod(rest, len(LETTERS))
            name = LETTERS[letter] + name
            if rest == 0:
                break
            rest -= 1
        if name not in taken:
            yield name
