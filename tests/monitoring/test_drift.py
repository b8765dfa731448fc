"""The distance against scipy, the verdict of a batch, its report and page. How often the verdict is
wrong, and what it says of the bundled data, is in ``test_drift_rates.py``."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from mlops_assets.content_hash import json_bytes
from mlops_assets.monitoring.drift import (
    SeriesDrift,
    chance_limit,
    detect,
    drift_report,
    outcome_drift,
    weighted_distance,
)
from mlops_assets.monitoring.drift_page import drift_page as composed_drift_page
from mlops_assets.monitoring.histograms import jensen_shannon
from mlops_assets.policy_declaration import Monitoring
from mlops_assets.reporting.cell_text import cell_text
from mlops_assets.reporting.page import BarPlot, HistogramPlot, Page, Table
from mlops_assets.reporting.text import localised


def drift_page(report: Any) -> Page:
    """The page in English."""
    return localised(composed_drift_page(report))


Counts = NDArray[np.int64]
HISTOGRAMS = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)
NO_FLOOR = Monitoring(min_distance=0.0)


def summary(**counts: list[int]) -> dict[str, Any]:
    """A reference of one category series a keyword; the champion's score has no column."""
    return {
        "rows": max(sum(c) for c in counts.values()),
        "series": {
            name: {
                "column": None if name == "score" else name,
                "kind": "category",
                "bins": [f"bin {i}" for i in range(len(c))],
                "counts": c,
            }
            for name, c in counts.items()
        },
    }


def counts(**by_name: list[int]) -> dict[str, Counts]:
    return {name: np.array(c, dtype=np.int64) for name, c in by_name.items()}


def shares(histogram: list[int]) -> NDArray[np.float64]:
    return np.array(histogram) / sum(histogram)


# The statistic


@given(HISTOGRAMS, HISTOGRAMS)
@settings(deadline=None)
def test_the_distance_is_scipys_symmetric_and_between_zero_and_one(
    first: list[int], second: list[int]
) -> None:
    p, q = shares(first), shares(second)
    distance = float(jensen_shannon(p, q))
    assert distance == float(jensen_shannon(q, p))
    assert 0.0 <= distance <= 1.0
    assert distance**2 == pytest.approx(float(jensenshannon(p, q, 2)) ** 2, abs=1e-12)


@given(HISTOGRAMS, HISTOGRAMS, st.permutations(range(4)))
@settings(deadline=None)
def test_the_order_of_the_bins_does_not_matter(
    first: list[int], second: list[int], order: list[int]
) -> None:
    p, q = shares(first), shares(second)
    assert float(jensen_shannon(p[order], q[order])) == pytest.approx(
        float(jensen_shannon(p, q)), abs=1e-7
    )


@given(HISTOGRAMS)
@settings(deadline=None)
def test_equal_shares_are_at_zero_and_disjoint_ones_at_one(histogram: list[int]) -> None:
    p, nothing = shares(histogram), np.zeros(4)
    assert jensen_shannon(p, p) == 0.0
    assert jensen_shannon(np.append(p, nothing), np.append(nothing, p)) == pytest.approx(1.0)


# The verdict


def test_every_series_is_held_to_its_share_of_the_batchs_rate() -> None:
    reference = summary(a=[70, 30], b=[50, 50], c=[20, 80])
    result = detect(reference, counts(a=[7, 3], b=[5, 5], c=[2, 8]), monitoring=NO_FLOOR, seed=1)
    tail = 1.0 - 0.99 ** (1.0 / 3.0)
    for series in result.series:
        histogram = np.array(reference["series"][series.name]["counts"])
        assert series.limit == chance_limit(histogram, 10, tail=tail, seed=1, name=series.name)


def one(now: list[int], monitoring: Monitoring) -> bool | None:
    result = detect(summary(x=[500, 500]), counts(x=now), monitoring=monitoring, seed=0)
    return result.drifted


