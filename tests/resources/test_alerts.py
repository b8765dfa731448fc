"""Alerts: logged always, delivered to every channel, and no secret in a log."""

import logging

import pytest
from webhook import Webhook

from resources.alerts import CHANNELS_VARIABLE, alert

# Apprise imports a module that Python has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def test_an_alert_is_logged_where_there_is_no_channel(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CHANNELS_VARIABLE, raising=False)

    assert alert("the training failed", "one class only")

    assert caplog.messages == ["the training failed: one class only"]
    assert caplog.records[0].levelno == logging.ERROR


def test_an_alert_reaches_every_channel(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHANNELS_VARIABLE, f" {webhook.url}/a  {webhook.url}/b ")

    assert alert("the training failed", "one class only")

    assert sorted(path.strip("/") for path, _ in webhook.received) == ["hook/a", "hook/b"]
    for _, body in webhook.received:
        assert body["title"] == "the training failed"
        assert body["message"] == "one class only"


def test_a_channel_that_refuses_is_told_without_its_secret(
    webhook: Webhook,
    refusing: Webhook,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(CHANNELS_VARIABLE, f"{refusing.url} {webhook.url}")

    assert not alert("the training failed", "one class only")

    assert len(webhook.received) == 1, "the other channel took it"
    assert f"an alert channel of {CHANNELS_VARIABLE} did not take the alert" in caplog.messages
    assert "s3cret" not in caplog.text


def test_one_channel_that_is_not_understood_is_enough_to_say_so(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHANNELS_VARIABLE, f"{webhook.url} nonsense://s3cret")

    assert not alert("the training failed", "one class only")

    assert len(webhook.received) == 1


@pytest.mark.parametrize("url", ["json://user:s3cret@127.0.0.1:1/hook", "nonsense://s3cret"])
def test_a_channel_that_is_not_there_is_told_without_its_secret(
    url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(CHANNELS_VARIABLE, url)

    assert not alert("the training failed", "one class only")

    assert caplog.messages[0] == "the training failed: one class only"
    assert f"an alert channel of {CHANNELS_VARIABLE} did not take the alert" in caplog.messages
    assert "s3cret" not in caplog.text
