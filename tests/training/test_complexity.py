"""What a fitted pipeline costs, counted another way."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from mlops_assets.column_declaration import Column
from mlops_assets.target_declaration import Task
from mlops_assets.training.candidates import Candidate, build
from mlops_assets.training.complexity import Complexity, operation_count, parameter_count
from mlops_assets.training_declaration import Complexity as Limits
from mlops_assets.training_declaration import Family

COLUMNS = {"size": Column(type="number"), "city": Column(type="string")}
ROWS = 200
# One number and two cities: three columns in the dense form.
DENSE = 3
CLASSES: dict[Task, int] = {"binary": 1, "multiclass": 3, "regression": 1}


def _fitted(task: Task, family: Family, **parameters: Any) -> tuple[Pipeline, pd.DataFrame]:
    form: Any = "dense" if family in ("linear", "mlp") else "tree"
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"size": rng.random(ROWS), "city": rng.choice(["Ghent", "Metz"], ROWS)})
    number = rows["size"].to_numpy() + rng.random(ROWS)
    labels = number if task == "regression" else np.digitize(number, [0.8, 1.3][: CLASSES[task]])
    if task == "binary":
        labels = (number > 1).astype(np.int64)
    pipeline = build(Candidate("small", family, form, parameters), COLUMNS, {}, 0, task)
    return pipeline.fit(rows, labels), rows


@pytest.mark.parametrize("task", CLASSES)
def test_a_linear_model_multiplies_each_input_by_each_weight(task: Task) -> None:
    pipeline, _ = _fitted(task, "linear")

    assert operation_count(pipeline) == DENSE * CLASSES[task]
    assert parameter_count(pipeline) == (DENSE + 1) * CLASSES[task]


@pytest.mark.parametrize("task", CLASSES)
def test_a_network_multiplies_layer_by_layer(task: Task) -> None:
    pipeline, _ = _fitted(
        task, "mlp", hidden_layer_sizes=(4, 2), solver="lbfgs", max_iter=200, tol=1.0
    )

    outputs = CLASSES[task]
    assert operation_count(pipeline) == DENSE * 4 + 4 * 2 + 2 * outputs
    assert parameter_count(pipeline) == (DENSE + 1) * 4 + 5 * 2 + 3 * outputs


@pytest.mark.parametrize("task", CLASSES)
def test_the_comparisons_of_boosting_are_those_its_fitted_rows_meet(task: Task) -> None:
    pipeline, rows = _fitted(
        task, "histogram_gradient_boosting", max_iter=4, max_leaf_nodes=5, min_samples_leaf=5
    )

    encoded = pipeline[:-1].transform(rows)
    trees = [t for iteration in pipeline[-1]._predictors for t in iteration]
    assert len(trees) == 4 * CLASSES[task]
    met = sum(_walked(tree.nodes, row) for tree in trees for row in encoded) / ROWS
    assert operation_count(pipeline) == int(np.ceil(round(met, 9)))
    assert parameter_count(pipeline) == sum(int(t.nodes["is_leaf"].sum()) for t in trees)


def _walked(nodes: Any, row: Any) -> int:
    place = steps = 0
    while not nodes[place]["is_leaf"]:
        node = nodes[place]
        goes_left = row[node["feature_idx"]] <= node["num_threshold"]
        place, steps = node["left" if goes_left else "right"], steps + 1
    return steps


@pytest.mark.parametrize("task", CLASSES)
def test_the_comparisons_of_a_forest_are_those_its_fitted_rows_meet(task: Task) -> None:
    pipeline, rows = _fitted(
        task, "random_forest", n_estimators=3, max_leaf_nodes=6, bootstrap=False
    )

    encoded = pipeline[:-1].transform(rows)
    paths = pipeline[-1].decision_path(encoded)[0]
    # A path holds the leaf as well, which compares nothing.
    assert operation_count(pipeline) == int(np.ceil(round(paths.sum() / ROWS - 3, 9)))
    trees = [tree.tree_ for tree in pipeline[-1].estimators_]
    assert parameter_count(pipeline) == sum(int((t.children_left == -1).sum()) for t in trees)


@pytest.mark.parametrize("estimator", [DummyClassifier(), DecisionTreeClassifier()])
@pytest.mark.parametrize("count", [parameter_count, operation_count])
def test_a_family_without_a_known_size_is_an_error(count: Any, estimator: Any) -> None:
    pipeline, _ = _fitted("binary", "linear")

    with pytest.raises(TypeError, match=f"is known for {type(estimator).__name__}"):
        count(pipeline.set_params(estimate=estimator))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, ""),
        ({"max_parameters": 10, "max_operations": 2_000, "max_bytes": 5_000}, ""),
        ({"max_parameters": 9}, "parameters 10, at most 9"),
        (
            {"max_operations": 1_999, "max_bytes": 4_999},
            "operations 2,000, at most 1,999; bytes 5,000, at most 4,999",
        ),
    ],
)
def test_what_is_over_a_limit_is_said_with_number_and_limit(
    limits: dict[str, int], words: str
) -> None:
    assert Complexity(10, 2_000, 5_000).excess(Limits(**limits)) == words


def test_a_size_that_is_unknown_is_within_no_limit() -> None:
    assert Complexity(1, 1, None).excess(Limits(max_bytes=10**9)) == (
        "bytes unknown, at most 1,000,000,000"
    )
    assert Complexity(1, 1, None).excess(Limits(max_parameters=1)) == ""
