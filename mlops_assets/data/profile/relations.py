"""How columns of a batch go together, and how batches differ: statistics of counts over bins.

Belongs here: association and change, read off summaries. Does not belong here: counting the rows
(``summary.py``) or what the figures mean in words (``insights.py``).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.content_hash import json_md5
from mlops_assets.data.profile.summary import LAYOUT, Summary
from mlops_assets.data.profile.tally import coarse_edges
from mlops_assets.monitoring.histograms import jensen_shannon

PAIR_BINS = 12
PAIRS_SHOWN = 30

Counts = NDArray[np.int64]
Figures = dict[str, Any]


def corrected_v(table: Counts) -> float | None:
    """Bias-corrected Cramer's V of a contingency table, 0 to 1 (W. Bergsma, "A bias-correction for
    Cramer's V and Tschuprow's T", 2013); ``None`` where a margin has fewer than two levels."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, (r, c) = int(table.sum()), table.shape
    if min(r, c) < 2:
        return None
    excess = max(0.0, chi_square(table) / rows - (r - 1) * (c - 1) / (rows - 1))
    smaller = min(r - (r - 1) ** 2 / (rows - 1), c - (c - 1) ** 2 / (rows - 1)) - 1.0
    return min(1.0, math.sqrt(excess / smaller)) if smaller > 0 else None


def chi_square(table: Counts) -> float:
    """Pearson's chi-square of a contingency table without empty rows or columns."""
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def chance(table: Counts) -> float:
    """Probability of so large a chi-square where rows and columns are independent; 1 where a
    margin has fewer than two levels. Rows are taken as independent of each other."""
    from scipy.special import chdtrc

    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return 1.0
    return float(chdtrc((table.shape[0] - 1) * (table.shape[1] - 1), chi_square(table)))


def associations(summary: Summary) -> list[Figures]:
    """The strongest pairs of columns, strongest first; parts of one timestamp are no pair."""
    series = summary["series"]
    groups = {name: _pair_bins(one) for name, one in series.items()}
    found = []
    for a, others in summary["joint"].items():
        for b, cells in others.items():
            if series[a]["column"] == series[b]["column"]:
                continue
            table = np.zeros((PAIR_BINS, PAIR_BINS), dtype=np.int64)
            for cell, rows in cells.items():
                i, j = cell.split(",")
                table[groups[a][i], groups[b][j]] += rows
            v = corrected_v(table)
            if v is not None:
                found.append({"first": a, "second": b, "v": v, "rows": int(table.sum())})
    found.sort(key=lambda pair: (-pair["v"], pair["first"], pair["second"]))
    return found[:PAIRS_SHOWN]


def comparable(name: str, series: Mapping[str, Any]) -> Figures:
    """Rows by coarse bin, with the bins' names and the hash of what made them. Levels have no
    names here, declared or not: some may be rare."""
    labels = series["levels"] if name != series["column"] else None
    if series["kind"] == "number":
        texts = [f"{edge:.4g}" for edge in coarse_edges(series["range"])]
        labels = [f"under {texts[0]}", *(f"from {text}" for text in texts)]
    rows = {key: n[0] for key, n in series["coarse"].items() if n[0]}
    scheme = json_md5([series[part] for part in LAYOUT])
    return {
        "labels": labels,
        "scheme": scheme,
        "rows": {**rows, "missing": series["missing"][0]},
    }


def changes(comparison: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> list[Figures]:
    """Jensen-Shannon distance of each series to the last earlier batch and to all, strongest first.

    Distances over fixed bins are never larger than those of the values themselves. ``chance`` is
    that of so different counts in two samples of one source.
    """
    return sorted(
        (_change(name, mine, earlier) for name, mine in comparison.items() if earlier),
        key=lambda change: (-(change["to_earlier"] or 0.0), change["series"]),
    )


def _pair_bins(series: Mapping[str, Any]) -> dict[str, int]:
    """Which of at most twelve bins each coarse bin belongs to: neighbours of about equal rows
    where there is an order, else the eleven commonest and all others."""
    rows = {key: n[0] for key, n in sorted(series["coarse"].items())}
    if len(rows) <= PAIR_BINS:
        return {key: place for place, key in enumerate(rows)}
    if series["kind"] == "number" or series["levels"] is not None:
        order = sorted(rows, key=int)
        before = np.cumsum([0, *(rows[key] for key in order)])[:-1]
        middles = (before + np.array([rows[key] for key in order]) / 2) / max(1, sum(rows.values()))
        return dict(zip(order, (middles * PAIR_BINS).astype(int).tolist(), strict=True))
    order = sorted(rows, key=lambda key: (-rows[key], key))
    return {key: min(place, PAIR_BINS - 1) for place, key in enumerate(order)}


def _change(name: str, mine: Figures, earlier: Sequence[Mapping[str, Any]]) -> Figures:
    before = [report["comparison"].get(name, {"scheme": None, "rows": {}}) for report in earlier]
    theirs = [one["rows"] if one["scheme"] == mine["scheme"] else {} for one in before]
    keys = sorted({*mine["rows"]}.union(*theirs))
    merged = {key: sum(one.get(key, 0) for one in theirs) for key in keys}
    table = side_by_side(mine["rows"], merged)
    return {
        "series": name,
        "to_previous": distance(side_by_side(mine["rows"], theirs[-1])),
        "to_earlier": distance(table),
        "chance": chance(table),
        "earlier_rows": merged,
    }


def side_by_side(*rows: Mapping[str, int]) -> Counts:
    """Rows by bin of several batches as a table: a line a batch, a column a bin."""
    keys = sorted({key for one in rows for key in one})
    return np.array([[one.get(key, 0) for key in keys] for one in rows], np.int64)


def distance(table: Counts) -> float | None:
    """Jensen-Shannon distance (base 2) of the two lines of a table; ``None`` where one is empty."""
    totals = table.sum(axis=1, keepdims=True)
    if not totals.all():
        return None
    shares = table / totals
    return float(jensen_shannon(shares[0], shares[1]))