def test_a_series_drifts_only_beyond_both_chance_and_what_matters() -> None:
    floor = Monitoring(min_distance=0.1)
    assert one([10, 0], floor) is True  # far, and beyond chance even in ten rows
    assert one([7, 3], floor) is False  # as far as matters, but ten rows show that by chance
    assert one([540_000, 460_000], floor) is False  # certain, and too small to matter
    assert one([540_000, 460_000], Monitoring(min_distance=0.02)) is True


def test_a_distance_equal_to_the_floor_does_not_matter_yet() -> None:
    now = counts(x=[900, 100])
    (series,) = detect(summary(x=[500, 500]), now, monitoring=NO_FLOOR, seed=0).series
    assert series.statistic is not None
    assert one([900, 100], Monitoring(min_distance=series.statistic)) is False
    below = float(np.nextafter(series.statistic, 0.0))
    assert one([900, 100], Monitoring(min_distance=below)) is True


def test_series_come_strongest_first_with_their_shares() -> None:
    reference = summary(a=[50, 50], b=[50, 50], score=[50, 50])
    now = counts(a=[60, 40], b=[95, 5], score=[90, 10])
    result = detect(reference, now, monitoring=Monitoring(), seed=0)
    assert [s.name for s in result.series] == ["b", "score", "a"]
    assert [s.drifted for s in result.series] == [True, True, False]
    assert (result.series[0].reference_shares, result.series[0].current_shares) == (
        [0.5, 0.5],
        [0.95, 0.05],
    )
    assert (result.rows, result.drift_features, result.could_not_run) == (100, ("b",), ())


@pytest.mark.parametrize(
    "now", [{}, {"x": []}, {"x": [0, 0]}, {"x": [1, 2, 3]}], ids=["none", "bare", "empty", "other"]
)
def test_a_series_that_cannot_be_compared_is_no_pass(now: Mapping[str, list[int]]) -> None:
    reference = summary(x=[50, 50], y=[50, 50])
    held = detect(reference, counts(**now, y=[50, 50]), monitoring=Monitoring(), seed=0)
    assert (held.drifted, held.could_not_run) == (None, ("x",))
    unknown = held.series[-1]
    assert (unknown.statistic, unknown.limit, unknown.drifted) == (None, None, None)
    drifted = detect(reference, counts(**now, y=[99, 1]), monitoring=Monitoring(), seed=0)
    assert (drifted.drifted, drifted.could_not_run) == (True, ("x",))


def test_an_empty_reference_or_no_series_is_no_pass() -> None:
    empty = detect(summary(x=[0, 0]), counts(x=[5, 5]), monitoring=Monitoring(), seed=0)
    assert empty.drifted is None
    nothing = detect({"rows": 0, "series": {}}, {}, monitoring=Monitoring(), seed=0)
    assert nothing.drifted is None


def test_the_weighted_distance_takes_each_drifted_column_once_at_its_largest() -> None:
    reference = summary(a=[50, 50], b=[50, 50], c=[50, 50], score=[50, 50])
    reference["series"]["a.day"] = {**reference["series"]["a"]}
    far, farther, near = [90, 10], [99, 1], [50, 50]
    now = {**counts(a=far, b=near, c=far, score=far), **counts(**{"a.day": farther})}
    result = detect(reference, now, monitoring=Monitoring(), seed=0)
    assert set(result.drift_features) == {"a", "c"}
    distance = {series.name: series.statistic or 0.0 for series in result.series}
    assert distance["a.day"] > distance["a"]
    weighted = weighted_distance(result, {"a": 0.25, "b": 0.5, "c": 0.2, "d": 0.05})
    assert weighted == pytest.approx(0.25 * distance["a.day"] + 0.2 * distance["c"])
    assert weighted_distance(result, {"a": None, "c": None}) == 0.0


# The report


def report_of(
    now: dict[str, Counts],
    attribution: dict[str, float] | None,
    outcomes: SeriesDrift | None = None,
) -> dict[str, Any]:
    reference = summary(a=[50, 50], b=[50, 50], score=[50, 50])
    monitoring = Monitoring(min_distance=0.2)
    result = detect(reference, now, monitoring=monitoring, seed=0)
    names = {"use_case": "Flights", "batch": "2013-04", "champion": "ab12"}
    return drift_report(
        result, **names, monitoring=monitoring, attribution=attribution, outcomes=outcomes
    )


