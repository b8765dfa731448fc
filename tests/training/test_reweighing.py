"""Weighed rows: groups and outcomes are independent, in every family and in refits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.representation.group_counts import HIDDEN
from mlops_assets.training.fit import train
from mlops_assets.training.refit import refit, without_mitigation
from mlops_assets.training.reweighing import (
    describe_reweighing,
    independence_weights,
    reweighed_groups,
)
from mlops_assets.training_declaration import FAMILIES

Make = Callable[..., Any]
Cells = st.lists(st.lists(st.integers(1, 40), min_size=3, max_size=3), min_size=2, max_size=4)


@given(Cells)
def test_weighed_groups_have_equal_shares_of_each_class(cells: list[list[int]]) -> None:
    groups = np.repeat(np.arange(len(cells)), [sum(c) for c in cells]).astype(np.int32)
    labels = np.concatenate([np.repeat([0, 1, 2], counts) for counts in cells])

    weights = independence_weights(groups, labels)

    weighed = pd.crosstab(groups, labels, weights, aggfunc="sum").to_numpy()
    table = np.array(cells)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    assert weighed == pytest.approx(expected)
    assert weighed.sum(axis=0) == pytest.approx(table.sum(axis=0)), "each class as before"


def test_the_weights_are_those_of_the_paper() -> None:
    """The example of Kamiran and Calders: ten applicants, jobs by sex; theirs are rounded."""
    sex = np.array([0] * 5 + [1] * 5, np.int32)
    label = np.array([1, 1, 1, 1, 0, 1, 1, 0, 0, 0])

    found = independence_weights(sex, label)

    assert found[[0, 4, 5, 7]] == pytest.approx([0.75, 2.0, 1.5, 0.67], abs=0.005)


def test_a_group_that_lacks_a_class_keeps_finite_weights() -> None:
    weights = independence_weights(np.array([0, 0, 1, 1], np.int32), np.array([1, 1, 0, 1]))

    assert np.isfinite(weights).all() and (weights > 0).all()


@pytest.fixture(scope="module")
def biased() -> pd.DataFrame:
    """Rows in which ``z`` says the group and nothing else, and group 2 was seldom given a 1."""
    rng = np.random.default_rng(0)
    rows = 3000
    group = rng.integers(1, 3, rows)
    x = rng.normal(size=rows)
    chance = 1.0 / (1.0 + np.exp(-(1.5 * x + np.where(group == 2, -1.5, 0.5))))
    return pd.DataFrame(
        {
            "batch": "b",
            "split": rng.choice(["train", "calibration", "test"], rows, p=[0.6, 0.2, 0.2]),
            "x": x,
            "z": (group == 2) + rng.normal(scale=0.2, size=rows),
            "group": group,
            "y": (rng.random(rows) < chance).astype(np.int64),
        }
    )


@pytest.fixture(scope="module")
def make(task_use_case: Make, declared: Make) -> Make:
    def made(family: str, *columns: str, **remedies: Any) -> Any:
        group = declared()["columns"]["group"]
        use_case = task_use_case(
            "binary", families=(family,), max_fits=3, columns={"group": group}, remedies=remedies
        )
        fairness = use_case.fairness.model_copy(
            update={"mitigation": type(use_case.fairness.mitigation)(reweighing=columns)}
        )
        return use_case.model_copy(update={"fairness": fairness})

    return made


def _gap(model: Any, rows: pd.DataFrame) -> float:
    means = pd.Series(model.answers(rows)[:, 0]).groupby(rows["group"].to_numpy()).mean()
    return float(means[1] - means[2])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_treats_the_groups_more_alike_and_stays_calibrated(
    family: str, biased: pd.DataFrame, make: Make
) -> None:
    use_case = make(family, "group")
    found = train(biased, use_case, lambda _: None)
    plain, _ = without_mitigation(biased, use_case, found.record)

    test = biased[biased["split"] == "test"]
    assert _gap(plain, test) > 0.2
    assert abs(_gap(found.model, test)) < 0.5 * _gap(plain, test)
    calibration = biased[biased["split"] == "calibration"]
    predicted = found.model.answers(calibration)[:, 0].mean()
    assert predicted == pytest.approx(calibration["y"].mean(), abs=1e-3)
    described = found.record["remedies"]["reweighing"]
    assert described["columns"] == ["group"]
    train_rows = biased[biased["split"] == "train"]
    assert sum(cell["rows"] for cell in described["groups"]) == len(train_rows)
    json_bytes(found.record)


def test_the_model_without_mitigation_is_that_of_a_training_without_it(
    biased: pd.DataFrame, make: Make
) -> None:
    with_it, never = (
        train(biased, make("linear", *columns), lambda _: None) for columns in (["group"], [])
    )

    plain, rule = without_mitigation(biased, make("linear", "group"), with_it.record)

    assert np.array_equal(plain.answers(biased), never.model.answers(biased))
    assert not np.array_equal(plain.answers(biased), with_it.model.answers(biased))
    assert rule == never.model.rule


def test_class_weights_hold_beside_it_and_refits_weigh_alike(
    biased: pd.DataFrame, make: Make
) -> None:
    use_case = make("linear", "group", class_weights=True)
    found = train(biased, use_case, lambda _: None)
    rows = biased[biased["split"] == "train"]

    again = refit(rows, use_case, found.record, found.model, seed=use_case.training.seed)

    estimated = found.model.pipeline.predict_proba(rows)[:, 1]
    assert estimated.mean() == pytest.approx(0.5, abs=0.05), "classes weigh the same"
    assert abs(_gap(found.model, rows)) < 0.1, "and groups have equal shares of them"
    assert again.answers(rows) == pytest.approx(found.model.answers(rows), abs=1e-4)


def test_cells_of_few_rows_are_not_written_down(make: Make) -> None:
    rows = pd.DataFrame({"group": [1] * 20 + [2] * 9})
    labels = np.array([0, 1] * 10 + [0] * 7 + [1] * 2)
    use_case = make("linear", "group")

    described = describe_reweighing(reweighed_groups(rows, use_case), labels, use_case)

    assert described is not None
    assert [cell["rows"] for cell in described["groups"]] == [10, 10, 7, HIDDEN]
    first, second, third, last = (cell["weight"] for cell in described["groups"])
    assert first == pytest.approx(20 * 17 / 29 / 10) and second == pytest.approx(20 * 12 / 29 / 10)
    assert third is None and last is None, "either would tell the rows of the group"
    assert reweighed_groups(rows, make("linear")) is None
