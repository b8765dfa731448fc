"""A fitted estimator as ONNX operators: encoded rows in, scores out.

Belongs here: networks and linear models written out, trees as one node, and what turns either's
output into log odds, logarithms of probabilities or a number. Does not belong here: the trees
themselves (``tree_nodes.py``), or the calibration of the scores (``onnx_answers.py``).

What ONNX Runtime's float32 operators do less precisely than scikit-learn is avoided: an estimator's
score is calibrated as it is, not turned into a probability and back, for ``Sigmoid`` is only
accurate to 1e-7 in absolute terms, which is nothing at a probability of 1e-6.
"""

from math import gcd
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor

from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.tree_nodes import read_ensemble, tree_node
from mlops_assets.training.calibration import PROBABILITY_FLOOR
from mlops_assets.training.thresholds import BOOSTERS, FORESTS

TREES = "trees"
"""The tensor that the trees' node gives."""
ACTIVATIONS = {"identity": None, "relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}
PACKET = 16
"""Floats of the widest register. ONNX Runtime computes a logarithm several values at a time and
what is left of a tensor otherwise in the last bit; where each row is repeated until it is made of
whole registers, its logarithm does not depend on the rows beside it."""
LOG_FLOOR = float(np.log(PROBABILITY_FLOOR))


def add_log_odds(graph: GraphBuilder, classifier: Any, encoded: str) -> str:
    """Add a fitted classifier of two classes; its log odds of the second, float32 ``[n, 1]``.

    Raises ``TypeError`` for an estimator that has no ONNX form here.
    """
    if isinstance(classifier, FORESTS):
        logs = _logarithm(graph, _both(graph, _add_trees(graph, classifier, encoded)), 2)
        return graph.add("MatMul", logs, graph.constant([[-1.0], [1.0]], np.float32))
    return _add_scores(graph, classifier, encoded)


def add_log_probabilities(graph: GraphBuilder, classifier: Any, encoded: str, classes: int) -> str:
    """Add a fitted classifier; the logarithms of its probabilities, none below ``LOG_FLOOR``,
    float32 ``[n, classes]``. Its labels are positions of classes, of which it may miss some.

    Raises ``TypeError`` for an estimator that has no ONNX form here.
    """
    known = [int(position) for position in classifier.classes_]
    if isinstance(classifier, FORESTS):
        chances = _add_trees(graph, classifier, encoded)
        whole = _both(graph, chances) if len(known) == 2 else chances
        logs = _logarithm(graph, whole, len(known))
    else:
        scores = _add_scores(graph, classifier, encoded)
        if len(known) == 2:
            scores = graph.add("Mul", scores, graph.constant([[0.0, 1.0]], np.float32))
        logs = graph.add("LogSoftmax", scores, axis=1)
    held = graph.add("Max", logs, graph.constant(LOG_FLOOR, np.float32))
    return held if len(known) == classes else _placed(graph, held, known, classes)


def add_prediction(graph: GraphBuilder, regressor: Any, encoded: str) -> str:
    """Add a fitted regressor; its prediction, float32 ``[n, 1]``.

    Raises ``TypeError`` for an estimator that has no ONNX form here.
    """
    if isinstance(regressor, FORESTS):
        return _add_trees(graph, regressor, encoded)
    return _add_scores(graph, regressor, encoded)


def _add_scores(graph: GraphBuilder, estimator: Any, encoded: str) -> str:
    """What the estimator adds up: log odds, a score a class, or the prediction."""
    match estimator:
        case LogisticRegression():
            return _add_layers(graph, encoded, [estimator.coef_.T], [estimator.intercept_], None)
        case Ridge():
            weights = np.reshape(estimator.coef_, (-1, 1))
            return _add_layers(graph, encoded, [weights], [[estimator.intercept_]], None)
        case MLPClassifier() | MLPRegressor():
            if estimator.out_activation_ not in ("identity", "logistic", "softmax"):
                raise TypeError(f"no ONNX form of {estimator.out_activation_} outputs is known")
            activation = ACTIVATIONS[estimator.activation]
            return _add_layers(graph, encoded, estimator.coefs_, estimator.intercepts_, activation)
        case DummyClassifier(strategy="prior"):
            return _add_constant(graph, encoded, _prior_scores(estimator), estimator)
        case DummyRegressor():
            return _add_constant(graph, encoded, np.ravel(estimator.constant_), estimator)
    if isinstance(estimator, BOOSTERS):
        return _add_trees(graph, estimator, encoded)
    raise TypeError(f"no ONNX form of {type(estimator).__name__} is known here")


def _add_layers(
    graph: GraphBuilder, values: str, weights: list[Any], biases: list[Any], activation: str | None
) -> str:
    # MatMul and not LinearClassifier, which sums a single row in another order than many.
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if layer > 0 and activation:
            values = graph.add(activation, values)
        product = graph.add("MatMul", values, graph.constant(weight, np.float32))
        values = graph.add("Add", product, graph.constant(bias, np.float32))
    return values


def _add_constant(graph: GraphBuilder, encoded: str, scores: Any, estimator: Any) -> str:
    nothing = np.zeros((estimator.n_features_in_, len(scores)))
    return _add_layers(graph, encoded, [nothing], [scores], None)


def _prior_scores(estimator: DummyClassifier) -> Any:
    logs = np.log(estimator.class_prior_)
    return logs[1:] - logs[:1] if len(logs) == 2 else logs


def _add_trees(graph: GraphBuilder, estimator: Any, encoded: str) -> str:
    return graph.add_made_node(tree_node(read_ensemble(estimator), encoded, TREES))


def _both(graph: GraphBuilder, positive: str) -> str:
    """The probabilities of two classes ``[n, 2]``, where that of the second is ``[n, 1]``."""
    negative = graph.add("Sub", graph.constant(1.0, np.float32), positive)
    return graph.add("Concat", negative, positive, axis=1)


def _logarithm(graph: GraphBuilder, probabilities: str, width: int) -> str:
    """Logarithms of ``[n, width]`` probabilities, none below ``LOG_FLOOR``."""
    held = graph.add("Max", probabilities, graph.constant(PROBABILITY_FLOOR, np.float32))
    repeats = PACKET // gcd(width, PACKET)
    repeated = graph.add("Tile", held, graph.constant([1, repeats], np.int64))
    logs = graph.add("Log", repeated)
    start, end, axis = (graph.constant([number], np.int64) for number in (0, width, 1))
    return graph.add("Slice", logs, start, end, axis)


def _placed(graph: GraphBuilder, logs: str, known: list[int], classes: int) -> str:
    """Each class at its position; the floor at that of a class which is not known."""
    one_more = graph.constant([0, 0, 0, 1], np.int64)
    padded = graph.add("Pad", logs, one_more, graph.constant(LOG_FLOOR, np.float32))
    column = dict(zip(known, range(len(known)), strict=True))
    columns = [column.get(position, len(known)) for position in range(classes)]
    return graph.add("Gather", padded, graph.constant(columns, np.int64), axis=1)
