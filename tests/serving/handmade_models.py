"""Small ONNX models made by hand, one of each task, for tests of what serves them."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

TYPES = {
    "city": TensorProto.STRING,
    "amount": TensorProto.DOUBLE,
    "seen": TensorProto.INT64,
    "member": TensorProto.BOOL,
}
CLASS_NAMES = ["low", "middle, or so", "hÖch"]
INPUTS = [
    {"name": "city", "datatype": "BYTES", "shape": [-1, 1], "missing": "empty string"},
    {"name": "amount", "datatype": "FP64", "shape": [-1, 1], "missing": "NaN"},
    {"name": "seen", "datatype": "INT64", "shape": [-1, 1], "missing": None},
    {"name": "member", "datatype": "BOOL", "shape": [-1, 1], "missing": None},
]


def columns(rows: int = 3, **changed: Any) -> dict[str, NDArray[Any]]:
    return {
        "city": np.array(["Oslo"] * rows, dtype=object),
        "amount": np.linspace(-2, 2, rows),
        "seen": np.arange(rows),
        "member": np.ones(rows, dtype=bool),
    } | changed


def binary_model(
    inputs: dict[str, int] = TYPES,
    outputs: tuple[str, str] = ("label", "probabilities"),
    scale: float = 1.0,
) -> bytes:
    """The probability is the sigmoid of ``scale`` times ``amount``, all else is unread."""
    label, probabilities = outputs
    nodes = [
        _node("Mul", ["x", "signs"], "scores"),
        _node("Sigmoid", ["scores"], probabilities),
        _node("ArgMax", [probabilities], label, axis=1, keepdims=0),
    ]
    shown = [(label, TensorProto.INT64, ["n"]), (probabilities, TensorProto.FLOAT, ["n", 2])]
    return _model(inputs, nodes, shown, {"signs": np.array([[-scale, scale]], np.float32)})


def multiclass_model() -> bytes:
    """Softmax of ``amount`` times -1, 0 and 1; the label is the class's name."""
    nodes = [
        _node("Mul", ["x", "signs"], "scores"),
        _node("Softmax", ["scores"], "probabilities", axis=1),
        _node("ArgMax", ["probabilities"], "position", axis=1, keepdims=0),
        _node("Gather", ["names", "position"], "label"),
    ]
    names = np.array(CLASS_NAMES, dtype=object)
    weights = {"signs": np.array([[-1, 0, 1]], np.float32), "names": names}
    shown = [("label", TensorProto.STRING, ["n"]), ("probabilities", TensorProto.FLOAT, ["n", 3])]
    return _model(TYPES, nodes, shown, weights)


def regression_model() -> bytes:
    """A third of ``amount``, give or take one."""
    nodes = [
        _node("Mul", ["x", "third"], "column"),
        _node("Squeeze", ["column", "one"], "prediction"),
        _node("Add", ["column", "around"], "interval"),
    ]
    weights = {
        "third": np.array([[1 / 3]], np.float32),
        "one": np.array([1]),
        "around": np.array([[-1, 1]], np.float32),
    }
    shown = [("prediction", TensorProto.FLOAT, ["n"]), ("interval", TensorProto.FLOAT, ["n", 2])]
    return _model(TYPES, nodes, shown, weights)


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], **attributes)


def _model(
    inputs: dict[str, int],
    nodes: list[onnx.NodeProto],
    outputs: list[tuple[str, int, list[Any]]],
    weights: dict[str, NDArray[Any]],
) -> bytes:
    graph = helper.make_graph(
        [_node("Cast", ["amount"], "x", to=TensorProto.FLOAT), *nodes],
        "by hand",
        [helper.make_tensor_value_info(name, kind, ["n", 1]) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(*output) for output in outputs],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
    onnx.checker.check_model(made)
    serialized: bytes = made.SerializeToString()
    return serialized


MODELS = {
    "binary": binary_model(),
    "multiclass": multiclass_model(),
    "regression": regression_model(),
}
SIGNATURES = {
    "binary": {
        "inputs": INPUTS,
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
        ],
    },
    "multiclass": {
        "inputs": INPUTS,
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [-1, 3],
                "classes": CLASS_NAMES,
            },
        ],
    },
    "regression": {
        "inputs": INPUTS,
        "outputs": [
            {"name": "prediction", "datatype": "FP32", "shape": [-1], "unit": "minutes"},
            {"name": "interval", "datatype": "FP32", "shape": [-1, 2], "unit": "minutes"},
        ],
    },
}
