"""The drift report as a page: what drifted, how far, and what it looks like.

Belongs here: composing the page from the report's data alone. Does not belong here: the distances
and the verdict (``drift.py``), or how pages look (``reporting/``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mlops_assets.reporting.page import BarPlot, Cell, HistogramPlot, Number, Page, Section, Table

HISTOGRAMS_SHOWN = 6

Verdict = Literal["drifted", "no drift", "could not run"]


def drift_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of a ``drift_report``."""
    series = report["series"]
    compared = [s for s in series if s["statistic"] is not None]
    return Page(
        title=f"Drift of {report['batch']}: {report['use_case']}",
        verdict=_verdict_sentence(report),
        facts=(
            ("Batch", report["batch"]),
            ("Rows", report["rows"]),
            ("Champion", report["champion"]),
            ("False-alarm rate", report["false_alarm_rate"]),
            ("Smallest distance that matters", report["min_distance"]),
            ("Distance weighted with attribution", report["weighted_distance"]),
            ("Weighted distance that calls for retraining", report["min_weighted_distance"]),
        ),
        sections=(
            Section("What the verdict means", _meaning(report)),
            Section(
                "Distance by series", _strongest_sentence(compared), (_bars(series), _table(series))
            ),
            Section(
                "The strongest, in shares",
                "Reference against batch, strongest first.",
                tuple(_histogram(s) for s in compared[:HISTOGRAMS_SHOWN]),
            ),
            *_outcomes_section(report["outcomes"]),
        ),
    )


def _verdict(drifted: bool | None) -> Verdict:
    if drifted is None:
        return "could not run"
    return "drifted" if drifted else "no drift"


def _verdict_sentence(report: Mapping[str, Any]) -> str:
    missing = ", ".join(report["could_not_run"])
    unknown = f" Could not be compared: {missing}." if missing else ""
    if report["drifted"] is None:
        return f"The check could not run, which is no pass.{unknown}"
    names = [s["name"] for s in report["series"] if s["drifted"]]
    if not names:
        return "No drift: every series is within what chance explains or too close to matter."
    return f"Drifted: {len(names)} of {len(report['series'])} series, led by {names[0]}.{unknown}"


def _meaning(report: Mapping[str, Any]) -> str:
    return (
        "A batch drifted where the Jensen-Shannon distance (base 2; 0 is equal, 1 is disjoint) of "
        "any series exceeds both its limit, which is what chance explains at this number of rows, "
        f"and {report['min_distance']:.4g}, below which a difference is too small to matter. A "
        "batch from the reference's own distribution, with independent rows, is called drifted "
        f"with a chance of at most {report['false_alarm_rate']:.2%}, all series taken together. "
        "Drift says that the data differ, not that the model is worse."
    )


def _strongest_sentence(compared: list[dict[str, Any]]) -> str:
    strongest = ", ".join(f"{s['name']} ({s['statistic']:.3f})" for s in compared[:3])
    return f"Strongest first: {strongest}." if strongest else "Nothing could be compared."


def _threshold(series: Mapping[str, Any]) -> Number:
    return None if series["limit"] is None else max(series["limit"], series["floor"])


def _bars(series: list[dict[str, Any]]) -> BarPlot:
    return BarPlot(
        alt="Distance of each series from the reference, with the limit it must exceed to drift",
        x_label="Jensen-Shannon distance (base 2)",
        labels=tuple(s["name"] for s in series),
        values=tuple(s["statistic"] for s in series),
        limits=tuple(_threshold(s) for s in series),
    )


def _table(series: Sequence[Mapping[str, Any]]) -> Table:
    columns = ("Series", "Distance", "Limit by chance", "Smallest that matters", "Verdict")
    rows: list[tuple[Cell, ...]] = [
        (s["name"], s["statistic"], s["limit"], s["floor"], _verdict(s["drifted"])) for s in series
    ]
    return Table("Each series against its limits", columns, tuple(rows))


def _histogram(series: Mapping[str, Any]) -> HistogramPlot:
    return HistogramPlot(
        alt=f"Shares of {series['name']}: reference against batch",
        x_label=series["name"],
        bins=tuple(series["bins"]),
        reference=tuple(series["reference_shares"]),
        current=tuple(series["current_shares"]),
    )


def _outcomes_section(outcomes: Mapping[str, Any] | None) -> tuple[Section, ...]:
    if outcomes is None or outcomes["statistic"] is None:
        return ()
    words = {True: "differ from", False: "do not differ from"}
    text = (
        f"The outcomes {words[outcomes['drifted']]} those that the champion was made from. They "
        "have no part in the verdict above, which does not wait for them."
    )
    return (Section("Outcomes", text, (_table([outcomes]), _histogram(outcomes))),)
