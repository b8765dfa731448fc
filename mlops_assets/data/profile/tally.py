"""Counts by value in bounded space, which add up exactly however the rows were divided.

Belongs here: which values are counted by themselves, which in bins, and the bins. Does not belong
here: what is counted (``series.py``) or the summary of a batch (``summary.py``).

A count is ``[rows, labelled, positives]``. The ``KEPT`` distinct values with the smallest hashes
are counted by themselves. Each is among the smallest of any part it occurs in, so its count is
exact, and the largest of the hashes says how many values there are (Z. Bar-Yossef et al., "Counting
distinct elements in a data stream", 2002). Of all others, numbers share a bin where their distances
from the declared minimum, or zero, agree in three significant digits.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEPT = 1_000
OTHER = "other"

Table = dict[str, list[int]]
Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]
Distinct = NDArray[Any]
"""Distinct values: float64 numbers, int64 microseconds, uint64 hashes or str objects."""

EXPONENT_OFFSET, DIGIT_OFFSET, DIGIT_SPAN = 400, 1_024, 2_048
PLAIN_EXPONENT = 290
"""Up to here a number can be scaled by a power of ten without overflow."""
DOUBT = 1e-9
"""Far more than a scaled number is rounded by, far less than its distance to most bins' ends."""


class Tally:
    """Counts ``[n, 3]`` of the values of one kind: ``number``, ``time``, ``hidden`` (hashes) or
    ``category`` (texts). ``start`` is where the fine bins of numbers begin. Values of one hash are
    one value."""

    def __init__(self, kind: str, start: float = 0.0) -> None:
        self.kind = kind
        self._start = start
        self._hashes: Hashes = np.empty(0, np.uint64)
        self._values: Distinct = parse(kind, ())
        self._counts: Integers = np.empty((0, 3), np.int64)
        self._bins: Integers = np.empty(0, np.int64)
        self._bin_counts: Integers = np.empty((0, 3), np.int64)

    def add(self, values: Distinct, hashed: Hashes, counts: Integers) -> None:
        """Count ``values``, each of which occurs; ``hashed`` are their hashes."""
        if len(self._hashes) >= KEPT:
            beyond = hashed > self._hashes[-1]
            self._add_rest(values[beyond], counts[beyond])
            values, hashed, counts = values[~beyond], hashed[~beyond], counts[~beyond]
        both = np.concatenate([self._hashes, hashed])
        found, first, places = np.unique(both, return_index=True, return_inverse=True)
        summed = sum_by(places, np.concatenate([self._counts, counts]), len(found))
        all_values = np.concatenate([self._values, values])[first]
        self._hashes, self._values, self._counts = found[:KEPT], all_values[:KEPT], summed[:KEPT]
        self._add_rest(all_values[KEPT:], summed[KEPT:])

    def add_tables(self, values: Table, rest: Table) -> None:
        """Count what another tally was rendered as."""
        distinct = parse(self.kind, values)
        self.add(distinct, hashes(distinct), _counts(values))
        bins = [parse_bin(key) if self.kind == "number" else 0 for key in rest]
        self._add_bins(np.array(bins, dtype=np.int64), _counts(rest))

    def tables(self) -> dict[str, Table]:
        """``values`` and ``rest`` by their keys in a summary, sorted."""
        keys = [f"{v:016x}" if self.kind == "hidden" else str(v) for v in self._values.tolist()]
        rest = [bin_key(b) if self.kind == "number" else OTHER for b in self._bins.tolist()]
        return {"values": table(keys, self._counts), "rest": table(rest, self._bin_counts)}

    def _add_rest(self, values: Distinct, counts: Integers) -> None:
        if len(values):
            bins = np.zeros(len(values), np.int64)
            if self.kind == "number":
                bins = fine_bins(values - self._start)
            self._add_bins(bins, counts)

    def _add_bins(self, bins: Integers, counts: Integers) -> None:
        self._bins, places = np.unique(np.concatenate([self._bins, bins]), return_inverse=True)
        counts = np.concatenate([self._bin_counts, counts])
        self._bin_counts = sum_by(places, counts, len(self._bins))


def sum_by(places: Integers, counts: Integers, size: int) -> Integers:
    """``[size, 3]``: the sum of the ``counts`` ``[n, 3]`` at each place."""
    # The sums of floats are exact up to 2**53 rows.
    sums = [np.bincount(places, weights=one, minlength=size) for one in counts.T]
    return np.stack(sums, axis=1).astype(np.int64)


def table(keys: Sequence[str], counts: Integers) -> Table:
    """Counts by key, sorted."""
    return dict(sorted(zip(keys, counts.tolist(), strict=True)))


