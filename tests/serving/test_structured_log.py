"""What the server says: whole lines of JSON, without values, and not without end."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_assets.serving import structured_log
from mlops_assets.serving.structured_log import SECONDS_BETWEEN, StructuredLog, describe
from mlops_assets.serving.tokens import new_token

SECRET = "4111-1111-1111-1111"
NOON = datetime(2026, 3, 1, 12, 0, 0, 5000, UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO, clock: Clock) -> StructuredLog:
    return StructuredLog(stream, now=lambda: NOON, clock=clock)


@pytest.fixture
def libraries(log: StructuredLog) -> Iterator[StructuredLog]:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    log.take_over_logging()
    yield log
    logging.captureWarnings(False)
    root.handlers, root.level = before


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_event_and_fields(
    log: StructuredLog, stream: io.StringIO
) -> None:
    log.log("ready", url="http://127.0.0.1:8080", release="abc", rows=3)
    log.log("odd", "error", request_id="r-1\nr-2", what="é\n")
    assert lines(stream) == [
        {
            "time": "2026-03-01T12:00:00.005Z",
            "level": "info",
            "event": "ready",
            "url": "http://127.0.0.1:8080",
            "release": "abc",
            "rows": 3,
        },
        {
            "time": "2026-03-01T12:00:00.005Z",
            "level": "error",
            "event": "odd",
            "request_id": "r-1\nr-2",
            "what": "é\n",
        },
    ]


def test_what_is_less_than_asked_for_is_not_said(log: StructuredLog, stream: io.StringIO) -> None:
    log.log("detail", "debug")
    assert stream.getvalue() == ""


def test_an_exception_is_said_without_its_text(log: StructuredLog, stream: io.StringIO) -> None:
    try:
        try:
            raise ValueError(f"the card {SECRET}")
        except ValueError as problem:
            raise RuntimeError(SECRET) from problem
    except RuntimeError as problem:
        log.log("failed", "error", error=problem)
    log.log("failed", "error", error="KeyError")
    told, named = lines(stream)
    assert SECRET not in stream.getvalue()
    assert (told["error"], told["cause"], named["error"]) == (
        "RuntimeError",
        "ValueError",
        "KeyError",
    )
    assert told["error_at"][-1].startswith("serving/test_structured_log.py:")


def test_the_place_in_our_own_code_is_said() -> None:
    with pytest.raises(ValueError, match="name a token") as failed:
        new_token("a name", ["predict"])
    *_, place = describe(failed.value)["error_at"]
    assert place.startswith("mlops_assets/serving/tokens.py:") and place.endswith(" new_token")


def test_a_value_that_json_has_no_form_for_is_said_by_its_type(
    log: StructuredLog, stream: io.StringIO
) -> None:
    log.log("odd", value=SECRET.encode(), other={1, 2})
    (line,) = lines(stream)
    assert (line["value"], line["other"]) == ("<bytes>", "<set>")


def test_refusals_are_said_now_and_then(
    log: StructuredLog, stream: io.StringIO, clock: Clock
) -> None:
    for _ in range(1000):
        log.refused("malformed")
    log.refused("too_large", request_id="r-1")
    clock.now += SECONDS_BETWEEN
    log.refused("malformed")
    told = [(line["kind"], line["times"]) for line in lines(stream)]
    assert told == [("malformed", 1), ("too_large", 1), ("malformed", 1000)]


@pytest.mark.usefixtures("libraries")
def test_libraries_speak_through_it_without_their_arguments(stream: io.StringIO) -> None:
    library = logging.getLogger("uvicorn.error")
    for place in range(3):
        library.error("bad value %s", f"{SECRET}{place}")
    library.info("not said")
    try:
        int(SECRET)
    except ValueError:
        library.exception("Exception in ASGI application\n")
    logging.getLogger("asyncio").warning(f"Task failed\nfuture: <ValueError({SECRET})>")
    told = lines(stream)
    assert SECRET not in stream.getvalue()
    assert [(line["event"], line["level"]) for line in told] == [
        ("library", "error"),
        ("library", "error"),
        ("library", "warning"),
    ]
    assert told[0]["message"] == "bad value %s" and told[0]["logger"] == "uvicorn.error"
    assert told[1]["error"] == "ValueError" and told[1]["error_at"]
    assert told[2]["message"] == "Task failed"


def test_lines_of_many_threads_are_whole(log: StructuredLog, stream: io.StringIO) -> None:
    def work(place: int) -> None:
        for number in range(200):
            log.log("line", place=place, number=number, filler="x" * 100)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(line["place"], line["number"]) for line in lines(stream)}) == 800


def test_a_stream_that_is_gone_stops_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    StructuredLog(stream).log("unheard")


def test_the_time_is_utc_and_standard_output_is_the_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    structured_log.log("here", level="warning")
    line = json.loads(capsys.readouterr().out)
    moment = datetime.fromisoformat(line["time"])
    assert moment.utcoffset() == timedelta(0) == UTC.utcoffset(None)
    assert line["level"] == "warning"
