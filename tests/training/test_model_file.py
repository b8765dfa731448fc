"""Bytes of a model file that do not tell what else the process has done."""

import io
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest

from mlops_assets.training.model_file import model_bytes

Make = Callable[..., Any]


def test_equal_texts_give_the_same_bytes_whether_or_not_they_are_one_object() -> None:
    text, apart = "attribute name", "".join(["attribute", " ", "name"])
    assert text == apart and text is not apart
    one, two = ({"first": text, "second": [text, np.arange(3.0)], text: 1},
                {"first": text, "second": [apart, np.arange(3.0)], apart: 1})  # fmt: skip
    plain = [io.BytesIO(), io.BytesIO()]
    for value, file in zip((one, two), plain, strict=True):
        joblib.dump(value, file)
    assert plain[0].getvalue() != plain[1].getvalue()

    assert model_bytes(one) == model_bytes(two)
    assert model_bytes({"first": text}) != model_bytes({"first": "another"})


@pytest.mark.parametrize("family", ["linear", "random_forest"])
def test_a_model_is_read_by_joblib_and_answers_as_it_did(
    family: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = task_use_case("binary", families=(family,), max_fits=3)
    rows = task_window("binary")
    model = train_quietly(rows, use_case).model

    read = joblib.load(io.BytesIO(model_bytes(model)))

    assert np.array_equal(read.answers(rows), model.answers(rows))
