"""The risk report as a page: limits and register first, then each test.

Belongs here: the head of the page and the register. Does not belong here: computing anything
(``risk.py``), the sections of the tests (``disturbance_sections.py``,
``training_data_sections.py``) or how pages look (``reporting/``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.evidence.privacy.attribute_inference_section import attribute_inference_section
from mlops_assets.evidence.privacy.membership_section import membership_section
from mlops_assets.evidence.risk.disturbance_sections import disturbance_sections
from mlops_assets.evidence.risk.training_data_sections import training_data_sections
from mlops_assets.reporting.limits_section import limits_section, limits_verdict
from mlops_assets.reporting.limits_table import LIMITS, OUTCOMES, ROLES, VERDICTS
from mlops_assets.reporting.page import Cell, Judgement, Page, Section, Table
from mlops_assets.reporting.text import Text, join, mark, say

KINDS = {
    "legal": mark("legal"),
    "ethical": mark("ethical"),
    "reputational": mark("reputational"),
    "operational": mark("operational"),
    "environmental": mark("environmental"),
    "other": mark("other"),
}
LIKELIHOODS = {
    "rare": mark("rare"),
    "possible": mark("possible"),
    "likely": mark("likely"),
}
SEVERITIES = {
    "minor": mark("minor"),
    "serious": mark("serious"),
    "critical": mark("critical"),
}
RESIDUALS = {
    "low": mark("a low risk"),
    "medium": mark("a medium risk"),
    "high": mark("a high risk"),
}
NOT_LIMITED = mark("not limited")


def risk_page(report: Mapping[str, Any]) -> Page:
    """The page of a report that ``risk.risk_report`` made."""
    tests = report["tests"]
    return Page(
        title=say("Risk: {use_case}", use_case=report["use_case"]),
        verdict=_verdict(report),
        facts=(
            (say("Disturbed rows"), tests["noise"]["rows"]),
            (say("Attacked rows"), tests["evasion"]["rows"]),
            (say("Questions asked by the attack"), tests["evasion"]["questions"]),
            (say("Scanned train rows"), tests["outliers"]["rows"]),
            *((say("Hash of {name}", name=n), h) for n, h in report["subject"].items()),
        ),
        sections=(
            limits_section(report["limits"]),
            _register_section(report["register"]),
            *disturbance_sections(report),
            *training_data_sections(report),
            *_privacy_sections(report),
        ),
    )


def _verdict(report: Mapping[str, Any]) -> Text:
    people = [entry for entry in report["register"] if entry["judged_by"] == "people"]
    high = sum(entry["residual"] == "high" for entry in people)
    sentences = [
        limits_verdict(report["limits"]),
        say(
            "This covers the tests that were made; what remains of each hazard is in the register."
        ),
    ]
    if people:
        template = mark("People entered {count:,} more risks, of which {high:,} remain high.")
        sentences.append(say(template, count=len(people), high=high))
    return join(sentences)


def _register_section(register: list[dict[str, Any]]) -> Section:
    tests = [entry for entry in register if entry["judged_by"] == "test"]
    people = [entry for entry in register if entry["judged_by"] == "people"]
    text = say(
        "Every hazard with its limit, which was set before the test, what was found, and what "
        "remains. Of a test with several figures the worst is shown. A test that could not run is "
        "unknown, which is no pass."
    )
    tables = [_tests_table(tests)]
    if people:
        tables.append(_people_table(people))
    else:
        text = join([text, say("People entered no risk of their own (risk.entries).")])
    return Section(say("Risk register"), text, tuple(tables))


def _tests_table(tests: list[dict[str, Any]]) -> Table:
    return Table(
        say("Judged by tests"),
        (
            say("Hazard"),
            say("What was done"),
            say("Result"),
            say("Limit"),
            say("Verdict"),
            say("What remains"),
            say("Answerable"),
        ),
        tuple(_test_row(entry) for entry in tests),
    )


def _test_row(entry: Mapping[str, Any]) -> tuple[Cell, ...]:
    limit, role = entry["limit"], entry["role"]
    said_limit = None if limit is None else say(LIMITS[entry["bound"]], limit=float(limit))
    return (
        say(entry["hazard"]),
        say(entry["done"]),
        _result(entry),
        said_limit or say("no limit"),
        _judgement(entry["verdict"]),
        say(entry["residual"]),
        say("nobody") if role is None else say(ROLES[role]) if role in ROLES else role,
    )


def _result(entry: Mapping[str, Any]) -> Cell:
    """The worst figure with its interval, and of what it is."""
    bounds = {name: entry[name] for name in ("value", "low", "high")}
    if any(bound is None for bound in bounds.values()):
        return None
    figure = say("{value} [{low}, {high}]", **bounds)
    if bounds["low"] == bounds["high"]:
        figure = say("{value}", value=bounds["value"])
    if not entry["subject"]:
        return figure
    return say("{figure} ({subject})", figure=figure, subject=entry["subject"])


def _judgement(verdict: str) -> Cell:
    if verdict == "not limited":
        return say(NOT_LIMITED)
    return Judgement(say(VERDICTS[verdict]), OUTCOMES[verdict])  # type: ignore[index]


def _people_table(people: list[dict[str, Any]]) -> Table:
    return Table(
        say("Judged by people"),
        (
            say("Hazard"),
            say("Kind"),
            say("Likelihood"),
            say("Severity"),
            say("Measure against it"),
            say("What remains"),
            say("Answerable"),
        ),
        tuple(
            (
                entry["hazard"],
                say(KINDS[entry["kind"]]),
                say(LIKELIHOODS[entry["likelihood"]]),
                say(SEVERITIES[entry["severity"]]),
                entry["measure"],
                say(RESIDUALS[entry["residual"]]),
                entry["owner"],
            )
            for entry in people
        ),
    )


def _privacy_sections(report: Mapping[str, Any]) -> tuple[Section, ...]:
    found = []
    if report["membership"] is not None:
        found.append(membership_section(report["membership"]))
    if report["attribute_inference"] is not None:
        found.append(attribute_inference_section(report["attribute_inference"]))
    return tuple(found)
