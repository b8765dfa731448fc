"""Profiles of targets with classes or numbers: their own distribution, and nothing of positives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import build_features, describe_features
from mlops_assets.data.leakage.report import leakage_report
from mlops_assets.data.profile.page import profile_page as composed_profile_page
from mlops_assets.data.profile.report import profile_report
from mlops_assets.data.profile.summary import merge, profile
from mlops_assets.data.profile.target_sections import INTERVALS_DRAWN
from mlops_assets.data.profile.window import window_page as composed_window_page
from mlops_assets.data.profile.window import window_report
from mlops_assets.reporting.page import IntervalPlot, LinePlot, Page
from mlops_assets.reporting.text import localised
from mlops_assets.target_declaration import Task
from mlops_assets.use_case import UseCase


def profile_page(report: Any) -> Page:
    """The page in English."""
    return localised(composed_profile_page(report))


def window_page(report: Any) -> Page:
    """The page in English."""
    return localised(composed_window_page(report))


UseCaseOf = Callable[..., UseCase]
BatchOf = Callable[..., pa.Table]
TASKS: list[Task] = ["multiclass", "regression"]


def report_of(rows: pa.Table, use_case: UseCase, batch: str = "2020-01") -> dict[str, Any]:
    cleaned = clean(rows, use_case, batch)
    return profile_report(
        profile(cleaned.rows, use_case),
        use_case=use_case,
        batch=batch,
        counts=cleaned.counts,
        earlier=[],
    )


def window_of(batches: dict[str, pa.Table], use_case: UseCase) -> dict[str, Any]:
    made = {month: clean(rows, use_case, month) for month, rows in batches.items()}
    cleaned = {month: one.rows.to_pandas() for month, one in made.items()}
    counts = {month: one.counts for month, one in made.items()}
    features = build_features(cleaned, use_case)
    summaries = {month: profile(one.rows, use_case) for month, one in made.items()}
    return window_report(
        summaries,
        {month: report_of(rows, use_case, month) for month, rows in batches.items()},
        counts,
        use_case=use_case,
        features=describe_features(features, use_case, dict.fromkeys(cleaned, "0"), counts, {}),
        leakage=leakage_report(features, use_case, cleaned),
    )


def labels(rows: pa.Table) -> list[Any]:
    found: list[Any] = rows.column("late").drop_null().to_pylist()
    return found


def relabelled(rows: pa.Table, values: Any) -> pa.Table:
    return rows.set_column(rows.column_names.index("late"), "late", pa.array(values))


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_said_of_positives(
    task: Task, use_case_of: UseCaseOf, batch_of: BatchOf
) -> None:
    batches = {
        month: batch_of(task, month, seed=n) for n, month in enumerate(["2020-01", "2020-02"])
    }
    report = report_of(batches["2020-01"], use_case_of(task))
    window = window_of(batches, use_case_of(task))

    for found, page in ((report, profile_page(report)), (window, window_page(window))):
        assert "positive" not in json_bytes(found).decode().lower()
        assert "positive" not in repr(page).lower()
        assert "Target" in [section.title for section in page.sections]
        assert "Target by feature" not in [section.title for section in page.sections]


def test_classes_are_counted_in_their_order(use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    rows = batch_of("multiclass")

    found = report_of(rows, use_case_of("multiclass"))["labels"]

    given = labels(rows)
    assert found["labelled"] == len(given) and found["unlabelled"] == rows.num_rows - len(given)
    assert [one["class"] for one in found["classes"]] == ["early", "on time", "late"]
    for one in found["classes"]:
        assert one["rows"] == given.count(one["class"])
        assert one["share"] == pytest.approx(one["rows"] / len(given))
        assert one["low"] < one["share"] < one["high"]


def test_numbers_have_their_quartiles(use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    rows = batch_of("regression")

    found = report_of(rows, use_case_of("regression"))["labels"]

    given = np.array(labels(rows))
    quartiles = np.quantile(given, [0.25, 0.5, 0.75], method="inverted_cdf").tolist()
    assert found["quartiles"] == quartiles
    assert (found["minimum"], found["maximum"]) == (given.min(), given.max())


@pytest.mark.parametrize("task", TASKS)
def test_summaries_add_up(task: Task, use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    use_case = use_case_of(task)
    rows = clean(batch_of(task, rows=3000), use_case, "b").rows

    parts = [profile(rows.slice(start, 700), use_case) for start in range(0, 3000, 700)]

    assert json_bytes(merge(*parts)) == json_bytes(profile(rows, use_case))


@pytest.mark.parametrize("task", TASKS)
def test_the_target_is_shown_as_a_distribution(
    task: Task, use_case_of: UseCaseOf, batch_of: BatchOf
) -> None:
    rows = batch_of(task)

    page = profile_page(report_of(rows, use_case_of(task)))

    (section,) = [one for one in page.sections if one.title == "Target"]
    plot: Any = section.blocks[0]
    assert sum(plot.values) == pytest.approx(100.0, abs=0.1)
    facts = dict(page.facts)
    assert facts["Labelled rows"] == len(labels(rows))
    assert ("Median" in facts) == (task == "regression")
    assert ("Classes" in facts) == (task == "multiclass")


def _balance(page: Page) -> Any:
    (section,) = [one for one in page.sections if one.title.startswith("Balance")]
    return section.blocks[0]


def test_the_target_is_shown_by_batch(use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    months = ["2020-01", "2020-02", "2020-03"]
    for task in TASKS:
        batches = {month: batch_of(task, month, seed=n) for n, month in enumerate(months)}
        report = window_of(batches, use_case_of(task))
        plot = _balance(window_page(report))
        for place, month in enumerate(months):
            given = labels(batches[month])
            if task == "multiclass":
                assert isinstance(plot, LinePlot)
                shares = {line.label: line.y[place] for line in plot.lines}
                assert shares["late"] == pytest.approx(given.count("late") / len(given))
            else:
                assert isinstance(plot, IntervalPlot)
                middle = np.quantile(given, 0.5, method="inverted_cdf")
                assert plot.intervals[place].value == middle
    assert len(months) < INTERVALS_DRAWN


def test_a_class_that_comes_and_goes_is_said(use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    first, second = batch_of("multiclass", "2020-01"), batch_of("multiclass", "2020-02", seed=1)
    words = ["late" if n % 2 else word for n, word in enumerate(second.column("late").to_pylist())]
    report = window_of(
        {"2020-01": first, "2020-02": relabelled(second, words)}, use_case_of("multiclass")
    )

    (said,) = [one["text"] for one in report["insights"] if one["kind"] == "balance by batch"]

    assert said.startswith("Class late of late goes from ")
    assert "in 2020-01 to" in said and said.endswith("in 2020-02.")


@pytest.mark.parametrize(
    ("task", "value", "said"),
    [
        ("multiclass", "early", "late is the same in every labelled row."),
        ("regression", 3.5, "late is the same in every labelled row."),
        ("multiclass", None, "No row has a label in late."),
        ("regression", None, "No row has a label in late."),
    ],
)
def test_a_target_without_two_values_is_said(
    task: Task, value: Any, said: str, use_case_of: UseCaseOf, batch_of: BatchOf
) -> None:
    kind = pa.string() if task == "multiclass" else pa.float64()
    rows = relabelled(batch_of(task), pa.array([value] * 400, kind))

    report = report_of(rows, use_case_of(task))

    assert said in [one["text"] for one in report["insights"]]
    assert profile_page(report)


def test_a_rare_class_is_out_of_balance(use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    words = ["early"] * 8 + ["late"] * 200 + ["on time"] * 192
    report = report_of(relabelled(batch_of("multiclass"), words), use_case_of("multiclass"))

    texts = [one["text"] for one in report["insights"]]

    assert "late is out of balance: 2.0% of the labelled rows are of class early." in texts


def test_what_goes_with_the_target_is_said(use_case_of: UseCaseOf, batch_of: BatchOf) -> None:
    report = report_of(batch_of("regression", rows=2000), use_case_of("regression"))

    pairs = [one["columns"] for one in report["insights"] if one["kind"] == "association"]

    assert ["weight", "late"] in pairs
    # A leak is declared to know the answer.
    assert ["minutes_late", "late"] not in pairs
