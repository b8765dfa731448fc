"""The records of a delimited text: where each begins and ends, and how many fields it has.

Belongs here: the grammar of records. Does not belong here: what separates them (``dialect.py``) or
what their bytes mean (``decoding.py``).

The grammar is that of RFC 4180, with any ASCII separator, and lines that end with LF, CR LF or CR.
A quote counts only where a field begins; elsewhere in an unquoted field it is a character like any
other (``5" pipe``). Text after a closing quote and a quote that is never closed are faults.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Text = NDArray[np.uint8]
"""UTF-8 bytes without a byte order mark."""
Offsets = NDArray[np.int64]

LINE_ENDS = (0x0A, 0x0D)
PIECE_BYTES = 1 << 18


class QuoteError(Exception):
    """A quote that has no reading, at the byte ``offset``."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(problem)
        self.offset = offset


@dataclass(frozen=True)
class Records:
    """Consecutive records that are not blank: offsets of the first byte and of the byte after the
    last, the number of fields, and whether a line end inside quotes was seen on the way."""

    starts: Offsets
    ends: Offsets
    fields: Offsets
    quoted_line_end: bool


def records(text: Text, separator: str, quote: str) -> Iterator[Records]:
    """The records of ``text`` in order, without blank lines, in bounded memory.

    Raises ``QuoteError``, after yielding the records before it.
    """
    sep, quotes = ord(separator), _Quotes(text, ord(separator), ord(quote))
    start = separators = 0
    for low in range(0, len(text), PIECE_BYTES):
        places, kinds, quoted = _outside_quotes(text, low, sep, quotes)
        last = np.flatnonzero(kinds != sep)
        ends, fields = places[last], np.diff(last, prepend=-1)
        fields[:1] += separators
        starts = np.concatenate([[start], ends + 1])
        kept = ends > starts[:-1]
        yield Records(starts[:-1][kept], ends[kept], fields[kept], quoted)
        separators = len(kinds) - 1 - int(last[-1]) if len(last) else separators + len(kinds)
        start = int(starts[-1])
        if quotes.error:
            raise quotes.error
    if quotes.inside:
        raise QuoteError(quotes.opened, "the quote that opens here is never closed")
    if start < len(text):
        first, end, fields = (np.array([n]) for n in (start, len(text), separators + 1))
        yield Records(first, end, fields, False)


def _outside_quotes(
    text: Text, low: int, sep: int, quotes: "_Quotes"
) -> tuple[Offsets, Text, bool]:
    """Offsets and bytes of one piece's separators and line ends that are outside quotes, and
    whether a line end is inside."""
    piece = text[low : low + PIECE_BYTES]
    mask = piece == sep
    for byte in (*LINE_ENDS, quotes.quote):
        mask |= piece == byte
    places = np.flatnonzero(mask) + low
    kinds = text[places]
    was_inside, is_quote = quotes.inside, kinds == quotes.quote
    if not was_inside and not is_quote.any():
        return places, kinds, False
    is_quote[is_quote] = quotes.structural(places[is_quote])
    inside = (np.cumsum(is_quote, dtype=np.uint8) % 2 == 1) != was_inside
    if quotes.error:
        inside |= places > quotes.error.offset
    outside = ~inside & (kinds != quotes.quote)
    ends_line = (kinds == LINE_ENDS[0]) | (kinds == LINE_ENDS[1])
    return places[outside], kinds[outside], bool((inside & ends_line).any())


class _Quotes:
    """Which quotes open and close a field, told piece by piece."""

    def __init__(self, text: Text, separator: int, quote: int) -> None:
        self.text, self.quote = text, quote
        self.delimits = np.zeros(256, dtype=np.bool_)
        self.delimits[[separator, *LINE_ENDS]] = True
        self.inside = False
        self.opened = self.closed = -2
        self.error: QuoteError | None = None

    def structural(self, quotes: Offsets) -> NDArray[np.bool_]:
        """Mask of the quotes that open or close; the others are characters of a field."""
        if len(quotes) and self._is_regular(quotes):
            last, before = int(quotes[-1]), int(quotes[-2]) if len(quotes) > 1 else None
            self.inside ^= len(quotes) % 2 == 1
            opened, closed = (last, before) if self.inside else (before, last)
            self.opened = self.opened if opened is None else opened
            self.closed = self.closed if closed is None else closed
            return np.ones(len(quotes), dtype=np.bool_)
        return self._one_by_one(quotes)

    def _is_regular(self, quotes: Offsets) -> bool:
        """Whether the quotes open and close in turn, as they do where none is a character."""
        opening, closing = quotes[int(self.inside) :: 2], quotes[1 - int(self.inside) :: 2]
        before = self.text[np.maximum(opening - 1, 0)]
        after = self.text[np.minimum(closing + 1, len(self.text) - 1)]
        begins = self.delimits[before] | (before == self.quote) | (opening == 0)
        ends = self.delimits[after] | (after == self.quote) | (closing == len(self.text) - 1)
        # The quote just before a piece's first may have been a character.
        if not self.inside and quotes[0] > 0 and self.text[quotes[0] - 1] == self.quote:
            begins[0] = quotes[0] - 1 == self.closed
        return bool(begins.all() and ends.all())

    def _one_by_one(self, quotes: Offsets) -> NDArray[np.bool_]:
        kept = np.zeros(len(quotes), dtype=np.bool_)
        for index, at in enumerate(quotes.tolist()):
            if self.inside:
                self.inside, self.closed, kept[index] = False, at, True
                after = self.text[at + 1 : at + 2]
                if not (self.delimits[after] | (after == self.quote)).all():
                    self.error = QuoteError(at, "there is text after a closing quote")
                    break
            elif at == 0 or self.delimits[self.text[at - 1]] or at - 1 == self.closed:
                self.inside, self.opened, kept[index] = True, at, True
        return kept


@dataclass
class Outline:
    """What a text holds: its header and its number of fields, the rows that follow, the longest
    record in bytes, and what is wrong: rows with other numbers of fields than the header, offset
    and fields of the first of them, and the quote that stopped the count."""

    header: tuple[int, int] = (0, 0)
    fields: int = 0
    rows: int = -1
    longest: int = 0
    quoted_line_end: bool = False
    ragged: int = 0
    first_ragged: tuple[int, int] = (0, 0)
    error: QuoteError | None = None


def outline(text: Text, separator: str, quote: str) -> Outline:
    """The outline of ``text``; ``rows`` is -1 where there is not even a header."""
    seen = Outline()
    try:
        for some in records(text, separator, quote):
            seen.quoted_line_end |= some.quoted_line_end
            if len(some.starts) == 0:
                continue
            if seen.rows < 0:
                seen.header = int(some.starts[0]), int(some.ends[0])
                seen.fields = int(some.fields[0])
            odd = np.flatnonzero(some.fields != seen.fields)
            if len(odd) and not seen.ragged:
                seen.first_ragged = int(some.starts[odd[0]]), int(some.fields[odd[0]])
            seen.ragged += len(odd)
            seen.rows += len(some.starts)
            seen.longest = max(seen.longest, int((some.ends - some.starts).max()))
    except QuoteError as error:
        seen.error = error
    return seen


def line_at(text: Text, offset: int) -> int:
    """The line (from 1) of the byte at ``offset``."""
    before = text[:offset]
    feeds, returns = before == LINE_ENDS[0], before == LINE_ENDS[1]
    pairs = np.count_nonzero(returns[:-1] & feeds[1:])
    return int(np.count_nonzero(feeds) + np.count_nonzero(returns) - pairs) + 1
