"""Alerts of a server: said once for each incident, counted always, and sent through Apprise."""

import io
import json
import threading
from typing import Any

import pytest
from webhook import Webhook

from mlops_assets.serving.alerting import (
    CHANNELS_VARIABLE,
    MOST_RECENT,
    QUIET_SECONDS,
    REMINDER_SECONDS,
    Alerts,
)
from mlops_assets.serving.structured_log import StructuredLog

# Apprise imports a module that Python has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def said(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_incident_is_said_once_and_counted_always(stream: io.StringIO) -> None:
    clock = Clock()
    alerts = Alerts(StructuredLog(stream), environment={}, clock=clock)
    for _ in range(5):
        alerts.alert("disk_full", "the log stopped", free_bytes=0)
        clock.now += QUIET_SECONDS - 1
    alerts.alert("release_refused", "bundle abc is corrupt")
    assert [(line["event"], line["kind"], line["level"]) for line in said(stream)] == [
        ("alert", "disk_full", "error"),
        ("alert", "release_refused", "error"),
    ]
    assert alerts.total == 6
    newest, oldest = alerts.recent()
    assert (newest["kind"], oldest["kind"], oldest["times"]) == ("release_refused", "disk_full", 5)
    assert json.dumps(alerts.recent()) and {*newest} == {"kind", "first", "last", "times", "text"}
    clock.now += QUIET_SECONDS
    alerts.alert("disk_full", "the log stopped again")
    assert [line["kind"] for line in said(stream)] == ["disk_full", "release_refused", "disk_full"]


def test_an_incident_that_goes_on_is_said_again(stream: io.StringIO) -> None:
    clock = Clock()
    alerts = Alerts(StructuredLog(stream), environment={}, clock=clock)
    steps = int(2 * REMINDER_SECONDS / 100)
    for _ in range(steps + 1):
        alerts.alert("disk_full", "the log stopped")
        clock.now += 100
    assert [line["times"] for line in said(stream)] == [1, steps // 2 + 1, steps + 1]
    assert len(alerts.recent()) == 1


def test_what_is_kept_is_bounded(stream: io.StringIO) -> None:
    alerts = Alerts(StructuredLog(stream), environment={})
    for place in range(MOST_RECENT + 20):
        alerts.alert(f"kind {place}", "text")
    assert len(alerts.recent()) == MOST_RECENT
    assert alerts.recent()[0]["kind"] == f"kind {MOST_RECENT + 19}"


def test_an_alert_is_sent_to_every_channel(stream: io.StringIO, webhook: Webhook) -> None:
    environment = {CHANNELS_VARIABLE: f"{webhook.url}/a {webhook.url}/b"}
    alerts = Alerts(StructuredLog(stream), "flight_delays", environment)
    alerts.alert("disk_full", "the log stopped")
    alerts.alert("disk_full", "the log stopped")
    alerts.close(seconds=30)
    assert sorted(path.strip("/") for path, _ in webhook.received) == ["hook/a", "hook/b"]
    for _, body in webhook.received:
        assert body["title"] == "mlops serving: flight_delays: disk_full"
        assert body["message"] == "the log stopped"
    assert alerts.undelivered == 0


def test_a_channel_that_fails_is_said_without_its_address(
    stream: io.StringIO, webhook: Webhook, refusing: Webhook
) -> None:
    urls = f"nonsense://secret-path {refusing.url}/secret-path {webhook.url}"
    alerts = Alerts(StructuredLog(stream), environment={CHANNELS_VARIABLE: urls})
    alerts.alert("disk_full", "the log stopped")
    alerts.close(seconds=30)
    assert [line["event"] for line in said(stream)] == ["alert", "alert_not_sent"]
    assert alerts.undelivered == 1 and len(webhook.received) == 1
    assert "secret-path" not in stream.getvalue()


def test_alerts_may_come_from_any_thread(stream: io.StringIO) -> None:
    alerts = Alerts(StructuredLog(stream), environment={})
    threads = [
        threading.Thread(target=lambda: [alerts.alert("kind", "text") for _ in range(500)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alerts.total == 2000 and alerts.recent()[0]["times"] == 2000
    assert len(said(stream)) == 1
