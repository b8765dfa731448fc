"""One connection at a real server: what is refused, how that is told, and what is not disturbed."""

import gc
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from raw_http import LAST, ONE, PATIENT, SHORT, Echo, answers, connect, eventually, read_all, talk

from mlops_assets.serving.connection import MOST_PIPELINED, LimitedProtocol, limited_protocol
from mlops_assets.serving.server import running

CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
FIELD = b"A: " + b"x" * 197 + b"\r\n"


def server_of(limits: object) -> Iterator[SimpleNamespace]:
    echo, refused = Echo(), []
    protocol = limited_protocol(limits, refused.append)
    with running(echo, limits=limits, protocol=protocol) as url:
        yield SimpleNamespace(url=url, echo=echo, refused=refused, watch=protocol.watch)


@pytest.fixture(scope="module")
def patient_server() -> Iterator[SimpleNamespace]:
    yield from server_of(PATIENT)


@pytest.fixture(scope="module")
def hasty_server() -> Iterator[SimpleNamespace]:
    yield from server_of(SHORT)


@pytest.fixture
def patient(patient_server: SimpleNamespace) -> SimpleNamespace:
    patient_server.refused.clear()
    return patient_server


@pytest.fixture
def hasty(hasty_server: SimpleNamespace) -> SimpleNamespace:
    hasty_server.refused.clear()
    return hasty_server


def test_pipelined_requests_are_answered_in_their_order(patient: SimpleNamespace) -> None:
    post = b"POST /two HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    told = talk(patient.url, ONE + post + CHUNKED + b"2\r\nab\r\n0\r\n\r\n" + LAST)
    assert [(one.status, one.body["path"], one.body["size"]) for one in told] == [
        (200, "/one", 0),
        (200, "/two", 3),
        (200, "/", 2),
        (200, "/last", 0),
    ]


def test_a_connection_is_used_again_and_again(hasty: SimpleNamespace) -> None:
    with connect(hasty.url) as client:
        for _ in range(50):
            client.sendall(ONE)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        client.sendall(LAST)
        assert [one.status for one in answers(read_all(client))] == [200]


def test_a_header_and_a_body_may_come_in_pieces(patient: SimpleNamespace) -> None:
    line = b"POST /slow HTTP/1.1\r\nConnection: close\r\nContent-Length: 4\r\n"
    told = talk(patient.url, line, FIELD, FIELD, FIELD[:50], FIELD[50:], b"\r\n", b"ab", b"cd")
    assert [(one.status, one.body["size"]) for one in told] == [(200, 4)]


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET / HTTP/1.1\r\n", *[FIELD] * 6],
        [b"GET / HTTP/1.1\r\n" + FIELD * 6 + b"\r\n"],
        [b"GET / HTTP/1.1\r\n" + FIELD * 3, FIELD * 3 + b"\r\n"],
        [b"GET / HTTP/1.1\r\nA: ", *[b"x" * 400] * 4],
        [b"GET /", *[b"x" * 400] * 4],
        [b"GET /" + b"x" * 1001 + b" HTTP/1.1\r\n\r\n"],
        [ONE + b"GET / HTTP/1.1\r\n" + FIELD * 6 + b"\r\n"],
    ],
)
def test_a_long_header_is_refused(patient: SimpleNamespace, parts: list[bytes]) -> None:
    told = talk(patient.url, *parts)[-1]
    assert (told.status, patient.refused) == (431, ["too_large"])
    assert told.body == {"error": "the header is longer than 1000 bytes"}
    assert told.fields["connection"] == "close"


def test_many_short_headers_in_one_packet_are_not_long(patient: SimpleNamespace) -> None:
    assert [one.status for one in talk(patient.url, ONE * 40 + LAST)] == [200] * 41


