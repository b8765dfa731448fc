"""Writing an ONNX graph node by node, with names and bytes that depend on nothing else.

Belongs here: versions, names and constants. Does not belong here: what the nodes compute
(``onnx_encoding.py``, ``onnx_graph.py``).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PRODUCER = "mlops-assets"
ML_DOMAIN = "ai.onnx.ml"
OPSET = 21
ML_OPSET = 4
IR_VERSION = 10


class GraphBuilder:
    """Nodes and constants in the order they are added, named by their position."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._constants: dict[Any, str] = {}

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return that output's name."""
        output = f"{operator}_{len(self._nodes)}"
        self.add_node(operator, inputs, [output], **attributes)
        return output

    def add_node(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        """Add a node whose outputs are named by the caller."""
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, outputs, name=name, **attributes))

    def add_made_node(self, node: onnx.NodeProto) -> str:
        """Add a node that was made elsewhere, and return the name of its only output."""
        self._nodes.append(node)
        output: str = node.output[0]
        return output

    def constant(self, value: Any, dtype: Any) -> str:
        """The name of a constant; equal constants are stored once. ``object`` is for strings."""
        array: NDArray[Any] = np.asarray(value, dtype=dtype)
        content = tuple(array.ravel()) if dtype is object else array.tobytes()
        key = (array.dtype.str, array.shape, content)
        if key not in self._constants:
            self._constants[key] = name = f"constant_{len(self._constants)}"
            self._initializers.append(numpy_helper.from_array(array, name))
        return self._constants[key]

    def cast(self, values: str, element_type: int = TensorProto.FLOAT) -> str:
        return self.add("Cast", values, to=element_type)

    def build(
        self,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
        doc: str,
    ) -> onnx.ModelProto:
        """The whole model, checked.

        Raises ``ValueError`` where an input has the name of another tensor, and
        ``onnx.checker.ValidationError`` where it is no model.
        """
        made = {name for node in self._nodes for name in node.output}
        made |= {tensor.name for tensor in self._initializers}
        taken = sorted(made & {value.name for value in inputs})
        if taken:
            raise ValueError(f"column(s) {taken} have the name of a tensor of the model: rename")
        model = helper.make_model(
            helper.make_graph(self._nodes, "model", inputs, outputs, self._initializers),
            producer_name=PRODUCER,
            doc_string=doc,
            ir_version=IR_VERSION,
            opset_imports=[
                helper.make_opsetid("", OPSET),
                helper.make_opsetid(ML_DOMAIN, ML_OPSET),
            ],
        )
        onnx.checker.check_model(model)
        return model
