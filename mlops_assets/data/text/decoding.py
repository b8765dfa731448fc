"""The characters of a delimited text: which encoding its bytes are in, and the text as UTF-8.

Belongs here: byte order marks, detection of encodings, and faults of single bytes. Does not belong
here: records (``records.py``), separators and numbers (``dialect.py``).
"""

import codecs
import io
import re
from dataclasses import dataclass

import numpy as np

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.text.records import PIECE_BYTES, Text, line_at

_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"PAR1\x15": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\xfd7zXZ\x00": "compressed with xz",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# fmt: off
_CANDIDATES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
               "koi8_r", "cp932", "gb18030", "big5", "cp949", "euc_jp", "cp850", "mac_roman")
# fmt: on
_SEVERAL_BYTES = frozenset({"cp932", "gb18030", "big5", "cp949", "euc_jp"})
_LETTERS = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœßŸŠšŽž"
_SIGNS = "¡£§©ª«®°±²³´µ·¹º»¼½¾¿×"
_NOT_WESTERN = re.compile(
    rf"[^\x00-\x7f{_LETTERS}{_SIGNS}€‚„…‘’“”•–—™\xa0]"
    rf"|[^\x00-\x7f]{{3}}|[{_LETTERS}][{_SIGNS}]|[^\W\d_][{_SIGNS}][^\W\d_]|£[^\W\d_]"
)
"""Letters and signs, or neighbours, that Western European text does not have."""


@dataclass(frozen=True)
class Origin:
    """Where a text came from, for messages."""

    batch: str
    file: str

    def error(self, problem: str, line: int | None = None) -> BatchError:
        """What is wrong, with the line (from 1) it is wrong in; never the text itself."""
        place = "" if line is None else f", line {line}"
        return BatchError(f"batch {self.batch}: {self.file}{place}: {problem}")


def decode(plain: bytes | bytearray, origin: Origin, declared: str | None) -> tuple[Text, str]:
    """The text as UTF-8 without byte order mark, and the encoding that it had.

    A byte order mark decides; else ``declared``; else UTF-16 where half the bytes are zeros, UTF-8
    where all bytes are valid, and what charset-normalizer finds likeliest. Western and Central
    European texts look alike: where it matters, declare. Raises ``BatchError`` where bytes cannot
    be decoded, or some lines are UTF-8 and others not.
    """
    for magic, what in _FOREIGN.items():
        if plain.startswith(magic):
            raise origin.error(f"it is {what}, not delimited text: export it as CSV")
    given = np.frombuffer(plain, np.uint8)
    for mark, encoding in _MARKS:
        if plain.startswith(mark):
            return _transcode(given[len(mark) :], encoding, origin), encoding
    encoding = _codec(declared, given, origin) if declared else _zeros_say(given)
    if not encoding and _undecodable(given, "utf-8") is None:
        return given, "utf-8"
    encoding = encoding or _legacy(given, origin)
    return _transcode(given, encoding, origin), encoding


def _codec(declared: str, given: Text, origin: Origin) -> str:
    try:
        "".encode(declared)
        name = codecs.lookup(declared).name
    except (LookupError, ValueError):
        name = ""
    if not name:
        raise origin.error(
            "source.delimited.encoding names no text encoding: write one such as utf-8 or cp1252"
        )
    # Without a byte order mark these would depend on the machine.
    unmarked = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
    return (_zeros_say(given) or unmarked[name]) if name == "utf-16" else unmarked.get(name, name)


def _zeros_say(given: Text) -> str:
    """UTF-16 without a mark: digits, separators and line ends are half zeros, on one side."""
    sample = given[: 1 << 16]
    even, odd = (int(np.count_nonzero(sample[side::2] == 0)) for side in (0, 1))
    few, many = sorted((even, odd))
    if many < max(2, len(sample) // 20) or few * 10 > many:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _transcode(given: Text, encoding: str, origin: Origin) -> Text:
    if encoding == "utf-8":
        line = _undecodable(given, encoding)
        plain = given
    else:
        sink = bytearray()
        line = _undecodable(given, encoding, sink)
        marked = sink.startswith(codecs.BOM_UTF8)
        plain = np.frombuffer(sink, np.uint8)[len(codecs.BOM_UTF8) if marked else 0 :]
    if line is not None:
        raise origin.error(
            f"there are bytes that are not {encoding}: deliver the file in one encoding, or name "
            "its encoding as source.delimited.encoding",
            line,
        )
    return plain


def _undecodable(given: Text, encoding: str, sink: bytearray | None = None) -> int | None:
    """The line of the first bytes that ``encoding`` cannot decode; ``sink`` gets UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for low in range(0, max(len(given), 1), PIECE_BYTES):
        piece = given[low : low + PIECE_BYTES].tobytes()
        try:
            text = decoder.decode(piece, low + PIECE_BYTES >= len(given))
            if sink is not None:
                sink += text.encode("utf-8")
        except UnicodeDecodeError as error:
            if sink is None:
                return line_at(given, low + len(piece) - len(error.object) + error.start)
            sink += error.object[: error.start].decode(encoding, "ignore").encode("utf-8")
            return line_at(np.frombuffer(sink, np.uint8), len(sink))
        except ValueError:
            return line_at(np.frombuffer(sink or b"", np.uint8), len(sink or b""))
    return None


def _legacy(given: Text, origin: Origin) -> str:
    """The encoding of a text that is not UTF-8, told from its lines that are not ASCII."""
    sample = bytearray()
    readable = unreadable = 0
    for line in io.BytesIO(given.tobytes()):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            readable += 1
        except UnicodeDecodeError:
            unreadable += 1
        # A character that was cut in two would speak against its encoding.
        if len(sample) + len(line) <= 1 << 16 or not sample:
            sample += line
    encoding = _guess(bytes(sample)) if readable <= unreadable else None
    if readable and (encoding is None or encoding not in _SEVERAL_BYTES):
        raise origin.error(
            "there are bytes that are not UTF-8, which other lines are: deliver the file in one "
            "encoding, or name it as source.delimited.encoding",
            _undecodable(given, "utf-8"),
        )
    if encoding is None:
        raise origin.error(
            "its encoding cannot be told: name it as source.delimited.encoding",
            _undecodable(given, "utf-8"),
        )
    return encoding


def _guess(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    try:
        # What is wholly Western European reads well in several encodings, with equal scores.
        if not _NOT_WESTERN.search(sample.decode("cp1252")):
            return "cp1252"
    except UnicodeDecodeError:
        pass
    best = from_bytes(sample, cp_isolation=list(_CANDIDATES)).best()
    return best.encoding if best else None


def require_text(text: Text, origin: Origin) -> None:
    """Raise ``BatchError`` where there is a NUL byte, or no byte at all."""
    if len(text) == 0:
        raise origin.error("it holds no text: deliver it again")
    zeros = int(np.argmin(text))
    if text[zeros] == 0:
        raise origin.error(
            "there are NUL bytes, which no text has: it is damaged or no text, deliver it again",
            line_at(text, zeros),
        )
