"""A layer in 8 bits computes what its integers say, alike on every processor, and little else."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlops_assets.export.integer_layers import (
    LARGEST_FACTOR,
    LARGEST_VALUE,
    Layer,
    rewrite,
    weight_codes,
)
from mlops_assets.export.layer_scales import rescaled, smoothing
from mlops_assets.export.quantized_nodes import count_quantized_nodes
from mlops_assets.serving.predictor import open_session

WIDE = (64, 80)


def float_layer(weights: NDArray[np.float32], bias: NDArray[np.float32]) -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["y"]),
        ],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", weights.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", weights.shape[1]])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])


def layer_of(
    weights: NDArray[np.float32], never_negative: bool = True, rectified: bool = False
) -> Layer:
    return Layer(
        values="x",
        product="product",
        sum="y",
        weights=weights,
        bias=np.zeros(weights.shape[1], np.float32),
        never_negative=never_negative,
        rectified=rectified,
        peaks=np.ones(weights.shape[0]),
        shares=np.ones(weights.shape[0]),
        mean_sum=np.zeros(weights.shape[1]),
    )


def run(model: onnx.ModelProto, values: NDArray[np.float32]) -> NDArray[np.float32]:
    answer: NDArray[np.float32] = open_session(model.SerializeToString()).run(["y"], {"x": values})[
        0
    ]
    return answer


def wide_case() -> tuple[NDArray[np.float32], NDArray[np.float32], onnx.ModelProto]:
    rng = np.random.default_rng(0)
    values = np.abs(rng.normal(0, np.exp(rng.normal(0, 1, WIDE[0])), (300, WIDE[0])))
    values[3] = 0.0
    weights = rng.normal(size=WIDE).astype(np.float32)
    weights[:, 5] = 0.0
    model = float_layer(weights, np.zeros(WIDE[1], np.float32))
    return values.astype(np.float32), weights, rewrite(model, [layer_of(weights)], integers=True)


def test_an_integer_product_computes_what_its_integers_say() -> None:
    values, weights, model = wide_case()
    assert "MatMulInteger" in {node.op_type for node in model.graph.node}
    row_steps = values.max(axis=1, keepdims=True) / LARGEST_VALUE
    row_steps[row_steps == 0] = 1.0
    codes, steps = weight_codes(weights, LARGEST_FACTOR)
    integers = np.rint(values / row_steps) @ codes.astype(np.float64)
    np.testing.assert_allclose(run(model, values), integers * row_steps * steps, rtol=1e-5)
    error = np.abs(run(model, values) - values @ weights).max() / np.abs(values @ weights).max()
    assert error < 0.02


def test_no_two_products_are_more_than_16_bits_hold() -> None:
    values, weights, model = wide_case()
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    quantize = next(node for node in model.graph.node if node.op_type == "QuantizeLinear")
    watched.graph.output.append(
        helper.make_tensor_value_info(quantize.output[0], TensorProto.UINT8, ["n", None])
    )
    codes = open_session(watched.SerializeToString()).run([quantize.output[0]], {"x": values})[0]
    factors = weight_codes(weights, LARGEST_FACTOR)[0].astype(int)
    largest = int(codes.max()) * int(np.abs(factors).max())
    assert 2 * largest <= np.iinfo(np.int16).max


def test_a_row_is_answered_alike_alone_and_among_others() -> None:
    values, _, model = wide_case()
    whole = run(model, values)
    alone = np.concatenate([run(model, values[row : row + 1]) for row in range(20)])
    np.testing.assert_array_equal(alone, whole[:20])


@pytest.mark.parametrize("shape", [(64, 80), (3, 2)])
def test_values_that_may_be_negative_are_multiplied_as_floats(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=shape).astype(np.float32)
    values = rng.normal(size=(50, shape[0])).astype(np.float32)
    layer = layer_of(weights, never_negative=False)
    model = rewrite(float_layer(weights, layer.bias), [layer], integers=True)
    assert "MatMulInteger" not in {node.op_type for node in model.graph.node}
    codes, steps = weight_codes(weights)
    stored = codes * steps if weights.size >= 512 else weights
    np.testing.assert_allclose(run(model, values), values @ stored, rtol=1e-4, atol=1e-5)


def test_zeros_and_ones_are_exact_but_for_the_weights() -> None:
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(70, 80)).astype(np.float32)
    bias = rng.normal(size=80).astype(np.float32)
    nodes = [
        helper.make_node("Equal", ["level", "levels"], ["is_level"]),
        helper.make_node("Cast", ["is_level"], ["hot"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["number", "hot"], ["x"], axis=1),
    ]
    model = float_layer(weights, bias)
    graph = model.graph
    inputs = [("level", 1), ("number", 2)]
    del graph.input[:]
    graph.input.extend(
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", width]) for n, width in inputs
    )
    graph.initializer.append(numpy_helper.from_array(np.arange(68, dtype=np.float32), "levels"))
    both = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(both)
    layer = layer_of(weights, never_negative=False)
    layer = Layer(
        **{
            **vars(layer),
            "bias": bias,
            "numbers": (("number", range(2)),),
            "hot": (("is_level", range(2, 70)),),
        }
    )
    level = rng.integers(-1, 68, (40, 1)).astype(np.float32)
    number = rng.normal(size=(40, 2)).astype(np.float32) * 1000
    codes, steps = weight_codes(weights[2:])
    expected = (level == np.arange(68)) @ (codes * steps) + number @ weights[:2] + bias
    split = rewrite(model, [layer], integers=True)
    assert "MatMulInteger" in {node.op_type for node in split.graph.node}
    answer = open_session(split.SerializeToString()).run(["y"], {"level": level, "number": number})
    np.testing.assert_allclose(answer[0], expected, rtol=1e-4, atol=1e-3)


def test_weights_of_numbers_are_nearly_exact_in_16_bits() -> None:
    rng = np.random.default_rng(4)
    scales = np.array([[1e-3], [1.0], [1e4]], np.float32)
    weights = rng.normal(size=(3 + 60, 200)).astype(np.float32)
    weights[:3] *= scales
    nodes = [
        helper.make_node("Equal", ["level", "levels"], ["is_level"]),
        helper.make_node("Cast", ["is_level"], ["hot"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["number", "hot"], ["x"], axis=1),
    ]
    model = float_layer(weights, np.zeros(200, np.float32))
    graph = model.graph
    both = [*nodes, *graph.node]
    del graph.node[:], graph.input[:]
    graph.node.extend(both)
    graph.input.extend(
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", width])
        for n, width in (("level", 1), ("number", 3))
    )
    graph.initializer.append(numpy_helper.from_array(np.arange(60, dtype=np.float32), "levels"))
    layer = replace(
        layer_of(weights, never_negative=False),
        numbers=(("number", range(3)),),
        hot=(("is_level", range(3, 63)),),
    )
    unknown = np.full((50, 1), -1, np.float32)
    number = rng.normal(size=(50, 3)).astype(np.float32) / scales.T
    exact = number.astype(np.float64) @ weights[:3]
    errors = []
    for is_wide in (False, True):
        made = rewrite(model, [replace(layer, wide_numbers=is_wide)], integers=True)
        rows = {"level": unknown, "number": number}
        answer = open_session(made.SerializeToString()).run(["y"], rows)[0]
        errors.append(np.abs(answer - exact).max())
    assert errors[1] < 5e-4
    assert errors[1] < errors[0] / 100


def test_counted_is_what_has_8_bit_weights() -> None:
    weights = np.eye(3, dtype=np.float32)
    model = float_layer(weights, np.zeros(3, np.float32))
    assert count_quantized_nodes(model.SerializeToString()) == 0
    assert count_quantized_nodes(wide_case()[2].SerializeToString()) == 1

    model.graph.initializer.remove(model.graph.initializer[0])
    model.graph.initializer.append(numpy_helper.from_array(np.eye(3, dtype=np.int8), "q"))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.1), "step"))
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["q", "step"], ["w"]))
    assert count_quantized_nodes(model.SerializeToString()) == 1


def test_other_units_change_nothing_but_the_codes() -> None:
    rng = np.random.default_rng(3)
    first = layer_of(rng.normal(size=(30, 64)).astype(np.float32), never_negative=False)
    second = layer_of(rng.normal(size=WIDE).astype(np.float32), rectified=True)
    third = layer_of(rng.normal(size=(80, 1)).astype(np.float32), rectified=True)
    changed, divisors = rescaled([first, second, third], 0.5)
    values = rng.normal(size=(20, 30)).astype(np.float32)

    def answer(layers: list[Layer]) -> NDArray[np.float32]:
        hidden = np.maximum(values @ layers[0].weights, 0)
        return np.maximum(hidden @ layers[1].weights, 0) @ layers[2].weights

    np.testing.assert_allclose(answer(changed), answer([first, second, third]), rtol=1e-4)
    assert (np.frexp(divisors[0])[0] == 0.5).all()
    # An integer product has no step left to multiply its sums with.
    assert (weight_codes(changed[1].weights, LARGEST_FACTOR)[1] == 1).all()
    assert (divisors[2] == 1).all()


def test_smoothing_is_an_exact_power_of_two_and_harmless_where_nothing_is_used() -> None:
    layer = layer_of(np.array([[0.001], [3.0], [0.0]], np.float32))
    layer = Layer(**{**vars(layer), "peaks": np.array([1000.0, 0.0, 0.5])})
    assert smoothing(layer, 0.5).tolist() == [1024.0, 1.0, 1.0]
