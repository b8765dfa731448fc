"""An exported model in 8 bits: one strategy a family, chosen by measurement.

Belongs here: the forms that are tried on the calibration rows, and the choice. Does not belong
here: the forms themselves (``integer_layers.py``, ``linear_codes.py``, ``eight_bit_trees.py``), the
count of what is really in 8 bits (``quantized_nodes.py``), the effect on unseen rows
(``effect.py``), nor speed: what is measured with a clock must not decide what an artifact contains.

ONNX Runtime's own quantizer is not used. Its static form clips what is beyond the calibration rows;
its dynamic form takes one range for a whole batch, so that an answer depends on the rows beside it.
Both were worse on skewed columns, where one outlier takes the levels of all other values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Cut, decisions, differences, from_outputs
from mlops_assets.export.compact_graph import compacted
from mlops_assets.export.eight_bit_trees import quantize_trees
from mlops_assets.export.integer_layers import Layer, rewrite
from mlops_assets.export.layer_scales import rescaled
from mlops_assets.export.linear_codes import looks_up_directly, with_codes
from mlops_assets.export.linear_folding import fold_calibration, fold_rectifier
from mlops_assets.export.network_layers import GraphView, Tensors, find_layers, observe
from mlops_assets.export.packed_bytes import packed_bytes
from mlops_assets.export.quantized_nodes import count_quantized_nodes
from mlops_assets.policy_declaration import Limits
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Task

Prefer = Literal["speed", "size"]

STRENGTHS = (0.0, 0.25, 0.5)
"""Shares of a unit's range that are moved into the weights of the next layer, see ``rescaled``."""
MAX_CALIBRATION_ROWS = 10_000
MARGIN = 0.75
"""Share of the largest difference allowed that a form may reach on the calibration rows to be taken
for its speed or size: among more rows there is a larger one. A share of rows only varies."""
CODE_LEVELS = (128, 255)
"""Of 128 levels, each code is one byte of the file; of more, every second code is two."""
SMALLEST_LIMIT = 1e-12
TREE_FAMILIES = ("random_forest", "histogram_gradient_boosting")


@dataclass(frozen=True)
class Quantized:
    """The 8-bit form, or why there is none.

    ``nodes_quantized`` is counted in the finished graph. ``reason`` is set where ``model`` is None.
    ``tried`` has the figures of every form on the calibration rows (see ``_figures``), in the order
    they were preferred.
    """

    model: bytes | None
    nodes_quantized: int
    method: str
    reason: str | None
    tried: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class _Form:
    method: str
    model: bytes
    figures: dict[str, Any]


def quantize(
    model: bytes,
    family: str,
    task: Task,
    calibration_columns: Tensors,
    prefer: Prefer,
    variance: float = 1.0,
    limits: Limits | None = None,
    cut: Cut | None = None,
) -> Quantized:
    """The 8-bit form of an exported ``model`` of ``family`` and ``task``, chosen on the calibration
    rows, which are given as the model's input tensors. Same input, same bytes.

    ``prefer`` chooses, where a family has several forms, between the faster and the smaller one of
    those that keep within the ``limits`` (the default ones where there are none) on these rows;
    where none does, the one that exceeds them least. ``variance`` is that of the labels in the
    train split, ``cut`` how the calibration rows are decided.
    """
    rows, cut = _thinned(calibration_columns, cut or Cut())
    if not len(next(iter(rows.values()))):
        return _none("there are no calibration rows")
    exact, limits = _answers(model, rows), limits or Limits()
    forms = [
        _Form(method, made, _figures(method, made, model, task, exact, rows, variance, limits, cut))
        for method, made in _made(onnx.load_from_string(model), family, rows, prefer)
    ]
    tried = tuple(form.figures for form in forms)
    if not forms:
        return _none(_NOTHING.get(family, "the graph has no layer of constant weights"))
    coded = [form for form in forms if count_quantized_nodes(form.model)]
    if not coded:
        return _none("no node was quantized", tried)
    best = _best(coded, prefer)
    if len(best.model) >= len(model):
        return _none(
            f"an 8-bit form would have {len(best.model):,} bytes, where the float form has "
            f"{len(model):,}: nothing is gained",
            tried,
        )
    count = count_quantized_nodes(best.model)
    return Quantized(best.model, count, best.method, None, tried)


_NOTHING = dict.fromkeys(TREE_FAMILIES, "the graph has no node of trees that split")


def _made(
    model: onnx.ModelProto, family: str, rows: Tensors, prefer: Prefer
) -> Iterator[tuple[str, bytes]]:
    """Every form of the family that there is, by its method."""
    if family in TREE_FAMILIES:
        trees = quantize_trees(model, prefer, rows)
        if trees is not None:
            yield f"trees in 8 bits, for {prefer}", packed_bytes(trees)
        return
    layers = find_layers(model, rows)
    if not layers:
        return
    if family == "linear" and len(layers) == 1:
        yield from _looked_up(model, layers[0], rows)
    for numbers, changed in _numbers(layers):
        seen = set()
        for strength in STRENGTHS if any(map(_has_integers, layers)) else ():
            made = _written(_corrected(model, changed, strength, rows))
            if made not in seen:
                yield f"8-bit weights{numbers}, integer products, strength {strength}", made
            seen.add(made)
    yield "8-bit weights, float products", _written(_corrected(model, layers, None, rows))


