"""A part of an exported model, from some of its tensors to others.

Belongs here: cutting a graph. Does not belong here: what the parts mean (``released_trees.py``).
"""

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper


def graph_part(model: onnx.ModelProto, output: str, given: Sequence[str] = ()) -> bytes:
    """The part of ``model`` that computes ``output``, from the tensors ``given`` (float ``[n, k]``
    each) where it meets them, else from the model's own inputs.

    A part keeps every input of the model that it reads, whatever computes it. The element type of
    an output is that of the model where it is one of its outputs, else float.
    """
    made_by = {name: node for node in model.graph.node for name in node.output}
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    needed, met, stack = set(), set(), [output]
    while stack:
        name = stack.pop()
        if name in met:
            continue
        met.add(name)
        node = made_by.get(name)
        if name in given or node is None:
            continue
        needed.add(node.output[0])
        stack += [*node.input, *_read_inside(node)]
    nodes = [node for node in model.graph.node if node.output[0] in needed]
    own = [value for value in model.graph.input if value.name in met]
    inputs = [_floats(name) for name in given if name in met] + own
    declared = [value for value in model.graph.output if value.name == output]
    graph = helper.make_graph(
        nodes,
        "part",
        inputs,
        declared or [_floats(output)],
        [tensor for name, tensor in held.items() if name in met],
    )
    part = helper.make_model(
        graph, ir_version=model.ir_version, opset_imports=list(model.opset_import)
    )
    serialized: bytes = part.SerializeToString(deterministic=True)
    return serialized


def _read_inside(node: onnx.NodeProto) -> list[str]:
    """What the bodies of a loop or a branch may read from around them."""
    bodies = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return [
        name
        for body in bodies
        for inner in body.node
        for name in [*inner.input, *_read_inside(inner)]
    ]


def _floats(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None])
