"""Membership inference as a section of the risk page.

Belongs here: how the result of ``membership.membership_inference`` is shown. Does not belong here:
what is in it (``membership.py``), or the page around it.
"""

import math
from collections.abc import Mapping
from typing import Any

from mlops_assets.evidence.privacy.likelihood_ratios import Attack
from mlops_assets.reporting.page import Line, LinePlot, Section, Table, Words
from mlops_assets.reporting.text import Text, join, mark, say

ATTACK_NAMES: dict[Attack, str] = {
    "rmia": mark("relative likelihood (RMIA, 2024)"),
    "lira": mark("likelihood ratio of two normal distributions (LiRA, 2022)"),
}
SHORT_NAMES: dict[Attack, str] = {"rmia": "RMIA", "lira": "LiRA"}
DECADES = (0.001, 0.01, 0.1, 1.0)
"""Rates that the logarithmic axis names."""


def membership_section(report: Mapping[str, Any]) -> Section:
    """What a reader sees of membership inference."""
    return Section(
        say("Membership inference"),
        join([*_result(report), *_method(report)]),
        (_rates_table(report), _curve(report)),
    )


def attack_name(report: Mapping[str, Any]) -> Text:
    """What the attack that counts is called."""
    return say(ATTACK_NAMES[report["attack"]])


def _result(report: Mapping[str, Any]) -> list[Text]:
    attack = report["attacks"][report["attack"]]
    (most, *_) = attack["recognised"].values()
    sentences = [
        say(
            "An attacker who asks the released model recognises {value:.2%} of the rows it learned "
            "from ({low:.2%} to {high:.2%}), with one false alarm in a hundred other rows; "
            "guessing recognises 1%.",
            value=most["value"],
            low=most["low"],
            high=most["high"],
        ),
    ]
    if not all(one["enough"] for one in attack["recognised"].values()):
        sentences.append(
            say(
                "Where there are too few independent rows to tell such a rate of false alarms "
                "from, there is insufficient evidence."
            )
        )
    return sentences


def _method(report: Mapping[str, Any]) -> list[Text]:
    attack = report["attacks"][report["attack"]]
    sentences = [
        say(
            "The attack was tried on {members:,} train rows and {non_members:,} calibration rows, "
            "which are of the same window and were used for the calibration only.",
            members=report["members"],
            non_members=report["non_members"],
        ),
        say(
            "It was calibrated with {models:,} models that the attacker made by the same recipe of "
            "up to {rows:,} rows, half of the rows tried among them.",
            models=report["shadow_models"],
            rows=report["shadow_rows"],
        ),
        say(
            "Two attacks were made; the one that counts is the one that recognises more where the "
            "attacker's own models are attacked ({share:.2%}): {name}.",
            share=attack["rehearsed"],
            name=attack_name(report),
        ),
    ]
    if report["days"] is not None:
        sentences.append(
            say(
                "Rows are held out by whole days, so that a row may be recognised by its day; the "
                "attacker's models too know whole days or nothing of them, and the intervals count "
                "the {days:,} days.",
                days=report["days"],
            )
        )
    return sentences


def _rates_table(report: Mapping[str, Any]) -> Table:
    rows = [
        (
            say(ATTACK_NAMES[name]),
            say("{rate:.1%}", rate=one["rate"]),
            say("{value:.2%}", value=one["value"]),
            say("{low:.2%} to {high:.2%}", low=one["low"], high=one["high"]),
            say("yes") if one["enough"] else say("no"),
            attack["auc"],
        )
        for name, attack in report["attacks"].items()
        for one in attack["recognised"].values()
    ]
    return Table(
        say("Train rows recognised, with intervals that hold 95% of the time at least"),
        (
            say("attack"),
            say("false positives"),
            say("recognised"),
            say("interval"),
            say("enough rows"),
            say("area under the curve"),
        ),
        tuple(rows),
    )


def _curve(report: Mapping[str, Any]) -> LinePlot:
    lines = [
        _line(
            SHORT_NAMES[name],
            [(p["false_positives"], p["true_positives"]) for p in attack["roc"]],
        )
        for name, attack in report["attacks"].items()
    ]
    return LinePlot(
        alt=say(
            "Share of train rows recognised against false positives, both on a logarithmic scale, "
            "for each attack and for guessing"
        ),
        x_label=say("false positives"),
        y_label=say("recognised, power of ten (−2 is 1%)"),
        lines=(*lines, _line(say("guessing"), [(rate, rate) for rate in DECADES])),
        categories=tuple(say("{rate:.1%}", rate=rate) for rate in DECADES),
    )


def _line(label: Words, points: list[tuple[float, float]]) -> Line:
    """A curve of rates on logarithmic axes; where nothing is recognised there is a gap."""
    shown = [(x, y) for x, y in points if x >= DECADES[0]]
    return Line(
        label,
        tuple(math.log10(x / DECADES[0]) for x, _ in shown),
        tuple(math.log10(y) if y > 0.0 else None for _, y in shown),
    )
