"""What the register of risks says about the attacks on privacy.

Belongs here: hazard, what was done, and what remains, in words. Does not belong here: the figures
(``membership.py``, ``attribute_inference.py``), or the register.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_assets.evidence.privacy.membership_section import attack_name
from mlops_assets.reporting.text import Text, join, say


@dataclass(frozen=True)
class AttackWords:
    """What could happen, what was done to find out, and what remains."""

    hazard: Text
    done: Text
    residual: Text


def privacy_attacks_words(
    membership: Mapping[str, Any], attributes: Mapping[str, Any]
) -> dict[str, AttackWords]:
    """The words of ``membership_inference`` and of ``attribute_inference``, by those names, made of
    their results."""
    return {
        "membership_inference": _membership(membership),
        "attribute_inference": _attributes(attributes),
    }


def _membership(report: Mapping[str, Any]) -> AttackWords:
    recognised = list(report["attacks"][report["attack"]]["recognised"].values())
    return AttackWords(
        hazard=say(
            "Someone finds out that a person's data was learned from, and with it what all of "
            "those rows have in common."
        ),
        done=say(
            "The released model was attacked with {models:,} models of the attacker's own: {name}.",
            models=report["shadow_models"],
            name=attack_name(report),
        ),
        residual=join(
            [
                *(
                    say(
                        "At {rate:.1%} false positives, at most {high:.2%} of the train rows are "
                        "recognised (95% confidence).",
                        rate=one["rate"],
                        high=one["high"],
                    )
                    if one["enough"]
                    else say(
                        "At {rate:.1%} false positives, there are too few rows to tell.",
                        rate=one["rate"],
                    )
                    for one in recognised
                ),
                say(
                    "An attacker with more models, or with answers to many variants of a row, may "
                    "recognise more."
                ),
            ]
        ),
    )


def _attributes(report: Mapping[str, Any]) -> AttackWords:
    told = [one for one in report["columns"] if one["enough"]]
    named = sorted(told, key=lambda one: (-float(one["high"]), str(one["column"])))
    residual = [
        say(
            "The model's answer adds at most {high:.1%} to the share of right guesses of {column}, "
            "the most of all columns.",
            high=max(float(one["high"]), 0.0),
            column=one["column"],
        )
        for one in named[:1]
    ] or [say("There is insufficient evidence on any sensitive column.")]
    return AttackWords(
        hazard=say(
            "Someone who knows a person's other data finds out a sensitive value from the model's "
            "answer."
        ),
        done=say(
            "Each of {columns:,} sensitive columns was guessed with and without the model's "
            "answer, from all other inputs and the outcome.",
            columns=len(report["columns"]),
        ),
        residual=join(
            [
                *residual,
                say(
                    "What the inputs reveal by themselves remains, and is to be weighed with "
                    "fairness."
                ),
            ]
        ),
    )
