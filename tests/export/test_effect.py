"""What 8 bits change is counted for every task, and what is not known never holds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from mlops_assets.answers import Cut
from mlops_assets.export.effect import quantization_effect, within_limits
from mlops_assets.policy_declaration import Limits
from mlops_assets.target_declaration import Task


def column(*values: float) -> Any:
    return np.array(values)[:, None]


def test_effect_of_known_changes_on_two_classes() -> None:
    before, after = column(0.2, 0.6, 0.7, 0.4), column(0.2, 0.4, 0.8, 0.4)
    labels = np.array([0, 1, 1, 0])
    assert quantization_effect("binary", before, after, labels, 200, 50) == {
        "rows_compared": 4,
        "size_float": 200,
        "size_quantized": 50,
        "size_ratio": 0.25,
        "largest_difference": pytest.approx(0.2),
        "decisions_flipped": 0.25,
        "loss_change": pytest.approx(log_loss(labels, after) - log_loss(labels, before)),
        "roc_auc_change": pytest.approx(roc_auc_score(labels, after) - 1.0),
    }


def test_flips_are_those_of_the_decisions_that_are_made() -> None:
    before, after = column(0.2, 0.6, 0.7, 0.4), column(0.2, 0.4, 0.8, 0.4)
    cut = Cut(np.array([0.5, 0.3, 0.75, 0.75]))

    effect = quantization_effect("binary", before, after, np.zeros(4), 2, 1, cut=cut)

    assert effect["decisions_flipped"] == 0.25, "the third row, not the second"


def test_effect_on_three_classes() -> None:
    before = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    after = np.array([[0.3, 0.5, 0.2], [0.1, 0.1, 0.8]])
    labels = np.array([0, 2])
    effect = quantization_effect("multiclass", before, after, labels, 2, 1)
    assert effect["largest_difference"] == pytest.approx(0.2)
    assert effect["decisions_flipped"] == 0.5
    expected = log_loss(labels, after, labels=[0, 1, 2]) - log_loss(
        labels, before, labels=[0, 1, 2]
    )
    assert effect["loss_change"] == pytest.approx(expected)
    assert effect["roc_auc_change"] is None


def test_effect_on_numbers_is_in_standard_deviations() -> None:
    before = np.array([[10.0, 0.0, 20.0], [12.0, 2.0, 22.0]])
    after = before + np.array([[4.0, 0.0, 0.0], [0.0, 9.0, 9.0]])
    labels = np.array([10.0, 12.0])
    effect = quantization_effect("regression", before, after, labels, 2, 1, variance=16.0)
    assert effect["largest_difference"] == pytest.approx(1.0)
    assert effect["loss_change"] == pytest.approx(0.5)
    assert effect["decisions_flipped"] is None


def test_what_cannot_be_computed_is_none() -> None:
    one_class = quantization_effect("binary", column(0.2), column(0.3), np.array([0]), 2, 0)
    assert one_class["largest_difference"] == pytest.approx(0.1)
    assert one_class["roc_auc_change"] is None
    for before in (np.empty((0, 1)), column(np.nan)):
        nothing = quantization_effect("binary", before, before, np.zeros(len(before)), 0, 1)
        for name in ("size_ratio", "largest_difference", "decisions_flipped", "loss_change"):
            assert nothing[name] is None


@pytest.mark.parametrize(("after", "labels"), [((3, 1), 2), ((2, 1), 3), ((2, 2), 2)])
def test_answers_to_different_rows_are_an_error(after: tuple[int, int], labels: int) -> None:
    with pytest.raises(ValueError, match="not of the same rows"):
        quantization_effect("binary", np.zeros((2, 1)), np.zeros(after), np.zeros(labels), 1, 1)


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1))
def test_a_form_that_changes_nothing_has_no_effect(rows: list[tuple[float, bool]]) -> None:
    probabilities, labels = (np.array(side) for side in zip(*rows, strict=True))
    answers = probabilities[:, None]
    effect = quantization_effect("binary", answers, answers, labels.astype(int), 10, 10)
    assert effect["largest_difference"] == effect["decisions_flipped"] == 0
    assert effect["loss_change"] == 0
    assert effect["roc_auc_change"] in (0, None)


EFFECT = {"largest_difference": 0.02, "decisions_flipped": 0.001, "loss_change": -0.5}


@pytest.mark.parametrize("name", sorted(EFFECT))
@pytest.mark.parametrize("value", [0.0201, None, float("nan")])
def test_one_figure_beyond_its_limit_or_unknown_does_not_hold(
    name: str, value: float | None
) -> None:
    verdicts = {v["name"]: v for v in within_limits({**EFFECT, name: value}, Limits(), "binary")}
    assert [n for n, verdict in verdicts.items() if not verdict["holds"]] == [name]
    assert verdicts["largest_difference"]["limit"] == Limits().quantized_difference


def test_no_effect_holds_nothing() -> None:
    assert not any(v["holds"] for v in within_limits(None, Limits(), "binary"))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_flips_are_asked_of_decisions_only(task: Task) -> None:
    verdicts = within_limits({**EFFECT, "decisions_flipped": None}, Limits(), task)
    assert all(v["holds"] for v in verdicts) == (task == "regression")
    assert len(verdicts) == (2 if task == "regression" else 3)
