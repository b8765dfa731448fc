"""What a real server leaves of its day is taken in whole, reported on, and joined to its labels."""

import json
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pyarrow as pa
import pytest
from served_bundles import add_release, promote
from server_process import serving

from mlops_assets.serving.prediction_log import reading
from mlops_assets.serving_declaration import Budget
from mlops_assets.traffic.answer_sources import FileAnswers
from mlops_assets.traffic.day_log import log_files, take_in
from mlops_assets.traffic.day_samples import read_day_samples
from mlops_assets.traffic.joining import joined, latest_answers
from mlops_assets.traffic.operations import operations_report
from mlops_assets.traffic.requests import read_requests

REQUESTS = 120
Answered = tuple[str, dict[str, Any], list[Path]]


def ask(url: str, rows: list[dict[str, Any]]) -> Any:
    body = json.dumps(rows).encode()
    request = Request(f"{url}/v1/predict", body, {"Content-Type": "application/json"})
    with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
        return json.loads(response.read())


def row(order: int, amount: float = 1.0) -> dict[str, Any]:
    return {"city": "Oslo", "amount": amount, "seen": 1, "member": True, "order": str(order)}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server left that was asked about single rows, twice about the first, once about a row
    outside the envelope, and once about two rows."""
    root = tmp_path_factory.mktemp("artifacts") / "binary"
    promote(root, add_release(root))
    with serving(root) as server:
        for order in range(REQUESTS):
            ask(server.url, [row(order)])
        ask(server.url, [row(0, amount=-2.0)])
        ask(server.url, [row(1000, amount=5000.0)])
        ask(server.url, [row(2000), row(2001)])
        assert server.end() == 0
    return root / "served"


@pytest.fixture(scope="module")
def days(served: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answered]:
    """The manifest and the log of each day: two, where the test ran at midnight."""
    taken = {}
    for day in reading.days(served):
        target = tmp_path_factory.mktemp(day)
        manifest = take_in([FileAnswers(served)], served, day, target)
        taken[day] = day, manifest, log_files(target)
    return taken


def test_every_answer_is_in_the_log(days: dict[str, Answered]) -> None:
    manifests = [manifest for _, manifest, _ in days.values()]
    totals = {name: sum(one[name] for one in manifests) for name in ("rows", "outside_envelope")}
    assert totals == {"rows": REQUESTS + 4, "outside_envelope": 1}
    assert all(one["lost_rows"] == one["repeated_rows"] == 0 for one in manifests)
    assert all(one["parts"][0]["variant"] == "champion" for one in manifests)


def test_requests_memory_and_processor_are_measured(
    served: Path, days: dict[str, Answered]
) -> None:
    reports = [
        operations_report(
            day, "B", read_requests(files), read_day_samples(served, day), manifest, Budget()
        )
        for day, manifest, files in days.values()
    ]
    requests = [report["requests"] for report in reports]
    assert sum(one["requests"] for one in requests) == REQUESTS + 3
    assert sum(one["single_row"] for one in requests) == REQUESTS + 2
    (server,) = reports[-1]["instances"]
    assert 10 < server["memory_megabytes"] < 3000 and server["cpu_share"] > 0.0
    logs = [report["log"] for report in reports]
    assert sum(log["scored_rows"] for log in logs) == REQUESTS + 4
    assert sum(log["lost_as_counted"] for log in logs) == 0


def test_labels_that_come_later_meet_their_answers(days: dict[str, Answered]) -> None:
    files = [path for _, _, paths in days.values() for path in paths]
    cleaned = pa.table({"order": ["0", "5", "2001", "77777"], "late": [True, False, True, True]})
    answers = latest_answers(files, cleaned.column("order"))
    found = joined(answers, cleaned, "order")
    assert found.column("row_id").to_pylist() == ["0", "5", "2001"]
    assert found.column("cleaned.late").to_pylist() == [True, False, True]
    # The first was asked about again, with another amount.
    assert found.column("input.amount").to_pylist() == [-2.0, 1.0, 1.0]
