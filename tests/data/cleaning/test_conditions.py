"""Conditions on rows: which columns they name, and which cannot be decided row by row."""

import traceback

import pandas as pd
import pytest

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.conditions import columns_named, matching_rows, require_row_wise

COLUMNS = ("a", "b c", "d", "it's")


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("a > d", ("a", "d")),
        ("d == 'a'", ("d",)),
        ("`b c` > 0 and d.str.len() > 1", ("b c", "d")),
        ("`it's` == 'a `b c`'", ("it's",)),
        ("a in ['d', \"x'd\"]", ("a",)),
        ("index > 3", ()),
        ("a >", COLUMNS),
    ],
)
def test_a_condition_names_its_columns(condition: str, named: tuple[str, ...]) -> None:
    assert columns_named(condition, COLUMNS) == named


@pytest.mark.parametrize(
    "condition",
    [
        *("a > a.mean()", "a.rank() < 2", "a.shift() > 0", "a in d", "a.isin(d)", "a[0] > 1"),
        *("a.fillna(d.max()) > 1", "a.size > 3", "a not in d", "a.values > 1"),
    ],
)
def test_a_condition_on_several_rows_is_refused(condition: str) -> None:
    with pytest.raises(BatchError, match=r"rows\.remove 'x': .* looks at more than one row"):
        require_row_wise(condition, "rows.remove 'x'")


@pytest.mark.parametrize(
    "condition",
    [
        *("a.abs() > 1", "d.str.lower().str.len() > 2", "d.dt.hour >= 17", "a in [1, 2]"),
        *("sin(a) > 0", "a.isna()", "a.isin([1])", "d.str[0] == 'x'"),
        "~(a == 1) | d.str.startswith('x')",
    ],
)
def test_a_condition_on_one_row_is_allowed(condition: str) -> None:
    require_row_wise(condition, "rows.remove 'x'")


@pytest.mark.parametrize("condition", ["a + 1", "a = 3", "a\nd", "d.str.lower()"])
def test_what_is_neither_true_nor_false_is_no_condition(condition: str) -> None:
    rows = pd.DataFrame({"a": [1, 2], "d": ["x", "y"]})

    with pytest.raises(BatchError, match=r"slices 'x': "):
        matching_rows(rows, condition, "slices 'x'")


def test_an_error_about_values_does_not_tell_them() -> None:
    rows = pd.DataFrame({"d": pd.Series(["Ghent", "Metz"], dtype=object)})

    with pytest.raises(BatchError, match="cannot evaluate") as raised:
        matching_rows(rows, "d.astype('int64') > 3", "slices 'x'")

    assert "Ghent" not in "".join(traceback.format_exception(raised.value))


def test_what_is_always_true_is_true_of_every_row() -> None:
    rows = pd.DataFrame({"a": [1, 2]}, index=[5, 6])

    assert matching_rows(rows, "1 == 1", "slices 'x'").tolist() == [True, True]
