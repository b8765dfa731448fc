"""What a server counts, read back as Prometheus reads it."""

import math
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from mlops_assets.serving.metrics import (
    CONTENT_TYPE,
    LATENCY_BOUNDS,
    MOST_ENDPOINTS,
    MOST_RELEASES,
    ROW_BOUNDS,
    Metrics,
)
from mlops_assets.serving.refusal import STATUS

HASH = "0123456789abcdef0123456789abcdef.dir"


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels' values in the order of their names."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_are_counted_by_endpoint_and_class_of_status() -> None:
    metrics = Metrics()
    for status in (200, 200, 204, 400, 404, 503):
        metrics.request("infer", status, 0.002)
    metrics.request("predict", 200, 0.1)
    metrics.refused("malformed")
    metrics.refused("malformed")
    seen = read(metrics)
    name = "mlops_serving_requests_total"
    assert {key[1:]: value for key, value in seen.items() if key[0] == name} == {
        ("infer", "2xx"): 3,
        ("infer", "4xx"): 2,
        ("infer", "5xx"): 1,
        ("predict", "2xx"): 1,
    }
    errors = {key[1]: n for key, n in seen.items() if key[0] == "mlops_serving_errors_total"}
    assert errors == {kind: 2 * (kind == "malformed") for kind in STATUS}


@given(st.lists(st.sampled_from([*LATENCY_BOUNDS, 0.0, 0.0004, 0.0011, 7.0, 10.1, 60.0])))
def test_the_histogram_of_seconds_is_cumulative(seconds: list[float]) -> None:
    metrics = Metrics()
    for one in seconds:
        metrics.request("infer", 200, one)
    seen = read(metrics)
    name = "mlops_serving_request_duration_seconds"
    for bound in LATENCY_BOUNDS if seconds else ():
        within = sum(one <= bound for one in seconds)
        assert seen[f"{name}_bucket", "infer", repr(bound)] == within
    if seconds:
        assert seen[f"{name}_bucket", "infer", "+Inf"] == len(seconds)
        assert seen[f"{name}_count", "infer"] == len(seconds)
        assert seen[f"{name}_sum", "infer"] == pytest.approx(sum(seconds))


def test_rows_are_counted_by_variant_and_release() -> None:
    metrics = Metrics()
    metrics.batch(3, 3, "champion", HASH, True, 0.01)
    metrics.batch(100_000, 1, "champion", HASH, True, 0.5)
    metrics.batch(2, 1, "challenger", "f" * 32, True, 0.02)
    metrics.batch(3, 3, "challenger", "f" * 32, False, 0.03)
    seen = read(metrics)
    assert seen["mlops_serving_rows_answered_total", HASH[:12], "champion"] == 100_003
    assert seen["mlops_serving_rows_answered_total", "f" * 12, "challenger"] == 2
    assert seen["mlops_serving_rows_shadow_total", "f" * 12, "challenger"] == 3
    assert seen["mlops_serving_scoring_seconds_total", "f" * 12, "challenger"] == 0.05
    assert seen["mlops_serving_batch_rows_bucket", "4.0"] == 3
    assert seen["mlops_serving_batch_rows_bucket", repr(float(ROW_BOUNDS[-1]))] == 3
    assert seen["mlops_serving_batch_rows_count",] == 4
    assert seen["mlops_serving_batch_rows_sum",] == 100_008


def test_other_parts_show_what_they_know() -> None:
    metrics = Metrics()
    metrics.gauge("pending_rows", "Rows that wait.", lambda: metrics.pending_rows)
    metrics.counter("mlops_serving_log_rows_lost", "Rows lost.", lambda: 7)
    metrics.labelled("log_state", "1 for the log's state.", "state", lambda: {"writing": 1})
    metrics.gauge("broken", "Cannot be told.", lambda: 1 / 0)
    metrics.labelled("broken_labels", "Cannot be told.", "which", lambda: {"a": 1 / 0})
    metrics.pending(5)
    seen = read(metrics)
    assert seen["mlops_serving_pending_rows",] == 5
    assert seen["mlops_serving_log_rows_lost_total",] == 7
    assert seen["mlops_serving_log_state", "writing"] == 1
    assert math.isnan(seen["mlops_serving_broken",])
    assert not any(key[0] == "mlops_serving_broken_labels" for key in seen)
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        assert seen[name,] > 0
    with pytest.raises(ValueError, match="mlops_serving_broken is there already"):
        metrics.gauge("broken", "Again.", lambda: 1)


def test_the_most_rows_that_waited_are_remembered() -> None:
    metrics = Metrics()
    for rows in (3, 9, 4):
        metrics.pending(rows)
    assert (metrics.pending_rows, metrics.pending_rows_high) == (4, 9)
    metrics.forget_high_water()
    assert metrics.pending_rows_high == 4


def test_labels_are_bounded_and_no_count_is_lost() -> None:
    metrics = Metrics()
    for place in range(MOST_ENDPOINTS + 50):
        metrics.request(f"endpoint {place}", 200, 0.001)
        metrics.batch(2, 1, "champion", f"{place:032x}", True, 0.001)
    seen = read(metrics)
    requests = {key: n for key, n in seen.items() if key[0] == "mlops_serving_requests_total"}
    assert sum(requests.values()) == MOST_ENDPOINTS + 50
    assert len(requests) == MOST_ENDPOINTS + 1
    rows = {key: n for key, n in seen.items() if key[0] == "mlops_serving_rows_answered_total"}
    assert sum(rows.values()) == 2 * (MOST_ENDPOINTS + 50)
    assert seen["mlops_serving_rows_answered_total", "other", "champion"] > 0
    releases = {release for _, release, _ in metrics.counted().batches}
    assert len(releases) == MOST_RELEASES + 1 and f"{MOST_ENDPOINTS + 49:032x}" in releases


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_no_count_is_lost_between_threads() -> None:
    metrics = Metrics()

    def work() -> None:
        for _ in range(20_000):
            metrics.request("infer", 200, 0.001)
            metrics.batch(2, 1, "champion", HASH, True, 0.001)
            metrics.refused("overloaded")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = read(metrics)
    assert seen["mlops_serving_requests_total", "infer", "2xx"] == 80_000
    assert seen["mlops_serving_rows_answered_total", HASH[:12], "champion"] == 160_000
    assert seen["mlops_serving_errors_total", "overloaded"] == 80_000


def test_prometheus_has_nothing_to_say_against_the_names() -> None:
    metrics = Metrics()
    metrics.request("infer", 200, 0.001)
    metrics.batch(1, 1, "champion", HASH, True, 0.001)
    metrics.batch(1, 1, "challenger", HASH, False, 0.001)
    text = metrics.render()
    assert text.endswith(b"\n") and CONTENT_TYPE.startswith("text/plain; version=")
    lines = text.decode().splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    helps = {line.split()[2] for line in lines if line.startswith("# HELP ")}
    assert names == helps
    try:
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
        )
    except FileNotFoundError:
        return
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
