"""What is tried within a budget of fits, and how large what was fitted is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from mlops_assets.column_declaration import Column
from mlops_assets.training.candidates import (
    CANDIDATES,
    Candidate,
    build,
    parameter_count,
    within_budget,
)
from mlops_assets.training.encoding import Form
from mlops_assets.training_declaration import FAMILIES, Search

COLUMNS = {"size": Column(type="number"), "city": Column(type="string")}
SMALL: dict[str, dict[str, Any]] = {
    "logistic_regression": {"max_iter": 50},
    "random_forest": {"n_estimators": 3, "max_leaf_nodes": 5},
    "histogram_gradient_boosting": {"max_iter": 4, "max_leaf_nodes": 5},
    "mlp": {"hidden_layer_sizes": (4,), "solver": "lbfgs", "max_iter": 200, "tol": 1.0},
}


@pytest.mark.parametrize(
    ("max_fits", "folds", "tried"), [(24, 4, 6), (23, 4, 5), (4, 4, 1), (3, 3, 1), (100, 4, 6)]
)
def test_only_candidates_whose_folds_all_fit_are_tried(
    max_fits: int, folds: int, tried: int
) -> None:
    affordable, left_out = within_budget(Search(max_fits=max_fits, folds=folds))

    assert affordable == CANDIDATES[:tried]
    assert left_out == CANDIDATES[tried:]


def test_only_the_declared_families_are_tried() -> None:
    affordable, left_out = within_budget(Search(families=("mlp", "logistic_regression")))

    assert {c.family for c in affordable} == {"mlp", "logistic_regression"}
    assert left_out == ()


def test_a_small_budget_tries_every_family_before_a_second_of_one() -> None:
    affordable, _ = within_budget(Search(max_fits=16, folds=4))

    assert {c.family for c in affordable} == set(FAMILIES)


def test_candidates_have_names_of_their_own() -> None:
    assert len({c.name for c in CANDIDATES}) == len(CANDIDATES)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c.name)
def test_nothing_of_a_candidate_depends_on_machine_or_moment(candidate: Candidate) -> None:
    classify = build(candidate, COLUMNS, {}, 5).named_steps["classify"]

    assert classify.random_state == 5
    assert getattr(classify, "n_jobs", None) in (None, 1)
    assert not getattr(classify, "early_stopping", False)
    assert candidate.form == ("dense" if candidate.family in FAMILIES[::3] else "tree")


def _leaves(pipeline: Pipeline) -> int:
    classify = pipeline.named_steps["classify"]
    if hasattr(classify, "estimators_"):
        return sum(int((t.tree_.children_left == -1).sum()) for t in classify.estimators_)
    return sum(int(t.nodes["is_leaf"].sum()) for (t,) in classify._predictors)


EXPECTED_SIZE: dict[str, Callable[[Pipeline], int]] = {
    # One number and two cities, encoded as three columns.
    "logistic_regression": lambda _: 3 + 1,
    "mlp": lambda _: (3 + 1) * 4 + (4 + 1),
    "random_forest": _leaves,
    "histogram_gradient_boosting": _leaves,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_size_of_a_model_is_its_weights_or_its_leaves(family: str) -> None:
    form: Form = "dense" if family in FAMILIES[::3] else "tree"
    candidate = Candidate("small", family, form, SMALL[family])
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"size": rng.random(80), "city": rng.choice(["Ghent", "Metz"], 80)})
    labels = (rows["size"] + rng.random(80) > 1).to_numpy(np.int64)

    pipeline = build(candidate, COLUMNS, {}, 0).fit(rows, labels)

    assert parameter_count(pipeline) == EXPECTED_SIZE[family](pipeline) > 1


def test_a_family_without_a_known_size_is_an_error() -> None:
    pipeline = clone(build(CANDIDATES[0], COLUMNS, {}, 0)).set_params(classify=DummyClassifier())

    with pytest.raises(TypeError, match="no parameter count is known for DummyClassifier"):
        parameter_count(pipeline)
