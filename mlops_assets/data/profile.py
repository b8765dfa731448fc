"""A batch in counts: the summary that a profile is made of, exactly mergeable over batches.

Belongs here: counting cleaned rows, and adding two summaries up. Does not belong here: what the
counts mean (``profile_insights.py``) or how it is shown (``profile_page.py``).

``profile(a + b) == merge(profile(a), profile(b))``, so everything is a whole number in bins that no
data decides. A count is ``[rows, labelled, positives]``. Each column, and each part of a timestamp,
is a series with three tables. ``values``: the ``KEPT`` distinct values with the smallest hashes.
Each is among the smallest of any part it occurs in, so its count is exact, and the largest of the
hashes says how many values there are (Z. Bar-Yossef et al., "Counting distinct elements in a data
stream", 2002). ``rest``: all other values; numbers share a bin where their distances from the
declared minimum, or zero, agree in three significant digits. ``coarse``: all values in few bins.

A summary holds values as they are, rare ones too: it is data, to be guarded as the rows are. Only
of columns that ``Column.personal`` protects it holds hashes instead.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.data.cleaning import BatchError, declared_columns
from mlops_assets.monitoring.histograms import PART_BINS
from mlops_assets.use_case import UseCase

KEPT = 1_000
BUCKETS = 64
"""Coarse bins of levels that are not declared: by their hash."""
PAIRED = 32
"""Joint counts are kept for the first so many series, so that a summary is bounded."""
LONGEST_LEVEL = 80
OTHER = "other"
LAYOUT = ("column", "kind", "range", "levels")

Table = dict[str, list[int]]
Summary = dict[str, Any]
Integers = NDArray[np.int64]
Distinct = NDArray[Any]
"""Distinct values: float64 numbers, int64 microseconds, uint64 hashes or str objects."""


def profile(rows: pd.DataFrame, use_case: UseCase) -> Summary:
    """The summary of cleaned ``rows``, JSON-able and independent of their order.

    Columns have the types of the cleaned dataset, as Arrow or pandas hand them over. Infinite
    numbers count as missing. Raises ``BatchError`` where a declared column is not there.
    """
    declared = declared_columns(use_case)
    absent = [name for name in declared if name not in rows.columns]
    if absent:
        raise BatchError(f"cleaned rows lack the column(s) {absent}: clean the batch again")
    labels = _numbers(rows[use_case.target.column], declared[use_case.target.column])
    series: dict[str, Any] = {}
    coarse: dict[str, Integers] = {}
    missing = np.zeros((len(rows), len(declared)), dtype=bool)
    for position, (name, column) in enumerate(declared.items()):
        for key, layout, codes, distinct in _series(name, column, rows[name]):
            series[key], coarse[key] = _count_series(layout, codes, distinct, labels)
            missing[:, position] = codes < 0
    paired = [n for n, one in series.items() if one["kind"] in ("number", "category")][:PAIRED]
    patterns, codes = _patterns(missing)
    everything = np.zeros(len(rows), np.int64)
    return {
        "rows": _count(everything, labels, 1)[0].tolist(),
        "columns": list(declared),
        "series": series,
        "patterns": _tally({"kind": "category"}, patterns, _count(codes, labels, len(patterns))),
        "joint": _joint({name: coarse[name] for name in paired}),
    }


def merge(first: Summary, second: Summary) -> Summary:
    """The summary of the rows of both: associative and commutative to the last digit.

    Raises ``ValueError`` where they were made for different columns, ranges or levels.
    """
    layouts = [
        {n: [one[k] for k in LAYOUT] for n, one in s["series"].items()} for s in (first, second)
    ]
    if layouts[0] != layouts[1] or first["columns"] != second["columns"]:
        raise ValueError(
            "two profiles differ in columns, ranges or levels: profile both batches again with "
            "the use case as it is now"
        )
    theirs, cells = second["series"], second["joint"]
    return {
        "rows": _sum(first["rows"], second["rows"]),
        "columns": first["columns"],
        "series": {name: _merge_series(one, theirs[name]) for name, one in first["series"].items()},
        "patterns": _merge_tally({"kind": "category"}, first["patterns"], second["patterns"]),
        "joint": {
            a: {b: _add_cells(mine, cells[a][b]) for b, mine in others.items()}
            for a, others in first["joint"].items()
        },
    }


def hashes(distinct: Distinct) -> NDArray[np.uint64]:
    """A 64-bit hash of each value, the same in every process: BLAKE2b of texts, splitmix64 of
    numbers (G. Steele et al., 2014), and what already is a hash itself."""
    if distinct.dtype == np.uint64:
        return distinct
    if distinct.dtype == object:
        digests = (hashlib.blake2b(t.encode("utf-8", "replace"), digest_size=8) for t in distinct)
        return np.array([int.from_bytes(d.digest(), "big") for d in digests], dtype=np.uint64)
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


def fine_bounds(series: Mapping[str, Any], key: str) -> tuple[float, float]:
    """Both ends of the bin that a key of a number's ``rest`` stands for."""
    digits, exponent = key.split("e")
    whole = int(digits)
    away = (whole > 0) - (whole < 0)  # from zero; zero itself is a bin of one value
    start = (series["range"] or [0.0])[0]
    ends = [start + float(f"{end}e{exponent}") for end in (whole, whole + away)]
    return min(ends), max(ends)


