"""The monitors find what they need of a batch, and of the log, and nothing more."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from served_batches import logged, store_day

# isort: split
from predicted_project import BATCH, cleaned_rows, make_workspace, use_case_of

from mlops_assets.answers import DecisionRule
from mlops_assets.monitoring.gathering import cleaned_rows as cleaned_file
from mlops_assets.monitoring.gathering import (
    inputs_of,
    releases_in,
    rows_to_judge,
    rules_of,
    served_rows,
)
from mlops_assets.monitoring.served import ServedRows
from mlops_assets.release.answers import champion_of
from resources.workspace import Workspace

BY = ("release", "variant")


@pytest.fixture
def workspace(declared: Callable[[], dict[str, Any]], tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, use_case_of(declared()))


@pytest.fixture
def bundle(workspace: Workspace) -> Path:
    return workspace.releases.bundle(champion_of(workspace, BATCH).release or "")


def found(workspace: Workspace, by: tuple[str, ...] = ()) -> ServedRows:
    logged = ("input.", "output.probabilities")
    return served_rows(workspace, BATCH, logged=logged, cleaned=("late", "city"), by=by)


def test_only_the_columns_that_are_needed_are_read(workspace: Workspace) -> None:
    rows = rows_to_judge(workspace, cleaned_file(workspace, BATCH), DecisionRule())
    assert set(rows) == {"late", "age", "member"}
    by_city = rows_to_judge(
        workspace, cleaned_file(workspace, BATCH), DecisionRule(group_column="city")
    )
    assert set(by_city) == {"late", "age", "member", "city"}
    assert len(rows) == 300


def test_each_answer_stands_beside_its_row(workspace: Workspace, bundle: Path) -> None:
    rows = cleaned_rows()
    store_day(workspace, logged(bundle, rows.slice(10, 60)))
    served = found(workspace)
    assert served.joined is not None
    assert served.joined.column("row_id").to_pylist() == rows.column("id")[10:70].to_pylist()
    assert (
        served.joined.column("cleaned.late").to_pylist() == rows.column("late")[10:70].to_pylist()
    )
    names = set(served.joined.column_names)
    assert {"input.city", "output.probabilities", "cleaned.city"} <= names
    assert not names & {"output.label", "cleaned.amount", "latency_ms"}
    assert releases_in(served) == (bundle.name,)
    assert list(inputs_of(workspace, (bundle.name, "f" * 32 + ".dir"))) == [bundle.name]
    assert list(rules_of(workspace, ("f" * 32 + ".dir", bundle.name))) == [bundle.name]


def test_the_latest_answer_counts_and_shadows_do_not(workspace: Workspace, bundle: Path) -> None:
    rows = cleaned_rows()
    store_day(workspace, logged(bundle, rows.slice(0, 60)))
    again = logged(bundle, rows.slice(0, 20), "2020-03-02", variant="challenger")
    store_day(workspace, again, day="2020-03-02")
    shadow = logged(bundle, rows.slice(100, 30), "2020-03-03", answered=False)
    store_day(workspace, shadow, day="2020-03-03")
    latest, each = found(workspace), found(workspace, BY)
    assert latest.joined is not None
    assert each.joined is not None
    variants = latest.joined.column("variant").to_pylist()
    assert variants == ["challenger"] * 20 + ["champion"] * 40
    assert each.joined.num_rows == 80
    assert set(latest.days) == {"2020-03-01", "2020-03-02"}
    assert latest.summary()["served_rows"] == each.summary()["served_rows"] == 60


def test_it_says_why_nothing_is_joined(
    declared: Callable[[], dict[str, Any]], workspace: Workspace, bundle: Path
) -> None:
    assert found(workspace).status == "no log"
    ids = [[f"other {i}" for i in range(5)]]
    store_day(workspace, logged(bundle, cleaned_rows(5).set_column(0, "id", ids)))
    assert found(workspace).status == "nothing joined"
    nameless = use_case_of(declared(), serving={})
    other = Workspace(workspace.name, nameless, workspace.folder, workspace.root)
    assert found(other).status == "no row id"
    assert found(other).summary() == {
        "status": "no row id",
        "rows": 300,
        "served_rows": 0,
        "served_share": None,
        "days": {},
    }
