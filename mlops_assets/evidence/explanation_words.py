"""What an explanation calls the answers of a model, by its task.

Belongs here: every word that depends on the task or the target's unit. Does not belong here: what
is said of the answers (``explained_examples.py``, ``explainability_page.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_assets.reporting.cell_text import number_text
from mlops_assets.target_declaration import Target, Task

MOVED_DIGITS = 3


@dataclass(frozen=True)
class Words:
    """``unit`` is that of a predicted number, empty for a probability. An output is the name of a
    class, or ``None`` where a model has one output only."""

    task: Task
    unit: str

    def answer(self, output: str | None) -> str:
        """What a column moves, as a noun: "the probability of late"."""
        return f"the {self._name(output)}"

    def axis(self, output: str | None) -> str:
        return f"{self._name(output)}{self._in_unit}"

    def change(self, output: str | None) -> str:
        return f"change of {self.answer(output)}{self._in_unit}"

    @property
    def any_answer(self) -> str:
        """What a column moves on average, as a noun."""
        return "the probability of a class" if self.task == "multiclass" else self.answer(None)

    @property
    def any_change(self) -> str:
        return f"mean absolute change of {self.any_answer}{self._in_unit}"

    @property
    def all_answers(self) -> str:
        """What the explained function returns."""
        nouns = {
            "binary": "probability",
            "multiclass": "the probabilities of its classes",
            "regression": f"the predicted number{self._in_unit}",
        }
        return nouns[self.task]

    def amount(self, value: float) -> str:
        """An answer with its unit: "12.5 minutes"."""
        return f"{number_text(value)} {self.unit}".rstrip()

    def moved(self, contribution: float) -> str:
        """A contribution with its sign and unit: "+0.080", "-3.2 minutes"."""
        if self.task != "regression":
            return f"{contribution:+.3f}"
        size = float(f"{abs(contribution):.{MOVED_DIGITS}g}")
        return f"{'-' if contribution < 0 else '+'}{self.amount(size)}"

    @property
    def _in_unit(self) -> str:
        return f" in {self.unit}" if self.unit else ""

    def _name(self, output: str | None) -> str:
        if self.task == "regression":
            return "prediction"
        return "probability" if output is None else f"probability of {output}"


def words_for(target: Target) -> Words:
    return Words(target.task, target.unit)


def words_of(explanation: Mapping[str, Any]) -> Words:
    """The words of an explanation that was written down."""
    return Words(explanation["task"], explanation["unit"])
