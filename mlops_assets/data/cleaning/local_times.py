"""Times as local times in microseconds: from texts, dates and zoned or coarser times.

Belongs here: reading ISO 8601, time zones, and the calendar's limits. Does not belong here: every
other type (``coercion.py``).

A batch has one local time: where its texts name their zone, the times are those of the zone that
more than half of them name, or of the two an hour apart that are one place's winter and summer
time, and the others cannot be read.
"""

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NO_ZONE = ""
"""The zone of a time that names none."""

_FIRST = int(np.datetime64("0001-01-01", "us").astype(np.int64))
_END = int(np.datetime64("10000-01-01", "us").astype(np.int64))
_DAY = 86_400_000_000
_PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}

_ZONED = r"^(?P<time>.*[T ][0-9]{1,2}.*?) *(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
_STARTS_LIKE_A_TIME = r"^ *[0-9]{4}"
_NAIVE = (
    r"^[0-9]{4}(-?[0-9]{1,2}(-?[0-9]{1,2}([T ][0-9]{1,2}(:?[0-9]{1,2}(:?[0-9]{1,2}"
    r"(\.[0-9]+)?)?)?)?)?)?$"
)
_TOO_FINE = r"(\.[0-9]{6})[0-9]+"


def times(values: pa.Array) -> pa.Array:
    """Timestamps and dates as ``timestamp[us]``, midnight for dates, those with a zone in that
    zone; null where they are before the year 1 or after 9999."""
    numbers, scale = _whole_units(values)
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    if scale is None:
        micros, within = numbers // 1_000, np.ones(len(numbers), dtype=np.bool_)
    else:
        within = (numbers >= _FIRST // scale) & (numbers < _END // scale)
        micros = np.where(within, numbers, 0) * scale
    kept = valid & within
    local = pa.array(micros, pa.int64(), mask=~kept).cast(pa.timestamp("us"))
    zone = values.type.tz if pa.types.is_timestamp(values.type) else None
    return local if zone is None else _in_calendar(_in_zone(local, zone))


def _whole_units(values: pa.Array) -> tuple[NDArray[np.int64], int | None]:
    """The numbers that times are held as, and microseconds in a unit (``None``: nanoseconds)."""
    kind = values.type
    if pa.types.is_date32(kind):
        return values.view(pa.int32()).fill_null(0).to_numpy().astype(np.int64), _DAY
    numbers = values.view(pa.int64()).fill_null(0).to_numpy()
    unit = "ms" if pa.types.is_date64(kind) else kind.unit
    return numbers, _PER_UNIT.get(unit)


def _in_zone(utc: pa.Array, zone: str) -> pa.Array:
    zoned = pd.Series(utc.to_pandas()).dt.tz_localize("UTC").dt.tz_convert(zone)
    return pa.Array.from_pandas(zoned.dt.tz_localize(None), type=pa.timestamp("us"))


def _in_calendar(local: pa.Array) -> pa.Array:
    """The times, null where the zone moved them out of the years 1 to 9999."""
    micros = local.view(pa.int64())
    within = pc.and_(pc.greater_equal(micros, _FIRST), pc.less(micros, _END))
    return pc.if_else(within, local, pa.scalar(None, local.type))


def iso_text(values: pa.Array) -> pa.Array:
    """Timestamps and dates in ISO 8601, with a fraction of a second only where there is one."""
    texts = times(values).cast(pa.string())
    if pa.types.is_date(values.type):
        return pc.utf8_slice_codeunits(texts, 0, 10)
    return pc.replace_substring_regex(pc.replace_substring(texts, " ", "T"), r"\.?0*$", "")


def text_times(texts: pa.Array, zones: Collection[str]) -> pa.Array:
    """Times in ISO 8601 that are in one of ``zones`` as ``timestamp[us]``, null where a text is
    none; digits beyond microseconds are cut off."""
    if set(zones) == {NO_ZONE}:
        try:
            return times(texts.cast(pa.timestamp("us")))
        except pa.ArrowInvalid:
            pass
    trimmed = pc.utf8_trim_whitespace(texts)
    found, named = _split_zone(trimmed)
    accepted = pc.and_(
        pc.is_in(named, pa.array(sorted(zones), pa.string())),
        pc.fill_null(pc.match_substring_regex(found, _NAIVE), False),
    )
    iso = pc.replace_substring_regex(pc.if_else(accepted, found, None), _TOO_FINE, r"\1")
    # Any other format is guessed at, and parts that are not there are taken from today.
    parsed = pd.to_datetime(iso.to_pandas(), errors="coerce", format="ISO8601")
    return times(pa.Array.from_pandas(parsed.astype("datetime64[us]"), type=pa.timestamp("us")))


def count_zones(texts: pa.Array, counts: Counter[str]) -> None:
    """Add to ``counts`` how many texts that look like times name which zone."""
    like_times = pc.fill_null(pc.match_substring_regex(texts, _STARTS_LIKE_A_TIME), False)
    _, named = _split_zone(pc.utf8_trim_whitespace(texts.filter(like_times)))
    for one in pc.value_counts(named).to_pylist():
        counts[one["values"]] += one["counts"]


def accepted_zones(counts: Mapping[str, int]) -> frozenset[str]:
    """The zone that more than half of a batch's times name, or two an hour apart that they do
    together; empty where there are none such. A time in UTC is never taken for a winter time: its
    neighbour may be the same moment elsewhere."""
    total = sum(counts.values())
    if not total:
        return frozenset({NO_ZONE})
    minutes = {zone: _minutes(zone) for zone in sorted(counts) if zone not in (NO_ZONE, "+0000")}
    pairs = [
        (winter, summer)
        for winter, first in minutes.items()
        for summer, second in minutes.items()
        if second - first == 60
    ]
    groups = [*pairs, *((zone,) for zone in sorted(counts))]
    most = max(groups, key=lambda zones: sum(counts[zone] for zone in zones))
    return frozenset(most) if 2 * sum(counts[zone] for zone in most) > total else frozenset()


def _minutes(zone: str) -> int:
    """Minutes that a zone such as ``-0530`` is ahead of UTC."""
    sign = -1 if zone.startswith("-") else 1
    return sign * (60 * int(zone[1:3]) + int(zone[3:5]))


def _split_zone(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Each text without its zone, and the zone as ``+0100`` (``NO_ZONE`` where it names none)."""
    zoned = pc.fill_null(pc.match_substring_regex(texts, _ZONED), False)
    none = pa.array([NO_ZONE]).take(pa.array(np.zeros(len(texts), dtype=np.int8)))
    if not pc.any(zoned).as_py():
        return texts, none
    parts = pc.extract_regex(texts, _ZONED)
    zone = pc.replace_substring(pc.struct_field(parts, "zone"), ":", "")
    zone = pc.replace_substring_regex(zone, r"^([Zz]|[+-]00(00)?)$", "+0000")
    zone = pc.replace_substring_regex(zone, r"^([+-][0-9]{2})$", r"\100")
    return (
        pc.if_else(zoned, pc.struct_field(parts, "time"), texts),
        pc.if_else(zoned, zone, none),
    )
