"""Whole use cases: what is guessed parses, and cleaning lets the rows through."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_assets.column_declaration import Column
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.scaffolding.batch_files import ScaffoldError, locate
from mlops_assets.scaffolding.sample_trial import Finders, identifiers, leaks
from mlops_assets.scaffolding.source_sample import read_sample
from mlops_assets.scaffolding.use_case_guess import guess_use_case, read_text
from mlops_assets.use_case import RESERVED_NAMES, UseCase

Scaffold = Callable[..., tuple[str, UseCase]]
LineOf = Callable[[str, str], str]

N = 400
RANDOM = np.random.default_rng(3)


def table(**columns: object) -> pa.Table:
    y = np.arange(N) % 3 == 0
    return pa.table({"x": RANDOM.normal(0.0, 1.0, N), **columns, "y": y})


def test_breast_cancer(scaffold: Scaffold) -> None:
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    _, use_case = scaffold(frame, "target")
    assert use_case.target.type == "integer"
    assert len(use_case.inputs) == 30
    assert {column.type for column in use_case.inputs.values()} == {"number"}


def test_passengers(scaffold: Scaffold, passengers: pa.Table, line_of: LineOf) -> None:
    text, use_case = scaffold(passengers, "Survived")
    assert set(use_case.inputs) == {"Pclass", "SibSp", "Fare", "Embarked"}
    assert use_case.sensitive == ("Sex", "Age")
    assert use_case.columns["Age"].nullable and use_case.columns["Embarked"].missing == ("",)
    assert line_of(text, "PassengerId").endswith("# counts the rows: an identifier")
    assert line_of(text, "Name").endswith("# 100% distinct: an identifier")
    assert "levels in 900 values: too many" in line_of(text, "Ticket")
    assert use_case.training.split.time_column is None
    assert clean(passengers, use_case, "b").counts["quarantined"] == 0


def test_a_month_of_flights_has_its_three_leaks_found(
    scaffold: Scaffold, project: Path, nothing: Finders, line_of: LineOf
) -> None:
    month = project / "mlops_assets/defs/flight_delays/data/2013-01.parquet"
    finders = Finders(nothing.personal_data, identifiers, leaks)
    text, use_case = scaffold({"2013-01": pq.read_table(month)}, "late", finders)
    assert use_case.leaks == ("departure_delay", "air_time", "arrival_delay")
    assert "a leak: " in line_of(text, "arrival_delay")
    assert use_case.training.split.time_column == "scheduled_departure"
    assert use_case.source.batch_name == r"\d{4}-\d{2}"


def test_a_year_of_employment_has_its_sensitive_columns(scaffold: Scaffold, project: Path) -> None:
    year = pq.read_table(project / "mlops_assets/defs/employment/data/2015.parquet")
    _, use_case = scaffold({"2015": year}, "employed")
    assert set(use_case.sensitive) == {"SEX", "RAC1P", "AGEP", "DIS", "NATIVITY"}
    assert use_case.columns["year"].role == "ignored"
    assert use_case.columns["RAC1P"].categorical and not use_case.columns["AGEP"].categorical
    assert clean(year, use_case, "2015").counts["quarantined"] == 0


def test_personal_data_is_dropped_and_nothing_of_it_shown(
    scaffold: Scaffold, nothing: Finders, line_of: LineOf
) -> None:
    def find(rows: pa.Table, columns: object) -> dict[str, str]:
        del columns
        return {"contact": "e-mail"} if "?" not in rows.column("contact").to_pylist() else {}

    finders = Finders(find, nothing.identifiers, nothing.leaks)
    secret = table(contact=["ann@example.org", "bob@example.org"] * (N // 2))
    text, use_case = scaffold(secret, "y", finders)
    assert "example.org" not in text
    assert line_of(text, "contact").endswith(
        "{type: string, role: ignored, nullable: true, personal: drop}  # personal data: e-mail"
    )
    assert use_case.columns["contact"].personal == "drop"


def test_personal_data_in_one_batch_is_enough(scaffold: Scaffold, nothing: Finders) -> None:
    def find(rows: pa.Table, columns: object) -> dict[str, str]:
        del columns
        return {"c": "phone"} if rows.column("c")[0].as_py() == "b" else {}

    batches = {name: table(c=[name, "z"] * (N // 2)) for name in ("a", "b")}
    _, use_case = scaffold(batches, "y", Finders(find, nothing.identifiers, nothing.leaks))
    assert use_case.columns["c"].personal == "drop"


def test_inputs_that_the_leakage_tests_would_block_are_no_inputs(
    scaffold: Scaffold, nothing: Finders, line_of: LineOf
) -> None:
    asked: list[set[str]] = []

    def find(rows: pd.DataFrame, batch: pd.Series, columns: dict[str, Column]) -> dict[str, str]:
        assert len(rows) == len(batch) == N
        asked.append(set(columns))
        return {"a": "names the row"}

    def leak(rows: pd.DataFrame, target: pd.Series) -> dict[str, str]:
        assert len(target) == N
        asked.append(set(rows.columns))
        return {"b": "is the answer"}

    finders = Finders(nothing.personal_data, find, leak)
    text, use_case = scaffold(table(a=RANDOM.random(N), b=RANDOM.random(N)), "y", finders)
    assert asked == [{"x", "a", "b"}, {"x", "b"}]
    assert use_case.columns["a"].role == "ignored" and use_case.leaks == ("b",)
    assert line_of(text, "b").endswith("a leak: is the answer")


def test_a_column_that_fits_no_type_is_ignored_and_cleaning_passes(
    scaffold: Scaffold, line_of: LineOf
) -> None:
    mixed = [*("2020-01-01" for _ in range(N - 3)), *("2020-13-45" for _ in range(3))]
    infinite = np.where(np.arange(N) % 20 == 0, np.inf, RANDOM.random(N))
    rows = table(mixed=mixed, infinite=infinite)
    text, use_case = scaffold(rows, "y")
    assert "no number: deliver one type" in line_of(text, "infinite")
    assert clean(rows, use_case, "b").counts["quarantined"] <= 0.05 * N


def test_values_of_types_that_cannot_be_declared_are_left_out(scaffold: Scaffold) -> None:
    text, use_case = scaffold(table(tags=[[1, 2]] * N), "y")
    assert "tags" not in use_case.columns
    assert "    # tags is left out: values of type list<" in text


def test_columns_that_come_and_go_are_left_out(scaffold: Scaffold) -> None:
    text, use_case = scaffold({"1": table(extra=[1] * N), "2": table()}, "y")
    assert "extra" not in use_case.columns
    assert "    # extra is left out: only some batches deliver it" in text


def test_columns_that_later_batches_have_say_since_when(
    scaffold: Scaffold, line_of: LineOf
) -> None:
    soon, late = RANDOM.random(N), RANDOM.random(N)
    days = np.datetime64("2020-01-01", "us") + np.timedelta64(1, "D") * np.arange(N)
    new = {"soon": soon, "late": late, "when": days, "sex": ["f", "m"] * (N // 2)}
    batches = {str(n): table(**{k: new[k] for k in list(new)[: n - 2 or None]}) for n in (3, 4)}
    batches |= {"1": table(), "2": table(soon=soon), "5": table(**new)}
    text, use_case = scaffold(batches, "y")
    assert use_case.training.first_batches == 2
    assert use_case.columns["soon"].since == "2" and use_case.columns["soon"].is_input
    assert "an input, for the first training window has it" in line_of(text, "soon")
    assert use_case.columns["late"].since == "4" and use_case.columns["late"].role == "ignored"
    assert "the first training is before it" in line_of(text, "late")
    assert use_case.columns["when"].role == "ignored"
    assert use_case.columns["sex"].role == "sensitive" and use_case.columns["sex"].nullable


def test_the_first_training_waits_for_two_of_many_batches(scaffold: Scaffold) -> None:
    batches = {f"2020-{month:02d}": table() for month in range(1, 5)}
    text, use_case = scaffold(batches, "y")
    assert use_case.training.first_batches == 2
    assert r"batch_name: '\d{4}-\d{2}'  # 4 batches, 2020-01 to 2020-04" in text


def test_the_split_follows_time_only_where_it_can(scaffold: Scaffold) -> None:
    start = np.datetime64("2020-01-01", "us")
    hours = np.timedelta64(1, "h") * np.arange(N)
    text, use_case = scaffold(table(few=start + hours, many=start + 6 * hours), "y")
    assert use_case.training.split.time_column == "many"
    assert "time_column: many  # 100 days or more in each batch" in text
    text, use_case = scaffold(table(few=start + hours), "y")
    assert use_case.training.split.time_column is None
    assert "time_column is not set: too few days" in text


def test_fewer_folds_where_the_first_would_have_one_class(scaffold: Scaffold) -> None:
    rare = np.arange(N) % 25 == 0
    text, use_case = scaffold(pa.table({"x": RANDOM.random(N), "y": rare}), "y")
    assert use_case.training.search.folds == 3
    assert "folds: 3  # fewer than usual" in text


def test_rows_that_are_sorted_by_the_target_are_as_good_as_others(scaffold: Scaffold) -> None:
    sorted_ = pa.table({"x": RANDOM.random(N), "y": np.arange(N) >= N // 2})
    assert "search" not in scaffold(sorted_, "y")[0]


@pytest.mark.parametrize("name", RESERVED_NAMES)
def test_reserved_names_are_to_be_renamed(scaffold: Scaffold, name: str) -> None:
    with pytest.raises(ScaffoldError, match=f"column '{name}': the name is taken; rename it"):
        scaffold(table(**{name: RANDOM.random(N)}), "y")


def test_nothing_to_learn_from_is_said(scaffold: Scaffold) -> None:
    only = pa.table({"id": np.arange(N), "sex": ["f", "m"] * (N // 2), "y": [True, False] * 200})
    with pytest.raises(ScaffoldError, match=r"no column is left.*'id' is ignored.*'sex' is sens"):
        scaffold(only, "y")


def test_delimited_text(tmp_path: Path, nothing: Finders) -> None:
    lines = ["code;price;paid;target"]
    for i in range(300):
        price = "?" if i % 40 == 0 else f"{i % 77},{i % 9}"
        lines.append(f"{i % 9:03d};{price};{'true' if i % 2 else 'FALSE'};{int(i % 3 == 0)}")
    (tmp_path / "2020.csv").write_text("\n".join(lines))
    located = locate(tmp_path / "2020.csv")
    guess = guess_use_case(located, read_sample(located, read_text), "target", nothing)
    columns = {column.name: column.column for column in guess.columns}
    assert columns["price"] == Column(type="number", nullable=True, missing=("?",), minimum=0)
    assert columns["paid"] == Column(type="boolean")
    assert columns["code"] == Column(type="string")
    assert guess.target.type == "integer"
