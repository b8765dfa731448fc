"""The operations report says what was measured, beside the budget, and unknown is not ok."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.content_hash import json_bytes
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.text import in_language
from mlops_assets.serving.resource_samples import LATENCY_BOUNDS
from mlops_assets.serving_declaration import Budget
from mlops_assets.traffic.answer_sources import FileAnswers
from mlops_assets.traffic.day_log import log_files, take_in
from mlops_assets.traffic.day_samples import read_day_samples
from mlops_assets.traffic.latencies import PRECISION, count_latencies, percentiles
from mlops_assets.traffic.operations import operations_report
from mlops_assets.traffic.operations_page import operations_page
from mlops_assets.traffic.requests import read_requests

sys.path.insert(0, str(Path(__file__).parents[1] / "reporting"))

from pseudo import unsaid

DAY = "2024-03-05"
Make = Callable[..., Any]
HEADER = {
    "kind": "header",
    "format": 1,
    "instance": "a",
    "every_seconds": 10.0,
    "latency_bounds": [*LATENCY_BOUNDS],
    "cores": 2,
}


def sample(time: str, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "sample",
        "time": f"{DAY}T{time}.000Z",
        "seconds": 10.0,
        "requests": {"infer": {"2xx": 90, "4xx": 10}},
        "errors": {"malformed": 10},
        "latency": {},
        "rows": [
            {"variant": "champion", "release": "r", "answered": True, "rows": 90}
            | {"batches": 9, "seconds": 0.1}
        ],
        "cpu_seconds": 5.0,
        "resident_bytes": 90_000_000,
        "peak_resident_bytes": 100_000_000,
        "pending_rows_high": 7,
        "log": {"journalled": 90, "flushed": 90, "lost": 0, "outside_envelope": 0},
        "log_state": "writing",
        "release": "r",
        "challenger": None,
        **changes,
    }


def write_samples(served: Path, *samples: dict[str, Any], instance: str = "a") -> Path:
    path = served / "operations" / DAY / f"{instance}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(one) for one in ({**HEADER, "instance": instance}, *samples)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def report_of(served: Path, target: Path, budget: Budget | None = None) -> dict[str, Any]:
    target.mkdir(exist_ok=True)
    manifest = take_in([FileAnswers(served)], served, DAY, target)
    requests, samples = read_requests(log_files(target)), read_day_samples(served, DAY)
    report = operations_report(DAY, "Lates", requests, samples, manifest, budget or Budget())
    json_bytes(report)
    return report


def verdict(report: dict[str, Any], language: str = "en") -> str:
    return in_language(operations_page(report).verdict, language)


@given(st.lists(st.floats(0.002, 1e6), min_size=100, max_size=300))
def test_percentiles_are_those_of_numpy_to_half_a_percent(milliseconds: list[float]) -> None:
    found = percentiles(count_latencies(np.array(milliseconds)))
    for name, q in (("p50", 50), ("p95", 95), ("p99", 99)):
        exact = np.percentile(milliseconds, q, method="inverted_cdf")
        assert found[name] == pytest.approx(exact, rel=PRECISION + 1e-3)


def test_a_percentile_of_too_few_is_not_known() -> None:
    assert percentiles(count_latencies(np.ones(99)))["p99"] is None
    assert percentiles(count_latencies(np.ones(100)))["p99"] is not None
    assert percentiles(count_latencies(np.empty(0))) == {"p50": None, "p95": None, "p99": None}


def test_requests_are_counted_apart_from_rows_and_shadows(
    served: Path, server: Make, tmp_path: Path
) -> None:
    one, other = server("a"), server("b", release="f" * 32 + ".dir")
    one.write([3600 + n for n in range(150)], DAY, latency_ms=4.0)
    # Fifty requests of two rows, the second of each answered by the challenger.
    one.write([7200] * 50, DAY, latency_ms=500.0)
    other.write([7200] * 50, DAY, row=1, variant="challenger", latency_ms=500.0)
    other.write(range(30), DAY, answered=False, variant="challenger", latency_ms=9000.0)
    report = report_of(served, tmp_path / "log")
    requests = report["requests"]
    assert (requests["requests"], requests["single_row"]) == (200, 150)
    assert requests["single_row_ms"]["p99"] == pytest.approx(4.0, rel=0.006)
    assert requests["latency_ms"]["p99"] == pytest.approx(500.0, rel=0.006)
    assert [hour["requests"] for hour in report["by_hour"][:3]] == [0, 150, 50]
    assert requests["busiest_minute_per_second"] == 1.0
    shares = {part["variant"]: part["share"] for part in report["parts"]}
    assert shares == {"champion": 0.8, "challenger": 0.2}


@pytest.mark.parametrize(
    ("latency", "budget", "expected", "words"),
    [
        (4.0, {}, "within", "kept within"),
        (60.0, {}, "beyond", "99th percentile"),
        (4.0, {"memory_megabytes": 99.0}, "beyond", "megabytes"),
    ],
)
def test_the_budget_is_held_or_not(
    served: Path,
    server: Make,
    tmp_path: Path,
    latency: float,
    budget: dict[str, float],
    expected: str,
    words: str,
) -> None:
    server().write(range(120), DAY, latency_ms=latency)
    write_samples(served, sample("00:00:10"))
    report = report_of(served, tmp_path / "log", Budget(**budget))
    assert report["verdict"] == expected
    assert words in verdict(report)


def test_what_is_not_known_is_not_within(served: Path, server: Make, tmp_path: Path) -> None:
    server().write(range(50), DAY)
    write_samples(served, sample("00:00:10"))
    report = report_of(served, tmp_path / "log")
    assert report["verdict"] is None
    assert "MISSING" in to_html(operations_page(report))
    assert verdict(report).startswith("Unknown")


def test_memory_that_one_server_does_not_tell_is_not_within(
    served: Path, server: Make, tmp_path: Path
) -> None:
    server().write(range(120), DAY)
    write_samples(served, sample("00:00:10"))
    silent = sample("00:00:10", resident_bytes=None, peak_resident_bytes=None, log=None)
    write_samples(served, silent, instance="b")
    report = report_of(served, tmp_path / "log")
    assert [one["verdict"] for one in report["budget"]] == ["within", None]
    assert report["budget"][1]["value"] == 100.0
    small = report_of(served, tmp_path / "log", Budget(memory_megabytes=50.0))
    assert small["verdict"] == "beyond"


def test_samples_are_added_up_by_server_and_hour(
    served: Path, server: Make, tmp_path: Path
) -> None:
    server().write(range(120), DAY)
    write_samples(
        served,
        sample("00:00:10"),
        sample("00:00:20", cpu_seconds=15.0, resident_bytes=130_000_000),
        sample("13:00:00", seconds=5.0, cpu_seconds=0.0, log_state="stopped"),
    )
    path = write_samples(served, sample("13:00:00", errors={}), instance="b")
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"kind": "sam')
    report = report_of(served, tmp_path / "log")
    first, second = report["instances"]
    assert (first["first"], first["last"]) == (f"{DAY}T00:00:00Z", f"{DAY}T13:00:00Z")
    assert first["cpu_share"] == pytest.approx(0.8) and first["highest_cpu_share"] == 1.5
    assert (first["memory_megabytes"], second["memory_megabytes"]) == (130.0, 100.0)
    assert [one["rows"] for one in report["instances"]] == [120, 0]
    assert report["errors"] == [{"reason": "malformed", "requests": 30}]
    assert report["by_hour"][13]["cpu_share"] == pytest.approx(5.0 / 15.0)
    assert report["by_hour"][1]["cpu_share"] is None
    assert report["log"]["scored_rows"] == 360
    assert {"state": "stopped", "seconds": 5} in report["log"]["states"]


def test_a_day_without_traffic_says_so(served: Path, tmp_path: Path) -> None:
    nothing = report_of(served, tmp_path / "nothing")
    assert "no server ran" in verdict(nothing)
    write_samples(served, sample("00:00:10", requests={}, rows=[], errors={}))
    idle = report_of(served, tmp_path / "idle")
    assert "no answer of theirs" in verdict(idle)
    assert {nothing["verdict"], idle["verdict"]} == {None}


@pytest.mark.parametrize("traffic", [True, False])
def test_every_word_of_the_page_is_said(
    served: Path, server: Make, tmp_path: Path, traffic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if traffic:
        server().write(range(120), DAY, latency_ms=80.0)
        write_samples(served, sample("00:00:10"), sample("00:00:20", errors={}))
    report = report_of(served, tmp_path / "log")
    assert "jour" in to_html(operations_page(report), "fr")
    assert unsaid(operations_page(report), report, monkeypatch) == []
