"""Periods of time as batches: their names, their first days, and which one a value lies in.

Belongs here: names and days, of one value or of a column. Does not belong here: cutting a source's
rows by them (``resources/sources``).

A name is that of ISO 8601 where it has one (``2024-03-31``, ``2024-W13``, ``2024-03``, ``2024``),
so that text order is the order of time.
"""

import re
from collections.abc import Collection
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from mlops_assets.source_declaration import Period

_TIME = r"[T ][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?)?"
_ZONE = r" ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_ISO = (
    rf"^\s*(?P<year>[0-9]{{4}})-?(?P<month>[0-9]{{2}})-?(?P<day>[0-9]{{2}})"
    rf"(?:{_TIME}(?:{_ZONE})?)?\s*$"
)
"""A date, or a date and a time, in the extended or the basic format of ISO 8601."""
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def period_name(moment: date, period: Period) -> str:
    """Name of the period that the day ``moment`` lies in.

    Raises ``ValueError`` for the period ``value``, which no day has.
    """
    match period:
        case "day":
            return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"
        case "week":
            year, week, _ = moment.isocalendar()
            return f"{year:04d}-W{week:02d}"
        case "month":
            return f"{moment.year:04d}-{moment.month:02d}"
        case "quarter":
            return f"{moment.year:04d}-Q{(moment.month + 2) // 3}"
        case "year":
            return f"{moment.year:04d}"
    raise ValueError("a value is no period of time")


def period_start(name: str, period: Period) -> date:
    """First day of the period called ``name``. Raises ``ValueError`` where it is no such name."""
    try:
        start = _first_day(name, period)
        known = period_name(start, period)
    except (ValueError, IndexError):
        known = None
    if known != name:
        raise ValueError(f"{name!r} is no {period}")
    return start


def _first_day(name: str, period: Period) -> date:
    year, rest = int(name[:4]), name[5:]
    match period:
        case "day":
            return date(year, int(rest[:2]), int(rest[3:]))
        case "week":
            return date.fromisocalendar(year, int(rest[1:]), 1)
        case "month":
            return date(year, int(rest), 1)
        case "quarter":
            return date(year, 3 * int(rest[1:]) - 2, 1)
        case "year":
            return date(year, 1, 1)
    raise ValueError("a value is no period of time")


def period_end(name: str, period: Period) -> date:
    """First day after the period called ``name``; the last day there is (``date.max``) where none
    comes after. Raises ``ValueError`` where it is no such name."""
    start = period_start(name, period)
    try:
        match period:
            case "day":
                return start + timedelta(days=1)
            case "week":
                return start + timedelta(days=7)
            case "year":
                return date(start.year + 1, 1, 1)
        months = start.month + (1 if period == "month" else 3)
        return date(start.year + (months > 12), (months - 1) % 12 + 1, 1)
    except (OverflowError, ValueError):
        return date.max


def is_over(name: str, period: Period, today: date) -> bool:
    """Whether nothing can be added to the period any more; what a column names itself always is
    a whole."""
    return period == "value" or period_end(name, period) <= today


def period_names(values: pa.Array | pa.ChunkedArray, period: Period) -> pa.Array:
    """The name of each value's period: an array of strings as long as ``values``, null where a
    value is missing or cannot be read.

    Dates, times, and texts or whole numbers that say them as ISO 8601 does (``2024-03-31T10:00Z``,
    ``20240331``) are read; of a time with a zone, the day that is written there counts. For the
    period ``value``, every simple value is a name as text; the empty text is none.
    """
    column = _one_array(values)
    if period == "value":
        return _texts(column)
    days = _days(column)
    encoded = pc.dictionary_encode(days)
    names = [_name_of_day(day, period) for day in encoded.dictionary.cast(pa.int32()).to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)


def _one_array(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks)
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _texts(column: pa.Array) -> pa.Array:
    try:
        texts = pc.cast(column, pa.string())
    except pa.ArrowException:
        return pa.nulls(len(column), pa.string())
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _days(column: pa.Array) -> pa.Array:
    """The days that values say, as date32, null where they say none."""
    if pa.types.is_timestamp(column.type):
        local = pc.local_timestamp(column) if column.type.tz else column
        return pc.cast(local, pa.date32())
    if pa.types.is_date(column.type):
        return pc.cast(column, pa.date32())
    if not (_is_text(column.type) or pa.types.is_integer(column.type)):
        return pa.nulls(len(column), pa.date32())
    parts = pc.extract_regex(_texts(column), pattern=_ISO)
    written = pc.binary_join_element_wise(
        *(pc.struct_field(parts, name) for name in ("year", "month", "day")), "-"
    )
    encoded = pc.dictionary_encode(written)
    days = [_day(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(days, pa.date32()).take(encoded.indices)


def _is_text(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_kind(kind) for is_kind in kinds)


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _name_of_day(since_1970: int, period: Period) -> str | None:
    """Null for a day of a year that has not four digits."""
    ordinal = date(1970, 1, 1).toordinal() + since_1970
    if not 1 <= ordinal <= date.max.toordinal():
        return None
    return period_name(date.fromordinal(ordinal), period)


def unsafe_name(names: Collection[str]) -> str | None:
    """The first of ``names`` that cannot name a folder, a partition and a command's argument, or
    None: letters, digits, dots, hyphens and underscores do."""
    unsafe = (n for n in sorted(names) if not _SAFE_NAME.fullmatch(n) or n.endswith("."))
    return next(unsafe, None)


def sorts_by_number(names: Collection[str]) -> bool:
    """Whether the numbers in ``names`` rise where the texts do: 9 and 10 do not, 09 and 10 do."""
    ordered = sorted(names)
    return ordered == sorted(ordered, key=_numbers_apart)


def _numbers_apart(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), part) if part.isdigit() else (-1, part) for part in parts]
