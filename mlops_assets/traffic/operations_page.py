"""A day's operations as a page.

Belongs here: how the operations report is shown. Does not belong here: what is in it
(``operations.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.reporting.page import (
    Cell,
    Judgement,
    Line,
    LinePlot,
    Number,
    Outcome,
    Page,
    Plot,
    Section,
    Table,
)
from mlops_assets.reporting.text import Text, join, mark, say

OUTCOMES: dict[str | None, Outcome] = {"within": "within", "beyond": "beyond", None: "insufficient"}
BUDGET_NAMES = {
    "p99_milliseconds": mark("99th percentile of the time of single-row requests (milliseconds)"),
    "memory_megabytes": mark("Most resident memory of one server (megabytes)"),
}
VERDICTS = {
    "within": mark("within the budget"),
    "beyond": mark("beyond the budget"),
    None: mark("unknown"),
}
RELEASE_CHARACTERS = 16


def operations_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of an ``operations_report``."""
    requests, log = report["requests"], report["log"]
    return Page(
        title=say(
            "Operations on {day}: {use_case}", day=report["day"], use_case=report["use_case"]
        ),
        verdict=_verdict(report),
        facts=(
            (say("Day (UTC)"), report["day"]),
            (say("Requests answered"), requests["requests"]),
            (say("of which about one row"), requests["single_row"]),
            (say("Rows answered"), log["answered"]),
            (say("Rows lost from the log"), log["lost_rows"]),
            (say("Servers"), len(report["instances"])),
        ),
        sections=(
            _budget(report),
            _speed(report),
            _resources(report),
            _variants(report),
            _refusals(report),
            _log(report),
        ),
        outcome=OUTCOMES[report["verdict"]],
    )


def _verdict(report: Mapping[str, Any]) -> Text:
    if not report["instances"]:
        return say("Unknown: no server ran on this day, so nothing was served.")
    if not report["requests"]["requests"]:
        return say("Unknown: servers ran, and no answer of theirs is in the log.")
    beyond = [one for one in report["budget"] if one["verdict"] == "beyond"]
    if beyond:
        named = join([_excess(one) for one in beyond], ", ")
        return say("Beyond the budget: {named}.", named=named)
    if report["verdict"] is None:
        return say("Unknown: not everything that has a budget could be measured.")
    return say("The servers kept within their budget.")


def _excess(one: Mapping[str, Any]) -> Text:
    return say(
        "{name}: {value}, and the limit is {limit}",
        name=say(BUDGET_NAMES[one["name"]]),
        value=float(one["value"]),
        limit=float(one["limit"]),
    )


def _budget(report: Mapping[str, Any]) -> Section:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            say(BUDGET_NAMES[one["name"]]),
            one["value"],
            one["limit"],
            Judgement(say(VERDICTS[one["verdict"]]), OUTCOMES[one["verdict"]]),
        )
        for one in report["budget"]
    )
    text = (
        say(
            "These numbers were measured on the servers' machines, and nothing reproduces them: "
            "another day gives others."
        ),
        say(
            "A 99th percentile is not known of fewer than 100 requests. How long a server takes "
            "to start is measured before a release."
        ),
    )
    headings = (say("Figure"), say("Measured"), say("Limit"), say("Verdict"))
    table = Table(say("Measured beside the budget of the use case"), headings, rows)
    return Section(say("Budget"), join(text), (table,), OUTCOMES[report["verdict"]])


def _speed(report: Mapping[str, Any]) -> Section:
    requests = report["requests"]
    if not requests["requests"]:
        return Section(say("Speed"), say("No request was answered."))
    text = (
        say(
            "In the busiest minute, {rate:,.1f} requests a second were answered.",
            rate=requests["busiest_minute_per_second"],
        ),
        say(
            "The time is that from a request's last byte to its answer, as the log has it; "
            "percentiles are exact to half a percent."
        ),
    )
    headings = (say("Requests"), say("Number"), *_percentile_headings())
    rows = (
        (say("all"), requests["requests"], *_cells(requests["latency_ms"])),
        (say("about one row"), requests["single_row"], *_cells(requests["single_row_ms"])),
    )
    table = Table(say("Time to the answer in milliseconds"), headings, rows)
    return Section(say("Speed"), join(text), (table, *_latency_plots(report)))


def _percentile_headings() -> tuple[Text, Text, Text]:
    return say("Median"), say("95th percentile"), say("99th percentile")


def _cells(found: Mapping[str, Number]) -> tuple[Number, Number, Number]:
    return found["p50"], found["p95"], found["p99"]


def _latency_plots(report: Mapping[str, Any]) -> tuple[Plot, ...]:
    hours = report["by_hour"]
    known = [hour for hour in hours if hour["single_row_ms"]["p50"] is not None]
    if not known:
        return ()
    limit = next(o["limit"] for o in report["budget"] if o["name"] == "p99_milliseconds")
    lines = [
        _by_hour(label, [hour["single_row_ms"][name] for hour in hours])
        for name, label in (("p50", say("median")), ("p99", say("99th percentile of the hour")))
    ]
    return (
        LinePlot(
            say("Time of single-row requests by hour of the day, beside the budget"),
            say("hour of the day (UTC)"),
            say("milliseconds"),
            (*lines, _by_hour(say("budget of the 99th percentile"), [limit] * len(hours))),
        ),
    )


