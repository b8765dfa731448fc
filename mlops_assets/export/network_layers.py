"""The layers of an exported model, as they are found in its graph and seen on calibration rows.

Belongs here: reading a graph, and the tensors within it while it scores rows. Does not belong here:
what is made of the layers (``integer_layers.py``, ``linear_codes.py``).
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlops_assets.export.integer_layers import Layer
from mlops_assets.serving.predictor import open_session

NEVER_NEGATIVE = ("Relu", "Sigmoid")

Tensors = Mapping[str, NDArray[Any]]


class GraphView:
    """What makes and what reads each tensor of a graph, and its constants."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)

    def only_reader(self, tensor: str, operator: str) -> onnx.NodeProto | None:
        """The node that alone reads ``tensor``, where it is an ``operator``."""
        readers = self._readers.get(tensor, [])
        return readers[0] if len(readers) == 1 and readers[0].op_type == operator else None

    def made_by(self, tensor: str, operator: str) -> onnx.NodeProto | None:
        """The node that makes ``tensor``, where it is an ``operator``."""
        node = self.makers.get(tensor)
        return node if node is not None and node.op_type == operator else None


def find_layers(model: onnx.ModelProto, rows: Tensors) -> list[Layer]:
    """Every product by constant weights to which a constant bias is added, in the graph's order.

    ``rows`` are at least one row of the model's input tensors.
    """
    view = GraphView(model.graph)
    found = [
        (node, following)
        for node in model.graph.node
        if node.op_type == "MatMul"
        and node.input[1] in view.constants
        and (following := view.only_reader(node.output[0], "Add")) is not None
        and following.input[1] in view.constants
    ]
    layers: list[Layer] = []
    for product, following in found:
        names = [product.input[0], following.output[0]]
        values, sums = observe(model, names, rows)
        before = layers[-1].sum if layers else None
        rectifier = view.only_reader(before, "Relu") if before else None
        parts = _parts(model, view, product.input[0], rows)
        is_rectified = (
            rectifier is not None
            and rectifier.output[0] == product.input[0]
            and view.only_reader(product.input[0], "MatMul") is not None
        )
        layers.append(
            Layer(
                values=product.input[0],
                product=product.output[0],
                sum=following.output[0],
                weights=view.constants[product.input[1]],
                bias=np.ravel(view.constants[following.input[1]]),
                never_negative=view.makers[product.input[0]].op_type in NEVER_NEGATIVE,
                rectified=is_rectified,
                unrectified=before if is_rectified else None,
                peaks=np.abs(values).max(axis=0).astype(np.float64),
                shares=values.mean(axis=0, dtype=np.float64),
                mean_sum=sums.mean(axis=0, dtype=np.float64),
                hot=tuple((view.makers[t].input[0], c) for t, c, hot in parts if hot),
                numbers=tuple((tensor, columns) for tensor, columns, hot in parts if not hot),
            )
        )
    return layers


def _parts(
    model: onnx.ModelProto, view: GraphView, values: str, rows: Tensors
) -> list[tuple[str, range, bool]]:
    """What ``values`` are put together from: tensor, columns, and whether it is booleans."""
    concat = view.made_by(values, "Concat")
    if concat is None:
        return []
    first = {name: tensor[:1] for name, tensor in rows.items()}
    widths = [part.shape[1] for part in observe(model, concat.input, first)]
    ends = list(accumulate(widths))
    columns = [range(end - width, end) for end, width in zip(ends, widths, strict=True)]
    return [
        (tensor, where, _is_hot(view, tensor))
        for tensor, where in zip(concat.input, columns, strict=True)
    ]


def _is_hot(view: GraphView, tensor: str) -> bool:
    cast = view.made_by(tensor, "Cast")
    return cast is not None and view.made_by(cast.input[0], "Equal") is not None


def observe(model: onnx.ModelProto, names: Sequence[str], rows: Tensors) -> list[NDArray[Any]]:
    """The float32 tensors called ``names``, and outputs, while the model scores ``rows``."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    known = {output.name for output in watched.graph.output}
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None])
        for name in dict.fromkeys(names)
        if name not in known
    )
    session = open_session(watched.SerializeToString())
    observed: list[NDArray[Any]] = session.run(list(names), dict(rows))
    return observed
