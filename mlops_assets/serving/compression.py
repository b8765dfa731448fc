"""Bodies in gzip and deflate.

Belongs here: taking a request's content encoding off within a limit, and whether and how an answer
is compressed. Does not belong here: the limit itself (``limits.py``), or reading header fields
(``http_message.py``). What the fields mean: RFC 9110, sections 8.4 and 12.5.3.
"""

import zlib

from mlops_assets.serving.refusal import RefusalError

GZIP, ZLIB, RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
WINDOWS = {"gzip": GZIP, "x-gzip": GZIP, "deflate": ZLIB}
WORTH_BYTES = 1_024
"""Answers below this fit a packet as they are."""
MOST_STREAMS = 8
"""In one body: each costs a copy of what follows it."""
LEVEL = 1
"""Numbers as text lose most of their size at once: more effort costs more than it saves."""
BROKEN = "the body is not what its content encoding says: send it again, or without an encoding"


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content encoding, of at most ``limit`` bytes.

    Memory is bounded by ``limit``, whatever the body would become. Raises ``RefusalError`` for a
    body that would be longer (too_large), for another encoding (media_type), and for data that is
    broken, incomplete or followed by something else (malformed).
    """
    named = encoding.strip().lower()
    if named in ("", "identity"):
        return body
    if named not in WINDOWS:
        raise RefusalError("media_type", "send the body as gzip, as deflate, or as it is")
    window = WINDOWS[named]
    # Browsers' deflate is sometimes without the wrapper that RFC 9110 asks for.
    if window == ZLIB and not _has_zlib_header(body):
        window = RAW
    content, rest = _one_stream(body, window, limit)
    # A gzip file may be several, one after the other (RFC 1952, section 2.2).
    for _ in range(MOST_STREAMS - 1):
        if not rest or window != GZIP:
            break
        part, rest = _one_stream(rest, window, limit, len(content))
        content += part
    if rest:
        raise RefusalError("malformed", BROKEN)
    return content


def compressed(body: bytes) -> bytes:
    """The body in gzip; the same body gives the same bytes."""
    stream = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    return stream.compress(body) + stream.flush()


def accepts_gzip(accept_encoding: str, size: int) -> bool:
    """Whether an answer of ``size`` bytes is to be sent in gzip to who sent this header field.

    It is where gzip is accepted, at least as gladly as no encoding, and worth it; or where nothing
    else is accepted. Where neither is, the answer goes out as it is, as RFC 9110 allows.
    """
    if not accept_encoding:
        return False
    qualities = _qualities(accept_encoding)
    other = qualities.get("*")
    gzip = max(qualities.get("gzip", -1.0), qualities.get("x-gzip", -1.0))
    if gzip < 0:
        gzip = 0.0 if other is None else other
    identity = qualities.get("identity")
    if identity is None:
        # What was not named is accepted, least gladly of all, unless "*" forbids it.
        return gzip > 0 and (other == 0 or size >= WORTH_BYTES)
    if identity == 0:
        return gzip > 0
    return gzip > 0 and gzip >= identity and size >= WORTH_BYTES


def _one_stream(body: bytes, window: int, limit: int, before: int = 0) -> tuple[bytes, bytes]:
    """What one compressed stream says, and what follows it; ``before`` bytes were said already."""
    stream = zlib.decompressobj(window)
    try:
        # One byte more than may be, to see whether there is more; 0 would mean no limit at all.
        content = stream.decompress(body, limit - before + 1)
    except zlib.error:
        raise RefusalError("malformed", BROKEN) from None
    if before + len(content) > limit:
        raise RefusalError(
            "too_large",
            f"the body is decompressed longer than {limit} bytes: ask about fewer rows at once",
        )
    if not stream.eof:
        raise RefusalError("malformed", BROKEN)
    return content, stream.unused_data


def _has_zlib_header(body: bytes) -> bool:
    return len(body) >= 2 and body[0] & 15 == zlib.DEFLATED and (body[0] * 256 + body[1]) % 31 == 0


def _qualities(accept_encoding: str) -> dict[str, float]:
    """How gladly each coding is accepted, from 0 (not) to 1; one that cannot be read is not."""
    qualities: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameters = part.partition(";")
        name, _, value = parameters.strip().partition("=")
        qualities[coding.strip()] = _quality(value) if name.strip() == "q" else 1.0
    return qualities


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
