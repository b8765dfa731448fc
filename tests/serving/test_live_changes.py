"""Releases and tests come and go under load, and nobody notices but by the hash of the answers."""

import asyncio
import http.client
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from clients import Answers, keep_asking
from served_bundles import add_release, promote
from server_process import ServerProcess, serving

from mlops_assets.serving.prediction_log.reading import days, record_batches, releases
from mlops_assets.serving.traffic_plan import TrafficPlan, is_challenger, write_plan

PATIENCE = 60.0


def status_of(server: ServerProcess) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request("GET", "/admin/status")
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


async def until_served(server: ServerProcess, release: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while (await asyncio.to_thread(status_of, server))["champion"] != release:
        assert time.monotonic() < deadline, f"{release} was not picked up"
        await asyncio.sleep(0.05)


def logged(root: Path) -> list[dict[str, Any]]:
    served = root / "served"
    return [
        row
        for day in days(served)
        for release in releases(served, day)
        for batch in record_batches(served, day, release)
        for row in batch.to_pylist()
    ]


def test_ten_promotions_and_rollbacks_under_64_connections(tmp_path: Path) -> None:
    scales = {add_release(tmp_path, scale=s): s for s in (1.0, -1.0, 3.0)}
    turns = [[*scales][position % 3] for position in range(1, 11)]
    promote(tmp_path, next(iter(scales)))

    async def go(server: ServerProcess) -> Answers:
        over = asyncio.Event()
        asking = asyncio.create_task(keep_asking(server.url, 64, scales, over))
        for release in turns:
            promote(tmp_path, release)
            await until_served(server, release)
        over.set()
        return await asking

    with serving(tmp_path) as server:
        answers = asyncio.run(go(server))
        assert server.events("alert") == []
        assert server.end() == 0

    assert (answers.failed, answers.wrong) == ([], [])
    assert set(answers.by_release) == {*scales}
    rows = logged(tmp_path)
    assert Counter(row["release"] for row in rows) == answers.by_release
    assert sorted(row["request_id"] for row in rows) == sorted(answers.ids)
    for row in rows:
        chance = 1.0 / (1.0 + np.exp(-scales[row["release"]] * row["input.amount"]))
        assert abs(row["output.probabilities"][1] - chance) < 1e-6


def test_a_broken_bundle_is_refused_under_load_and_the_old_one_stays(tmp_path: Path) -> None:
    good, broken = add_release(tmp_path), add_release(tmp_path, scale=2.0)
    (tmp_path / "releases" / broken / "model.onnx").write_bytes(b"half of a model")
    promote(tmp_path, good)

    async def go(server: ServerProcess) -> Answers:
        over = asyncio.Event()
        asking = asyncio.create_task(keep_asking(server.url, 8, {good: 1.0}, over))
        promote(tmp_path, broken)
        deadline = time.monotonic() + PATIENCE
        while not server.events("alert"):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        over.set()
        return await asking

    with serving(tmp_path, "--no-log") as server:
        answers = asyncio.run(go(server))
        assert [alert["kind"] for alert in server.events("alert")] == ["release_refused"]
        assert status_of(server)["champion"] == good

    assert (answers.failed, answers.wrong, {*answers.by_release}) == ([], [], {good})


def ids(number: int) -> dict[str, str]:
    return {"customer": f"c-{number % 50}", "order": f"o-{number}"}


def test_a_share_of_the_customers_is_answered_by_the_challenger_and_always_the_same(
    tmp_path: Path,
) -> None:
    champion, challenger = add_release(tmp_path), add_release(tmp_path, scale=-2.0)
    scales = {champion: 1.0, challenger: -2.0}
    plan = TrafficPlan("test-7", challenger, champion, "ab", 0.4)
    promote(tmp_path, champion)
    write_plan(tmp_path / "traffic.json", plan)

    with serving(tmp_path) as server:
        answers = asyncio.run(ask_for(server, scales, 1.0))
        assert server.end() == 0

    assert (answers.failed, answers.wrong) == ([], [])
    rows = logged(tmp_path)
    assert len(rows) == sum(answers.by_release.values()) > 200
    for row in rows:
        expected = is_challenger(plan, f"c-{int(row['row_id'].split('-')[1]) % 50}")
        assert row["release"] == (challenger if expected else champion)
        assert row["variant"] == ("challenger" if expected else "champion")
        assert (row["answered"], row["experiment"]) == (True, "test-7")


def test_a_shadow_is_asked_about_everything_and_answers_nobody(tmp_path: Path) -> None:
    champion, challenger = add_release(tmp_path), add_release(tmp_path, scale=-2.0)
    scales = {champion: 1.0, challenger: -2.0}
    promote(tmp_path, champion)
    write_plan(
        tmp_path / "traffic.json", TrafficPlan("test-8", challenger, champion, "shadow", 1.0)
    )

    with serving(tmp_path) as server:
        answers = asyncio.run(ask_for(server, scales, 1.0))
        assert server.end() == 0

    assert (answers.failed, answers.wrong, {*answers.by_release}) == ([], [], {champion})
    rows = logged(tmp_path)
    sent = {row["row_id"]: row for row in rows if row["answered"]}
    shadow = {row["row_id"]: row for row in rows if not row["answered"]}
    assert sent.keys() == shadow.keys() and len(rows) == 2 * len(answers.ids)
    for row_id, row in shadow.items():
        assert (row["release"], row["variant"]) == (challenger, "challenger")
        assert row["input.amount"] == sent[row_id]["input.amount"]
        assert row["request_id"] == sent[row_id]["request_id"]


async def ask_for(server: ServerProcess, scales: dict[str, float], seconds: float) -> Answers:
    over = asyncio.Event()
    asking = asyncio.create_task(keep_asking(server.url, 16, scales, over, ids))
    await asyncio.sleep(seconds)
    over.set()
    return await asking


def test_a_share_changes_and_ends_without_a_restart(tmp_path: Path) -> None:
    champion, challenger = add_release(tmp_path), add_release(tmp_path, scale=-2.0)
    promote(tmp_path, champion)
    path = tmp_path / "traffic.json"

    def traffic_of(server: ServerProcess) -> Any:
        return status_of(server)["traffic"]

    with serving(tmp_path, "--no-log") as server:
        for share, mode in ((0.1, "ab"), (0.6, "ab"), (1.0, "shadow"), (None, None)):
            plan = (
                None
                if share is None
                else TrafficPlan("test-9", challenger, champion, mode or "ab", share)
            )
            write_plan(path, plan)
            wanted = None if share is None else share
            deadline = time.monotonic() + PATIENCE
            while ((traffic_of(server) or {}).get("share")) != wanted:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert server.events("alert") == []


def test_it_is_live_but_not_ready_before_the_first_release(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-log", waits_for="listening") as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)

        def get(path: str) -> int:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            return response.status

        assert (get("/v2/health/live"), get("/v2/health/ready")) == (200, 503)
        promote(tmp_path, add_release(tmp_path))
        deadline = time.monotonic() + PATIENCE
        while get("/v2/health/ready") != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        connection.close()
        assert len(server.events("ready")) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_who_is_answered_when_it_ends_is_in_the_log(tmp_path: Path, times: int) -> None:
    release = add_release(tmp_path)
    promote(tmp_path, release)

    async def go(server: ServerProcess) -> Answers:
        asking = keep_asking(server.url, 16, {release: 1.0}, asyncio.Event())
        task = asyncio.create_task(asking)
        await asyncio.sleep(0.3)
        for _ in range(times):
            server.process.terminate()
        return await task

    with serving(tmp_path) as server:
        answers = asyncio.run(go(server))
        assert server.process.wait(PATIENCE) == 0

    assert (answers.failed, answers.wrong, answers.ended) == ([], [], 16)
    assert {*answers.ids} <= {row["request_id"] for row in logged(tmp_path)}
