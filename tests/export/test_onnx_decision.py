"""The label of an exported model is what its decision rule says of its probabilities, exactly."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from mlops_assets.answers import Cut, DecisionRule, decisions, from_outputs
from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.onnx_decision import add_class
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.quantization import quantize
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor, open_session
from mlops_assets.target_declaration import Task

Make = Callable[..., Any]
BY_GROUP = {
    "city": (("Oslo", 0.25), ("München", 0.75), ("a b", 1.0)),
    "code": (("-7", 0.25), (str(2**60), 0.75)),
    "nullable_code": (("1", 0.25), ("5", 0.75)),
}
COSTS = ((0.0, 1.0, 7.0), (2.5, -0.1, 1.0), (4.0, 0.3, 0.0))


def _forms(fitted: Any, rule: DecisionRule) -> list[bytes]:
    """The float form and, where there is one, that in 8 bits."""
    model = copy(fitted.model)
    model.rule = rule
    onnx = to_onnx(model, fitted.target)
    tensors = to_tensors(fitted.calibration, fitted.columns)
    task = fitted.target.task
    made = quantize(onnx, fitted.family, task, tensors, "size", cut=rule.cut(fitted.calibration))
    return [onnx, *([made.model] if made.model else [])]


def _decided(task: Task, found: dict[str, Any], cut: Cut | None = None) -> Any:
    return decisions(task, from_outputs(found), cut)


def _asked(form: bytes, fitted: Any) -> dict[str, Any]:
    return Predictor(form).predict(to_tensors(fitted.rows, fitted.columns))


def test_a_threshold_at_the_answer_of_a_row_decides_it_positive_in_every_form(
    family: str, fit_on_hostile_rows: Make
) -> None:
    fitted = fit_on_hostile_rows(family, "binary")
    for place, plain in enumerate(_forms(fitted, DecisionRule())):
        given = from_outputs(_asked(plain, fitted))
        at = float(np.sort(given[:, 0])[len(given) // 3])
        for threshold in (at, float(np.nextafter(np.float32(at), np.float32(1)))):
            rule = DecisionRule(threshold)
            found = _asked(_forms(fitted, rule)[place], fitted)
            assert np.array_equal(from_outputs(found), given)
            assert np.array_equal(found["label"], _decided("binary", found, rule.cut()))
            assert found["label"][given[:, 0] == at].all() == (threshold == at)


@pytest.mark.parametrize("column", BY_GROUP)
def test_a_group_is_looked_up_by_its_raw_value_in_every_form(
    column: str, family: str, fit_on_hostile_rows: Make, make_hostile_rows: Make
) -> None:
    # The first rows hold numbers that are no request's.
    rows = make_hostile_rows(400, 5, new_values=True)[8:]
    fitted = replace(fit_on_hostile_rows(family, "binary"), rows=rows)
    rule = DecisionRule(0.5, None, column, BY_GROUP[column])
    cut = rule.cut(fitted.rows)
    assert isinstance(cut.threshold, np.ndarray)
    assert {0.25, 0.5, 0.75} <= set(cut.threshold.tolist())

    for form in _forms(fitted, rule):
        found = _asked(form, fitted)
        assert np.array_equal(found["label"], _decided("binary", found, cut))
        assert not np.array_equal(found["label"], _decided("binary", found))


def test_costs_decide_between_several_classes_in_every_form(
    family: str, fit_on_hostile_rows: Make
) -> None:
    fitted = fit_on_hostile_rows(family, "multiclass")
    rule = DecisionRule(costs=COSTS)

    for form in _forms(fitted, rule):
        found = _asked(form, fitted)
        expected = _decided("multiclass", found, rule.cut())
        names = np.array(fitted.target.class_names)
        assert found["label"].tolist() == names[expected].tolist()
        assert (expected != _decided("multiclass", found)).any()


@given(st.integers(3, 12), st.integers(0, 2**32 - 1), st.booleans())
def test_near_ties_of_expected_costs_are_decided_alike(
    classes: int, seed: int, is_symmetric: bool
) -> None:
    rng = np.random.default_rng(seed)
    costs = rng.random((classes, classes)).round(1) * 10.0 ** rng.integers(-6, 6)
    if is_symmetric:
        costs = np.full((classes, classes), costs[0, 1]) * (1.0 - np.eye(classes))
    probabilities = rng.dirichlet(np.ones(classes), 50).astype(np.float32)
    probabilities[::2] = np.float32(1.0 / classes)
    graph = GraphBuilder()
    rule = DecisionRule(costs=tuple(tuple(line) for line in costs.tolist()))
    add_class(graph, "p", list(range(classes)), rule, "label")
    built = graph.build(
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", classes])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, ["n"])],
        "a test",
    )

    (label,) = open_session(built.SerializeToString()).run(None, {"p": probabilities})

    assert np.array_equal(
        label, _decided("multiclass", {"probabilities": probabilities}, Cut(costs=costs))
    )


def test_a_rule_by_a_column_that_the_model_does_not_read_is_refused(
    fit_on_hostile_rows: Make,
) -> None:
    fitted = fit_on_hostile_rows("linear", "binary")

    with pytest.raises(ValueError, match="go by 'other', which is no input"):
        _forms(fitted, DecisionRule(0.5, None, "other", (("1", 0.25),)))


def test_flips_are_counted_by_the_rule(fit_on_hostile_rows: Make) -> None:
    fitted = fit_on_hostile_rows("linear", "binary")
    never = DecisionRule(2.0)
    onnx = to_onnx(fitted.model, fitted.target)
    tensors = to_tensors(fitted.calibration, fitted.columns)

    made = quantize(onnx, "linear", "binary", tensors, "speed", cut=never.cut(pd.DataFrame()))

    assert {form["decisions_flipped"] for form in made.tried} == {0.0}