def _by_hour(label: Text, values: list[Number]) -> Line:
    return Line(label, tuple(float(hour) for hour in range(len(values))), tuple(values))


def _resources(report: Mapping[str, Any]) -> Section:
    title, servers = say("Processor and memory"), report["instances"]
    if not servers:
        return Section(title, say("No server ran on this day."))
    headings = (
        say("Server"),
        say("Known from"),
        say("until"),
        say("Share of a core"),
        say("Highest share of a core"),
        say("Most memory (megabytes)"),
        say("Rows in the log"),
        say("Rows lost"),
    )
    names = ("cpu_share", "highest_cpu_share", "memory_megabytes", "rows", "lost")
    rows = tuple(
        (
            server["instance"],
            _clock(server["first"]),
            _clock(server["last"]),
            *(server[name] for name in names),
        )
        for server in servers
    )
    text = say(
        "Servers sample themselves every ten seconds; of one that was killed, up to as many are "
        "missing."
    )
    table = Table(say("Each server of the day"), headings, rows)
    return Section(title, text, (table, *_resource_plots(report)))


def _clock(moment: str | None) -> str | None:
    """The time of day: the day is the report's."""
    return None if moment is None else moment[11:19]


def _resource_plots(report: Mapping[str, Any]) -> tuple[Plot, ...]:
    hours = report["by_hour"]
    memory = [hour["memory_megabytes"] for hour in hours]
    share = [hour["cpu_share"] for hour in hours]
    if not any(value is not None for value in memory):
        return ()
    limit = next(o["limit"] for o in report["budget"] if o["name"] == "memory_megabytes")
    return (
        LinePlot(
            say("Most resident memory of one server by hour of the day, beside the budget"),
            say("hour of the day (UTC)"),
            say("megabytes"),
            (_by_hour(say("memory"), memory), _by_hour(say("budget"), [limit] * len(hours))),
        ),
        LinePlot(
            say("Share of a core that a server used on average, by hour of the day"),
            say("hour of the day (UTC)"),
            say("share of a core"),
            (_by_hour(say("processor"), share),),
        ),
    )


def _variants(report: Mapping[str, Any]) -> Section:
    title = say("Releases and variants")
    if not report["parts"]:
        return Section(title, say("No release answered."))
    headings = (
        say("Release"),
        say("Variant"),
        say("Under test"),
        say("Rows answered"),
        say("Share"),
        say("Rows of a shadow"),
        say("Rows outside the envelope"),
        say("99th percentile"),
    )
    rows = tuple(
        (
            part["release"][:RELEASE_CHARACTERS],
            say("champion") if part["variant"] == "champion" else say("challenger"),
            part["experiment"] or say("none"),
            part["answered"],
            part["share"],
            part["shadow"],
            part["outside_envelope"] if part["envelope_unknown"] < part["rows"] else None,
            part["latency_ms"]["p99"],
        )
        for part in report["parts"]
    )
    text = say("Rows of a shadow were scored and never answered. Times are in milliseconds.")
    return Section(title, text, (Table(say("What each release answered"), headings, rows),))


def _refusals(report: Mapping[str, Any]) -> Section:
    title = say("Refused requests")
    if not report["instances"] or not report["requests"]["sampled_seconds"]:
        return Section(title, say("Unknown: no server left samples of this day."))
    statuses = join(
        [
            say("{status}: {requests:,}", status=one["status"], requests=one["requests"])
            for one in report["statuses"]
        ],
        ", ",
    )
    text = say(
        "All requests by status, those about the server's state too: {statuses}.", statuses=statuses
    )
    if not report["errors"]:
        return Section(title, join((text, say("None was refused."))))
    rows = tuple((one["reason"], one["requests"]) for one in report["errors"])
    table = Table(say("Requests and connections refused"), (say("Reason"), say("Number")), rows)
    return Section(title, text, (table,))


def _log(report: Mapping[str, Any]) -> Section:
    log = report["log"]
    facts: tuple[tuple[Text, Cell], ...] = (
        (say("Rows in the log"), log["rows"]),
        (say("Rows scored, as the servers' samples count them"), log["scored_rows"]),
        (say("Rows lost, as the gaps in the log count them"), log["lost_rows"]),
        (say("Rows lost, as the servers count them"), log["lost_as_counted"]),
        (say("Rows outside the envelope"), log["outside_envelope"]),
        (say("Rows of which that is not known"), log["envelope_unknown"]),
    )
    states = tuple((one["state"], one["seconds"]) for one in log["states"])
    blocks = [Table(say("Rows of the day"), (say("Figure"), say("Rows")), facts)]
    if states:
        headings = (say("State of the log"), say("Seconds"))
        blocks.append(Table(say("How long the log was in which state"), headings, states))
    text = say(
        "Around midnight, and of servers that were killed, samples and log may differ by the rows "
        "of a few seconds."
    )
    return Section(say("Prediction log"), text, tuple(blocks))
