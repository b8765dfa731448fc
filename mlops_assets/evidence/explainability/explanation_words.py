"""What an explanation calls answers, scores and contributions, by the model's task.

Belongs here: every word that depends on the task or the target's unit. Does not belong here: what
is said of the answers (``example_sections.py``, ``explainability_page.py``).

A contribution to a score is said as what it does to the odds, which people know: an increase of the
log odds by 0.69 makes the odds twice as high.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Any

from mlops_assets.evidence.explainability.explained_values import Value, value_text
from mlops_assets.reporting.page import Words as Said
from mlops_assets.reporting.text import Text, say
from mlops_assets.target_declaration import Task

Output = str | None
"""The name of a class, or ``None`` where a model has one output only."""


@dataclass(frozen=True)
class Words:
    """``unit`` is that of a predicted number, empty for a probability."""

    task: Task
    unit: str

    def axis(self, output: Output) -> Text:
        """The answer, as an axis says it."""
        if self.task == "regression":
            return say("prediction in {unit}", unit=self.unit) if self.unit else say("prediction")
        if output is None:
            return say("probability")
        return say("probability of {output}", output=output)

    def change(self, output: Output) -> Text:
        """The contribution to a score, as an axis says it."""
        if self.task == "regression":
            if self.unit:
                return say("change of the prediction in {unit}", unit=self.unit)
            return say("change of the prediction")
        if output is None:
            return say("change of the log odds")
        return say("change of the log odds of {output} against the mean class", output=output)

    @property
    def any_change(self) -> Text:
        match self.task:
            case "binary":
                return say("mean absolute change of the log odds")
            case "multiclass":
                return say("mean absolute change of a class's log odds against the mean class")
        return say("mean absolute change of the prediction")

    @property
    def scale(self) -> Text:
        """On which scale contributions add up, and how to read it."""
        match self.task:
            case "binary":
                return say(
                    "Contributions add up on the scale of log odds: 0.69 more doubles the odds of "
                    "the positive class, 0.69 less halves them."
                )
            case "multiclass":
                return say(
                    "Contributions add up on the scale of log odds of a class against the mean of "
                    "all classes: 0.69 more doubles its odds against a class that nothing moves."
                )
        return say("Contributions add up to the predicted number, in its own unit.")

    def amount(self, value: float) -> Text:
        """An answer with its unit: 12.5 minutes; a probability in percent."""
        if self.task != "regression":
            return say("{value:.1%}", value=value)
        if self.unit:
            return say("{value} {unit}", value=float(value), unit=self.unit)
        return say("{value}", value=float(value))

    def moved(self, contribution: float) -> Text:
        """What a contribution does: the odds times so much, or so many minutes more."""
        if self.task != "regression":
            return say("odds × {factor:.2f}", factor=exp(contribution))
        amount = self.amount(abs(contribution))
        return (
            say("−{amount}", amount=amount) if contribution < 0 else say("+{amount}", amount=amount)
        )


def words_of(explanation: Mapping[str, Any]) -> Words:
    """The words of an explanation that was written down."""
    return Words(explanation["task"], explanation["unit"])


def said_value(value: Value) -> Said:
    """A raw value of the data as it is; what is no value of its own in the page's language."""
    if value is None:
        return say("missing")
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return value_text(value)
