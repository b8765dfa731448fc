"""A fitted model as one ONNX graph: raw columns in, label and calibrated probabilities out.

Belongs here: inputs and outputs, the estimator (networks and linear models written out, trees as
skl2onnx converts them) and the calibration. Does not belong here: the encoding before them
(``onnx_encoding.py``), frames as tensors (``tensors.py``), the comparison of both forms
(``parity.py``).

Only operators whose answer for a row does not depend on the rows beside it are used, so that the
size of a chunk changes no bit. What ONNX Runtime's float32 operators do less precisely than
scikit-learn is avoided: the estimator's score is calibrated as it is, not turned into a probability
and back, for ``Sigmoid`` is only accurate to 1e-7 in absolute terms, which is nothing at a
probability of 1e-6.
"""

import warnings
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from mlops_assets.column_declaration import Column
from mlops_assets.export.graph_builder import ML_DOMAIN, OPSET, GraphBuilder
from mlops_assets.export.onnx_encoding import add_encoding
from mlops_assets.export.parity import DECISION
from mlops_assets.export.tensors import TensorType, tensor_type
from mlops_assets.training.calibration import (
    PROBABILITY_CEILING,
    PROBABILITY_FLOOR,
    CalibratedClassifier,
    logit,
)
from mlops_assets.training.encoding import RowEncoder

OUTPUTS = ("label", "probabilities")
DOC = (
    "Raw columns in, label and calibrated probabilities out. Every input is [n, 1]. A missing "
    "string is the empty string, a missing number is NaN. A timestamp is int64 microseconds since "
    "1970-01-01, without zone."
)
ELEMENT_TYPES: dict[TensorType, int] = {
    "string": TensorProto.STRING,
    "double": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
}
ACTIVATIONS = {"identity": None, "relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}
ENCODED = "encoded"
TREES = "trees/"
PACKET = 8
"""How often a row's two probabilities are repeated before the logarithm: see ``_log_odds``."""


def to_onnx(model: CalibratedClassifier) -> bytes:
    """The fitted ``model`` as a serialized ONNX model, the same bytes for the same model.

    Inputs: one ``[n, 1]`` tensor a raw column, named as the column (see ``tensors.tensor_type``).
    Outputs: ``label`` int64 ``[n]`` and ``probabilities`` float32 ``[n, 2]``; the label is 1 where
    the probability of class 1 is at least 0.5. Raises ``ValueError`` where a column has the name of
    an output, ``TypeError`` for an estimator that has no ONNX form here.
    """
    encoder: RowEncoder = model.pipeline.named_steps["encode"]
    taken = sorted(set(OUTPUTS) & set(encoder.columns))
    if taken:
        raise ValueError(f"column(s) {taken} have the name of a model's output: rename them")
    graph = GraphBuilder()
    add_encoding(graph, encoder, ENCODED)
    width = len(encoder.feature_names_)
    score = _add_estimator(graph, model.pipeline.named_steps["classify"], width)
    _add_calibration(graph, score, model.slope_, model.intercept_)
    built = graph.build(
        [_input(name, column) for name, column in encoder.columns.items()],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2]),
        ],
        DOC,
    )
    serialized: bytes = built.SerializeToString(deterministic=True)
    return serialized


def _input(name: str, column: Column) -> onnx.ValueInfoProto:
    element = ELEMENT_TYPES[tensor_type(column)]
    doc = ": ".join(part for part in (column.type, column.description) if part)
    return helper.make_tensor_value_info(name, element, ["n", 1], doc_string=doc)


def _add_estimator(graph: GraphBuilder, estimator: Any, width: int) -> str:
    """Add the estimator and return the name of its log odds of class 1, float32 ``[n, 1]``."""
    match estimator:
        case LogisticRegression():
            return _add_layers(graph, [estimator.coef_.T], [estimator.intercept_], None)
        case MLPClassifier():
            activation = ACTIVATIONS[estimator.activation]
            return _add_layers(graph, estimator.coefs_, estimator.intercepts_, activation)
        case HistGradientBoostingClassifier():
            scores = _add_trees(graph, estimator, width, {"raw_scores": True})
            return graph.add("Gather", scores, graph.constant([1], np.int64), axis=1)
        case RandomForestClassifier():
            return _log_odds(graph, _add_trees(graph, estimator, width, {}))
    raise TypeError(f"no ONNX form of {type(estimator).__name__} is known here")


def _add_layers(
    graph: GraphBuilder, weights: list[Any], biases: list[Any], activation: str | None
) -> str:
    # MatMul and not LinearClassifier, which sums a single row in another order than many.
    values = ENCODED
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if layer > 0 and activation:
            values = graph.add(activation, values)
        product = graph.add("MatMul", values, graph.constant(weight, np.float32))
        values = graph.add("Add", product, graph.constant(bias, np.float32))
    return values


def _add_trees(graph: GraphBuilder, estimator: Any, width: int, options: dict[str, bool]) -> str:
    """Add the trees as skl2onnx converts them and return the name of their ``[n, 2]`` answer."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with warnings.catch_warnings():
        # It writes a leaf's missing_value_tracks_true as False, and protobuf wants 0.
        warnings.filterwarnings("ignore", "Field onnx.AttributeProto.ints", DeprecationWarning)
        converted = convert_sklearn(
            estimator,
            initial_types=[(ENCODED, FloatTensorType([None, width]))],
            options={id(estimator): {"zipmap": False, **options}},
            target_opset={"": OPSET, ML_DOMAIN: 3},
        )
    graph.add_part(onnx.compose.add_prefix(converted, TREES, rename_inputs=False).graph)
    return f"{TREES}probabilities"


def _log_odds(graph: GraphBuilder, probabilities: str) -> str:
    """Log odds of ``[n, 2]`` probabilities, as a difference of logarithms: precise near 0 and 1.

    ONNX Runtime computes a logarithm several values at a time and what is left of a tensor
    otherwise in the last bit, so each row is repeated until it is made of whole packets.
    """
    positive = graph.add("Max", probabilities, graph.constant(PROBABILITY_FLOOR, np.float32))
    repeated = graph.add("Tile", positive, graph.constant([1, PACKET], np.int64))
    logs = [f"log_{name}" for name in ("negative", "positive", "unused")]
    sizes = graph.constant([1, 1, 2 * PACKET - 2], np.int64)
    graph.add_node("Split", [graph.add("Log", repeated), sizes], logs, axis=1)
    return graph.add("Sub", logs[1], logs[0])


def _add_calibration(graph: GraphBuilder, score: str, slope: float, intercept: float) -> None:
    """Platt scaling of both classes, and the label."""
    bounds = logit(np.array([PROBABILITY_FLOOR, PROBABILITY_CEILING]))
    clipped = graph.add("Clip", score, *(graph.constant(bound, np.float32) for bound in bounds))
    scaled = graph.add("Mul", clipped, graph.constant([[-slope, slope]], np.float32))
    moved = graph.add("Add", scaled, graph.constant([[-intercept, intercept]], np.float32))
    graph.add_node("Sigmoid", [moved], ["probabilities"])
    positive = graph.add("Gather", "probabilities", graph.constant(1, np.int64), axis=1)
    decided = graph.add("GreaterOrEqual", positive, graph.constant(DECISION, np.float32))
    graph.add_node("Cast", [decided], ["label"], to=TensorProto.INT64)
