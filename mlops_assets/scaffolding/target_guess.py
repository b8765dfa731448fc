"""Whether a column can be predicted today, and as what.

Belongs here: the target's type, or a message that says what was found and what to do. Does not
belong here: the other columns (``column_guess.py``).
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pyarrow as pa

from mlops_assets.scaffolding.source_sample import ScaffoldError

FEWEST_OF_A_CLASS = 20
"""Rows below which the leakage tests cannot run."""
MAX_CLASSES = 20

_SUPPORTED = "only targets of 0 and 1, or of true and false, are supported now"
_TODO = (
    "deliver a column with 1 for what is to be predicted, 0 for the other, and nothing where it is "
    "not known"
)


@dataclass(frozen=True)
class TargetGuess:
    """The target's column and type, and ``why``: the share of the positive class in words."""

    column: str
    type: Literal["boolean", "integer"]
    why: str


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
    """The type of the target ``name``. Raises ``ScaffoldError`` where it is not binary."""
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        raise ScaffoldError(f"target {name!r} holds {values.type}: {_SUPPORTED}; {_TODO}")
    present = values.to_pandas(integer_object_nulls=True).dropna()
    if len(present) == 0:
        raise ScaffoldError(f"target {name!r} has no value at all: choose another, or deliver it")
    if pa.types.is_temporal(values.type):
        raise ScaffoldError(f"target {name!r} holds times: {_SUPPORTED}; {_TODO}")
    if pa.types.is_boolean(values.type):
        return _described(name, "boolean", present.astype(bool), len(values))
    lower = present.astype(str).str.lower()
    if set(lower) <= {"true", "false"}:
        return _described(name, "boolean", lower == "true", len(values))
    numbers = pd.to_numeric(present, errors="coerce")
    if numbers.isin([0, 1]).all():
        return _described(name, "integer", numbers == 1, len(values))
    raise ScaffoldError(f"target {name!r} {_what_it_is(present, numbers)}: {_SUPPORTED}; {_TODO}")


def _described(
    name: str, type_: Literal["boolean", "integer"], positive: pd.Series, rows: int
) -> TargetGuess:
    if positive.nunique() == 1:
        raise ScaffoldError(
            f"target {name!r} has one value only, {positive.iloc[0]}: there is nothing to learn"
        )
    why = f"positive in {float(positive.mean()):.1%} of {len(positive)} rows"
    if len(positive) < rows:
        why += f"; not known in {rows - len(positive)} more"
    rarer = int(min(positive.sum(), (~positive).sum()))
    if rarer < FEWEST_OF_A_CLASS:
        why += f"; ONLY {rarer} of the rarer class: too few to train and test a model"
    return TargetGuess(name, type_, why)


def _what_it_is(present: pd.Series, numbers: pd.Series) -> str:
    distinct = int(present.nunique())
    if distinct == 2:
        shown = sorted(str(value)[:30] for value in present.unique())
        return f"has the two values {shown[0]!r} and {shown[1]!r}"
    if distinct == 1:
        return "has one value only"
    if numbers.notna().all():
        whole = bool((numbers.astype(float) == numbers.astype(float).round()).all())
        if not whole or distinct > MAX_CLASSES:
            return f"is a number with {distinct} distinct values"
    return f"has {distinct} classes"
