"""The infra check as a page.

Belongs here: how the report is shown. Does not belong here: what is in it and what it says for or
against a release (``infra_check.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.release.infra_check import FIGURES, QUESTIONS
from mlops_assets.reporting.page import (
    Cell,
    Judgement,
    Line,
    LinePlot,
    Outcome,
    Page,
    Section,
    Table,
    Words,
)
from mlops_assets.reporting.text import Text, join, mark, say

VERDICTS: dict[str, tuple[str, Outcome]] = {
    "within": (mark("within"), "within"),
    "beyond": (mark("beyond"), "beyond"),
    "unknown": (mark("unknown"), "insufficient"),
}
FORMS = {"JSON": mark("JSON"), "binary": mark("binary tensors")}
PROBLEMS = {
    "the server ended before it was ready": mark("the server ended before it was ready"),
    "the server was not ready in time": mark("the server was not ready in time"),
    "the server ended while it was asked": mark("the server ended while it was asked"),
    "the server could not be started": mark("the server could not be started"),
}


def infra_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of an ``infra_report``."""
    requests = report["requests"]
    return Page(
        title=say("Infra check: {use_case}", use_case=report["use_case"]),
        verdict=_verdict(report),
        facts=(
            (say("Candidate's bundle"), report["subject"]["bundle"]),
            (say("File that it serves"), report["serves"]),
            (say("Answered single-row requests"), requests["answered"]),
            (say("Failed requests"), requests["failed"]),
            (say("Connections at once"), requests["connections"]),
            (say("Requests a second"), requests["per_second"]),
        ),
        sections=(_budget(report), _answers(report), _latencies(report)),
        outcome="within" if report["holds"] else "beyond",
    )


def _verdict(report: Mapping[str, Any]) -> Text:
    if report["holds"]:
        held = say("A real server of this candidate answers as it must, and keeps its budget.")
        return join([held, _measured()])
    said: list[Text] = []
    if report["problem"] is not None:
        problem: Words = report["problem"]
        if problem in PROBLEMS:
            problem = say(PROBLEMS[report["problem"]])
        said.append(say("Not to be released: {problem}.", problem=problem))
    else:
        broken = [one["name"] for one in report["limits"] if one["verdict"] != "within"]
        wrong = [one for one in report["answers"] if not one["agrees"]]
        if broken:
            figures = join([say(FIGURES[name]) for name in broken], "; ")
            said.append(say("Not to be released: not within budget: {figures}.", figures=figures))
        if wrong or report["requests"]["failed"]:
            said.append(say("Not to be released: the server does not answer as it must."))
        if not said:
            said.append(say("Not to be released: not everything was asked."))
    return join([*said, _measured()])


def _measured() -> Text:
    return say("These are measurements of one machine at one time: another run measures others.")


def _budget(report: Mapping[str, Any]) -> Section:
    rows = tuple(
        (say(FIGURES[one["name"]]), one["value"], one["limit"], _judged(one["verdict"]))
        for one in report["limits"]
    )
    headings = (say("Measured"), say("Value"), say("Limit"), say("Verdict"))
    text = say(
        "The server was started as it is in production, in a process of its own with the bundle "
        "that would be released. The limits are serving.budget of the use case."
    )
    table = Table(say("Figures beside their limits"), headings, rows)
    worst = _worst({one["verdict"] for one in report["limits"]})
    return Section(say("Budget"), text, (table,), worst)


def _judged(verdict: str) -> Judgement:
    words, outcome = VERDICTS[verdict]
    return Judgement(say(words), outcome)


def _worst(verdicts: set[str]) -> Outcome:
    found = {VERDICTS[verdict][1] for verdict in verdicts}
    order: tuple[Outcome, ...] = ("beyond", "insufficient")
    return next((outcome for outcome in order if outcome in found), "within")


def _answers(report: Mapping[str, Any]) -> Section:
    title = say("Answers")
    if not report["answers"]:
        return Section(title, say("Nothing was asked."), (), "insufficient")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            say(QUESTIONS[one["question"]]),
            say(FORMS[one["form"]]),
            one["rows"],
            _agreement(one),
        )
        for one in report["answers"]
    )
    headings = (say("Asked"), say("Tensors"), say("Rows"), say("Verdict"))
    table = Table(say("What the server was asked, and how it answered"), headings, rows)
    agrees = all(one["agrees"] and one["rows"] for one in report["answers"])
    outcome: Outcome = "within" if agrees else "beyond"
    return Section(title, say("All was asked over HTTP."), (table,), outcome)


def _agreement(one: Mapping[str, Any]) -> Judgement:
    if not one["agrees"]:
        return Judgement(say("does not agree"), "beyond")
    if not one["rows"]:
        return Judgement(say("not asked"), "insufficient")
    return Judgement(say("agrees"), "within")


def _latencies(report: Mapping[str, Any]) -> Section:
    title, requests = say("Latency"), report["requests"]
    if not requests["answered"]:
        return Section(title, say("No request under load was answered."))
    edges, counts = report["latencies"]["edges"], report["latencies"]["counts"]
    shares, seen = [], 0
    for count in counts[:-1]:
        seen += count
        shares.append(seen / requests["answered"])
    last = max(i for i, count in enumerate(counts) if count)
    first = min(i for i, count in enumerate(counts) if count)
    shown = slice(max(first - 1, 0), last + 1)
    line = Line(say("share answered"), tuple(edges[shown]), tuple(shares[shown]))
    plot = LinePlot(
        say("Share of the requests that were answered within a time"),
        say("milliseconds"),
        say("share answered"),
        (line,),
    )
    found = requests["milliseconds"]
    row = (requests["answered"], found["p50"], found["p90"], found["p99"])
    headings = (say("Requests"), say("Median"), say("90th percentile"), say("99th percentile"))
    table = Table(say("Milliseconds from request to answer"), headings, (row,))
    text = say(
        "Requests of one row over {connections} connections after a warm-up, each sent when the "
        "one before it was answered; the client shares the machine with the server. Where the "
        "99th percentile is beyond its limit, it is measured again, and the least disturbed time "
        "counts.",
        connections=requests["connections"],
    )
    return Section(title, text, (plot, table))
