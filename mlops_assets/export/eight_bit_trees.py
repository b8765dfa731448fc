"""An exported model of trees in 8 bits.

Belongs here: which of the encodings, and the tree node's place in the graph. Does not belong here:
the encodings (``fast_trees.py``, ``small_trees.py``), and how large an effect is acceptable
(``checks.py`` with the use case's limits).
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from mlops_assets.export.fast_trees import fast_nodes
from mlops_assets.export.graph_builder import ML_DOMAIN
from mlops_assets.export.small_trees import small_nodes
from mlops_assets.export.tree_arrays import find_tree_node, read_trees
from mlops_assets.export.tree_leaves import round_leaves
from mlops_assets.serving.predictor import open_session

MAX_CALIBRATION_ROWS = 10_000
ML_OPSET = 5


def quantize_trees(
    model: onnx.ModelProto,
    prefer: Literal["speed", "size"],
    calibration: Mapping[str, NDArray[Any]],
) -> onnx.ModelProto | None:
    """The ``model`` with its trees in 8 bits; ``None`` where it has not exactly one tree node, the
    trees have no split, or there are no calibration rows.

    ``calibration`` are the model's input tensors, at most ``MAX_CALIBRATION_ROWS`` of which are
    used, evenly spaced. Every row lands in the same leaves as before; the leaves are rounded to
    steps (``tree_leaves.round_leaves``). Write it with ``packed_bytes``.
    """
    node = find_tree_node(model)
    every = -(-len(next(iter(calibration.values()))) // MAX_CALIBRATION_ROWS)
    if node is None or not every:
        return None
    trees = read_trees(node)
    columns = {name: values[::every] for name, values in calibration.items()}
    rows = _seen(model, node.input[0], columns)
    rounded, tensors = round_leaves(trees, rows), (node.input[0], node.output[0])
    built = (
        fast_nodes(rounded, rows, *tensors) if prefer == "speed" else small_nodes(rounded, *tensors)
    )
    return None if built is None else _replaced(model, node, *built)


def _seen(
    model: onnx.ModelProto, name: str, columns: dict[str, NDArray[Any]]
) -> NDArray[np.float32]:
    """What the trees are given for these rows, float32 ``[n, features]``."""
    if any(given.name == name for given in model.graph.input):
        return columns[name]
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None])
    watched.graph.output.append(output)
    seen: NDArray[np.float32] = open_session(watched.SerializeToString()).run([name], columns)[0]
    return seen


def _replaced(
    model: onnx.ModelProto,
    node: onnx.NodeProto,
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    replaced = onnx.ModelProto()
    replaced.CopyFrom(model)
    graph = replaced.graph
    place = list(model.graph.node).index(node)
    after = list(graph.node)[place + 1 :]
    del graph.node[place:]
    graph.node.extend([*nodes, *after])
    graph.initializer.extend(constants)
    for imported in replaced.opset_import:
        if imported.domain == ML_DOMAIN:
            imported.version = ML_OPSET
    onnx.checker.check_model(replaced)
    return replaced
