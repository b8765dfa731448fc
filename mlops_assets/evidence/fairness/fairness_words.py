"""Who is treated how, in words.

Belongs here: names and meanings of the definitions, a sentence for each group that stands out. Does
not belong here: tables and plots (``fairness_sections.py``), the page (``fairness_page.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_assets.evidence_declaration import FairnessDefinition
from mlops_assets.reporting.text import Text, join, mark, say

Report = Mapping[str, Any]
GROUPS_TOLD = 3
COST_OF = mark("{group} ({value:.3g})")
NAMES_TOLD = 5

NAMES: dict[FairnessDefinition, str] = {
    "selection_rate": mark("selection rate"),
    "equal_opportunity": mark("equal opportunity"),
    "equalized_odds": mark("equalised odds"),
    "predictive_parity": mark("predictive parity"),
    "calibration": mark("calibration"),
    "error_cost": mark("cost of errors"),
}
MEANINGS: dict[FairnessDefinition, str] = {
    "selection_rate": mark("the favourable decision is made equally often"),
    "equal_opportunity": mark(
        "those to whom the favourable outcome happens are given the favourable decision equally "
        "often"
    ),
    "equalized_odds": mark(
        "those to whom the favourable outcome happens, and those to whom it does not, are each "
        "given the favourable decision equally often"
    ),
    "predictive_parity": mark("the favourable decision is right equally often"),
    "calibration": mark("answers mean the same: what is answered is what happens, on average"),
    "error_cost": mark("mistakes cost the same"),
}
CLASSES = {"minimal": mark("minimal"), "limited": mark("limited"), "high": mark("high")}
NOBODY = mark("Nobody was looked at: no column is declared sensitive.")


def verdict(report: Report) -> Text:
    """What a risk officer has to know, in a few sentences."""
    if not report["columns"]:
        return say(NOBODY)
    if not report["limits"]:
        return join((_unlimited(report), *_largest(report)))
    found = report["limits"]
    beyond = [one["subject"] for one in found if one["verdict"] == "beyond"]
    unknown = [one["subject"] for one in found if one["verdict"] not in ("beyond", "within")]
    name = say(NAMES[report["definition"]["applied"]])
    total = len(found)
    said = []
    if not beyond and not unknown:
        template = mark("By “{name}”, all {total:,} groups and crossings are within the limit.")
        return say(template, total=total, name=name)
    if beyond:
        template = mark(
            "By “{name}”, {count:,} of {total:,} groups and crossings are treated differently "
            "beyond the limit."
        )
        said.append(say(template, name=name, count=len(beyond), total=total))
        said += _treatments(report, _worst_first(report, beyond)[:GROUPS_TOLD])
    if unknown:
        template = mark(
            "For {count:,} of {total:,} groups and crossings there is insufficient evidence, which "
            "is no pass: {names}."
        )
        said.append(say(template, count=len(unknown), total=total, names=listed(unknown)))
    broken = [one for one in found if one["verdict"] != "within"]
    blocks = any(one["action"] == "block" for one in broken)
    said.append(say("This blocks a release.") if blocks else say("This warns; it blocks nothing."))
    return join(said)


def _treatments(report: Report, groups: Sequence[str]) -> list[Text]:
    """How each of the groups is treated; what happens to several alike is said once."""
    first, *others = (treatment(report, group) for group in groups)
    alike = [one for one in others if one.template == first.template and "all" in one.parts]
    if not alike:
        return [first, *others]
    template = mark("{group} ({value:.1%})") if "{value:.1%}" in first.template else COST_OF
    named = join(
        [say(template, **{n: one.parts[n] for n in ("group", "value")}) for one in alike], ", "
    )
    return [first, say("Likewise {groups}.", groups=named), *(o for o in others if o not in alike)]


def listed(names: Sequence[str]) -> Text | str:
    """Names in a row, the first few of many."""
    named = "; ".join(names[:NAMES_TOLD])
    more = len(names) - NAMES_TOLD
    return say("{names} and {more:,} more", names=named, more=more) if more > 0 else named


def treatment(report: Report, name: str) -> Text:
    """How one group is treated, against all rows, as the applied definition looks at it."""
    group, everyone = groups_by_name(report)[name], report["all_rows"]
    match report["definition"]["applied"]:
        case "equal_opportunity":
            return _opportunity(group, everyone)
        case "equalized_odds":
            tpr, fpr = (_apart(group, everyone, rate) for rate in _ODDS)
            return _opportunity(group, everyone) if abs(tpr) >= abs(fpr) else _odds(group, everyone)
        case "selection_rate":
            less = mark(
                "{group} is given the favourable decision less often: {value:.1%} of its rows, "
                "against {all:.1%} of all."
            )
            more = mark(
                "{group} is given the favourable decision more often: {value:.1%} of its rows, "
                "against {all:.1%} of all."
            )
            return _compared(group, everyone, "selection_rate", less, more)
        case "predictive_parity":
            less = mark(
                "The favourable decision is right less often for {group}: {value:.1%} of the time, "
                "against {all:.1%} for all rows."
            )
            more = mark(
                "The favourable decision is right more often for {group}: {value:.1%} of the time, "
                "against {all:.1%} for all rows."
            )
            return _compared(group, everyone, "precision", less, more)
        case "calibration":
            return _calibration(group, report["task"] == "regression")
        case _:
            less = mark(
                "Mistakes cost {group} less: {value:.3g} a row on average, against {all:.3g} of "
                "all rows."
            )
            more = mark(
                "Mistakes cost {group} more: {value:.3g} a row on average, against {all:.3g} of "
                "all rows."
            )
            return _compared(group, everyone, "error_cost", less, more)


def groups_by_name(report: Report) -> dict[str, Report]:
    """Every group and crossing of the report."""
    return {group["group"]: group for column in report["columns"] for group in column["groups"]}


_ODDS = ("true_positive_rate", "false_positive_rate")


def _opportunity(group: Report, everyone: Report) -> Text:
    less = mark(
        "Of those to whom the favourable outcome happens, {group} is given the favourable decision "
        "less often: {value:.1%}, against {all:.1%} of all rows."
    )
    more = mark(
        "Of those to whom the favourable outcome happens, {group} is given the favourable decision "
        "more often: {value:.1%}, against {all:.1%} of all rows."
    )
    return _compared(group, everyone, "true_positive_rate", less, more)


def _odds(group: Report, everyone: Report) -> Text:
    less = mark(
        "Of those to whom the favourable outcome does not happen, {group} is given the favourable "
        "decision less often: {value:.1%}, against {all:.1%} of all rows."
    )
    more = mark(
        "Of those to whom the favourable outcome does not happen, {group} is given the favourable "
        "decision more often: {value:.1%}, against {all:.1%} of all rows."
    )
    return _compared(group, everyone, "false_positive_rate", less, more)


def _calibration(group: Report, is_number: bool) -> Text:
    answer, outcome, name = group["mean_answer"], group["mean_outcome"], group["group"]
    if answer is None or outcome is None:
        return say("Of {group}, too few rows are known.", group=name)
    if is_number:
        apart = answer - outcome
        template = (
            mark("Predictions for {group} are too high by {apart:.3g} standard deviations.")
            if apart > 0
            else mark("Predictions for {group} are too low by {apart:.3g} standard deviations.")
        )
        return say(template, group=name, apart=abs(apart))
    template = mark(
        "What is answered for {group} is not what happens: {answer:.1%} on average, and it happens "
        "to {outcome:.1%}."
    )
    return say(template, group=name, answer=answer, outcome=outcome)


def _apart(group: Report, everyone: Report, figure: str) -> float:
    values = [one["figures"][figure]["value"] for one in (group, everyone)]
    return 0.0 if None in values else float(values[0] - values[1])


def _compared(group: Report, everyone: Report, figure: str, less: str, more: str) -> Text:
    value, of_all = (one["figures"][figure]["value"] for one in (group, everyone))
    if value is None or of_all is None:
        return say("Of {group}, too few rows are known.", group=group["group"])
    template = less if value < of_all else more
    return say(template, group=group["group"], value=value, all=of_all)


def _worst_first(report: Report, names: Sequence[str]) -> list[str]:
    """Whole columns before crossings, which they explain; the largest deviation first."""
    single = {
        group["group"]
        for column in report["columns"]
        if not column["crossing"]
        for group in column["groups"]
    }
    limits = {one["subject"]: one for one in report["limits"]}

    def place(name: str) -> tuple[bool, float, str]:
        sign = -1.0 if limits[name]["bound"] == "at most" else 1.0
        return name not in single, sign * (limits[name]["value"] or 0.0), name

    return sorted(names, key=place)


def _unlimited(report: Report) -> Text:
    template = mark(
        "The policy “{policy}” sets no limit for “{name}”, so that nothing here passes or fails."
    )
    name = say(NAMES[report["definition"]["applied"]])
    return say(template, policy=say(CLASSES[report["policy"]]), name=name)


def _largest(report: Report) -> Iterator[Text]:
    """The group that stands out most by the applied definition, if any has rows enough."""
    lines = [one for one in report["definitions"] if one["applied"] and one["group"]]
    if not lines:
        yield say("No group has rows enough to be measured.")
        return
    sign = 1.0 if report["definition"]["measure"] == "selection_rate_ratio" else -1.0
    worst = min(lines, key=lambda one: (sign * one["value"], one["group"]))
    yield say("What stands out most: {treatment}", treatment=treatment(report, worst["group"]))
