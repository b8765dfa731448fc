"""When the first training can be."""

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.scaffolding.class_guess import TargetGuess
from mlops_assets.scaffolding.window_guess import first_batches, labels_of


def batch(negative: int, positive: int, unlabelled: int = 0) -> pa.Table:
    values = [False] * negative + [True] * positive + [None] * unlabelled
    return pa.table({"y": pa.array(values, pa.bool_())})


USUAL = batch(200, 200)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([USUAL], 1),
        ([USUAL] * 3, 1),
        ([USUAL] * 4, 2),
        ([batch(3, 1), USUAL, USUAL, USUAL], 2),
        ([USUAL, batch(3, 1), USUAL, USUAL], 3),  # the newest batch could not test a model
        ([USUAL, batch(400, 0), USUAL, USUAL], 3),
        ([USUAL, batch(0, 0, 400), USUAL, USUAL], 3),
        ([batch(60, 60)] * 4, 3),
        ([batch(396, 4)] * 5 + [USUAL], 6),
        ([batch(3, 1)] * 9, 2),  # never: as usual, and the lifecycle will say so
    ],
)
def test_the_first_training_waits_for_rows_of_both_classes(
    parts: list[pa.Table], expected: int
) -> None:
    assert first_batches(labels_of(parts, TargetGuess("y", "boolean", ""))) == expected


def test_whole_numbers_are_labels_too() -> None:
    numbers = pa.table({"y": np.arange(400) % 2})
    assert first_batches(labels_of([numbers], TargetGuess("y", "integer", ""))) == 1
