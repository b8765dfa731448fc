"""Which rows break which rules.

Belongs here: evaluating the declared rules on typed rows, by pandera's checks. Does not belong
here: which rules there are (``rules.py``), what must be known of the whole batch first
(``whole_batch.py``), or what a broken rule costs a row (``cleaning.py``).

pandera's checks are called one by one and all are called, as its lazy validation does, for the
table of failure cases that it makes takes thirty times as long as the checks where many rows fail.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlops_assets.column_declaration import Column
from mlops_assets.data.cleaning.conditions import columns_named, matching_rows, require_row_wise
from mlops_assets.data.cleaning.rules import Rule, declared_columns, declared_rules
from mlops_assets.data.cleaning.typed_rows import Mask, TypedRows, frame, row_schema, series_of
from mlops_assets.use_case import UseCase

Fences = tuple[float, float]
Check = Callable[[Any], Any]


@dataclass(frozen=True)
class BatchFacts:
    """What the whole batch says about its rows: by column the smallest and largest value that is
    no outlier (none where no value is), and which rows (``[rows]``) repeat an earlier one."""

    fences: Mapping[str, Fences] = field(default_factory=dict)
    duplicates: Mask | None = None


@dataclass(frozen=True)
class Present:
    """The values of a column that are there, and where (``None``: everywhere)."""

    values: pd.Series
    places: Mask | None

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Present":
        if not column.null_count:
            return cls(series_of(column), None)
        return cls(series_of(pc.drop_null(column)), pc.is_valid(column).to_numpy())

    def failing(self, check: Check) -> Mask | None:
        """Which rows (``[n]``) have a value that fails; ``None`` where none has."""
        result = check(self.values)
        if result.check_passed:
            return None
        failing: Mask = ~result.check_output.to_numpy(bool)
        if self.places is None:
            return failing
        mask = np.zeros(len(self.places), dtype=np.bool_)
        mask[self.places] = failing
        return mask


class Validator:
    """The rules of a use case, ready to be held against chunks of any batch.

    Raises ``BatchError`` where a condition cannot be evaluated on rows of the declared columns.
    """

    def __init__(self, use_case: UseCase) -> None:
        self.rules = declared_rules(use_case)
        columns = declared_columns(use_case)
        checks = {rule.code: _check(rule, columns.get(rule.column or "")) for rule in self.rules}
        self._checks = {code: check for code, check in checks.items() if check is not None}
        self._named = {
            rule.code: columns_named(rule.condition, columns)
            for rule in self.rules
            if rule.condition is not None
        }
        conditions = [(rule.condition, rule.field) for rule in self.rules if rule.condition]
        conditions += [(r.remove_where, f"rows.remove {r.name!r}") for r in use_case.rows.remove]
        empty = row_schema(use_case).empty_table()
        for condition, declared_by in conditions:
            require_row_wise(condition, declared_by)
            rows = frame(empty, columns_named(condition, columns), pd.RangeIndex(0))
            matching_rows(rows, condition, declared_by)

    def broken(self, rows: TypedRows, first: int, facts: BatchFacts) -> dict[str, Mask]:
        """By reason code, the rows (``[n]``) that break the rule; rules that none breaks are left
        out. ``first`` is the number of the first row in the batch.

        Raises ``BatchError`` where a condition cannot be evaluated.
        """
        index = pd.RangeIndex(first, first + rows.table.num_rows)
        present: dict[str, Present] = {}
        found = {}
        for rule in self.rules:
            if rule.requirement in ("minimum", "maximum", "values", "outliers"):
                mask = self._of_values(rule, rows, present, facts)
            else:
                mask = self._of_rows(rule, rows, index, facts)
            if mask is not None and mask.any():
                found[rule.code] = mask
        return found

    def _of_rows(
        self, rule: Rule, rows: TypedRows, index: pd.RangeIndex, facts: BatchFacts
    ) -> Mask | None:
        if rule.condition is not None:
            named = frame(rows.table, self._named[rule.code], index)
            result = self._checks[rule.code](named)
            return None if result.check_passed else ~result.check_output.to_numpy(bool)
        if rule.requirement == "unique":
            copies = facts.duplicates
            return None if copies is None else copies[index.start : index.stop]
        if rule.requirement == "type":
            return rows.unreadable.get(rule.column or "")
        return _missing(rows, rule.column or "")

    def _of_values(
        self, rule: Rule, rows: TypedRows, present: dict[str, Present], facts: BatchFacts
    ) -> Mask | None:
        name = rule.column or ""
        if rule.requirement != "outliers":
            check = self._checks[rule.code]
        elif name in facts.fences:
            check = _pandera_check("in_range", *facts.fences[name])
        else:
            return None
        if name not in present:
            present[name] = Present.of(rows.table.column(name))
        return present[name].failing(check)


def _check(rule: Rule, column: Column | None) -> Check | None:
    """pandera's check of a rule; none of one that needs no look at values, or the whole batch's."""
    if rule.condition is not None:
        return _row_check(rule.condition, rule.field)
    if column is None:
        return None
    match rule.requirement:
        case "minimum":
            return _pandera_check("ge", column.minimum)
        case "maximum":
            return _pandera_check("le", column.maximum)
        case "values":
            return _pandera_check("isin", list(column.values or ()))
    return None


def _pandera_check(name: str, *limits: Any) -> Check:
    import pandera.pandas as pandera

    check: Check = getattr(pandera.Check, name)(*limits)
    return check


def _row_check(condition: str, declared_by: str) -> Check:
    """A row in which a column of the condition is missing breaks none."""
    import pandera.pandas as pandera

    def holds(rows: pd.DataFrame) -> "pd.Series[bool]":
        is_met = matching_rows(rows, condition, declared_by)
        return pd.Series(is_met | rows.isna().any(axis=1).to_numpy(bool), index=rows.index)

    check: Check = pandera.Check(holds)
    return check


def _missing(rows: TypedRows, name: str) -> Mask | None:
    values = rows.table.column(name)
    if not values.null_count:
        return None
    mask: Mask = pc.is_null(values).to_numpy()
    # A value of the wrong type is missing only because it could not be read.
    unreadable = rows.unreadable.get(name)
    return mask if unreadable is None else mask & ~unreadable
