"""What a test shows, and what that means to the gate.

Belongs here: the verdict from an interval, and the gate's question of a report. Does not belong
here: the interval (``confidence_sequence.py``), the gate (``release/gate.py``), or the page
(``report_page.py``).
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Literal

Verdict = Literal["better", "not worse", "worse", "undecided"]
SHOWS_ENOUGH: tuple[Verdict, ...] = ("better", "not worse")


def verdict_of(low: float, high: float, minimum_effect: float) -> Verdict:
    """From the interval of the challenger's mean loss less the champion's: ``better`` where it lies
    below zero; ``not worse`` where it lies below ``minimum_effect``; ``worse`` where it lies above
    zero. Bounds that contradict each other, or are no numbers, decide nothing."""
    if not low <= high:
        return "undecided"
    if high < 0.0:
        return "better"
    if high < minimum_effect:
        return "not worse"
    return "worse" if low > 0.0 else "undecided"


def ab_objection(
    report: Mapping[str, Any] | None, candidate: str, champion: str | None
) -> str | None:
    """Why an ``ab_report`` does not show what ``promotion.ab_test`` demands, or ``None``.

    It demands that ``candidate`` (the bundle's hash) was shown to be better than ``champion`` (the
    release that serves now), or not worse by the smallest effect worth finding, on traffic that was
    divided as planned. Where there is no champion there is nothing to be compared with, and no
    objection. Whatever is missing, unknown or about another release objects.
    """
    if champion is None:
        return None
    if report is None:
        return "no A/B test was reported: start one with `mlops traffic`, and materialize ab_report"
    if report.get("experiment") is None:
        return "the A/B report knows of no test: start one with `mlops traffic`"
    if report.get("challenger") != candidate:
        return f"the A/B test was of another challenger than {candidate}"
    if report.get("champion") != champion:
        return f"the A/B test was against another champion than {champion}, which serves now"
    guards = report.get("guards")
    if not isinstance(guards, list) or not guards:
        return "whether the A/B test's traffic was divided as planned is unknown"
    broken = [str(guard.get("name")) for guard in guards if guard.get("holds") is not True]
    if broken:
        return f"the A/B test cannot be relied on: {', '.join(broken)} not shown to hold"
    return _not_shown(report)


def _not_shown(report: Mapping[str, Any]) -> str | None:
    found = report.get("difference")
    limit = report.get("minimum_effect")
    low, high = (found.get(b) if isinstance(found, Mapping) else None for b in ("low", "high"))
    if not all(_is_number(number) for number in (low, high, limit)):
        counted, planned = report.get("labelled"), report.get("planned_rows")
        return f"the A/B test is undecided: {counted} of {planned} planned rows are labelled"
    # The words are not believed where the numbers beside them say something else.
    shown = verdict_of(float(low or 0.0), float(high or 0.0), float(limit or 0.0))
    if shown != report.get("verdict"):
        return "the A/B report's verdict does not follow from its own interval"
    if shown in SHOWS_ENOUGH:
        return None
    said = f"the difference of the mean loss lies between {low:+.4g} and {high:+.4g}"
    if shown == "worse":
        return f"the A/B test shows the challenger to be worse: {said}"
    return (
        f"the A/B test is undecided: {said}, which reaches the minimum effect of {limit:.4g}; "
        f"{report.get('labelled')} of {report.get('planned_rows')} planned rows are labelled"
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and isfinite(value)  # type: ignore[arg-type]
