"""The declared rules: each has a name, words and a code, and no two share a name."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.data.cleaning.rules import declared_rules
from mlops_assets.use_case import RESERVED_NAMES, UseCase

MakeUseCase = Callable[..., UseCase]
Declared = Callable[[], dict[str, Any]]


def test_rules_come_in_the_order_of_the_use_case(make_use_case: MakeUseCase) -> None:
    rows = {"rules": [{"name": "a b", "holds": "parcels > 0"}], "unique_by": ["city", "due"]}

    rules = declared_rules(make_use_case(rows=rows))

    assert [rule.check for rule in rules] == [
        *("due_is_time", "due_is_present", "city_is_text", "city_is_present"),
        *("size_is_text", "size_is_present", "size_is_allowed"),
        *("parcels_is_integer", "parcels_is_present", "parcels_at_least_0", "parcels_at_most_100"),
        *("weight_is_number", "weight_at_least_0", "fragile_is_boolean", "fragile_is_present"),
        *("group_is_integer", "group_is_present", "group_is_allowed", "minutes_late_is_integer"),
        *("note_is_text", "late_is_boolean", "a_b_holds", "rows_are_unique"),
    ]
    assert len({rule.code for rule in rules}) == len(rules)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("parcels_at_most_100", "parcels is at most 100"),
        ("size_is_allowed", "size is one of 'large', 'small'"),
        ("weight_at_least_minus_0_5", "weight is at least -0.5"),
        ("late_is_one_of_two_classes", "late is 'yes' or 'no', or missing"),
        ("rows_are_unique", "no two rows have the same values in all columns"),
        ("group_is_allowed", "group is one of 0, 1, 2, 3, 4, 5, 6, 7 and 32 more"),
    ],
)
def test_a_rule_says_its_limit_in_words(
    check: str, words: str, make_use_case: MakeUseCase, declared: Declared
) -> None:
    columns = declared()["columns"]
    columns["weight"]["minimum"] = -0.5
    columns["group"]["values"] = list(range(40))
    target = {"column": "late", "positive": "yes", "negative": "no"}
    use_case = make_use_case(columns=columns, target=target, rows={"unique_by": "all"})

    found = {rule.check: rule.words for rule in declared_rules(use_case)}

    assert found[check] == words


def test_severities_are_those_declared_and_what_cannot_be_read_is_an_error(
    make_use_case: MakeUseCase, declared: Declared
) -> None:
    columns = declared()["columns"]
    columns["parcels"].update(severity="warn", outliers={"beyond": 2, "severity": "error"})
    rows = {
        "rules": [{"name": "a", "holds": "parcels > 0", "severity": "warn"}],
        "unique_by": "all",
        "duplicates": "warn",
    }

    rules = declared_rules(make_use_case(columns=columns, rows=rows))

    severities = {rule.check: rule.severity for rule in rules if rule.column in ("parcels", None)}
    assert severities == {
        "parcels_is_integer": "error",
        "parcels_is_present": "error",
        "parcels_at_least_0": "warn",
        "parcels_at_most_100": "warn",
        "parcels_is_no_outlier": "error",
        "a_holds": "warn",
        "rows_are_unique": "warn",
    }


NAMES = st.text(min_size=1, max_size=4).filter(lambda name: name not in (*RESERVED_NAMES, "late"))


@settings(max_examples=60)
@given(st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_checks_have_names_of_their_own_whatever_columns_are_called(
    make_use_case: MakeUseCase, names: list[str]
) -> None:
    columns = {name: {"type": "integer", "minimum": -1e-7, "nullable": True} for name in names}
    training = {"first_batches": 1}
    use_case = make_use_case(columns=columns, training=training)

    checks = [rule.check for rule in declared_rules(use_case)]

    assert len(set(checks)) == len(checks) == 2 * len(names) + 1
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", check) for check in checks)


def test_colliding_names_are_told_apart_by_their_order(make_use_case: MakeUseCase) -> None:
    columns = {name: {"type": "string", "nullable": True} for name in ("a b", "a-b", "名")}
    use_case = make_use_case(columns=columns, training={"first_batches": 1})

    checks = [rule.check for rule in declared_rules(use_case)][:3]

    assert checks == ["a_b_is_text", "a_b_is_text_2", "column_is_text"]
