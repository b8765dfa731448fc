"""Crossings, differences of label rates, and that nobody is singled out."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.representation.group_counts import MOST_CROSSINGS
from mlops_assets.data.representation.report import representation_report
from mlops_assets.use_case import UseCase

TEXT = {"type": "string", "role": "sensitive", "nullable": True}


@pytest.fixture(scope="module")
def report(declared: Callable[[], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Makes the report of rows whose columns but for the last three are sensitive texts."""

    def make(rows: pd.DataFrame, **said: Any) -> dict[str, Any]:
        changed = declared()
        del changed["columns"]["group"]
        names = [name for name in rows.columns if name not in ("batch", "split", "late")]
        changed["columns"].update(dict.fromkeys(names, TEXT))
        return representation_report(rows, UseCase(**{**changed, "representation": said}))

    return make


def _frame(late: Any, split: str = "test", **columns: Any) -> pd.DataFrame:
    texts = {name: pd.Series(values, dtype="string") for name, values in columns.items()}
    return pd.DataFrame({**texts, "late": late, "split": split, "batch": "b"})


def test_every_pair_of_columns_is_crossed_the_smallest_first(report: Any) -> None:
    a, b, c = ["x"] * 60 + ["y"] * 40, ["p"] * 70 + ["q"] * 30, ["u"] * 100

    found = report(_frame(np.arange(100) % 2, a=a, b=b, c=c), min_rows=20)["crossings"]

    assert [(one["group"], one["rows"]["test"]) for one in found["shown"]] == [
        ("a = y, b = p", 10), ("a = y, b = q", 30), ("b = q, c = u", 30), ("a = y, c = u", 40),
        ("a = x, b = p", 60), ("a = x, c = u", 60), ("b = p, c = u", 70),
    ]  # fmt: skip
    assert (found["possible"], found["occurring"], found["too_small"]) == (8, 7, 1)
    assert [one["is_too_small"] for one in found["shown"][:2]] == [True, False]


def test_of_many_crossings_the_smallest_are_shown_and_all_are_counted(report: Any) -> None:
    cells = [(i, j) for i in range(10) for j in range(10) for _ in range(5 + i + j)]
    a, b = ([f"{one[k]}" for one in cells] for k in (0, 1))

    found = report(_frame(0, a=a, b=b))["crossings"]

    assert len(found["shown"]) == MOST_CROSSINGS and found["occurring"] == 100
    sizes = [one["rows"]["test"] for one in found["shown"]]
    assert sizes == sorted(5 + i + j for i in range(10) for j in range(10))[:MOST_CROSSINGS]


def test_no_figure_of_fewer_than_five_rows_is_written(report: Any) -> None:
    a = ["x"] * 500 + ["y"] * 4
    made = report(_frame([1] * 504, split="train", a=a))

    (column,) = made["columns"]
    (lone,) = [one for one in column["groups"] if one["label"] == "y"]
    assert lone["rows"]["train"] == lone["labelled"]["train"] == "fewer than 5"
    for hidden in ("share", "label_rate", "ratio"):
        assert set(lone[hidden].values()) == {None}
    assert lone["rows"]["test"] == 0
    assert "4" not in json.dumps(lone)


def test_a_hidden_group_is_still_judged(report: Any) -> None:
    a = ["x"] * 996 + ["y"] * 4
    said = {"reference": {"a": {"x": 0.9, "y": 0.1}}, "reference_source": "a census", "min_rows": 1}

    made = report(_frame([1] * 1000, split="train", a=a), **said)

    assert [one["text"] for one in made["shortfalls"]][1] == (
        "a = y is under-represented: fewer than 5 of the train rows, and 10% of the reference."
    )


def test_what_else_the_few_people_of_a_group_are_is_not_told(report: Any) -> None:
    a, b = ["x"] * 500 + ["y"] * 4, ["p"] * 250 + ["q"] * 254

    found = report(_frame(0, a=a, b=b))["crossings"]

    assert [one["group"] for one in found["shown"]] == ["a = x, b = p", "a = x, b = q"]
    assert found["possible"] == found["occurring"] == 2


def test_values_of_a_few_people_are_not_named_where_they_may_be_text(report: Any) -> None:
    names = [f"Person {i:02}" for i in range(30)]
    a = ["common"] * 50 + names

    made = report(_frame(0, a=a, b=["p"] * 80), min_rows=1)

    assert "Person" not in json.dumps(made)
    groups = {one["label"]: one["rows"]["test"] for one in made["columns"][0]["groups"]}
    assert groups == {"common": 50, "(rare values)": 30}


def test_the_largest_difference_is_given_and_the_largest_beyond_chance(report: Any) -> None:
    a = ["x"] * 1000 + ["y"] * 1000 + ["z"] * 30 + ["w"] * 29
    late = [1] * 400 + [0] * 600 + [1] * 600 + [0] * 400 + [1] * 20 + [0] * 10 + [1] * 29

    (found,) = report(_frame(late, a=a))["differences"]

    assert found["pairs"] == 3, "a group of 29 is not compared"
    assert (found["largest"]["higher"], found["largest"]["lower"]) == ("a = z", "a = x")
    assert found["largest"]["difference"] == pytest.approx(20 / 30 - 0.4, abs=1e-6)
    assert found["beyond_chance"] == 2
    assert found["largest_beyond_chance"] == found["largest"]


def test_the_p_value_counts_the_pairs_of_all_columns(report: Any) -> None:
    a, b = ["x"] * 100 + ["y"] * 100, ["p", "q"] * 100
    late = [1] * 40 + [0] * 60 + [1] * 54 + [0] * 46

    alone = report(_frame(late, a=a))["differences"][0]["largest"]["p_value"]
    found = report(_frame(late, a=a, b=b))["differences"][0]["largest"]["p_value"]

    assert found == pytest.approx(2 * alone, rel=1e-4)
