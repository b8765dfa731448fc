"""The figures of one series of a summary: middle, range, outliers, distribution and label rates.

Belongs here: what one column's counts say in numbers. Does not belong here: counting the rows
(``summary.py``), or what concerns several columns (``report.py``,
``relations.py``).

Quantiles and outliers are exact up to ``profile_tally.KEPT`` distinct values and to three
significant digits beyond. No level of a column that ``Column.personal`` protects is shown, and none
that occurs in fewer than ``RARE_ROWS`` rows: these are pooled.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.data.cleaning.rules import declared_columns
from mlops_assets.data.profile.insights import OTHER, RARE, RARE_ROWS
from mlops_assets.data.profile.tally import fine_bounds, hashes, parse
from mlops_assets.data.representation.proportions import wilson
from mlops_assets.use_case import UseCase

LEVELS_SHOWN = 30
BINS_SHOWN = 12

Counts = NDArray[np.int64]
Figures = dict[str, Any]


def quantile(values: NDArray[np.float64], rows: Counts, share: float) -> float | None:
    """The smallest of the ascending ``values`` that a ``share`` of the rows do not exceed."""
    total = int(rows.sum())
    if total == 0:
        return None
    place = int(np.searchsorted(np.cumsum(rows), share * total, side="left"))
    return float(values[min(place, len(values) - 1)])


def describe_series(name: str, series: Mapping[str, Any], use_case: UseCase) -> Figures:
    """The figures of one series. ``values`` and ``bins`` are empty where nothing may be shown; only
    beside a binary target have bins label rates."""
    column = declared_columns(use_case)[series["column"]]
    is_target = series["column"] == use_case.target.column
    present = sum(n for n, _, _ in series["coarse"].values()) if series["coarse"] else 0
    missing = series["missing"][0]
    figures: Figures = {
        "name": name,
        "column": series["column"],
        "kind": series["kind"],
        "type": column.type,
        "role": "target" if is_target else column.role,
        "present": present,
        "missing": missing,
        "missing_share": missing / (present + missing) if present + missing else None,
        **_distinct(series),
        "minimum": None,
        "quartiles": [None, None, None],
        "maximum": None,
        "commonest": None,
        "outliers": None,
        "fences": None,
        "bins": [],
    }
    if series["kind"] == "number":
        figures |= _describe_numbers(series, column.type == "integer")
    elif series["kind"] == "time":
        figures |= {end: _time_text(series[end]) for end in ("minimum", "maximum")}
    elif series["kind"] == "category":
        # A declared list of names, such as weekdays or false and true, is no one's secret.
        rare = 0 if column.type in ("boolean", "timestamp") or is_target else RARE_ROWS
        figures |= _describe_levels(series, rare)
    if use_case.target.task != "binary":
        kept = ("label", "rows", "labelled")
        figures["bins"] = [{name: one[name] for name in kept} for one in figures["bins"]]
    return figures


def _distinct(series: Mapping[str, Any]) -> Figures:
    """How many distinct values there are: exact where all are kept, else estimated."""
    kept = len(series["values"])
    if not series["rest"]:
        return {"distinct": kept, "distinct_is_exact": True}
    largest = int(hashes(parse(series["kind"], series["values"])).max())
    return {"distinct": round((kept - 1) / ((largest + 1) / 2**64)), "distinct_is_exact": False}


def _time_text(microseconds: int | None) -> str | None:
    if microseconds is None:
        return None
    return str(np.datetime64(microseconds, "us").astype("datetime64[m]")).replace("T", " ")


def _describe_numbers(series: Mapping[str, Any], whole: bool) -> Figures:
    values, counts = _points(series)
    rows = counts[:, 0]
    low, middle, high = (quantile(values, rows, share) for share in (0.25, 0.5, 0.75))
    figures: Figures = {
        "minimum": series["minimum"],
        "quartiles": [low, middle, high],
        "maximum": series["maximum"],
        "bins": _number_bins(values, counts, whole),
    }
    if low is not None and high is not None and high > low:
        reach = 1.5 * (high - low)  # J. Tukey, "Exploratory Data Analysis", 1977
        beyond = (values < low - reach) | (values > high + reach)
        figures |= {"fences": [low - reach, high + reach], "outliers": int(rows[beyond].sum())}
    return figures


def _points(series: Mapping[str, Any]) -> tuple[NDArray[np.float64], Counts]:
    """Ascending values, those of fine bins by their middle, and their counts ``[n, 3]``."""
    middles = [sum(fine_bounds(series, key)) / 2.0 for key in series["rest"]]
    values = np.array([*map(float, series["values"]), *middles], dtype=np.float64)
    counts = [*series["values"].values(), *series["rest"].values()]
    order = np.argsort(values, kind="stable")
    if len(values):
        values = np.clip(values, series["minimum"], series["maximum"])
    return values[order], np.array(counts, dtype=np.int64).reshape(-1, 3)[order]


def _number_bins(values: NDArray[np.float64], counts: Counts, whole: bool) -> list[Figures]:
    """About twelve round steps from the 1st to the 99th percentile, and what lies beyond."""
    low, high = (quantile(values, counts[:, 0], share) for share in (0.01, 0.99))
    if low is None or high is None:
        return []
    step = _round_step((high - low) / BINS_SHOWN or max(1.0, abs(low) / 10.0))
    step = max(1.0, step) if whole else step
    first = math.floor(low / step)
    edges = np.arange(first, max(math.floor(high / step), first) + 2) * step
    places = np.searchsorted(edges, values, side="right")
    sums = np.zeros((len(edges) + 1, 3), dtype=np.int64)
    np.add.at(sums, places, counts)
    texts = [f"{edge:.6g}" for edge in edges]
    inner = [f"{start} to {end}" for start, end in pairwise(texts)]
    labels = [f"under {texts[0]}", *inner, f"from {texts[-1]}"]
    for place in np.flatnonzero(np.bincount(places) == 1):
        labels[place] = f"{values[places == place][0]:.6g}"
    occupied = np.flatnonzero(sums[:, 0])
    found = [_bin(label, count) for label, count in zip(labels, sums.tolist(), strict=True)]
    return found[occupied[0] : occupied[-1] + 1]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least ``least``."""
    least = max(least, 1e-300)
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * f for f in (1.0, 2.0, 5.0) if power * f >= least), power * 10.0)


