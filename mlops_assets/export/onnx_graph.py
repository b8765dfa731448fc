"""A fitted model as one ONNX graph: raw columns in, calibrated answers out.

Belongs here: inputs and outputs, and how the parts of the graph are put together. Does not belong
here: the encoding before the estimator (``onnx_encoding.py``), the estimator (``onnx_scores.py``,
``tree_nodes.py``), the calibration and the decision after it (``onnx_answers.py``,
``onnx_decision.py``), frames as tensors (``tensors.py``), or the comparison of both forms
(``parity.py``).
"""

from onnx import TensorProto, ValueInfoProto, helper

from mlops_assets.column_declaration import Column
from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.onnx_answers import add_intervals, add_platt, add_vector_scaling
from mlops_assets.export.onnx_decision import add_class, add_decision
from mlops_assets.export.onnx_encoding import add_encoding
from mlops_assets.export.onnx_scores import add_log_odds, add_log_probabilities, add_prediction
from mlops_assets.export.tensors import TensorType, tensor_type
from mlops_assets.target_declaration import Target
from mlops_assets.training.calibration import BinaryModel, Model, MulticlassModel, RegressionModel
from mlops_assets.training.encoding import RowEncoder

DOC = (
    "Raw columns in, answers out. Every input is [n, 1]. A missing string is the empty string, a "
    "missing number is NaN. A timestamp is int64 microseconds since 1970-01-01, without zone."
)
ELEMENT_TYPES: dict[TensorType, int] = {
    "string": TensorProto.STRING,
    "double": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
}
ENCODED = "encoded"
"""The tensor that the estimator reads, float32 ``[n, features]``."""
LABEL, PROBABILITIES = "label", "probabilities"
PREDICTION, INTERVAL = "prediction", "interval"


def to_onnx(model: Model, target: Target) -> bytes:
    """The fitted ``model`` of ``target`` as a serialized ONNX model, the same bytes for the same
    model.

    Inputs: one ``[n, 1]`` tensor a raw column, named as the column (see ``tensors.tensor_type``).
    Outputs of a classification: ``label`` ``[n]``, the class as declared (int64; string where the
    classes are), and ``probabilities`` float32 ``[n, classes]``, the negative class first of two;
    the label is what the model's decision rule says of them. Outputs of a regression:
    ``prediction`` float32 ``[n]`` and ``interval`` float32 ``[n, 2]``, its lower and upper bound.

    Raises ``ValueError`` where a column has the name of another tensor of the model or the target
    is of another task, ``TypeError`` for an estimator that has no ONNX form here.
    """
    if model.task != target.task:
        raise ValueError(f"a model of a {model.task} task, and a target of a {target.task} task")
    encoder: RowEncoder = model.pipeline.named_steps["encode"]
    graph = GraphBuilder()
    add_encoding(graph, encoder, ENCODED)
    inputs = [_input(name, column) for name, column in encoder.columns.items()]
    built = graph.build(inputs, _add_answers(graph, model, target), DOC)
    serialized: bytes = built.SerializeToString(deterministic=True)
    return serialized


def _add_answers(graph: GraphBuilder, model: Model, target: Target) -> list[ValueInfoProto]:
    """Add estimator and calibration, and describe the outputs."""
    estimator = model.pipeline.named_steps["estimate"]
    match model:
        case BinaryModel():
            score = add_log_odds(graph, estimator, ENCODED)
            add_platt(graph, score, model, PROBABILITIES)
            columns = model.pipeline.named_steps["encode"].columns
            add_decision(graph, PROBABILITIES, model.rule, columns, LABEL)
            return _class_outputs(TensorProto.INT64, 2)
        case MulticlassModel():
            logs = add_log_probabilities(graph, estimator, ENCODED, model.classes)
            add_vector_scaling(graph, logs, model, PROBABILITIES)
            is_text = target.type == "string"
            classes = [name if is_text else int(name) for name in target.class_names]
            add_class(graph, PROBABILITIES, classes, model.rule, LABEL)
            element = TensorProto.STRING if is_text else TensorProto.INT64
            return _class_outputs(element, model.classes)
        case RegressionModel():
            standardised = add_prediction(graph, estimator, ENCODED)
            add_intervals(graph, standardised, model, PREDICTION, INTERVAL)
            return [
                helper.make_tensor_value_info(PREDICTION, TensorProto.FLOAT, ["n"]),
                helper.make_tensor_value_info(INTERVAL, TensorProto.FLOAT, ["n", 2]),
            ]


def _class_outputs(element: int, classes: int) -> list[ValueInfoProto]:
    return [
        helper.make_tensor_value_info(LABEL, element, ["n"]),
        helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["n", classes]),
    ]


def _input(name: str, column: Column) -> ValueInfoProto:
    element = ELEMENT_TYPES[tensor_type(column)]
    doc = ": ".join(part for part in (column.type, column.description) if part)
    return helper.make_tensor_value_info(name, element, ["n", 1], doc_string=doc)