def _looked_up(model: onnx.ModelProto, layer: Layer, rows: Tensors) -> Iterator[tuple[str, bytes]]:
    """The forms of a linear model that look its categories up."""
    is_direct = looks_up_directly(GraphView(model.graph), layer)
    for levels in CODE_LEVELS if is_direct else CODE_LEVELS[-1:]:
        coded = with_codes(model, layer, levels)
        if coded is None:
            return
        corrected = with_codes(model, _mean_kept(coded, layer, rows), levels)
        assert corrected is not None
        place = f"as {levels} codes a column" if is_direct else "in an 8-bit table"
        yield f"categories' weights {place}", _written(fold_calibration(corrected, layer.sum))


def _numbers(layers: Sequence[Layer]) -> Iterator[tuple[str, Sequence[Layer]]]:
    """How the weights of numbers beside categories can be stored."""
    yield "", layers
    if any(layer.is_split and layer.codes_numbers for layer in layers):
        wide = [replace(layer, wide_numbers=True) for layer in layers]
        yield ", 16-bit ones of numbers", wide


def _has_integers(layer: Layer) -> bool:
    return layer.is_split or layer.suits_integers


def _best(forms: Sequence[_Form], prefer: Prefer) -> _Form:
    """Of the forms that keep within the limits, for size the smallest, for speed the kind that
    was made first; else, and within a kind, the one that uses up least of them."""
    fitting = [form for form in forms if form.figures["limits_used"] <= 1.0]
    if not fitting:
        return min(forms, key=_limits_used)
    if prefer == "size":
        return min(fitting, key=lambda form: (len(form.model), form.figures["limits_used"]))
    kind = fitting[0].method.split(", strength")[0]
    return min((form for form in fitting if form.method.startswith(kind)), key=_limits_used)


def _limits_used(form: _Form) -> tuple[float, int]:
    return form.figures["limits_used"], len(form.model)


def _figures(
    method: str,
    made: bytes,
    model: bytes,
    task: Task,
    exact: Answers,
    rows: Tensors,
    variance: float,
    limits: Limits,
    cut: Cut,
) -> dict[str, Any]:
    answers = _answers(made, rows)
    apart = differences(task, exact, answers, variance)
    before, after = decisions(task, exact, cut), decisions(task, answers, cut)
    flipped = None if before is None or after is None else float((before != after).mean())
    used = [
        _share_used(float(apart.max()), MARGIN * limits.quantized_difference),
        _share_used(flipped or 0.0, limits.quantized_flips),
    ]
    return {
        "method": method,
        "bytes": len(made),
        "size_ratio": len(made) / len(model),
        "largest_difference": float(apart.max()),
        "mean_difference": float(apart.mean()),
        "decisions_flipped": flipped,
        "limits_used": max(used),
    }


def _share_used(value: float, limit: float) -> float:
    """The share of a limit that a value uses up; what a limit of 0 forbids is a large number, as
    JSON knows no infinity."""
    return value / max(limit, SMALLEST_LIMIT)


def _none(reason: str, tried: tuple[dict[str, Any], ...] = ()) -> Quantized:
    return Quantized(None, 0, "none", reason, tried)


def _written(model: onnx.ModelProto) -> bytes:
    return packed_bytes(compacted(model))


def _answers(model: bytes, rows: Tensors) -> Answers:
    return from_outputs(Predictor(model).predict(rows))


def _thinned(columns: Tensors, cut: Cut) -> tuple[dict[str, NDArray[Any]], Cut]:
    """At most ``MAX_CALIBRATION_ROWS`` rows, evenly spaced, and how they are decided."""
    rows = len(next(iter(columns.values())))
    every = -(-rows // MAX_CALIBRATION_ROWS) or 1
    kept = {name: values[::every] for name, values in columns.items()}
    return kept, cut.at(np.arange(0, rows, every))


def _corrected(
    model: onnx.ModelProto, layers: Sequence[Layer], strength: float | None, rows: Tensors
) -> onnx.ModelProto:
    """The 8-bit model whose every sum has, over the rows, the mean it had in float; of float
    products only where ``strength`` is ``None``.

    Source: M. Nagel et al., "Data-free quantization through weight equalization and bias
    correction", ICCV 2019; here with data, layer after layer.
    """
    corrected = list(layers)
    for position, layer in enumerate(layers):
        built, divisors = _built(model, corrected, strength)
        corrected[position] = _mean_kept(built, layer, rows, divisors[position])
    total = layers[-1].sum
    return fold_calibration(fold_rectifier(_built(model, corrected, strength)[0], total), total)


def _mean_kept(
    built: onnx.ModelProto, layer: Layer, rows: Tensors, divisors: NDArray[np.float32] | float = 1.0
) -> Layer:
    """The layer with the bias at which its sums in ``built`` have the mean they had in float."""
    sums = observe(built, [layer.sum], rows)[0].mean(axis=0, dtype=np.float64)
    bias = layer.bias + (layer.mean_sum - sums * divisors)
    return replace(layer, bias=bias.astype(np.float32))


def _built(
    model: onnx.ModelProto, layers: Sequence[Layer], strength: float | None
) -> tuple[onnx.ModelProto, list[NDArray[np.float32]]]:
    if strength is None:
        return rewrite(model, layers, integers=False), [
            np.ones_like(layer.bias) for layer in layers
        ]
    changed, divisors = rescaled(layers, strength)
    return rewrite(model, changed, integers=True), divisors
