"""The drift report as a page: what drifted, how far, and what it looks like.

Belongs here: composing the page from the report's data alone. Does not belong here: the distances
and the verdict (``drift.py``), or how pages look (``reporting/``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.monitoring.drift import OUTCOMES
from mlops_assets.monitoring.histograms import PREDICTION_SERIES, SCORE_SERIES
from mlops_assets.monitoring.served_page import inputs_section
from mlops_assets.reporting.page import (
    BarPlot,
    Cell,
    HistogramPlot,
    Judgement,
    Number,
    Outcome,
    Page,
    Section,
    Table,
    Words,
)
from mlops_assets.reporting.range_words import range_words
from mlops_assets.reporting.text import Text, join, mark, say

HISTOGRAMS_SHOWN = 6

mark("champion score")
mark("champion prediction")
mark("outcomes")

VERDICTS: dict[bool | None, tuple[str, Outcome]] = {
    True: (mark("drifted"), "beyond"),
    False: (mark("no drift"), "within"),
    None: (mark("could not run"), "insufficient"),
}
"""By whether a series drifted: its verdict in words, and what that comes to."""


def drift_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of a ``drift_report``."""
    series = report["series"]
    compared = [s for s in series if s["statistic"] is not None]
    return Page(
        title=say(
            "Drift of {batch}: {use_case}", batch=report["batch"], use_case=report["use_case"]
        ),
        verdict=_verdict_sentence(report),
        facts=(
            (say("Batch"), report["batch"]),
            (say("Rows"), report["rows"]),
            (say("Champion"), report["champion"]),
            (say("False-alarm rate"), report["false_alarm_rate"]),
            (say("Smallest distance that matters"), report["min_distance"]),
            (say("Distance weighted with attribution"), report["weighted_distance"]),
            (say("Weighted distance that calls for retraining"), report["min_weighted_distance"]),
        ),
        sections=(
            Section(say("What the verdict means"), _meaning(report)),
            Section(
                say("Distance by series"),
                _strongest_sentence(compared),
                (_bars(series), _table(series)),
            ),
            Section(
                say("The strongest, in shares"),
                say("Reference against batch, strongest first."),
                tuple(_histogram(s) for s in compared[:HISTOGRAMS_SHOWN]),
            ),
            *_outcomes_section(report["outcomes"]),
            *inputs_section(report.get("served")),
        ),
        outcome=VERDICTS[report["drifted"]][1],
    )


def _verdict(drifted: bool | None) -> Judgement:
    template, outcome = VERDICTS[drifted]
    return Judgement(say(template), outcome)


def _verdict_sentence(report: Mapping[str, Any]) -> Text:
    names = [s["name"] for s in report["series"] if s["drifted"]]
    if report["drifted"] is None:
        said = say("The check could not run, which is no pass.")
    elif not names:
        return say("No drift: every series is within what chance explains or too close to matter.")
    else:
        said = say(
            "Drifted: {count:,} of {series:,} series, led by {first}.",
            count=len(names),
            series=len(report["series"]),
            first=series_words(names[0]),
        )
    if not report["could_not_run"]:
        return said
    missing = join([series_words(name) for name in report["could_not_run"]], ", ")
    return join((said, say("Could not be compared: {names}.", names=missing)))


def series_words(name: str) -> Words:
    """The champion's answers and the outcomes by what they are, a column by its name."""
    if name in (SCORE_SERIES, PREDICTION_SERIES, OUTCOMES):
        return Text(name)
    if name.startswith(f"{SCORE_SERIES}: "):
        label = name.removeprefix(f"{SCORE_SERIES}: ")
        return say("champion score: {label}", label=range_words(label))
    return name


def _meaning(report: Mapping[str, Any]) -> Text:
    return say(
        "A batch drifted where the Jensen-Shannon distance (base 2; 0 is equal, 1 is disjoint) of "
        "any series exceeds both its limit, which is what chance explains at this number of rows, "
        "and {min_distance:.4g}, below which a difference is too small to matter. A "
        "batch from the reference's own distribution, with independent rows, is called drifted "
        "with a chance of at most {false_alarm_rate:.2%}, all series taken together. "
        "Drift says that the data differ, not that the model is worse.",
        min_distance=report["min_distance"],
        false_alarm_rate=report["false_alarm_rate"],
    )


def _strongest_sentence(compared: list[dict[str, Any]]) -> Text:
    if not compared:
        return say("Nothing could be compared.")
    strongest = [
        say("{series} ({distance:.3f})", series=series_words(s["name"]), distance=s["statistic"])
        for s in compared[:3]
    ]
    return say("Strongest first: {series}.", series=join(strongest, ", "))


def _threshold(series: Mapping[str, Any]) -> Number:
    return None if series["limit"] is None else max(series["limit"], series["floor"])


def _bars(series: list[dict[str, Any]]) -> BarPlot:
    return BarPlot(
        alt=say(
            "Distance of each series from the reference, with the limit it must exceed to drift"
        ),
        x_label=say("Jensen-Shannon distance (base 2)"),
        labels=tuple(series_words(s["name"]) for s in series),
        values=tuple(s["statistic"] for s in series),
        limits=tuple(_threshold(s) for s in series),
    )


def _table(series: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        say("Series"),
        say("Distance"),
        say("Limit by chance"),
        say("Smallest that matters"),
        say("Verdict"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            series_words(s["name"]),
            s["statistic"],
            s["limit"],
            s["floor"],
            _verdict(s["drifted"]),
        )
        for s in series
    ]
    return Table(say("Each series against its limits"), columns, tuple(rows))


def _histogram(series: Mapping[str, Any]) -> HistogramPlot:
    return HistogramPlot(
        alt=say("Shares of {series}: reference against batch", series=series_words(series["name"])),
        x_label=series_words(series["name"]),
        bins=tuple(range_words(label) for label in series["bins"]),
        reference=tuple(series["reference_shares"]),
        current=tuple(series["current_shares"]),
        current_name=say("batch"),
    )


def _outcomes_section(outcomes: Mapping[str, Any] | None) -> tuple[Section, ...]:
    if outcomes is None or outcomes["statistic"] is None:
        return ()
    template = mark("The outcomes do not differ from those that the champion was made from.")
    if outcomes["drifted"]:
        template = mark("The outcomes differ from those that the champion was made from.")
    text = join(
        (
            say(template),
            say("They have no part in the verdict above, which does not wait for them."),
        )
    )
    return (Section(say("Outcomes"), text, (_table([outcomes]), _histogram(outcomes))),)
