"""The rules a use case declares for its rows, one entry a rule, without any data.

Belongs here: which rules there are, in their order, what each is called and says. Does not belong
here: whether a row breaks one (``validation.py``), or the columns' declarations themselves
(``column_declaration.py``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from mlops_assets.column_declaration import Column
from mlops_assets.specification import Severity
from mlops_assets.target_declaration import Target
from mlops_assets.use_case import UseCase

DUPLICATE = "row:duplicate"

Requirement = Literal[
    "type", "present", "minimum", "maximum", "values", "outliers", "row", "unique"
]

SHOWN_VALUES = 8
"""Allowed values that a rule's words list; of more, the first are listed and the rest counted."""

_TYPE_NAMES = {
    "string": ("text", "a text"),
    "integer": ("integer", "a whole number"),
    "number": ("number", "a number"),
    "boolean": ("boolean", "true or false"),
    "timestamp": ("time", "a time"),
}


@dataclass(frozen=True)
class Rule:
    """What must hold of a row.

    ``check`` is its name as an asset check, ``words`` say it to a person with its limit, ``code``
    is the reason in the quarantine of a row that breaks it. ``column`` is ``None`` for a rule about
    several columns; ``field`` is the field of the use case that declares it.
    """

    check: str
    words: str
    code: str
    column: str | None
    severity: Severity
    requirement: Requirement
    field: str
    condition: str | None = None


def declared_columns(use_case: UseCase) -> dict[str, Column]:
    """Every column of the cleaned dataset, the target last."""
    return {**use_case.columns, use_case.target.column: _target_column(use_case.target)}


def _target_column(target: Target) -> Column:
    values: tuple[str | int, ...] | None = None
    if target.task == "multiclass":
        values = target.bands.names if target.bands else target.classes
    elif target.task == "binary" and target.type == "integer":
        values = (0, 1)
    return Column(
        type=target.type,
        nullable=True,
        values=values,
        categorical=target.task == "multiclass",
        minimum=target.minimum,
        maximum=target.maximum,
        role="ignored",
    )


def declared_rules(use_case: UseCase) -> list[Rule]:
    """Every rule, also those that nothing may ever break: by column in the use case's order, the
    target last, then ``rows.rules``, then ``rows.unique_by``. Names of checks are unique."""
    rules: list[Rule] = []
    names: set[str] = set()
    for rule in _rules(use_case):
        rules.append(replace(rule, check=_unused(rule.check, names)))
        names.add(rules[-1].check)
    return rules


def _rules(use_case: UseCase) -> Iterator[Rule]:
    for name, column in declared_columns(use_case).items():
        target = use_case.target if name == use_case.target.column else None
        yield _type_rule(name, column, target)
        # What was cut into bands is in one of them.
        if target is None or target.bands is None:
            yield from _column_rules(name, column, "target" if target else f"columns.{name}")
    for declared in use_case.rows.rules:
        because = f": {declared.reason}" if declared.reason else ""
        yield Rule(
            f"{_identifier(declared.name)}_holds",
            f"{declared.name}: {declared.holds}{because}",
            f"row:breaks {declared.name}",
            None,
            declared.severity,
            "row",
            f"rows.rules {declared.name!r}",
            declared.holds,
        )
    unique_by = use_case.rows.unique_by
    if unique_by:
        which = "all columns" if unique_by == "all" else ", ".join(unique_by)
        yield Rule(
            "rows_are_unique",
            f"no two rows have the same values in {which}",
            DUPLICATE,
            None,
            use_case.rows.duplicates,
            "unique",
            "rows.unique_by",
        )


def _type_rule(name: str, column: Column, target: Target | None) -> Rule:
    short, words = _TYPE_NAMES[column.type]
    if target is not None and target.bands is not None:
        short, words = _TYPE_NAMES["number"]
    if target is not None and target.positive is not None:
        both = (str(one).strip() for one in (target.positive, target.negative))
        short, words = "one_of_two_classes", " or ".join(map(repr, both))
    field = "target" if target is not None else f"columns.{name}"
    return Rule(
        f"{_identifier(name)}_is_{short}",
        f"{name} is {words}" + (", or missing" if column.nullable else ""),
        f"{name}:type",
        name,
        "error",
        "type",
        f"{field}.type",
    )


def _column_rules(name: str, column: Column, field: str) -> Iterator[Rule]:
    def rule(requirement: Requirement, check: str, words: str, code: str) -> Rule:
        severity: Severity = "error" if requirement == "present" else column.severity
        if requirement == "outliers" and column.outliers is not None:
            severity = column.outliers.severity
        return Rule(
            f"{_identifier(name)}_{check}",
            f"{name} {words}",
            f"{name}:{code}",
            name,
            severity,
            requirement,
            f"{field}.{'nullable' if requirement == 'present' else requirement}",
        )

    if not column.nullable:
        yield rule("present", "is_present", "is not missing", "missing")
    if column.minimum is not None:
        low = f"{column.minimum:.15g}"
        yield rule("minimum", f"at_least_{_digits(low)}", f"is at least {low}", "below minimum")
    if column.maximum is not None:
        high = f"{column.maximum:.15g}"
        yield rule("maximum", f"at_most_{_digits(high)}", f"is at most {high}", "above maximum")
    if column.values is not None:
        yield rule("values", "is_allowed", f"is {_one_of(column.values)}", "not allowed")
    if column.outliers is not None:
        words = (
            f"lies at most {column.outliers.beyond:g} interquartile ranges below the first or "
            "above the third quartile of the batch"
        )
        yield rule("outliers", "is_no_outlier", words, "outlier")


def _one_of(values: tuple[str | int, ...]) -> str:
    shown = ", ".join(repr(value) for value in values[:SHOWN_VALUES])
    rest = len(values) - SHOWN_VALUES
    return f"one of {shown}" + (f" and {rest} more" if rest > 0 else "")


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "column"


def _digits(number: str) -> str:
    return _identifier(number.replace("+", "").replace("-", "minus_"))


def _unused(name: str, used: set[str]) -> str:
    found, count = name, 1
    while found in used:
        count += 1
        found = f"{name}_{count}"
    return found
