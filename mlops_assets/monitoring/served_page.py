"""What was served of a batch, as sections of the monitors' pages.

Belongs here: how the figures of ``served.py`` and ``skew.py`` are shown. Does not belong here: the
figures, or the rest of the pages (``drift_page.py``, ``performance_page.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.evidence.metrics.metrics import METRICS
from mlops_assets.reporting.page import Cell, Judgement, Outcome, Section, Table
from mlops_assets.reporting.text import Text, join, mark, say
from mlops_assets.target_declaration import Task

NOT_SERVED = {
    "no row id": mark(
        "Cannot be joined: no column is declared as serving.row_id, so it is not known which "
        "logged answers belong to rows of this batch."
    ),
    "no log": mark("Nothing was served: no day of answers has been taken in from the servers."),
    "nothing joined": mark("Nothing was served: no row of this batch is in the log of answers."),
}
"""By status, why there is nothing to show."""
VARIANTS = {"champion": mark("champion"), "challenger": mark("challenger")}
LATENCIES = {
    "median": mark("latency, median (ms)"),
    "p99": mark("latency, 99th percentile (ms)"),
}
SKEWED: dict[bool | None, tuple[str, Outcome]] = {
    True: (mark("differs"), "beyond"),
    False: (mark("as delivered"), "within"),
    None: (mark("too few rows to tell"), "insufficient"),
}
"""By whether an input is skewed: the verdict in words, and what it comes to."""


def served_section(served: Mapping[str, Any] | None, task: Task) -> tuple[Section, ...]:
    """The section "As served" of a performance report; none where nobody looked."""
    if served is None:
        return ()
    title = say("As served")
    if served["status"] != "served":
        return (Section(title, say(NOT_SERVED[served["status"]])),)
    text = join(
        (
            _how_many(served),
            say(
                "These are the answers that were given then, by whichever release gave them. Who "
                "asked is no sample of the batch: nothing here decides whether performance is "
                "lost. With fewer than {min_labelled:,} labelled rows nothing is measured.",
                min_labelled=served["min_labelled"],
            ),
        )
    )
    tables = _answers_table(served, task), _speed_table(served), _days_table(served)
    return (Section(title, text, tables),)


def inputs_section(served: Mapping[str, Any] | None) -> tuple[Section, ...]:
    """The section "Inputs as served" of a drift report; none where nobody looked."""
    if served is None:
        return ()
    title = say("Inputs as served")
    if served["status"] != "served":
        return (Section(title, say(NOT_SERVED[served["status"]])),)
    text = join(
        (
            _how_many(served),
            _skew_sentence(served),
            say(
                "An input differs where the row was asked about with another value than the "
                "source delivered later. The limit is {limit:.2%} of the rows; it has no part in "
                "the verdict above.",
                limit=served["max_skew"],
            ),
        )
    )
    outcome = SKEWED[served["skewed"]][1]
    return (Section(title, text, (_inputs_table(served), _days_table(served)), outcome),)


def _how_many(served: Mapping[str, Any]) -> Text:
    return say(
        "{served:,} of {rows:,} rows of the batch were answered live ({share:.1%}).",
        served=served["served_rows"],
        rows=served["rows"],
        share=served["served_share"],
    )


def _skew_sentence(served: Mapping[str, Any]) -> Text:
    if served["skewed"] is None:
        return say("Too few of them could be compared to tell whether the inputs were the same.")
    if not served["skewed"]:
        return say("Their inputs were those that the source delivered later.")
    names = [column["column"] for column in served["columns"] if column["skewed"]]
    return say("Inputs were not those that came later: {names}.", names=join(names, ", "))


def _answers_table(served: Mapping[str, Any], task: Task) -> Table:
    names = METRICS[task]
    columns = (
        say("Release"),
        say("Variant"),
        say("Rows"),
        say("Labelled rows"),
        say("Metric"),
        say("As served"),
        say("Lower bound"),
        say("Upper bound"),
    )
    rows: list[tuple[Cell, ...]] = []
    for one in served["answered_by"]:
        who = (one["release"], say(VARIANTS[one["variant"]]), one["rows"], one["labelled"])
        for name, words in names.items():
            found = one["metrics"][name]
            rows.append((*who, say(words), found["value"], found["low"], found["high"]))
    return Table(say("What was answered, by release and variant"), columns, tuple(rows))


def _speed_table(served: Mapping[str, Any]) -> Table:
    columns = (
        say("Release"),
        say("Variant"),
        say("Rows"),
        *(say(words) for words in LATENCIES.values()),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            one["release"],
            say(VARIANTS[one["variant"]]),
            one["rows"],
            *(one["latency_ms"][quantile] for quantile in LATENCIES),
        )
        for one in served["answered_by"]
    ]
    return Table(say("How fast it was answered, by release and variant"), columns, tuple(rows))


def _inputs_table(served: Mapping[str, Any]) -> Table:
    columns = (
        say("Input"),
        say("Rows compared"),
        say("Rows that differ"),
        say("Share"),
        say("Limit"),
        say("Verdict"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            one["column"],
            one["compared"],
            one["differing"],
            one["share"],
            served["max_skew"],
            _verdict(one["skewed"]),
        )
        for one in served["columns"]
    ]
    return Table(say("Each input as it was sent and as it was delivered"), columns, tuple(rows))


def _verdict(skewed: bool | None) -> Judgement:
    template, outcome = SKEWED[skewed]
    return Judgement(say(template), outcome)


def _days_table(served: Mapping[str, Any]) -> Table:
    rows = tuple(served["days"].items())
    return Table(say("The days of the log that they are from"), (say("Day"), say("Hash")), rows)