def _bin(label: str, count: Sequence[int]) -> Figures:
    return {"label": label, **rate_figures(count)}


def rate_figures(count: Sequence[int]) -> Figures:
    """Rows, labelled rows and positives, and the share of positives with its 95% interval."""
    rows, labelled, positives = count
    share = wilson(positives, labelled)
    return {
        "rows": rows,
        "labelled": labelled,
        "positives": positives,
        "positive_share": share.value,
        "low": share.low,
        "high": share.high,
    }


def _describe_levels(series: Mapping[str, Any], rare_rows: int) -> Figures:
    """Levels in their declared order, else commonest first; the rare and the many are pooled."""
    declared = {level: place for place, level in enumerate(series["levels"] or ())}
    frequent = sorted(
        ((level, n) for level, n in series["values"].items() if n[0] >= rare_rows),
        key=lambda pair: (-pair[1][0], pair[0]),
    )
    shown, others = frequent[:LEVELS_SHOWN], [n for _, n in frequent[LEVELS_SHOWN:]]
    rare = [n for n in series["values"].values() if n[0] < rare_rows]
    pools = [(OTHER, [*others, *series["rest"].values()]), (RARE, rare)]
    bins = [_bin(level, n) for level, n in sorted(shown, key=lambda s: declared.get(s[0], -1))]
    bins += [_bin(name, np.sum(many, axis=0).tolist()) for name, many in pools if many]
    return {"commonest": shown[0][0] if shown else None, "levels": len(shown), "bins": bins}
