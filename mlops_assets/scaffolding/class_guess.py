"""A target of two values, and one of several classes.

Belongs here: which values are the classes, and which of two is the positive one. Does not belong
here: whether the target is of classes at all (``target_guess.py``), or words (``class_words.py``).
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from mlops_assets.scaffolding.batch_files import ScaffoldError
from mlops_assets.scaffolding.class_words import affirms, negates
from mlops_assets.target_declaration import Target, Task

FEWEST_OF_A_CLASS = 20
"""Rows below which the leakage tests cannot run."""
MAX_WHOLE_CLASSES = 20
"""Distinct whole numbers that may still be classes."""
MAX_TEXT_CLASSES = 50
FEWEST_ROWS_A_VALUE = 5
"""Where most texts have fewer rows, they are no classes."""


@dataclass(frozen=True)
class TargetGuess:
    """The target's column, task and type, what the source writes for its classes where that needs
    to be said, why the one is the positive, and ``why``: the values in words."""

    column: str
    type: Literal["boolean", "integer", "number", "string"]
    why: str
    positive: str | int | None = None
    negative: str | int | None = None
    why_positive: str = ""
    task: Task = "binary"
    classes: tuple[str | int, ...] = ()
    why_task: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """As the YAML says it, but for the description."""
        fields: dict[str, Any] = {"column": self.column, "type": self.type}
        if self.task != "binary":
            fields["task"] = self.task
        if self.positive is not None:
            fields |= {"positive": self.positive, "negative": self.negative}
        if self.classes:
            fields["classes"] = list(self.classes)
        return fields

    @property
    def declared(self) -> Target:
        return Target(**self.fields)


def described(
    name: str, type_: Literal["boolean", "integer"], positive: pd.Series, rows: int
) -> TargetGuess:
    """A binary target whose ``positive`` rows are marked, of ``rows`` rows with and without one.
    Raises ``ScaffoldError`` where all are alike."""
    if positive.nunique() == 1:
        raise ScaffoldError(f"target {name!r} has one value only: there is nothing to learn")
    why = f"positive in {float(positive.mean()):.1%} of {len(positive)} rows"
    why += not_known(len(positive), rows)
    rarer = int(min(positive.sum(), (~positive).sum()))
    if rarer < FEWEST_OF_A_CLASS:
        why += f"; ONLY {rarer} of the rarer class: too few to train and test a model"
    return TargetGuess(name, type_, why)


def two_classes(name: str, known: pd.Series, rows: int) -> TargetGuess:
    """A binary target of two texts or whole numbers."""
    counts = known.value_counts()
    rarer, other = sorted(counts.index, key=lambda value: (counts[value], str(value)))
    positive, why = _positive(_plain(rarer), _plain(other))
    negative = _plain(other if positive == _plain(rarer) else rarer)
    guess = described(name, "boolean", known == positive, rows)
    return replace(guess, positive=positive, negative=negative, why_positive=why)


def several_classes(name: str, known: pd.Series, rows: int) -> TargetGuess:
    """A multiclass target: whole numbers, or texts, in sorted order.

    Raises ``ScaffoldError`` where there are too many for classes.
    """
    whole = _are_plain_integers(known)
    values = known.astype("int64") if whole else known.astype(str)
    counts = values.value_counts()
    if not whole and (len(counts) > MAX_TEXT_CLASSES or counts.median() < FEWEST_ROWS_A_VALUE):
        raise ScaffoldError(
            f"target {name!r} is text with {len(counts)} distinct values in {len(known)} rows, "
            "which are no classes: deliver a column with fewer groups of them, or a number"
        )
    common, rare = float(counts.max() / len(values)), int(counts.min())
    why = f"{len(counts)} classes in {len(values)} rows, the commonest {common:.1%} of them"
    why += not_known(len(values), rows)
    if rare < FEWEST_OF_A_CLASS:
        why += f"; ONLY {rare} of the rarest class: too few to train and test a model"
    classes = sorted(counts.index.tolist())
    why_task = (
        "TODO: whole numbers may be amounts: then write task: regression, and no classes"
        if whole
        else ""
    )
    return TargetGuess(
        name,
        "integer" if whole else "string",
        why,
        task="multiclass",
        classes=tuple(classes),
        why_task=why_task,
    )


def not_known(known: int, rows: int) -> str:
    """How many rows have no label, in words; nothing where all have one."""
    return f"; not known in {rows - known} more" if known < rows else ""


def _are_plain_integers(known: pd.Series) -> bool:
    """Whether every value is a whole number, and as text written as such: 01 is a name."""
    numbers = pd.to_numeric(known, errors="coerce")
    if numbers.isna().any() or (numbers != numbers.round()).any():
        return False
    texts = known[known.map(lambda value: isinstance(value, str))].astype(str)
    return bool((texts.str.replace(r"\.0+$", "", regex=True) == _whole(numbers[texts.index])).all())


def _whole(numbers: pd.Series) -> pd.Series:
    return numbers.astype("int64").astype(str)


def _positive(rarer: Any, other: Any) -> tuple[Any, str]:
    """Which of two values is the positive class, and why."""
    if affirms(str(rarer)) != affirms(str(other)):
        return rarer if affirms(str(rarer)) else other, "a word for what is to be known beforehand"
    if negates(str(rarer)) != negates(str(other)):
        return other if negates(str(rarer)) else rarer, "the other is a word for what is usual"
    return rarer, "the rarer of the two"


def _plain(value: Any) -> str | int:
    return value if isinstance(value, str) else int(value)
