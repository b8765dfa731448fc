"""What may be said about a target, and what is refused with what to write instead."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_assets.target_declaration import Target

BANDS = {"edges": [15, 60], "names": ["on time", "late", "very late"]}


@pytest.mark.parametrize(
    ("declared", "classes"),
    [
        ({}, ("0", "1")),
        ({"positive": "yes", "negative": "no"}, ("0", "1")),
        ({"task": "multiclass", "type": "integer", "classes": [3, 1, 2]}, ("3", "1", "2")),
        ({"task": "multiclass", "type": "string", "bands": BANDS}, tuple(BANDS["names"])),
        ({"task": "regression", "type": "number", "minimum": 0, "unit": "minutes"}, ()),
    ],
)
def test_classes_are_in_the_order_in_which_they_are_declared(
    declared: dict[str, Any], classes: tuple[str, ...]
) -> None:
    assert Target(column="delay", **declared).class_names == classes


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"type": "number"}, "does not fit a binary task"),
        ({"positive": "yes"}, "go together"),
        ({"positive": "yes", "negative": "yes"}, "are the same"),
        ({"type": "integer", "positive": 2, "negative": 1}, "is for type: boolean"),
        ({"classes": ["a", "b", "c"]}, "target.classes is not for a binary task"),
        ({"minimum": 0}, "target.minimum is not for a binary task"),
        ({"task": "multiclass"}, "does not fit a multiclass task"),
        ({"task": "multiclass", "type": "string"}, "either target.classes or target.bands"),
        (
            {"task": "multiclass", "type": "string", "classes": ["a"] * 3, "bands": BANDS},
            "either target.classes or target.bands",
        ),
        ({"task": "multiclass", "type": "string", "classes": ["a", "b"]}, "use task: binary"),
        ({"task": "multiclass", "type": "string", "classes": ["a", "b", "b"]}, "are the same"),
        ({"task": "multiclass", "type": "string", "classes": ["a", "b", " "]}, "has no name"),
        ({"task": "multiclass", "type": "string", "classes": [1, 2, 3]}, "put them in quotes"),
        ({"task": "multiclass", "type": "integer", "classes": ["a", "b", "c"]}, "do not fit"),
        ({"task": "multiclass", "type": "integer", "bands": BANDS}, "use type: string"),
        ({"task": "regression"}, "does not fit a regression"),
        ({"task": "regression", "type": "number", "minimum": 2, "maximum": 1}, "is not below"),
        ({"task": "regression", "type": "number", "classes": [1, 2, 3]}, "not for a regression"),
    ],
)
def test_what_makes_no_sense_is_refused(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Target(column="delay", **declared)


@pytest.mark.parametrize(
    ("edges", "names", "message"),
    [
        ([60, 15], ["a", "b", "c"], "must rise"),
        ([15, 15], ["a", "b", "c"], "must rise"),
        ([15, 60], ["a", "b"], "name 3 classes"),
        ([float("nan")], ["a", "b"], "finite"),
    ],
)
def test_bands_have_rising_edges_and_one_name_more(
    edges: list[float], names: list[str], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Target(
            column="delay",
            task="multiclass",
            type="string",
            bands={"edges": edges, "names": names},  # type: ignore[arg-type]
        )
