"""The text: complete, commented, and the same whatever the names."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.cleaning.cleaning import clean
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
    about, source = ["description", "owner"], ["licence", "terms", "licence_expires", "attribution"]
    policy = ["ai_act_class", "class_reason", "purpose", "people_affected"]
    assert marked == [*about, *source, "description", *policy]
    assert use_case.policy.ai_act_class == "minimal"
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


@pytest.mark.parametrize(
    ("rare", "usual"),
    [
        ("yes", "no"),
        ("null", "~"),
        ("1", "2"),
        ("a: b #c", "{x}"),
        ("- z", "'q'"),
        (1, 2),
        ("é", "ü"),
    ],
)
def test_classes_are_read_as_they_were_written(
    scaffold: Scaffold, rare: str | int, usual: str | int
) -> None:
    rows = pa.table({"x": np.arange(120) % 7, "y": [rare] * 50 + [usual] * 70})
    text, use_case = scaffold(rows, "y")
    assert {use_case.target.positive, use_case.target.negative} == {rare, usual}
    labels = clean(rows, use_case, "b").rows.column("y").to_pylist()
    assert labels.count(True) == (50 if use_case.target.positive == rare else 70)
    assert labels.count(None) == 0
    (line,) = [line for line in text.splitlines() if line.startswith("    positive: ")]
    assert "# " in line


def test_missing_codes_of_a_target_go_to_the_quarantine(scaffold: Scaffold) -> None:
    rows = pa.table({"x": np.arange(200) % 7, "y": ["?"] * 4 + ["no"] * 146 + ["yes"] * 50})
    text, use_case = scaffold(rows, "y")
    assert "'?' in 4 is no class: these go to the quarantine" in text
    cleaned = clean(rows, use_case, "b")
    assert cleaned.counts["quarantined"] == 4
    assert cleaned.rows.column("y").to_pylist().count(True) == 50


def test_quasi_identifiers_are_proposed_and_no_more(
    scaffold: Scaffold, passengers: pa.Table
) -> None:
    text, use_case = scaffold(passengers, "Survived")
    assert "  # privacy: {quasi_identifiers: [Sex, Age]}" in text
    assert use_case.privacy.quasi_identifiers == ()
    switched_on = yaml.safe_load(text.replace("  # privacy:", "  privacy:"))["attributes"]
    assert UseCase(**switched_on).privacy.quasi_identifiers == ("Sex", "Age")
    alone = passengers.drop_columns(["Age"])
    assert "quasi_identifiers" not in scaffold(alone, "Survived")[0]


def test_a_few_far_values_are_told_and_no_rule_is_made(scaffold: Scaffold) -> None:
    y = [0, 1] * 200
    usual, far = np.arange(400) % 50, np.arange(400) % 50
    far[:2] = 1000
    text, use_case = scaffold(pa.table({"usual": usual, "far": far, "y": y}), "y")
    lines = [line for line in text.splitlines() if "interquartile" in line]
    assert [line.split(":")[0].strip() for line in lines] == ["far"]
    assert "0.50% beyond 3 interquartile ranges: outliers would report them" in lines[0]
    assert use_case.columns["far"].outliers is None
