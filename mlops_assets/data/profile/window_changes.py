"""How the batches of a training window differ from each other: figures, and what they say.

Belongs here: missing values and distances by batch, and in words what stands out, class balance
included (its figures are in ``target_figures.py``).
Does not belong here: how one batch differs from earlier ones (``relations.py``), or how the
window is shown (``window_sections.py``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlops_assets.data.profile.insights import insight, task_of
from mlops_assets.data.profile.profile_words import our_words, percent
from mlops_assets.data.profile.relations import chance, distance, side_by_side
from mlops_assets.data.profile.summary import Summary
from mlops_assets.reporting.text import from_data, mark, say

Figures = dict[str, Any]


def missing_shares(summaries: Mapping[str, Summary]) -> list[Figures]:
    """For each column with a missing value, the share of missing ones by batch; those that differ
    most between batches come first."""
    found = []
    first = next(iter(summaries.values()))
    for name in first["columns"]:
        missing = {batch: s["series"][name]["missing"][0] for batch, s in summaries.items()}
        rows = {batch: summary["rows"][0] for batch, summary in summaries.items()}
        if not any(missing.values()):
            continue
        shares = {b: n / rows[b] if rows[b] else None for b, n in missing.items()}
        known = [share for share in shares.values() if share is not None]
        table = np.array([[n, rows[b] - n] for b, n in missing.items() if rows[b]], np.int64)
        difference = max(known) - min(known)
        figures = {"column": name, "shares": shares, "difference": difference}
        found.append({**figures, "chance": chance(table)})
    return sorted(found, key=lambda one: (-one["difference"], one["column"]))


def series_changes(
    window: Mapping[str, Figures], batches: Mapping[str, Mapping[str, Figures]]
) -> list[Figures]:
    """Jensen-Shannon distance (base 2) of each batch to the window, series by series, strongest
    first. Both arguments are ``comparable`` figures by series, the second by batch.

    ``chance`` is that of so different batches where all are samples of one source.
    """
    found = [_series_change(name, mine, batches) for name, mine in window.items()]
    return sorted(found, key=lambda one: (-(one["largest"] or 0.0), one["series"]))


def window_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    """What stands out between the batches, and what the leakage tests found."""
    yield from _drift_insights(report)
    yield from _balance_insights(report)
    yield from _missing_insights(report)
    yield from _leakage_insights(report)


def _series_change(
    name: str, mine: Figures, batches: Mapping[str, Mapping[str, Figures]]
) -> Figures:
    rows = {
        batch: series[name]["rows"]
        for batch, series in batches.items()
        if series.get(name, {}).get("scheme") == mine["scheme"]
    }
    distances = {
        batch: distance(side_by_side(rows[batch], mine["rows"])) if batch in rows else None
        for batch in batches
    }
    known = {batch: found for batch, found in distances.items() if found is not None}
    batch = max(known, key=lambda one: known[one], default=None)
    return {
        "series": name,
        "distances": distances,
        "largest": known[batch] if batch is not None else None,
        "batch": batch,
        "mean": sum(known.values()) / len(known) if known else None,
        "chance": chance(side_by_side(*rows.values())) if len(rows) > 1 else 1.0,
    }


def _drift_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    limits, many = report["limits"], len(report["changes_by_batch"])
    said = False
    for change in report["changes_by_batch"]:
        name, largest = change["series"], change["largest"]
        if largest is None or largest < limits["change"]:
            continue
        if change["chance"] * many >= limits["significance"]:
            continue
        template = mark(
            "{series} differs from batch to batch: at a distance of {distance:.2f} from the window "
            "in {batch}."
        )
        if not said:
            template = mark(
                "{series} drifts most from batch to batch: at a distance of {distance:.2f} from "
                "the window in {batch}."
            )
        words = say(template, series=name, distance=largest, batch=change["batch"])
        yield insight("change", [name], largest, words)
        said = True


def _balance_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    """Of a number, its distances between batches say as much."""
    known = [one for one in report["balance"] if one["labelled"]]
    if len(known) < 2 or task_of(report["labels"]) == "regression":
        return
    if task_of(report["labels"]) == "multiclass":
        yield from _class_balance(known, report)
        return
    table = np.array([[b["positives"], b["labelled"] - b["positives"]] for b in known], np.int64)
    if chance(table) >= report["limits"]["significance"]:
        return
    known.sort(key=lambda one: (one["positive_share"], one["batch"]))
    low, high = known[0], known[-1]
    words = say(
        "{target} goes from {low} of the labelled rows in {first} to {high} in {last}.",
        target=report["target"],
        low=percent(low["positive_share"]),
        first=low["batch"],
        high=percent(high["positive_share"]),
        last=high["batch"],
    )
    difference = high["positive_share"] - low["positive_share"]
    yield insight("balance by batch", [report["target"]], difference, words)


def _class_balance(known: list[Figures], report: Mapping[str, Any]) -> Iterator[Figures]:
    """The class whose share changes most between batches, where classes change beyond chance."""
    rows = np.array([[one["rows"] for one in batch["classes"]] for batch in known], np.int64)
    if chance(rows) >= report["limits"]["significance"]:
        return
    shares = rows / rows.sum(axis=1, keepdims=True)
    place = int(np.ptp(shares, axis=0).argmax())
    low, high = int(shares[:, place].argmin()), int(shares[:, place].argmax())
    name = known[0]["classes"][place]["class"]
    words = say(
        "Class {name} of {target} goes from {low} of the labelled rows in {first} to {high} in "
        "{last}.",
        name=name,
        target=report["target"],
        low=percent(float(shares[low, place])),
        first=known[low]["batch"],
        high=percent(float(shares[high, place])),
        last=known[high]["batch"],
    )
    difference = float(np.ptp(shares[:, place]))
    yield insight("balance by batch", [report["target"]], difference, words)


def _missing_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    limits, many = report["limits"], len(report["missing_by_batch"])
    for one in report["missing_by_batch"]:
        if one["difference"] < limits["missing_share"]:
            continue
        if one["chance"] * many >= limits["significance"]:
            continue
        shares = {batch: share for batch, share in one["shares"].items() if share is not None}
        low, high = (pick(shares, key=lambda batch: shares[batch]) for pick in (min, max))
        words = say(
            "{column} is missing in {low} of the rows of {first}, and in {high} of {last}.",
            column=one["column"],
            low=percent(shares[low]),
            first=low,
            high=percent(shares[high]),
            last=high,
        )
        yield insight("missing by batch", [one["column"]], one["difference"], words)


def _leakage_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    for test in report["leakage"]:
        if test["verdict"] == "ok":
            continue
        strength = 1.0 if test["verdict"] != "suspicious" else 0.5
        columns = [test["column"]] if test["column"] else []
        words = say(
            "Leakage, {verdict}: {explanation}",
            verdict=our_words(test["verdict"]),
            explanation=from_data(test.get("said", test["explanation"])),
        )
        yield insight("leakage", columns, strength, words)
