"""The reference in a few numbers: histograms that are made once and compared with ever after.

Belongs here: the bins of each monitored series, counting any frame over them, and the distance of
two histograms. Does not belong here: whether they differ (``drift.py``). A summary is all that is
kept of the reference, so that comparing never reads its rows again; counts over the same bins add
up, so that batches can be counted apart and merged.

A series is one thing watched: a column, one part of a timestamp, one of the champion's answers, or
the outcome. Its bins never depend on later data: a category not among the levels is "(other)", a
number beyond the reference's range is in the outermost bin, a missing value in the last bin,
"(missing)".

Every fifth row of the reference chooses the bins, and the other four are counted. Rows that both
chose and were counted would make their most common levels look more common than they are, and what
was never seen impossible: other rows of the same source would then seem to have drifted.

The shape of a summary, JSON-able::

    {"rows": 51000, "series": {name: {"column": str | None, "kind": "number" | "category" | "part",
     "edges" | "levels" | "part": ..., "bins": [label, ...], "counts": [int, ...]}}}

A series of the champion's answers has no column, and says under ``answers`` which of them it adds
up. There is one of a probability or a predicted number, and one a class: the answered class alone
would not move while a rare class becomes likelier.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels
from mlops_assets.column_declaration import Column
from mlops_assets.target_declaration import Target

SCORE_SERIES = "champion score"
PREDICTION_SERIES = "champion prediction"
SCORE_SERIES_AT_MOST = 10
"""Of many classes the likeliest have a series each, and all others one together."""
CHOOSING = 5
MAX_BINS = 20
MAX_LEVELS = 50
OTHER, MISSING = "(other)", "(missing)"
PART_BINS = {
    "minute_of_day": tuple(f"{hour:02d}:00" for hour in range(24)),
    "day_of_week": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]
Series = dict[str, Any]
Summary = dict[str, Any]


def summarise(rows: pd.DataFrame, columns: Mapping[str, Column]) -> Summary:
    """The histogram of every series of ``columns`` on the reference ``rows``; ``rows`` in the
    summary is their number, of which four in five are counted.

    Numbers get up to 20 quantile bins, each closed on the left; a value that takes several
    quantiles gets a bin of its own. Categories get the 50 most common levels, booleans two.
    Timestamps become one series a part: minute of day by the hour, day of week.

    Raises ``KeyError`` for a column that ``rows`` lack.
    """
    chooses = _chooses(len(rows))
    series: dict[str, Series] = {}
    for name, column in columns.items():
        for key, bins in _bins(name, column, rows[name][chooses]).items():
            series[key] = {**bins, "counts": _count(rows[name][~chooses], bins).tolist()}
    return {"rows": len(rows), "series": series}


def summarise_scores(target: Target, answers: Answers) -> dict[str, Series]:
    """The histograms of the champion's answers ``[n, k]`` on rows it was not fitted on, by name of
    the series: the probability, that of each class, or the prediction."""
    chooses = _chooses(len(answers))
    series: dict[str, Series] = {}
    for name, positions in _score_positions(target, answers[chooses]).items():
        chosen = answers[chooses][:, positions].sum(axis=1)
        bins = {**_number_bins(None, chosen, whole=False), "answers": positions}
        series[name] = {**bins, "counts": _count_answers(answers[~chooses], bins).tolist()}
    return series


def with_scores(summary: Summary, scores: Mapping[str, Series]) -> Summary:
    """The summary with the series of the champion's answers added."""
    return {**summary, "series": {**summary["series"], **scores}}


def count_scores(answers: Answers, summary: Summary) -> dict[str, Counts]:
    """How many of the champion's answers ``[n, k]`` fall into each bin: int64 ``[bins]`` by series
    of the ``summary`` that watches them."""
    return {
        name: _count_answers(answers, series)
        for name, series in summary["series"].items()
        if series["column"] is None
    }


