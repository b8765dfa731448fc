"""An exported model in 8 bits, where its family has matrix products, and what that changes.

Belongs here: measuring layers on calibration rows, choosing and correcting the 8-bit form, the
count of nodes really rewritten, and the effect on the answers. Does not belong here: the operators
of an 8-bit layer (``integer_layers.py``), how large an effect is acceptable (``checks.py`` with the
use case's limits), nor speed, which is measured and not computed.

ONNX Runtime's own quantizer is not used. Its static form clips what is beyond the calibration rows;
its dynamic form takes one range for a whole batch, so that an answer depends on the rows beside
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlops_assets.export.integer_layers import Layer, rewrite
from mlops_assets.export.parity import DECISION
from mlops_assets.serving.predictor import open_session

STRENGTHS = (0.3, 0.4, 0.5)
"""Migration strengths that are tried; the one that agrees best is kept."""
MAX_CALIBRATION_ROWS = 10_000
NEVER_NEGATIVE = ("Relu", "Sigmoid")
EIGHT_BITS = (TensorProto.INT8, TensorProto.UINT8)
TREE_FAMILIES = ("random_forest", "histogram_gradient_boosting")

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Quantized:
    """The 8-bit form, or why there is none.

    ``nodes_quantized`` is counted in the finished graph. ``reason`` is set where ``model`` is None.
    """

    model: bytes | None
    nodes_quantized: int
    method: str
    reason: str | None


def quantize(model: bytes, family: str, calibration_columns: Tensors) -> Quantized:
    """The 8-bit form of an exported ``model`` of ``family`` that agrees best with it on the
    calibration rows, given as the model's input tensors. Same input, same bytes."""
    if family in TREE_FAMILIES:
        return _none(
            "there is no 8-bit form of tree ensembles here yet: 8-bit operators are matrix "
            "products, and ONNX Runtime's quantizer leaves trees as they are "
            "(microsoft/onnxruntime#11436)"
        )
    rows = _thinned(calibration_columns)
    if not len(next(iter(rows.values()))):
        return _none("there are no calibration rows")
    float_model = onnx.load_from_string(model)
    layers = _layers(float_model, rows)
    if not layers:
        return _none("the graph has no matrix product by constant weights")
    strength, best = _best(float_model, layers, rows)
    serialized = best.SerializeToString(deterministic=True)
    if len(serialized) >= len(model):
        return _none(
            f"an 8-bit form would have {len(serialized):,} bytes, where the float form has "
            f"{len(model):,}: nothing is gained"
        )
    count = count_quantized_nodes(serialized)
    method = (
        "8-bit weights by column, 8-bit activations by row, bias-corrected, "
        f"migration strength {strength}"
    )
    return Quantized(serialized, count, method, None) if count else _none("no node was quantized")


def count_quantized_nodes(model: bytes) -> int:
    """How many matrix products of a model really have 8-bit weights: integer products, and float
    products of dequantized weights."""
    graph = onnx.load_from_string(model).graph
    stored = {tensor.name for tensor in graph.initializer if tensor.data_type in EIGHT_BITS}
    dequantized = {
        output
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in stored
        for output in node.output
    }
    weights = {"MatMulInteger": stored, "QLinearMatMul": stored, "QGemm": stored}
    weights |= {"MatMul": dequantized, "Gemm": dequantized}
    return sum(
        bool(weights.get(node.op_type, set()).intersection(node.input)) for node in graph.node
    )


def quantization_effect(
    float_probabilities: NDArray[np.floating[Any]],
    quantized_probabilities: NDArray[np.floating[Any]],
    labels: NDArray[Any],
    float_size: int,
    quantized_size: int,
) -> dict[str, Any]:
    """What the 8-bit form changes, on the same ``n`` labelled rows.

    Probabilities are those of the positive class ``[n]``, labels 0 or 1 ``[n]``, sizes bytes.
    ``decisions_flipped`` is a share; changes are quantized minus float. What has no meaning
    (no rows, a probability that is not finite, one class only) is ``None``. Raises ``ValueError``
    where the lengths differ.
    """
    before = np.asarray(float_probabilities, dtype=np.float64)
    after = np.asarray(quantized_probabilities, dtype=np.float64)
    if not before.shape == after.shape == np.shape(labels) or before.ndim != 1:
        raise ValueError(
            f"shapes {before.shape}, {after.shape} and {np.shape(labels)}: not all the same [n]"
        )
    effect: dict[str, Any] = {
        "rows_compared": len(before),
        "size_float": float_size,
        "size_quantized": quantized_size,
        "size_ratio": quantized_size / float_size if float_size else None,
        "largest_probability_change": None,
        "decisions_flipped": None,
        "log_loss_change": None,
        "roc_auc_change": None,
    }
    if len(before) == 0 or not np.isfinite([before, after]).all():
        return effect
    flipped = (before >= DECISION) != (after >= DECISION)
    effect["largest_probability_change"] = float(np.abs(before - after).max())
    effect["decisions_flipped"] = float(flipped.mean())
    return effect | _metric_changes(before, after, np.asarray(labels))


