"""The text: complete, commented, and the same whatever the names."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.scaffolding.yaml_text import scalar
from mlops_assets.use_case import UseCase

Scaffold = Callable[..., tuple[str, UseCase]]

NAMES = [
    *("a: b #c", "yes", "null", "1", "1.5", "{x}", "[y]", "- z", "'q'", '"d"', "a, b", "#", "é ü"),
    *("%", "@at", "`tick`", "!tag", "&anchor", "*alias", "? key", "tab\there", "line\nbreak", "~"),
    *("{{ env.HOME }}", "back\\slash", " padded ", "2020-01-01", "x" * 200, "日本"),
]


def test_odd_column_names_survive(scaffold: Scaffold) -> None:
    random = np.random.default_rng(0)
    columns = {name: random.normal(0.0, 1.0, 100) for name in NAMES}
    text, use_case = scaffold(pa.table({**columns, "a target: #1": [0, 1] * 50}), "a target: #1")
    assert list(use_case.columns) == NAMES
    assert use_case.target.column == "a target: #1"
    assert all(line.isprintable() for line in text.splitlines())


@given(st.one_of(st.text(max_size=60), st.integers(), st.floats(-1e9, 1e9), st.booleans()))
def test_a_scalar_is_read_back_as_it_was(value: object) -> None:
    assert yaml.safe_load("{" + scalar("k") + ": [" + scalar(value) + "]}") == {"k": [value]}
    assert "\n" not in scalar(value)


def test_levels_can_not_end_their_comment(scaffold: Scaffold) -> None:
    levels = ["a\nb: 1", "c # d\u2028e: 2"]
    text, use_case = scaffold(pa.table({"x": levels * 50, "y": [0, 1] * 50}), "y")
    assert list(use_case.columns) == ["x"]
    assert "\u2028" not in text


def test_what_is_for_a_person_to_fill_in_is_marked(scaffold: Scaffold) -> None:
    text, use_case = scaffold(pa.table({"x": [1.5, 2.5] * 50, "y": [0, 1] * 50}), "y")
    marked = [line.split(":")[0].strip() for line in text.splitlines() if "# TODO: " in line]
    assert marked == ["description", "owner", "licence", "attribution", "description"]
    assert use_case.source.licence == "UNKNOWN"
    assert use_case.title == "A title"


def test_the_same_data_gives_the_same_text(scaffold: Scaffold, passengers: pa.Table) -> None:
    assert scaffold(passengers, "Survived")[0] == scaffold(passengers, "Survived")[0]


@pytest.mark.parametrize("target_type", [pa.int8(), pa.bool_()])
def test_the_positive_class_is_named(scaffold: Scaffold, target_type: pa.DataType) -> None:
    y = pa.array([0, 1] * 50, pa.int8()).cast(target_type)
    text, _ = scaffold(pa.table({"x": [1.5, 2.5] * 50, "y": y}), "y")
    expected = "y is true" if pa.types.is_boolean(target_type) else "y is 1"
    assert f"description: {expected}  # TODO" in text
