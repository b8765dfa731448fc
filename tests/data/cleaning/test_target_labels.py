"""Targets of each task, however the source writes them: read where it is clear what is meant."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.cleaning.cleaning import CleanedBatch, clean
from mlops_assets.data.cleaning.rules import declared_rules
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]

WORDS = {"task": "multiclass", "type": "string", "classes": ["low", "High", "1.0"]}
CODES = {"task": "multiclass", "type": "integer", "classes": [3, 1, 0]}
TRUTHS = {"task": "multiclass", "type": "string", "classes": ["yes", "true", "FALSE"]}
BANDS = {
    "task": "multiclass",
    "type": "string",
    "bands": {"edges": [0, 15], "names": ["early", "on time", "late"]},
}
NUMBER = {"task": "regression", "type": "number", "minimum": -100, "maximum": 1e6}
WHOLE = {"task": "regression", "type": "integer"}
YES_NO = {"positive": "yes", "negative": "no"}
ONE_TWO = {"positive": 1, "negative": 2}


def cleaned(make_use_case: MakeUseCase, target: dict[str, Any], labels: pa.Array) -> CleanedBatch:
    use_case = make_use_case(
        target={"column": "y", **target},
        columns={"x": {"type": "integer"}},
        training={"first_batches": 1},
    )
    return clean(pa.table({"x": np.arange(len(labels)), "y": labels}), use_case, "b")


@pytest.mark.parametrize(
    ("target", "given", "read"),
    [
        (WORDS, [" low", "High ", "1.0", None], ["low", "High", "1.0", None]),
        (WORDS, [b"low", b"1.0"], ["low", "1.0"]),
        (WORDS, [1.0, float("nan")], ["1.0", None]),
        (TRUTHS, [True, False, None], ["true", "FALSE", None]),
        (CODES, [3, 1, 0, None], [3, 1, 0, None]),
        (CODES, [3.0, 1.0, float("nan")], [3, 1, None]),
        (CODES, ["3", " 1 ", "0.0"], [3, 1, 0]),
        (CODES, [True, False], [1, 0]),
        (BANDS, [-0.1, 0.0, 14.9, 15.0], ["early", "on time", "on time", "late"]),
        (BANDS, [float("nan"), None], [None, None]),
        (BANDS, [-3, 0, 15, None], ["early", "on time", "late", None]),
        (BANDS, ["-1", " 1e1 ", "+15", None], ["early", "on time", "late", None]),
        (NUMBER, [1.5, -100.0, 1e6, None], [1.5, -100.0, 1e6, None]),
        (NUMBER, [1, 2], [1.0, 2.0]),
        (NUMBER, [" 2.5", "1e3"], [2.5, 1000.0]),
        (WHOLE, [1.0, 2.0, float("nan")], [1, 2, None]),
        (WHOLE, ["7", "8"], [7, 8]),
        ({}, ["true", "False", "1", "0.0", None], [True, False, True, False, None]),
        ({}, [1.0, 0.0, float("nan")], [True, False, None]),
        ({"type": "integer"}, [True, False], [1, 0]),
        ({"type": "integer"}, ["1", "0.0"], [1, 0]),
        ({"type": "integer"}, [1.0, 0.0], [1, 0]),
        (YES_NO, [" yes", "no "], [True, False]),
        (ONE_TWO, [1.0, 2.0], [True, False]),
    ],
)  # fmt: skip
def test_labels_are_read_where_it_is_clear_what_is_meant(
    target: dict[str, Any], given: list[Any], read: list[Any], make_use_case: MakeUseCase
) -> None:
    batch = cleaned(make_use_case, target, pa.array(given))

    assert batch.rows.column("y").to_pylist() == read
    assert batch.counts["quarantined"] == 0
    assert batch.counts["unlabelled"] == read.count(None)


@pytest.mark.parametrize(
    ("target", "given", "reasons"),
    [
        (WORDS, ["low", "LOW", "", "1"], {"y:not allowed": 3}),
        (WORDS, [1.5, 2.0], {"y:not allowed": 2}),
        (WORDS, [["low"], ["High"]], {"y:type": 2}),
        (TRUTHS, ["yes", "True"], {"y:not allowed": 1}),
        (CODES, [3, 2, 7], {"y:not allowed": 2}),
        (CODES, [1.0, 1.5], {"y:type": 1}),
        (CODES, ["3", "low", "4"], {"y:type": 1, "y:not allowed": 1}),
        (BANDS, ["1", "x", "", "inf", "nan"], {"y:type": 4}),
        (BANDS, [float("inf"), -float("inf"), 1e39, 3.0], {"y:type": 3}),
        (BANDS, [True, False], {"y:type": 2}),
        (NUMBER, [float("inf"), -float("inf"), 3.0], {"y:type": 2}),
        (NUMBER, [-100.1, 1e6 + 1, 0.0], {"y:below minimum": 1, "y:above maximum": 1}),
        (NUMBER, [True, False], {"y:type": 2}),
        (NUMBER, ["3", "three"], {"y:type": 1}),
        (WHOLE, [1.0, 1.5], {"y:type": 1}),
        ({}, ["true", "yes", "2"], {"y:type": 2}),
        ({}, [0.5, 1.0], {"y:type": 1}),
        ({"type": "integer"}, [0, 1, 2], {"y:not allowed": 1}),
        (YES_NO, ["yes", "Yes"], {"y:type": 1}),
        (YES_NO, [True, False], {"y:type": 2}),
    ],
)
def test_what_may_mean_something_else_goes_to_the_quarantine(
    target: dict[str, Any], given: list[Any], reasons: dict[str, int], make_use_case: MakeUseCase
) -> None:
    batch = cleaned(make_use_case, target, pa.array(given))

    assert batch.counts["reasons"] == reasons
    assert batch.counts["quarantined"] == sum(reasons.values())
    assert batch.rows.num_rows == len(given) - sum(reasons.values())


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5, unique=True),
    st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=1, max_size=20),
)
def test_every_number_is_in_the_band_whose_lower_edge_it_reaches(
    make_use_case: MakeUseCase, edges: list[float], numbers: list[float | None]
) -> None:
    edges = sorted(edges) if len(edges) > 1 else [edges[0], edges[0] + 1.0]
    names = [f"band {place}" for place in range(len(edges) + 1)]
    target = {**BANDS, "bands": {"edges": edges, "names": names}}

    found = cleaned(make_use_case, target, pa.array([*numbers, *edges], pa.float64()))

    def band(number: float | None) -> str | None:
        return None if number is None else names[sum(number >= edge for edge in edges)]

    assert found.rows.column("y").to_pylist() == [*map(band, numbers), *names[1:]]


@pytest.mark.parametrize(
    ("target", "checks"),
    [
        (WORDS, {"y_is_text": "y is a text, or missing",
                 "y_is_allowed": "y is one of 'low', 'High', '1.0'"}),
        (CODES, {"y_is_integer": "y is a whole number, or missing",
                 "y_is_allowed": "y is one of 3, 1, 0"}),
        (BANDS, {"y_is_number": "y is a number, or missing"}),
        (NUMBER, {"y_is_number": "y is a number, or missing",
                  "y_at_least_minus_100": "y is at least -100",
                  "y_at_most_1000000": "y is at most 1000000"}),
    ],
)  # fmt: skip
def test_the_rules_of_a_target_say_what_it_may_be(
    target: dict[str, Any], checks: dict[str, str], make_use_case: MakeUseCase
) -> None:
    use_case = make_use_case(target={"column": "y", **target})

    rules = [rule for rule in declared_rules(use_case) if rule.column == "y"]

    assert {rule.check: rule.words for rule in rules} == checks
    assert all(rule.severity == "error" for rule in rules)
    assert all(rule.field.startswith("target.") for rule in rules)