def coarse_edges(limits: Sequence[float] | None) -> NDArray[np.float64]:
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


def _series(
    name: str, column: Column, values: pd.Series
) -> Iterable[tuple[str, dict[str, Any], Integers, Distinct]]:
    """Each series of a column: its name, layout, a code a row (-1: missing), distinct values."""
    codes, distinct = _distinct(values, column)
    layout = {"column": name, "kind": "category", "range": None, "levels": None}
    if column.personal not in (None, "keep"):
        texts = np.array([f"{name}:{value!r}" for value in distinct.tolist()], dtype=object)
        yield name, {**layout, "kind": "hidden"}, codes, hashes(texts)
    elif column.type == "timestamp":
        yield name, {**layout, "kind": "time"}, codes, distinct
        for part in column.parts:
            parts = _part_codes(codes, distinct, part)
            names = np.array(PART_BINS[part], dtype=object)
            yield f"{name}.{part}", {**layout, "levels": names.tolist()}, parts, names
    elif column.is_category or column.type == "boolean":
        levels = ("false", "true") if column.type == "boolean" else column.values
        shown = [_level(value) for value in levels or ()]
        texts = np.array([_level(value) for value in distinct.tolist()], dtype=object)
        if column.type == "boolean":
            texts = np.array(["false", "true"], dtype=object)[distinct.astype(np.int64)]
        few = 0 < len(shown) < BUCKETS
        yield name, {**layout, "levels": shown if few else None}, codes, texts
    else:
        low, high = column.minimum, column.maximum
        limits = [low, high] if low is not None and high is not None and low < high else None
        yield name, {**layout, "kind": "number", "range": limits}, codes, distinct


def _distinct(values: pd.Series, column: Column) -> tuple[Integers, Distinct]:
    if column.type == "timestamp":
        times = values.astype("datetime64[us]")
        codes, found = pd.factorize(times)
        return codes.astype(np.int64), np.asarray(found, dtype="datetime64[us]").view(np.int64)
    if column.type == "string":
        codes, texts = pd.factorize(values.astype("string"))
        return codes.astype(np.int64), np.array([*texts], dtype=object)
    codes, numbers = pd.factorize(_numbers(values, column))
    return codes.astype(np.int64), np.asarray(numbers, dtype=np.float64)


def _numbers(values: pd.Series, column: Column) -> NDArray[np.float64]:
    if column.type == "boolean":
        values = values.astype("boolean")
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    # Minus zero equals zero, but has other bits to hash and another text.
    return np.where(np.isfinite(numbers), numbers, np.nan) + 0.0


def _level(value: Any) -> str:
    """What a level is called; a long text by its beginning and its hash."""
    if isinstance(value, float):
        return str(int(value))
    text = str(value)
    if len(text) <= LONGEST_LEVEL:
        return text
    return f"{text[: LONGEST_LEVEL - 18]}… {hashes(np.array([text], dtype=object))[0]:016x}"


def _part_codes(codes: Integers, times: Integers, part: str) -> Integers:
    hours, days = times // 3_600_000_000 % 24, (times // 86_400_000_000 + 3) % 7
    places = hours if part == "minute_of_day" else days  # 1970 began on a Thursday
    return np.append(places, -1)[codes]


def _patterns(missing: NDArray[np.bool_]) -> tuple[Distinct, Integers]:
    """Which columns are missing together, as positions "3 7", and each row's pattern."""
    packed = np.packbits(missing, axis=1)
    found, first, codes = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    texts = [" ".join(map(str, np.flatnonzero(missing[row]))) for row in first]
    return np.array(texts[: len(found)], dtype=object), codes.reshape(-1).astype(np.int64)


def _count(codes: Integers, labels: NDArray[np.float64], size: int) -> Integers:
    """``[size, 3]``: rows, labelled and positives of each code; rows with a negative one not."""
    chosen = (codes >= 0, (codes >= 0) & ~np.isnan(labels), (codes >= 0) & (labels == 1.0))
    return np.stack([np.bincount(codes[mask], minlength=size) for mask in chosen], axis=1)


