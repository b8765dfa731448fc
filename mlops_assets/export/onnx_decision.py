"""From the answers of a model to the class that is decided, as ONNX operators.

Belongs here: the counterpart of ``answers.decisions``, operator for operation, so that the label of
an exported model is what that says of its probabilities, to the last bit. Does not belong here: the
probabilities (``onnx_answers.py``), or how the rule was chosen (``training/decision.py``).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import TensorProto, numpy_helper

from mlops_assets.answers import DecisionRule
from mlops_assets.column_declaration import Column
from mlops_assets.export.graph_builder import ML_DOMAIN, GraphBuilder
from mlops_assets.export.tensors import tensor_type


def add_decision(
    graph: GraphBuilder,
    probabilities: str,
    rule: DecisionRule,
    columns: Mapping[str, Column],
    label: str,
) -> None:
    """Add the ``label`` int64 ``[n]``: 1 where the second of ``probabilities`` ``[n, 2]`` is at
    least the threshold, by group that of the row's value in one of the raw ``columns``.

    Raises ``ValueError`` where the rule goes by a column that the model does not read.
    """
    positive = graph.add("Gather", probabilities, graph.constant(1, np.int64), axis=1)
    threshold = _threshold(graph, rule, columns)
    decided = graph.add("GreaterOrEqual", positive, threshold)
    graph.add_node("Cast", [decided], [label], to=TensorProto.INT64)


def add_class(
    graph: GraphBuilder,
    probabilities: str,
    classes: Sequence[str | int],
    rule: DecisionRule,
    label: str,
) -> None:
    """Add the ``label`` ``[n]``: that of ``classes``, all strings or all integers, whose expected
    cost is least, or, without costs, which has the largest of ``probabilities`` ``[n, classes]``;
    the first of several."""
    if rule.costs is None:
        best = graph.add("ArgMax", probabilities, axis=1, keepdims=0)
    else:
        best = _cheapest(graph, probabilities, rule.costs)
    dtype = object if isinstance(classes[0], str) else np.int64
    graph.add_node("Gather", [graph.constant(classes, dtype), best], [label], axis=0)


def _cheapest(graph: GraphBuilder, probabilities: str, costs: Sequence[Sequence[float]]) -> str:
    """The position of the class whose expected cost is least, int64 ``[n]``."""
    exact = graph.cast(probabilities, TensorProto.DOUBLE)
    column = graph.add("Unsqueeze", exact, graph.constant([2], np.int64))
    products = graph.add("Mul", column, graph.constant([costs], np.float64))
    # A running sum has one order of summation; that of a plain sum is up to the runtime.
    sums = graph.add("CumSum", products, graph.constant(1, np.int64))
    expected = graph.add("Gather", sums, graph.constant(len(costs) - 1, np.int64), axis=1)
    return graph.add("ArgMin", expected, axis=1, keepdims=0)


def _threshold(graph: GraphBuilder, rule: DecisionRule, columns: Mapping[str, Column]) -> str:
    """The threshold of all rows, or of each, float32 ``[n]``."""
    name = rule.group_column
    if name is None or not rule.group_thresholds:
        return graph.constant(rule.threshold, np.float32)
    if name not in columns:
        raise ValueError(f"decisions go by {name!r}, which is no input")
    return _looked_up(graph, name, columns[name], rule)


def _looked_up(graph: GraphBuilder, name: str, column: Column, rule: DecisionRule) -> str:
    values, thresholds = zip(*rule.group_thresholds, strict=True)
    if tensor_type(column) == "double":
        found = _looked_up_doubles(graph, name, values, thresholds, rule.threshold)
    else:
        is_text = tensor_type(column) == "string"
        keys = {"keys_strings": values} if is_text else {"keys_int64s": [int(v) for v in values]}
        found = graph.add(
            "LabelEncoder", name, domain=ML_DOMAIN, **keys,
            values_floats=thresholds, default_float=rule.threshold,
        )  # fmt: skip
    return graph.add("Squeeze", found, graph.constant([1], np.int64))


def _looked_up_doubles(
    graph: GraphBuilder, name: str, values: Sequence[str], thresholds: Sequence[float], other: float
) -> str:
    """The thresholds of a nullable integer. ONNX Runtime looks doubles up only to give doubles."""
    keys, numbers, default = (
        numpy_helper.from_array(np.array(given, np.float64))
        for given in ([float(value) for value in values], thresholds, [other])
    )
    return graph.cast(
        graph.add(
            "LabelEncoder", name, domain=ML_DOMAIN,
            keys_tensor=keys, values_tensor=numbers, default_tensor=default,
        )
    )  # fmt: skip