def summarise_outcomes(target: Target, labels: Labels) -> Series:
    """The histogram of the outcomes ``[n]`` that the champion was made from: by class, or of
    numbers as ``summarise`` makes it. It is no part of a summary: outcomes come later."""
    chooses = _chooses(len(labels))
    if target.task == "regression":
        bins = _number_bins(
            target.column, labels[chooses].astype(np.float64), whole=target.type == "integer"
        )
    else:
        levels = list(range(len(target.class_names)))
        names = [*target.class_names, OTHER, MISSING]
        bins = {"column": target.column, "kind": "category", "levels": levels, "bins": names}
    return {**bins, "counts": count_outcomes(labels[~chooses], bins).tolist()}


def count_outcomes(labels: Labels, outcomes: Series) -> Counts:
    """How many of the outcomes ``[n]``, all known, fall into each bin: int64 ``[bins]``."""
    return _count(pd.Series(labels), outcomes)


def count(rows: pd.DataFrame, summary: Summary) -> dict[str, Counts]:
    """How many of ``rows`` fall into each bin: int64 ``[bins]`` by series.

    A series whose column ``rows`` lack is left out, and so are the champion's answers, which
    ``count_scores`` counts.
    """
    return {
        name: _count(rows[series["column"]], series)
        for name, series in summary["series"].items()
        if series["column"] in rows.columns
    }


def merge(first: Mapping[str, Counts], second: Mapping[str, Counts]) -> dict[str, Counts]:
    """The counts of both frames together. A series that either lacks is left out, for its total
    is unknown."""
    return {name: counts + second[name] for name, counts in first.items() if name in second}


def _chooses(rows: int) -> NDArray[np.bool_]:
    chooses: NDArray[np.bool_] = np.arange(rows) % CHOOSING == 0
    return chooses


def _score_positions(target: Target, answers: Answers) -> dict[str, list[int]]:
    """Which answers each series adds up."""
    if target.task != "multiclass":
        return {PREDICTION_SERIES if target.task == "regression" else SCORE_SERIES: [0]}
    names = target.class_names
    kept, rest = list(range(len(names))), []
    if len(names) > SCORE_SERIES_AT_MOST:
        likeliest = np.argsort(-answers.sum(axis=0), kind="stable").tolist()
        kept = sorted(likeliest[: SCORE_SERIES_AT_MOST - 1])
        rest = sorted(likeliest[SCORE_SERIES_AT_MOST - 1 :])
    positions = {f"{SCORE_SERIES}: {names[k]}": [k] for k in kept}
    return {**positions, f"{SCORE_SERIES}: {OTHER}": rest} if rest else positions


def _bins(name: str, column: Column, values: pd.Series) -> dict[str, Series]:
    if column.is_category:
        return {name: _category_bins(name, values)}
    if column.type == "timestamp":
        return {
            f"{name}.{part}": {
                "column": name,
                "kind": "part",
                "part": part,
                "bins": [*PART_BINS[part], MISSING],
            }
            for part in column.parts
        }
    if column.type == "boolean":
        bins = ["false", "true", MISSING]
        return {name: {"column": name, "kind": "number", "edges": [1.0], "bins": bins}}
    return {name: _number_bins(name, _numbers(values), whole=column.type == "integer")}


def _numbers(values: pd.Series) -> NDArray[np.float64]:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _number_bins(column: str | None, values: NDArray[np.float64], *, whole: bool) -> Series:
    edges = _edges(values[np.isfinite(values)], whole)
    bins = [*_interval_labels(edges, whole), MISSING]
    return {"column": column, "kind": "number", "edges": edges, "bins": bins}


def _edges(values: NDArray[np.float64], whole: bool) -> list[float]:
    """Where the next bin begins, ascending: bin ``i`` holds what is at least edge ``i - 1`` and
    less than edge ``i``. At most ``MAX_BINS - 1`` of them."""
    if len(values) == 0:
        return []
    shares = np.arange(1, MAX_BINS) / MAX_BINS
    quantiles = np.quantile(values, shares, method="inverted_cdf")
    starts, repeats = np.unique(quantiles, return_counts=True)
    # A value that takes k quantiles frees k - 1 edges; one of them closes its bin behind it.
    edges = np.union1d(starts, _next(starts[repeats > 1], whole))
    return [float(edge) for edge in edges[np.isfinite(edges)]]


