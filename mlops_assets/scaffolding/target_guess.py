"""Whether a column can be predicted today, and as what.

Belongs here: the target's type, or a message that says what was found and what to do. Does not
belong here: the other columns (``column_guess.py``).
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from mlops_assets.scaffolding.batch_files import ScaffoldError
from mlops_assets.scaffolding.class_words import affirms, negates
from mlops_assets.scaffolding.missing_codes import UNMISTAKABLE, WORDS
from mlops_assets.use_case import Rows

FEWEST_OF_A_CLASS = 20
"""Rows below which the leakage tests cannot run."""
MAX_CLASSES = 20

_TODO = (
    "deliver a column with 1 for what is to be predicted, 0 for the other, and nothing where it is "
    "not known"
)
_AT_PRESENT = "models are made for two classes at present"


@dataclass(frozen=True)
class TargetGuess:
    """The target's column and type, what the source writes for its classes where that needs to be
    said, why the one is the positive, and ``why``: its share in words."""

    column: str
    type: Literal["boolean", "integer"]
    why: str
    positive: str | int | None = None
    negative: str | int | None = None
    why_positive: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """As the YAML says it, but for the description."""
        fields: dict[str, Any] = {"column": self.column, "type": self.type}
        if self.positive is not None:
            fields |= {"positive": self.positive, "negative": self.negative}
        return fields


def require_column(target: str, names: Sequence[str], partial: Sequence[str]) -> None:
    """Raise ``ScaffoldError`` where ``target`` is not a column of every batch."""
    if target in names:
        return
    if target in partial:
        raise ScaffoldError(
            f"target {target!r} is a column of some batches only: deliver it in all"
        )
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(target.lower(), list(by_lower), n=3, cutoff=0.5)
    near = " or ".join(repr(by_lower[name]) for name in close)
    raise ScaffoldError(
        f"target {target!r} is not a column of the source"
        + (f"; did you mean {near}?" if near else f", which has {', '.join(map(repr, names))}")
    )


def guess_target(name: str, values: pa.ChunkedArray) -> TargetGuess:
    """The type and classes of the target ``name``. Raises ``ScaffoldError`` where it is not
    binary, saying which task it would be."""
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        raise ScaffoldError(f"target {name!r} holds {values.type}, and no single value: {_TODO}")
    present = values.to_pandas(integer_object_nulls=True).dropna()
    if len(present) == 0:
        raise ScaffoldError(f"target {name!r} has no value at all: choose another, or deliver it")
    if pa.types.is_temporal(values.type):
        raise ScaffoldError(f"target {name!r} holds times: {_AT_PRESENT}; {_TODO}")
    if pa.types.is_boolean(values.type):
        return _described(name, "boolean", present.astype(bool), len(values))
    present = present.map(_stripped)
    known = _without_codes(present)
    lower = known.astype(str).str.strip().str.lower()
    numbers = pd.to_numeric(known, errors="coerce")
    if set(lower) <= {"true", "false"}:
        guess = _described(name, "boolean", lower == "true", len(values))
    elif numbers.isin([0, 1]).all():
        guess = _described(name, "integer", numbers == 1, len(values))
    elif known.nunique() == 2 and _declarable(known, numbers):
        guess = _two_classes(name, known, len(values))
    else:
        raise ScaffoldError(f"target {name!r} {_what_it_is(known, numbers)}")
    return _with_codes_told(guess, present, known, len(values))


def labels(values: pa.ChunkedArray, target: TargetGuess) -> pa.ChunkedArray:
    """The target of each row as cleaning reads it: true or false, 1 or 0, or missing. Where it
    writes its classes in words, what is neither is missing too."""
    if target.positive is None:
        return values
    given = values.to_pandas(integer_object_nulls=True).map(_stripped, na_action="ignore")
    known = given.isin([target.positive, target.negative])
    positive = given.eq(target.positive).astype("boolean").mask(~known)
    return pa.chunked_array([pa.array(positive, pa.bool_())])


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _without_codes(present: pd.Series) -> pd.Series:
    """The values but for missing codes, which are codes only where two other values remain."""
    texts = present.astype(str).str.strip().str.lower()
    numbers = pd.to_numeric(present, errors="coerce")
    codes = texts.isin(WORDS) | numbers.isin(UNMISTAKABLE)
    kept = present[~codes]
    return kept if codes.any() and kept.nunique() == 2 else present


def _declarable(known: pd.Series, numbers: pd.Series) -> bool:
    """Whether the two values can be said in ``target.positive``: texts, or whole numbers."""
    texts = bool(known.map(lambda value: isinstance(value, str)).all())
    return texts or bool((numbers == numbers.round()).all())


def _two_classes(name: str, known: pd.Series, rows: int) -> TargetGuess:
    counts = known.value_counts()
    rarer, other = sorted(counts.index, key=lambda value: (counts[value], str(value)))
    positive, why = _positive(_plain(rarer), _plain(other))
    negative = _plain(other if positive == _plain(rarer) else rarer)
    guess = _described(name, "boolean", known == positive, rows)
    return replace(guess, positive=positive, negative=negative, why_positive=why)


def _positive(rarer: Any, other: Any) -> tuple[Any, str]:
    """Which of two values is the positive class, and why."""
    if affirms(str(rarer)) != affirms(str(other)):
        return rarer if affirms(str(rarer)) else other, "a word for what is to be known beforehand"
    if negates(str(rarer)) != negates(str(other)):
        return other if negates(str(rarer)) else rarer, "the other is a word for what is usual"
    return rarer, "the rarer of the two"


def _plain(value: Any) -> str | int:
    return value if isinstance(value, str) else int(value)


def _described(
    name: str, type_: Literal["boolean", "integer"], positive: pd.Series, rows: int
) -> TargetGuess:
    if positive.nunique() == 1:
        raise ScaffoldError(f"target {name!r} has one value only: there is nothing to learn")
    why = f"positive in {float(positive.mean()):.1%} of {len(positive)} rows"
    if len(positive) < rows:
        why += f"; not known in {rows - len(positive)} more"
    rarer = int(min(positive.sum(), (~positive).sum()))
    if rarer < FEWEST_OF_A_CLASS:
        why += f"; ONLY {rarer} of the rarer class: too few to train and test a model"
    return TargetGuess(name, type_, why)


def _with_codes_told(
    guess: TargetGuess, present: pd.Series, known: pd.Series, rows: int
) -> TargetGuess:
    """Rows whose target is a missing code go to the quarantine, which holds only so many."""
    codes = len(present) - len(known)
    if codes == 0:
        return guess
    shown = ", ".join(sorted({repr(str(code)) for code in set(present) - set(known)}))
    if codes > Rows().max_quarantined * rows:
        raise ScaffoldError(
            f"target {guess.column!r} is {shown} in {codes / rows:.1%} of the rows, where it is "
            "not known: deliver nothing there"
        )
    return replace(
        guess, why=f"{guess.why}; {shown} in {codes} is no class: these go to the quarantine"
    )


def _what_it_is(known: pd.Series, numbers: pd.Series) -> str:
    """The task in words, and what can be done now."""
    distinct = int(known.nunique())
    if distinct == 1:
        return "has one value only: there is nothing to learn"
    whole = bool((numbers == numbers.round()).all())
    if numbers.notna().all() and not (whole and distinct <= MAX_CLASSES):
        return (
            f"is a number with {distinct} distinct values (a regression): {_AT_PRESENT}; deliver a "
            "column with 1 where it is beyond the limit that matters, 0 where not, and nothing "
            "where it is not known"
        )
    return (
        f"has {distinct} classes (multiclass): {_AT_PRESENT}; deliver a column with 1 for the one "
        "that is to be predicted, 0 for all others, and nothing where it is not known"
    )
