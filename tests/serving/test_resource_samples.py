"""Samples of a server: what they hold, and that they add up to what happened."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_http import eventually

from mlops_assets.serving.metrics import LATENCY_BOUNDS, Metrics
from mlops_assets.serving.prediction_log.counters import LogCounters
from mlops_assets.serving.resource_samples import (
    ResourceSamples,
    Serving,
    forget_days,
    read_samples,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0
NOTHING = LogCounters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "writing")
RELEASE = "0123456789abcdef.dir"


def samples_of(
    folder: Path,
    metrics: Metrics,
    log: Callable[[], LogCounters | None] = lambda: None,
    every_seconds: float = 10.0,
    failed: Callable[[OSError], None] | None = None,
) -> ResourceSamples:
    serving = Serving(release=lambda: RELEASE, log=log)
    tell = failed or pytest.fail
    return ResourceSamples(folder, "a1b2", metrics, serving, 183, tell, every_seconds)


def path_of(folder: Path, day: str = "2026-03-01") -> Path:
    return folder / day / "a1b2.jsonl"


def test_a_sample_says_what_happened_since_the_one_before(tmp_path: Path) -> None:
    metrics, log = Metrics(), NOTHING
    metrics.request("infer", 200, 0.001)
    samples = samples_of(tmp_path, metrics, lambda: log)
    metrics.request("infer", 200, 0.0021)
    metrics.request("infer", 503, 20.0)
    metrics.request("predict", 200, 0.0004)
    metrics.refused("overloaded")
    metrics.batch(3, 2, "champion", RELEASE, True, 0.25)
    metrics.batch(1, 1, "challenger", "fedc.dir", False, 0.5)
    metrics.pending(7)
    metrics.pending(2)
    log = replace(log, received=4, journalled=4, flushed=3, outside_envelope=1)
    samples.write(NOON)
    metrics.request("infer", 200, 0.001)
    samples.write(NOON + 10)
    first, second = read_samples(path_of(tmp_path))
    assert first.requests == {"infer": {"2xx": 1, "5xx": 1}, "predict": {"2xx": 1}}
    assert first.errors == {"overloaded": 1}
    place = LATENCY_BOUNDS.index(0.003)
    assert [i for i, n in enumerate(first.latency["infer"]) if n] == [place, len(LATENCY_BOUNDS)]
    assert first.latency["predict"][0] == sum(first.latency["predict"]) == 1
    champion = {"variant": "champion", "release": RELEASE, "answered": True}
    challenger = {"variant": "challenger", "release": "fedc.dir", "answered": False}
    assert [*first.rows] == [
        {**champion, "rows": 3, "batches": 1, "seconds": 0.25},
        {**challenger, "rows": 1, "batches": 1, "seconds": 0.5},
    ]
    assert first.log == {
        "received": 4,
        "journalled": 4,
        "flushed": 3,
        "shipped": 0,
        "lost": 0,
        "outside_envelope": 1,
    }
    assert (first.log_state, first.release, first.challenger) == ("writing", RELEASE, None)
    assert (first.pending_rows_high, second.pending_rows_high) == (7, 2)
    assert first.time == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (first.instance, first.latency_bounds, first.cores) == (
        "a1b2",
        LATENCY_BOUNDS,
        os.cpu_count(),
    )
    assert first.resident_bytes and first.peak_resident_bytes
    assert first.peak_resident_bytes >= first.resident_bytes > 10**6
    assert first.cpu_seconds >= 0 and first.seconds >= 0
    assert second.requests == {"infer": {"2xx": 1}} and second.errors == {} and not second.rows
    assert second.log == dict.fromkeys(first.log, 0)


@given(st.lists(st.lists(st.tuples(st.sampled_from([200, 400, 500]), st.floats(0, 20)))))
def test_samples_add_up(
    tmp_path_factory: pytest.TempPathFactory, periods: list[list[tuple[int, float]]]
) -> None:
    folder, metrics = tmp_path_factory.mktemp("operations"), Metrics()
    samples = samples_of(folder, metrics)
    for place, period in enumerate(periods):
        for status, seconds in period:
            metrics.request("infer", status, seconds)
        samples.write(NOON + place)
    found = [*read_samples(path_of(folder))] if periods else []
    assert [sum(sum(one.latency.get("infer", ())) for one in found)] == [sum(map(len, periods))]
    for sample, period in zip(found, periods, strict=True):
        seen = sample.requests.get("infer", {})
        assert sum(seen.values()) == len(period)
        assert seen.get("4xx", 0) == sum(status == 400 for status, _ in period)


def test_a_day_has_its_own_file_and_old_days_are_deleted(tmp_path: Path) -> None:
    samples = samples_of(tmp_path, Metrics())
    for name in ("2025-08-29", "2025-08-30", "notes"):
        (tmp_path / name).mkdir()
    samples.write(NOON)
    kept = ["2025-08-30", "2026-03-01", "notes"]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
    samples.write(NOON + DAY)
    assert len([*read_samples(path_of(tmp_path))]) == 1
    assert len([*read_samples(path_of(tmp_path, "2026-03-02"))]) == 1


def test_a_day_is_kept_for_as_many_whole_days_as_declared(tmp_path: Path) -> None:
    for day in ("2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "a.jsonl").write_text("{}\n")
    assert forget_days(tmp_path, date(2026, 3, 1), 2) == ["2026-02-26"]
    assert len([*tmp_path.iterdir()]) == 3


def test_a_line_cut_short_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    metrics = Metrics()
    samples_of(tmp_path, metrics).write(NOON)
    with path_of(tmp_path).open("a") as stream:
        stream.write('{"kind": "sample", "time": "2026-03-01T12')
    metrics.request("infer", 200, 0.001)
    again = samples_of(tmp_path, metrics)
    again.write(NOON + 20)
    assert len([*read_samples(path_of(tmp_path))]) == 2
    kinds = [line[:15] for line in path_of(tmp_path).read_text().splitlines()]
    assert len(kinds) == 5 and kinds[3] == '{"kind":"header'


def test_another_format_is_refused(tmp_path: Path) -> None:
    path_of(tmp_path).parent.mkdir()
    path_of(tmp_path).write_text(json.dumps({"kind": "header", "format": 99}) + "\n")
    with pytest.raises(ValueError, match=r"a1b2\.jsonl, line 1: samples of format 99"):
        [*read_samples(path_of(tmp_path))]


def test_samples_are_written_until_the_end_and_failures_are_told(tmp_path: Path) -> None:
    metrics, problems = Metrics(), []
    samples = samples_of(tmp_path / "served", metrics, lambda: NOTHING, 0.01)
    samples.start()
    assert eventually(lambda: any(tmp_path.rglob("*.jsonl")))
    metrics.request("infer", 200, 0.001)
    samples.stop()
    files = [*tmp_path.rglob("*.jsonl")]
    found = [sample for path in files for sample in read_samples(path)]
    assert sum(sample.requests.get("infer", {}).get("2xx", 0) for sample in found) == 1
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    failing = samples_of(blocked, metrics, every_seconds=0.01, failed=problems.append)
    failing.start()
    assert eventually(lambda: len(problems) >= 2)
    failing.stop()