@pytest.mark.parametrize(
    "parts",
    [
        [b"POST / HTTP/1.1\r\nContent-Length: 5001\r\n\r\n"],
        [b"POST / HTTP/1.1\r\nContent-Length: 5001\r\n\r\n" + b"x" * 5001],
        [b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5001\r\n\r\n"],
        [b"POST / HTTP/1.1\r\nContent-Length: 30000000\r\n\r\n" + b"x" * 30_000_000],
        [CHUNKED, *[b"400\r\n" + b"x" * 1024 + b"\r\n"] * 5],
        [CHUNKED + b"1400\r\n" + b"x" * 5120 + b"\r\n0\r\n\r\n"],
    ],
)
def test_a_long_body_is_refused(patient: SimpleNamespace, parts: list[bytes]) -> None:
    (told,) = talk(patient.url, *parts)
    assert (told.status, patient.refused) == (413, ["too_large"])
    assert "longer than 5000 bytes" in told.body["error"]


@pytest.mark.parametrize("chunks", [b"4;e=", b"4\r\nabcd\r\n0\r\nA: ", b"4\r\nabcd\r\n0\r\n"])
def test_what_is_neither_header_nor_body_is_bounded_too(
    patient: SimpleNamespace, chunks: bytes
) -> None:
    (told,) = talk(patient.url, CHUNKED + chunks, *[FIELD[:-2] + b"\r\n" * (chunks[-1] == 10)] * 9)
    assert (told.status, patient.refused) in ((431, ["too_large"]), (400, ["malformed"]))
    assert eventually(lambda: patient.watch.open == 0)


def test_a_field_after_the_body_is_no_header(patient: SimpleNamespace) -> None:
    end = b"4\r\nabcd\r\n0\r\nAuthorization: other\r\n\r\n"
    first, last = talk(patient.url, CHUNKED + end + LAST)
    assert first.body["fields"] == ["transfer-encoding"] and last.status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length : 3\r\n\r\n",
        b"GET / HTTP/1.1\nHost: here\n\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"ffffffffffffffffffff\r\n",
        CHUNKED + b"3\nabc\n0\n\n",
    ],
)
def test_what_is_no_http_is_refused(patient: SimpleNamespace, request_bytes: bytes) -> None:
    before = talk(patient.url, ONE + request_bytes)
    assert [one.status for one in before] == [200, 400]
    assert before[1].body["error"].startswith("this is no request of HTTP/1.1")
    assert before[1].fields["content-type"] == "application/json"
    assert patient.refused == ["malformed"]


def test_a_request_that_ends_early_is_told_so(patient: SimpleNamespace) -> None:
    for part in (
        b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
        b"GET / HT",
        CHUNKED + b"4\r",
    ):
        with connect(patient.url) as client:
            client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            (told,) = answers(read_all(client))
        assert (told.status, told.body) == (
            400,
            {"error": "the request ended before it was complete"},
        )
    assert patient.refused == ["malformed"] * 3


def test_a_client_that_has_said_all_is_still_answered(patient: SimpleNamespace) -> None:
    with connect(patient.url) as client:
        client.sendall(ONE + ONE)
        client.shutdown(socket.SHUT_WR)
        assert [one.status for one in answers(read_all(client))] == [200, 200]


def test_an_upgrade_is_declined_and_the_request_answered(patient: SimpleNamespace) -> None:
    upgrade = b"GET /up HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    (told,) = talk(patient.url, upgrade + ONE)
    assert (told.status, told.body["path"]) == (200, "/up")


def test_requests_that_wait_for_earlier_ones_are_few(patient: SimpleNamespace) -> None:
    told = talk(patient.url, ONE * 500)
    assert [one.status for one in told] == [200] * (MOST_PIPELINED + 1) + [503]
    assert told[-1].fields["retry-after"] == "1"


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (b"GET / HT", "header"),
        (b"GET / HTTP/1.1\r\nHost: here\r\n", "header"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", "body"),
        (CHUNKED + b"5\r\nab", "body"),
    ],
)
def test_a_slow_client_is_refused(hasty: SimpleNamespace, part: bytes, what: str) -> None:
    first, told = talk(hasty.url, ONE + part)
    assert (first.status, told.status, hasty.refused) == (200, 408, ["too_slow"])
    assert told.body == {"error": f"the {what} was not complete within 0.2 s"}


def test_a_client_that_drips_is_refused(hasty: SimpleNamespace) -> None:
    told = talk(hasty.url, b"POST / HTTP/1.1\r\nContent-Length: 4000\r\n\r\n", *[b"x"] * 60)
    assert [one.status for one in told] == [408]


def test_an_idle_connection_is_closed_in_silence(hasty: SimpleNamespace) -> None:
    assert talk(hasty.url) == []
    assert [one.status for one in talk(hasty.url, b"\r\n\r\n" + ONE)] == [200]
    assert hasty.refused == []
    assert eventually(lambda: hasty.watch.open == 0)


def test_the_application_learns_that_the_client_was_refused(hasty: SimpleNamespace) -> None:
    gone = hasty.echo.gone
    talk(hasty.url, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
    assert eventually(lambda: hasty.echo.gone == gone + 1)


def test_nothing_is_left_of_refused_connections(hasty: SimpleNamespace) -> None:
    for _ in range(60):
        talk(hasty.url, ONE + b"garbage\r\n\r\n")
        talk(hasty.url, CHUNKED + b"1400\r\n" + b"x" * 5120)
    assert eventually(lambda: hasty.watch.open == 0)
    gc.collect()
    left = [one for one in gc.get_objects() if isinstance(one, LimitedProtocol)]
    assert len(left) < 10
