"""Compressed bodies are taken off within the limit, and answers compressed for who takes that."""

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.serving.compression import WORTH_BYTES, accepts_gzip, compressed, decompressed
from mlops_assets.serving.refusal import RefusalError

TEXT = b'{"inputs": []}' * 500


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


@given(st.binary(max_size=3000))
def test_what_was_compressed_comes_back(body: bytes) -> None:
    assert gzip.decompress(compressed(body)) == body
    assert compressed(body) == compressed(body)
    for encoding, sent in (
        ("gzip", compressed(body)),
        (" X-Gzip ", gzip.compress(body)),
        ("deflate", zlib.compress(body)),
        ("deflate", raw_deflate(body)),
        ("identity", body),
        ("", body),
        ("gzip", gzip.compress(body[:100]) + gzip.compress(body[100:])),
    ):
        assert decompressed(sent, encoding, len(body)) == body


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b""),
        ("gzip", b"no gzip"),
        ("gzip", gzip.compress(TEXT)[:-1]),
        ("gzip", gzip.compress(TEXT) + b"tail"),
        ("gzip", zlib.compress(TEXT)),
        ("deflate", b""),
        ("deflate", zlib.compress(TEXT)[:-1]),
        ("deflate", zlib.compress(TEXT) + b"tail"),
        ("deflate", zlib.compress(TEXT) * 2),
        ("gzip", gzip.compress(b"") * 1000),
    ],
)
def test_broken_incomplete_or_more_is_refused(encoding: str, body: bytes) -> None:
    with pytest.raises(RefusalError, match="not what its content encoding says") as caught:
        decompressed(body, encoding, 10**6)
    assert caught.value.status == 400


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress", "zstd"])
def test_other_encodings_are_named_as_such(encoding: str) -> None:
    with pytest.raises(RefusalError, match="send the body as gzip") as caught:
        decompressed(b"x", encoding, 10)
    assert caught.value.status == 415


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_refused_at_the_limit_in_bounded_memory(encoding: str) -> None:
    million = bytes(10**6)
    stream = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(stream.compress(million) for _ in range(200)) + stream.flush()
    assert len(bomb) < 200_000
    tracemalloc.start()
    with pytest.raises(RefusalError, match="longer than 1000000 bytes") as caught:
        decompressed(bomb, encoding, 10**6)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.status == 413
    assert peak < 5 * 10**6


def test_the_limit_is_of_all_streams_together() -> None:
    body = gzip.compress(TEXT) * 2
    assert decompressed(body, "gzip", 2 * len(TEXT)) == TEXT * 2
    with pytest.raises(RefusalError, match="decompressed longer"):
        decompressed(body, "gzip", 2 * len(TEXT) - 1)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_are_read_or_refused(body: bytes, encoding: str) -> None:
    with suppress(RefusalError):
        assert len(decompressed(body, encoding, 1000)) <= 1000


BIG = WORTH_BYTES


@pytest.mark.parametrize(
    ("accept", "size", "expected"),
    [
        ("", BIG, False),
        ("gzip", BIG, True),
        ("gzip", BIG - 1, False),
        ("GZIP;Q=0.5", BIG, True),
        ("gzip, deflate, br", BIG, True),
        ("deflate, br", BIG, False),
        ("x-gzip", BIG, True),
        ("*", BIG, True),
        ("*;q=0", BIG, False),
        ("gzip;q=0", BIG, False),
        ("gzip;q=0, *", BIG, False),
        ("gzip;q=0.5, identity;q=0.8", BIG, False),
        ("gzip;q=0.8, identity;q=0.5", BIG, True),
        ("identity", BIG, False),
        ("identity;q=0, gzip", 10, True),
        ("gzip, *;q=0", 10, True),
        ("identity, *;q=0", BIG, False),
        ("identity;q=0, gzip;q=0", 10, False),
        ("gzip;q=often", BIG, False),
        ("gzip;q=nan", BIG, False),
        (";;,=,q", BIG, False),
    ],
)
def test_who_takes_gzip_gets_it_where_it_is_worth_it(
    accept: str, size: int, expected: bool
) -> None:
    assert accepts_gzip(accept, size) is expected