def _next(values: NDArray[np.float64], whole: bool) -> NDArray[np.float64]:
    return np.maximum(values + 1.0 if whole else values, np.nextafter(values, np.inf))


def _interval_labels(edges: list[float], whole: bool) -> list[str]:
    """One name a bin: "under 3", "from 3", "10" for a bin of one value, "over 10" behind it."""
    for digits in (7, 17):
        labels = _labels_with(edges, whole, digits)
        if len(set(labels)) == len(labels):
            break
    return labels


def _labels_with(edges: list[float], whole: bool, digits: int) -> list[str]:
    if not edges:
        return ["any"]
    texts = [f"{edge:.{digits}g}" for edge in edges]
    is_single = (_next(np.array(edges[:-1]), whole) == edges[1:]).tolist()
    labels = [f"under {texts[0]}"]
    for i, single in enumerate([*is_single, False]):
        if single:
            labels.append(texts[i])
        elif i > 0 and is_single[i - 1]:
            labels.append(f"over {texts[i - 1]}")
        else:
            labels.append(f"from {texts[i]}")
    return labels


def _category_bins(name: str, values: pd.Series) -> Series:
    found = values.value_counts()
    if pd.api.types.is_numeric_dtype(values.dtype):
        found.index = found.index.astype(np.int64)
    # Equally common levels are put in order by their value: value_counts leaves it to the data.
    pairs = sorted(zip(found.index.tolist(), found.tolist(), strict=True), key=_commonest_first)
    levels = [level for level, _ in pairs[:MAX_LEVELS]]
    bins = [*(str(level) for level in levels), OTHER, MISSING]
    return {"column": name, "kind": "category", "levels": levels, "bins": bins}


def _commonest_first(pair: tuple[Any, int]) -> tuple[int, Any]:
    return -pair[1], pair[0]


def _count(values: pd.Series, bins: Series) -> Counts:
    match bins["kind"]:
        case "number":
            return _count_numbers(_numbers(values), bins["edges"])
        case "category":
            return _count_levels(values, bins["levels"])
        case _:
            return _count_part(values, bins["part"])


def _count_numbers(values: NDArray[np.float64], edges: list[float]) -> Counts:
    missing = np.isnan(values)
    positions = np.searchsorted(edges, values[~missing], side="right")
    return np.append(np.bincount(positions, minlength=len(edges) + 1), missing.sum())


def _count_answers(answers: Answers, bins: Series) -> Counts:
    # A reference made before there were other tasks watches the one probability.
    return _count_numbers(answers[:, bins.get("answers", [0])].sum(axis=1), bins["edges"])


def _count_levels(values: pd.Series, levels: list[str] | list[int]) -> Counts:
    present = values.dropna()
    positions = pd.Index(levels).get_indexer(pd.Index(present))
    known = np.bincount(positions[positions >= 0], minlength=len(levels))
    return np.append(known, [(positions < 0).sum(), len(values) - len(present)])


def _count_part(values: pd.Series, part: str) -> Counts:
    present = values.dropna()
    places = present.dt.hour if part == "minute_of_day" else present.dt.day_of_week
    counted = np.bincount(places.to_numpy(), minlength=len(PART_BINS[part]))
    return np.append(counted, len(values) - len(present))


def jensen_shannon(first: Shares, second: Shares) -> Shares:
    """Jensen-Shannon distance in base 2 along the last axis of two arrays of shares."""
    middle = (first + second) / 2.0
    divergence = (_relative_entropy(first, middle) + _relative_entropy(second, middle)) / 2.0
    return np.sqrt(np.clip(divergence, 0.0, 1.0))


def _relative_entropy(shares: Shares, middle: Shares) -> Shares:
    ratio = np.divide(shares, middle, out=np.ones_like(middle), where=shares > 0)
    entropy: Shares = (shares * np.log2(ratio)).sum(axis=-1)
    return entropy
