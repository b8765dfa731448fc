"""From an estimator's scores to the answers of a model, as ONNX operators.

Belongs here: the counterpart of what ``training/calibration.py`` does with an estimator's output,
operator for operation. Does not belong here: the scores (``onnx_scores.py``), the decision that
follows from the answers (``onnx_decision.py``), or the names of the outputs (``onnx_graph.py``).
"""

import numpy as np
from onnx import TensorProto

from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.training.calibration import (
    PROBABILITY_CEILING,
    PROBABILITY_FLOOR,
    BinaryModel,
    MulticlassModel,
    RegressionModel,
    logit,
)


def add_platt(graph: GraphBuilder, log_odds: str, model: BinaryModel, probabilities: str) -> None:
    """Add Platt scaling of ``log_odds`` ``[n, 1]``: ``probabilities`` ``[n, 2]``."""
    bounds = logit(np.array([PROBABILITY_FLOOR, PROBABILITY_CEILING]))
    clipped = graph.add("Clip", log_odds, *(graph.constant(bound, np.float32) for bound in bounds))
    slopes, intercepts = (np.array([[-x, x]]) for x in (model.slope_, model.intercept_))
    scaled = graph.add("Mul", clipped, graph.constant(slopes, np.float32))
    moved = graph.add("Add", scaled, graph.constant(intercepts, np.float32))
    graph.add_node("Sigmoid", [moved], [probabilities])


def add_vector_scaling(
    graph: GraphBuilder, logs: str, model: MulticlassModel, probabilities: str
) -> None:
    """Add vector scaling of the ``logs`` of probabilities ``[n, classes]``."""
    scaled = graph.add("Mul", logs, graph.constant(model.slope_, np.float32))
    moved = graph.add("Add", scaled, graph.constant([model.intercepts_], np.float32))
    graph.add_node("Softmax", [moved], [probabilities], axis=1)


def add_intervals(
    graph: GraphBuilder, standardised: str, model: RegressionModel, prediction: str, interval: str
) -> None:
    """Add the ``prediction`` ``[n]`` in the unit of the target, where ``standardised`` is
    ``[n, 1]``, and the ``interval`` ``[n, 2]`` of the bin it is in."""
    scaled = graph.add("Mul", standardised, graph.constant(model.scale, np.float32))
    column = graph.add("Add", scaled, graph.constant(model.mean, np.float32))
    first = graph.constant([1], np.int64)
    graph.add_node("Squeeze", [column, first], [prediction])
    offsets = graph.constant(np.column_stack([model.lower_, model.upper_]), np.float32)
    if model.edges_:
        reached = graph.add("GreaterOrEqual", column, graph.constant([model.edges_], np.float32))
        counted = graph.cast(reached, TensorProto.INT64)
        bins = graph.add("ReduceSum", counted, first, keepdims=0)
        offsets = graph.add("Gather", offsets, bins, axis=0)
    graph.add_node("Add", [column, offsets], [interval])