def test_the_report_holds_every_number_beside_its_limit() -> None:
    report = report_of(counts(a=[99, 1], b=[50, 50], score=[60, 40]), {"a": 0.7, "b": 0.3})
    assert json.loads(json_bytes(report)) == report
    assert (report["drifted"], report["drift_features"]) == (True, ["a"])
    statistic = report["series"][0]["statistic"]
    assert report["weighted_distance"] == pytest.approx(0.7 * statistic)
    assert report["min_weighted_distance"] == 0.15
    assert (report["rows"], report["min_distance"]) == (100, 0.2)
    assert report["false_alarm_rate"] == 0.01
    first = report["series"][0]
    assert (first["name"], first["floor"], first["drifted"]) == ("a", 0.2, True)
    assert first["statistic"] > first["limit"] > 0.0


def test_without_an_attribution_the_weighted_distance_is_unknown() -> None:
    report = report_of(counts(a=[99, 1], b=[50, 50], score=[5, 5]), None)
    assert report["weighted_distance"] is None


def test_the_page_shows_the_strongest_first_and_says_what_is_missing() -> None:
    report = report_of(counts(a=[99, 1], b=[50, 50]), None)
    page = drift_page(report)
    assert page.verdict == "Drifted: 1 of 3 series, led by a. Could not be compared: score."
    blocks = [block for section in page.sections for block in section.blocks]
    (bars,) = (block for block in blocks if isinstance(block, BarPlot))
    assert bars.labels == ("a", "b", "score")
    assert bars.values[2] is None
    limits = [max(s["limit"], s["floor"]) for s in report["series"][:2]]
    assert bars.limits == (*limits, None)
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert [cell_text(row[-1]) for row in table.rows] == [
        "✗ drifted",
        "✓ no drift",
        "? could not run",
    ]
    shown = [block for block in blocks if isinstance(block, HistogramPlot)]
    assert [plot.x_label for plot in shown] == ["a", "b"]
    assert "1.00%" in page.sections[0].text


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (counts(a=[50, 50], b=[50, 50], score=[50, 50]), "No drift"),
        (counts(a=[50, 50], b=[50, 50]), "could not run, which is no pass"),
        ({}, "could not run, which is no pass"),
    ],
)
def test_the_page_answers_in_a_sentence(now: dict[str, Counts], words: str) -> None:
    assert words in drift_page(report_of(now, None)).verdict


# The outcomes


def outcomes(reference: list[int], now: list[int]) -> SeriesDrift:
    series = {**summary(late=reference)["series"]["late"], "bins": ["no", "yes"]}
    monitoring = Monitoring(min_distance=0.05)
    return outcome_drift(series, np.array(now), monitoring=monitoring, seed=0)


def test_outcomes_are_held_to_the_rate_of_one_series() -> None:
    found = outcomes([800, 200], [550, 450])
    limit = chance_limit(np.array([800, 200]), 1000, tail=0.01, seed=0, name="outcomes")
    assert (found.drifted, found.limit, found.floor) == (True, limit, 0.05)
    assert outcomes([800, 200], [780, 220]).drifted is False


def test_outcomes_are_reported_beside_the_verdict_and_not_in_it() -> None:
    now = counts(a=[50, 50], b=[50, 50], score=[50, 50])
    without, changed = report_of(now, None), outcomes([800, 200], [100, 900])
    report = report_of(now, None, changed)
    assert json.loads(json_bytes(report)) == report
    assert {**report, "outcomes": None} == without
    assert (report["drifted"], report["outcomes"]["drifted"]) == (False, True)
    page = drift_page(report)
    (section,) = [s for s in page.sections if s.title == "Outcomes"]
    assert "The outcomes differ from those" in section.text
    assert "Outcomes" not in [s.title for s in drift_page(without).sections]


def test_outcomes_that_are_not_there_yet_are_no_section() -> None:
    nothing = outcomes([800, 200], [0, 0])
    assert nothing.drifted is None
    page = drift_page(report_of(counts(a=[50, 50]), None, nothing))
    assert "Outcomes" not in [s.title for s in page.sections]