def add_tables(tables: Iterable[Mapping[str, Sequence[int]]]) -> Table:
    """The sum of several tables, sorted by key."""
    total: Table = {}
    for one in tables:
        for key, count in one.items():
            so_far = total.get(key)
            total[key] = [*count] if so_far is None else add_counts(so_far, count)
    return dict(sorted(total.items()))


def add_counts(first: Sequence[int], second: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(first, second, strict=True)]


def hashes(distinct: Distinct) -> Hashes:
    """A 64-bit hash of each value, the same in every process: BLAKE2b of texts, splitmix64 of
    numbers (G. Steele et al., 2014), and what already is a hash itself."""
    if distinct.dtype == np.uint64:
        return distinct
    if distinct.dtype == object:
        digests = (hashlib.blake2b(t.encode("utf-8", "replace"), digest_size=8) for t in distinct)
        return np.frombuffer(b"".join(d.digest() for d in digests), ">u8").astype(np.uint64)
    mixed = distinct.view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def parse(kind: str, keys: Iterable[str]) -> Distinct:
    """The distinct values that the keys of ``values`` stand for."""
    match kind:
        case "number":
            return np.array([float(key) for key in keys], dtype=np.float64)
        case "time":
            return np.array([int(key) for key in keys], dtype=np.int64)
        case "hidden":
            return np.array([int(key, 16) for key in keys], dtype=np.uint64)
        case _:
            return np.array([*keys], dtype=object)


def fine_bins(values: Floats) -> Integers:
    """The bin of each number: its first three decimal digits, cut, with sign and exponent."""
    magnitude = np.abs(values)
    with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(magnitude))
        scaled = magnitude * 10.0 ** (2.0 - exponent)
        digits = np.floor(scaled)
        sure = (
            (np.abs(scaled - np.round(scaled)) > DOUBT)
            & (digits >= 100)
            & (digits <= 999)
            & (np.abs(exponent) < PLAIN_EXPONENT)
        )
    signed = np.where(sure, np.copysign(digits, values), 0.0).astype(np.int64)
    bins: Integers = _bin(signed, np.where(sure, exponent, 2.0).astype(np.int64) - 2)
    # Near a bin's end, only the decimal text says on which side a number lies.
    unsure = np.flatnonzero(~sure)
    bins[unsure] = [parse_bin(_three_digits(value)) for value in values[unsure].tolist()]
    return bins


def bin_key(number: int) -> str:
    """The key of a fine bin in a number's ``rest``: three digits, signed, and their exponent."""
    exponent, digits = divmod(number, DIGIT_SPAN)
    signed = digits - DIGIT_OFFSET
    return f"{'-' if signed < 0 else ''}{abs(signed):03d}e{exponent - EXPONENT_OFFSET}"


def parse_bin(key: str) -> int:
    """The bin that a key of a number's ``rest`` stands for."""
    digits, exponent = key.split("e")
    return int(_bin(int(digits), int(exponent)))


def fine_bounds(series: Mapping[str, Any], key: str) -> tuple[float, float]:
    """Both ends of the bin that a key of a number's ``rest`` stands for."""
    digits, exponent = key.split("e")
    whole = int(digits)
    away = (whole > 0) - (whole < 0)  # from zero; zero itself is a bin of one value
    start = (series["range"] or [0.0])[0]
    ends = [start + float(f"{end}e{exponent}") for end in (whole, whole + away)]
    return min(ends), max(ends)


def coarse_edges(limits: Sequence[float] | None) -> Floats:
    """Where each coarse bin but the first begins, ascending, from the declared limits alone.

    Sixteen steps over the range, finer towards its lower end, where quantities without a natural
    largest value crowd; without a range, signed and logarithmic around zero.
    """
    if limits is not None:
        shares = np.concatenate([2.0 ** np.arange(-10, -4), np.arange(1, 16) / 16])
        inner = limits[0] + shares * (limits[1] - limits[0])
        return np.append(np.nextafter(limits[0], np.inf), inner)
    up = np.array([1e-2, 1e-1, 1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 1e5, 1e6])
    return np.concatenate([-up[::-1], [0.0, np.nextafter(0.0, 1.0)], up])


def _counts(rendered: Table) -> Integers:
    return np.array([*rendered.values()], dtype=np.int64).reshape(-1, 3)


def _bin(digits: Any, exponent: Any) -> Any:
    return (exponent + EXPONENT_OFFSET) * DIGIT_SPAN + digits + DIGIT_OFFSET


def _three_digits(value: float) -> str:
    # Cut from the decimal text: the rounding of a division would move what lies on a bin's end.
    mantissa, exponent = f"{value:.17e}".split("e")
    whole, fraction = mantissa.split(".")
    return f"{whole}{fraction[:2]}e{int(exponent) - 2}"