def _count_series(
    layout: dict[str, Any], codes: Integers, distinct: Distinct, labels: NDArray[np.float64]
) -> tuple[dict[str, Any], Integers]:
    """A series of the summary, and the coarse bin of each row (-1: missing)."""
    counts = _count(codes, labels, len(distinct))
    bins = _coarse_bins(layout, distinct)
    missing = _count(np.where(codes < 0, 0, -1), labels, 1)[0].tolist()
    has_order = layout["kind"] in ("number", "time") and len(distinct) > 0
    counted = {
        **layout,
        "missing": missing,
        "minimum": distinct.min().item() if has_order else None,
        "maximum": distinct.max().item() if has_order else None,
        **_tally(layout, distinct, counts),
        "coarse": _tabulate([str(i) for i in bins.tolist()], counts),
    }
    return counted, np.append(bins, -1)[codes]


def _coarse_bins(layout: Mapping[str, Any], distinct: Distinct) -> Integers:
    if layout["kind"] == "number":
        return np.searchsorted(coarse_edges(layout["range"]), distinct, side="right")
    if layout["levels"] is not None:
        places = {level: place for place, level in enumerate(layout["levels"])}
        found = [places.get(level, len(places)) for level in distinct.tolist()]
        return np.array(found, dtype=np.int64)
    return (hashes(distinct) % np.uint64(BUCKETS)).astype(np.int64)


def _tally(layout: Mapping[str, Any], distinct: Distinct, counts: Integers) -> dict[str, Table]:
    occurs = counts[:, 0] > 0
    distinct, counts = distinct[occurs], counts[occurs]
    kept = np.arange(len(distinct))
    if len(distinct) > KEPT:
        kept = np.argsort(hashes(distinct), kind="stable")[:KEPT]
    rest = np.delete(np.arange(len(distinct)), kept)
    hidden = layout["kind"] == "hidden"
    keys = [f"{v:016x}" if hidden else str(v) for v in distinct[kept].tolist()]
    rest_keys = _fine_bins(layout, distinct[rest])
    return {"values": _tabulate(keys, counts[kept]), "rest": _tabulate(rest_keys, counts[rest])}


def _fine_bins(layout: Mapping[str, Any], distinct: Distinct) -> list[str]:
    if layout["kind"] != "number":
        return [OTHER] * len(distinct)
    return [
        _three_digits(value)
        for value in (distinct - layout["range"][0] if layout["range"] else distinct).tolist()
    ]


def _three_digits(value: float) -> str:
    # Cut from the decimal text: the rounding of a division would move what lies on a bin's end.
    mantissa, exponent = f"{value:.17e}".split("e")
    whole, fraction = mantissa.split(".")
    return f"{whole}{fraction[:2]}e{int(exponent) - 2}"


def _tabulate(keys: Sequence[str], counts: Integers) -> Table:
    table: Table = {}
    for key, count in zip(keys, counts.tolist(), strict=True):
        table[key] = _sum(table[key], count) if key in table else count
    return dict(sorted(table.items()))


def _sum(first: Sequence[int], second: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(first, second, strict=True)]


def _add(first: Table, second: Table) -> Table:
    none = [0, 0, 0]
    keys = sorted({*first, *second})
    return {key: _sum(first.get(key, none), second.get(key, none)) for key in keys}


def _joint(coarse: Mapping[str, Integers]) -> dict[str, dict[str, dict[str, int]]]:
    """How many rows fall into each pair of coarse bins, where both series have a value."""
    joint: dict[str, dict[str, dict[str, int]]] = {name: {} for name in coarse}
    for (a, first), (b, second) in combinations(coarse.items(), 2):
        present = (first >= 0) & (second >= 0)
        cells = np.bincount(first[present] * BUCKETS + second[present])
        found = np.flatnonzero(cells)
        joint[a][b] = {
            f"{i // BUCKETS},{i % BUCKETS}": n
            for i, n in zip(found.tolist(), cells[found].tolist(), strict=True)
        }
    return joint


def _merge_series(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    lows, highs = (
        [one[end] for one in (first, second) if one[end] is not None]
        for end in ("minimum", "maximum")
    )
    return {
        **first,
        "missing": _sum(first["missing"], second["missing"]),
        "minimum": min(lows, default=None),
        "maximum": max(highs, default=None),
        **_merge_tally(first, first, second),
        "coarse": _add(first["coarse"], second["coarse"]),
    }


def _merge_tally(
    layout: Mapping[str, Any], first: Mapping[str, Table], second: Mapping[str, Table]
) -> dict[str, Table]:
    values = _add(first["values"], second["values"])
    counts = np.array([*values.values()], dtype=np.int64).reshape(-1, 3)
    tally = _tally(layout, parse(layout["kind"], values), counts)
    rest = _add(first["rest"], second["rest"])
    return {"values": tally["values"], "rest": _add(rest, tally["rest"])}


def _add_cells(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    keys = sorted({*first, *second})
    return {key: first.get(key, 0) + second.get(key, 0) for key in keys}