def _metric_changes(
    before: NDArray[np.float64], after: NDArray[np.float64], labels: NDArray[Any]
) -> dict[str, float]:
    from sklearn.metrics import log_loss, roc_auc_score

    if len(np.unique(labels)) < 2:
        return {}
    return {
        "log_loss_change": float(log_loss(labels, after) - log_loss(labels, before)),
        "roc_auc_change": float(roc_auc_score(labels, after) - roc_auc_score(labels, before)),
    }


def _none(reason: str) -> Quantized:
    return Quantized(None, 0, "none", reason)


def _thinned(columns: Tensors) -> dict[str, NDArray[Any]]:
    """At most ``MAX_CALIBRATION_ROWS`` rows, evenly spaced."""
    every = -(-len(next(iter(columns.values()))) // MAX_CALIBRATION_ROWS) or 1
    return {name: values[::every] for name, values in columns.items()}


def _layers(model: onnx.ModelProto, rows: Tensors) -> list[Layer]:
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    readers = {name: node for node in model.graph.node for name in node.input}
    makers = {name: node for node in model.graph.node for name in node.output}
    found = []
    for node in model.graph.node:
        if node.op_type != "MatMul" or node.input[1] not in constants:
            continue
        following = readers[node.output[0]]
        observed = _observe(model, [node.input[0], following.output[0]], rows)
        found.append(
            Layer(
                product=node.output[0],
                values=node.input[0],
                sum=following.output[0],
                weights=constants[node.input[1]],
                bias=constants[following.input[1]],
                unsigned=makers[node.input[0]].op_type in NEVER_NEGATIVE,
                peaks=np.abs(observed[0]).max(axis=0).astype(np.float64),
                mean_sum=observed[1].mean(axis=0, dtype=np.float64),
            )
        )
    return found


def _observe(model: onnx.ModelProto, names: Sequence[str], rows: Tensors) -> list[NDArray[Any]]:
    """The float32 tensors called ``names`` while the model scores ``rows``."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    known = {output.name for output in watched.graph.output}
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None])
        for name in names
        if name not in known
    )
    session = open_session(watched.SerializeToString())
    observed: list[NDArray[Any]] = session.run(list(names), dict(rows))
    return observed


def _best(
    model: onnx.ModelProto, layers: Sequence[Layer], rows: Tensors
) -> tuple[float, onnx.ModelProto]:
    """The migration strength with the smallest mean change of probability, and its model."""
    exact = _observe(model, ["probabilities"], rows)[0]
    found = []
    for strength in STRENGTHS:
        candidate = _corrected(model, layers, strength, rows)
        change = np.abs(_observe(candidate, ["probabilities"], rows)[0] - exact).mean()
        found.append((float(change), strength, candidate))
    _, strength, best = min(found, key=lambda entry: entry[:2])
    return strength, best


def _corrected(
    model: onnx.ModelProto, layers: Sequence[Layer], strength: float, rows: Tensors
) -> onnx.ModelProto:
    """The 8-bit model whose every sum has, over the rows, the mean it had in float.

    Source: M. Nagel et al., "Data-free quantization through weight equalization and bias
    correction", ICCV 2019; here with data, layer after layer.
    """
    corrected = list(layers)
    for position, layer in enumerate(layers):
        built = rewrite(model, corrected, strength)
        mean = _observe(built, [layer.sum], rows)[0].mean(axis=0, dtype=np.float64)
        bias = (layer.bias + (layer.mean_sum - mean)).astype(np.float32)
        corrected[position] = replace(layer, bias=bias)
    return rewrite(model, corrected, strength)
