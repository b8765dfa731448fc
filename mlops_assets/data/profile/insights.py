"""What stands out in a batch's profile, in words, strongest first.

Belongs here: what counts as worth saying, how strong it is and how it is said. Does not belong
here: the figures themselves (``report.py``, ``relations.py``).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mlops_assets.data.profile.profile_words import percent
from mlops_assets.data.profile.relations import chance
from mlops_assets.reporting.page import Words
from mlops_assets.reporting.range_words import range_words
from mlops_assets.reporting.text import Text, as_data, in_language, join, mark, say
from mlops_assets.target_declaration import Task

RARE_ROWS = 5
RARE, OTHER = "(rare levels)", "(other levels)"
LIMITS: dict[str, float] = {
    "rare_level_rows": RARE_ROWS,
    "missing_share": 0.01,
    "association": 0.3,
    "significance": 0.05,
    "rows_to_compare_rates": 30,
    "minority_share": 0.1,
    "identifier_share": 0.95,
}
"""From where on something is an insight; written into the report."""
UNSEEN = 0.5
"""Weight of what concerns a column that no model sees (leak, ignored)."""

Figures = dict[str, Any]


def insights(report: Mapping[str, Any], more: Iterable[Figures] = ()) -> list[Figures]:
    """What stands out, strongest first: ``columns``, ``kind``, ``strength`` (0 to 1), ``text``, and
    the same as ``said`` (``text.as_data``) for other languages. ``more`` are insights from
    elsewhere that are ranked among them.

    A strength is an effect, not a probability: a share of rows, a Cramer's V, a difference of two
    rates or a Jensen-Shannon distance, halved where it concerns a column that no model sees.
    """
    found = [
        *_label_insights(report),
        *_quarantine_insights(report),
        *(found for one in report["series"] for found in _column_insights(one, report)),
        *_rate_insights(report),
        *_pair_insights(report),
        *_change_insights(report),
        *more,
    ]
    unseen = {s["name"] for s in report["series"] if s["role"] in ("leak", "ignored")}
    for one in found:
        if unseen.intersection(one["columns"]):
            one["strength"] *= UNSEEN
    found.sort(key=lambda i: (-i["strength"], i["kind"], i["columns"], i["text"]))
    # Columns that are missing together say so once, not each again.
    first = {(i["kind"], *sorted(i["columns"])): i for i in reversed(found)}
    return [i for i in found if first[(i["kind"], *sorted(i["columns"]))] is i]


def insight(kind: str, columns: Sequence[str], strength: float, words: Text) -> Figures:
    """One insight; a strength beyond 0 to 1 is cut."""
    return {
        "kind": kind,
        "columns": list(columns),
        "strength": round(min(1.0, max(0.0, strength)), 6),
        "text": in_language(words),
        "said": as_data(words),
    }


def task_of(labels: Mapping[str, Any]) -> Task:
    """The task that the figures of labels (``target_figures.py``) are for."""
    if "positive_share" in labels:
        return "binary"
    return "multiclass" if "classes" in labels else "regression"


def _label_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    labels, target, least = report["labels"], report["target"], report["limits"]["minority_share"]
    task = task_of(labels)
    if not labels["labelled"]:
        if report["rows"]:
            yield insight(
                "labels", [target], 1.0, say("No row has a label in {target}.", target=target)
            )
        return
    if task == "regression":
        shares = [1.0 if labels["minimum"] == labels["maximum"] else 0.5]
    elif task == "multiclass":
        shares = [one["share"] for one in labels["classes"]]
    else:
        shares = [labels["positive_share"], 1.0 - labels["positive_share"]]
    minority = min(shares)
    if max(shares) == 1.0:
        words = say("{target} is the same in every labelled row.", target=target)
        yield insight("balance", [target], 1.0, words)
    elif task == "binary" and minority < least:
        words = say(
            "{target} is out of balance: {share} of the labelled rows are positive.",
            target=target,
            share=percent(labels["positive_share"]),
        )
        yield insight("balance", [target], 0.5 - minority, words)
    elif task == "multiclass" and minority < least * 2.0 / len(shares):
        rarest = labels["classes"][shares.index(minority)]["class"]
        words = say(
            "{target} is out of balance: {share} of the labelled rows are of class {rarest}.",
            target=target,
            share=percent(minority),
            rarest=rarest,
        )
        yield insight("balance", [target], 0.5 - minority, words)


def _quarantine_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    delivered, quarantined = (step["rows"] for step in report["waterfall"][:2])
    share = -quarantined / delivered if delivered else 0.0
    if share < report["limits"]["missing_share"]:
        return
    reasons = report["quarantine_reasons"]
    most = max(sorted(reasons), key=lambda code: reasons[code], default=None)
    if most is None:
        template = mark("{share} of the delivered rows are in the quarantine.")
    else:
        template = mark(
            "{share} of the delivered rows are in the quarantine, most often for {reason}."
        )
    yield insight("quarantine", [], share, say(template, share=percent(share), reason=most))


def _column_insights(one: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[Figures]:
    """What stands out in one column by itself; parts of a timestamp are no columns."""
    name, limits, share = one["name"], report["limits"], one["missing_share"]
    if name != one["column"] or not report["rows"]:
        return
    if share == 1.0:
        yield insight("missing", [name], 1.0, say("{column} is missing in every row.", column=name))
        return
    if share >= limits["missing_share"]:
        partners = _missing_with(name, report)
        if partners:
            template = mark(
                "{column} is missing in {share} of the rows, mostly together with {others}."
            )
        else:
            template = mark("{column} is missing in {share} of the rows.")
        words = say(template, column=name, share=percent(share), others=_listed(partners))
        yield insight("missing", [name, *partners], share, words)
    if one["distinct"] == 1 and one["role"] != "target" and one["present"] > 1:
        yield insight("constant", [name], 0.5, say("{column} is constant.", column=name))
    codes = one["type"] in ("string", "integer") and one["kind"] in ("category", "number")
    unlike = one["distinct"] / one["present"]
    enough = one["present"] >= limits["rows_to_compare_rates"]
    if codes and enough and one["role"] != "target" and unlike >= limits["identifier_share"]:
        words = say("{column} differs in almost every row, as an identifier does.", column=name)
        yield insight("identifier", [name], unlike, words)
    if one["outliers"]:
        low, high = one["fences"]
        part = one["outliers"] / one["present"]
        words = say(
            "Outliers of {column}, beyond {low:.4g} to {high:.4g}: {outliers:,} ({share}).",
            column=name,
            low=low,
            high=high,
            outliers=one["outliers"],
            share=percent(part),
        )
        yield insight("outliers", [name], part, words)


def _missing_with(name: str, report: Mapping[str, Any]) -> list[str]:
    """Up to three other columns that are missing in most of the same rows, and more often there
    than they are anyway."""
    together, rows = report["missing"]["together"], report["rows"]
    mine = together[name]
    shares = {other: n / mine[name] for other, n in mine.items() if other != name}
    most = [o for o, s in shares.items() if s > max(0.5, 1.5 * together[o][o] / rows)]
    return sorted(most, key=lambda other: (-shares[other], other))[:3]


def _rate_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    """Where the positive rate of two levels of a column differs beyond chance.

    All pairs of levels of all columns are candidates, and the significance is divided by their
    number (Bonferroni). Leaks are left out: they are declared to know the answer.
    """
    target, limits = report["target"], report["limits"]
    if task_of(report["labels"]) != "binary":
        return
    leaks = {s["name"] for s in report["series"] if s["role"] == "leak"}
    candidates = [
        (one, _comparable_rates(one, limits))
        for one in report["series"]
        if one["role"] != "target" and one["name"] not in leaks
    ]
    pairs = sum(math.comb(len(bins), 2) for _, bins in candidates)
    for one, bins in candidates:
        if len(bins) < 2:
            continue
        high, low = rate_extremes(one, limits)
        table = [[b["positives"], b["labelled"] - b["positives"]] for b in (low, high)]
        p = chance(np.array(table, dtype=np.int64))
        if p * pairs < limits["significance"]:
            difference = high["positive_share"] - low["positive_share"]
            yield insight("target", [one["name"]], difference, _rates(target, one, low, high))


def rate_extremes(one: Mapping[str, Any], limits: Mapping[str, float]) -> tuple[Figures, Figures]:
    """The bins of a series with the largest and the smallest share of positives, among those with
    enough labelled rows; ``ValueError`` where fewer than two have them."""
    bins = sorted(_comparable_rates(one, limits), key=lambda b: (b["positive_share"], b["label"]))
    if len(bins) < 2:
        raise ValueError(f"{one['name']} has fewer than two bins to compare")
    return bins[-1], bins[0]


def _comparable_rates(one: Mapping[str, Any], limits: Mapping[str, float]) -> list[Figures]:
    least = limits["rows_to_compare_rates"]
    return [b for b in one["bins"] if b["labelled"] >= least and b["label"] not in (RARE, OTHER)]


def _rates(target: str, one: Mapping[str, Any], low: Figures, high: Figures) -> Text:
    a, b = high["positive_share"], low["positive_share"]
    if b == 0.0:
        template = mark(
            "{target} occurs for {column} {most}, never for {least} ({share} against {other})."
        )
    else:
        template = mark(
            "{target} is {times:.1f} times as common for {column} {most} as for {least} "
            "({share} against {other})."
        )
    return say(
        template,
        target=target,
        column=one["name"],
        most=bin_words(one, high["label"]),
        least=bin_words(one, low["label"]),
        times=a / b if b else None,
        share=percent(a),
        other=percent(b),
    )


def _pair_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    """Columns that go together; with a target that is not binary, too, which has no rates. Leaks
    are declared to."""
    leaks = {s["name"] for s in report["series"] if s["role"] == "leak"}
    for pair in report["associations"]:
        names = [pair["first"], pair["second"]]
        is_target = report["target"] in names
        if is_target and (task_of(report["labels"]) == "binary" or leaks.intersection(names)):
            continue
        if pair["v"] >= report["limits"]["association"]:
            words = say(
                "{first} and {second} go together (V = {v:.2f}).",
                first=names[0],
                second=names[1],
                v=pair["v"],
            )
            yield insight("association", names, pair["v"], words)


def _change_insights(report: Mapping[str, Any]) -> Iterator[Figures]:
    limits, many = report["limits"], len(report["changes"])
    for change in report["changes"]:
        distance = change["to_earlier"]
        if distance is None or distance < limits["change"]:
            continue
        if change["chance"] * many < limits["significance"]:
            words = say(
                "{series} differs from the earlier batches (distance {distance:.2f}).",
                series=change["series"],
                distance=distance,
            )
            yield insight("change", [change["series"]], distance, words)


def bin_words(one: Mapping[str, Any], label: str) -> Words:
    """The label of a series' bin: a range of numbers in words, a level as it is."""
    return range_words(label) if one["kind"] == "number" or label in (RARE, OTHER) else label


def _listed(names: Sequence[str]) -> Text:
    if len(names) < 2:
        return join(names)
    return say("{names} and {last}", names=join(names[:-1], ", "), last=names[-1])
