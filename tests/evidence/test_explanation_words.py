"""Every word fits the task: probabilities of classes, numbers in their unit."""

import pytest

from mlops_assets.evidence.explained_examples import in_words
from mlops_assets.evidence.explanation_words import Words, words_for, words_of
from mlops_assets.target_declaration import Target

BINARY = words_for(Target(column="late"))
CLASSES = Words("multiclass", "")
MINUTES = words_for(Target(column="x", task="regression", type="number", unit="minutes"))
UNITLESS = Words("regression", "")
PARTS = [("speed", 30, 0.08), ("city", "Metz", -0.02), ("gust", None, 0.01), ("x", 1.0, 1e-4)]
CONTRIBUTIONS = [{"column": c, "value": v, "contribution": s} for c, v, s in PARTS]


def test_contributions_to_a_probability() -> None:
    assert in_words(CONTRIBUTIONS, BINARY, 0.0005, None) == (
        "raised by speed = 30 (+0.080), gust = missing (+0.010); lowered by city = Metz (-0.020)"
    )


def test_contributions_to_the_probability_of_a_class_name_it() -> None:
    assert in_words(CONTRIBUTIONS[:2], CLASSES, 0.0005, "on time") == (
        "the probability of on time was raised by speed = 30 (+0.080); "
        "lowered by city = Metz (-0.020)"
    )
    assert in_words(CONTRIBUTIONS, CLASSES, 1.0, "on time") == "no column moves this answer"


def test_contributions_to_a_number_have_its_unit() -> None:
    moved = [{**one, "contribution": one["contribution"] * 15_612} for one in CONTRIBUTIONS]
    assert in_words(moved, MINUTES, 20.0, None) == (
        "raised by speed = 30 (+1,250 minutes), gust = missing (+156 minutes); "
        "lowered by city = Metz (-312 minutes)"
    )
    assert UNITLESS.moved(-3.24159) == "-3.24"


def test_nothing_is_named_that_moved_nothing() -> None:
    still = [{"column": "a", "value": 1, "contribution": 0.0}]
    assert in_words(still, MINUTES, 0.0, None) == "no column moves this answer"


@pytest.mark.parametrize(
    ("words", "output", "axis", "change"),
    [
        (BINARY, None, "probability", "change of the probability"),
        (CLASSES, "late", "probability of late", "change of the probability of late"),
        (MINUTES, None, "prediction in minutes", "change of the prediction in minutes"),
        (UNITLESS, None, "prediction", "change of the prediction"),
    ],
)
def test_axes(words: Words, output: str | None, axis: str, change: str) -> None:
    assert words.axis(output) == axis
    assert words.change(output) == change
    assert words_of({"task": words.task, "unit": words.unit}) == words


def test_what_is_averaged_over() -> None:
    assert BINARY.any_change == "mean absolute change of the probability"
    assert CLASSES.any_change == "mean absolute change of the probability of a class"
    assert MINUTES.any_change == "mean absolute change of the prediction in minutes"
