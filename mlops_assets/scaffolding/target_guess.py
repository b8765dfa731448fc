"""Whether a column can be predicted, and as what.

Belongs here: the target's task, or a message that says what was found and what to do. Does not
belong here: which values are its classes (``class_guess.py``), or the other columns
(``column_guess.py``).
"""

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from mlops_assets.data.cleaning.coercion import LARGEST_INTEGER, LARGEST_NUMBER
from mlops_assets.rows_declaration import Rows
from mlops_assets.scaffolding.batch_files import ScaffoldError
from mlops_assets.scaffolding.class_guess import (
    MAX_WHOLE_CLASSES,
    TargetGuess,
    described,
    not_known,
    several_classes,
    two_classes,
)
from mlops_assets.scaffolding.missing_codes import UNMISTAKABLE, WORDS

_TODO = "deliver a column of numbers or of classes, or 1 for what is to be predicted and 0 for not"


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
    """The task, type and classes of the target ``name``. Raises ``ScaffoldError`` where it can not
    be predicted, saying what it is."""
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        raise ScaffoldError(f"target {name!r} holds {values.type}, and no single value: {_TODO}")
    present = values.to_pandas(integer_object_nulls=True).dropna()
    if len(present) == 0:
        raise ScaffoldError(f"target {name!r} has no value at all: choose another, or deliver it")
    if pa.types.is_temporal(values.type):
        raise ScaffoldError(f"target {name!r} holds times, which no task predicts: {_TODO}")
    if pa.types.is_boolean(values.type):
        return described(name, "boolean", present.astype(bool), len(values))
    present = present.map(_stripped)
    known = _without_codes(present)
    return _with_codes_told(_guess(name, known, len(values)), present, known, len(values))


def _guess(name: str, known: pd.Series, rows: int) -> TargetGuess:
    lower = known.astype(str).str.strip().str.lower()
    numbers = pd.to_numeric(known, errors="coerce")
    if set(lower) <= {"true", "false"}:
        return described(name, "boolean", lower == "true", rows)
    if numbers.isin([0, 1]).all():
        return described(name, "integer", numbers == 1, rows)
    distinct = int(known.nunique())
    if distinct == 1:
        raise ScaffoldError(f"target {name!r} has one value only: there is nothing to learn")
    if distinct == 2 and _declarable(known, numbers):
        return two_classes(name, known, rows)
    if numbers.notna().all():
        return _of_numbers(name, known, numbers.astype(float), rows)
    return several_classes(name, known, rows)


def _of_numbers(name: str, known: pd.Series, numbers: pd.Series, rows: int) -> TargetGuess:
    """Few whole numbers are classes, others a regression."""
    finite = numbers[numbers.abs() <= LARGEST_NUMBER]
    distinct = int(finite.nunique())
    whole = bool((finite == finite.round()).all())
    if distinct <= 2:
        raise ScaffoldError(
            f"target {name!r} is a number with {distinct} distinct values, too few for a "
            "regression: deliver 1 for what is to be predicted and 0 for not"
        )
    if whole and distinct <= MAX_WHOLE_CLASSES and len(finite) == len(numbers):
        return several_classes(name, known, rows)
    if whole and finite.abs().max() > LARGEST_INTEGER:
        raise ScaffoldError(
            f"target {name!r} holds whole numbers beyond {LARGEST_INTEGER}, which a model cannot "
            "tell apart: deliver them in a larger unit, or choose another"
        )
    why = f"{distinct} distinct numbers from {finite.min():g} to {finite.max():g} in {len(finite)} "
    why += "rows" + not_known(len(known), rows)
    if len(finite) < len(numbers):
        why += f"; infinite in {len(numbers) - len(finite)}: these go to the quarantine"
        _require_few(name, "infinite", len(numbers) - len(finite), rows)
    written_whole = pd.api.types.is_integer_dtype(pd.to_numeric(known).dtype)
    type_: Literal["integer", "number"] = "integer" if written_whole else "number"
    return TargetGuess(name, type_, why, task="regression", why_task="many distinct numbers")


def labels(values: pa.ChunkedArray, target: TargetGuess) -> pa.ChunkedArray:
    """The target of each row for cleaning to read: true or false, or missing, where two classes are
    written in words (what is neither is missing too); else as it was delivered."""
    if target.positive is None:
        return values
    given = values.to_pandas(integer_object_nulls=True).map(_stripped, na_action="ignore")
    known = given.isin([target.positive, target.negative])
    positive = given.eq(target.positive).astype("boolean").mask(~known)
    return pa.chunked_array([pa.array(positive, pa.bool_())])


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _without_codes(present: pd.Series) -> pd.Series:
    """The values but for missing codes: numbers are codes only where two other values remain, words
    also among more classes or numbers."""
    texts = present.astype(str).str.strip().str.lower()
    words = texts.isin(WORDS)
    numbers = pd.to_numeric(present, errors="coerce")
    kept = present[~(words | numbers.isin(UNMISTAKABLE))]
    if kept.nunique() != 2:
        kept = present[~words]
    return kept if len(kept) < len(present) and kept.nunique() >= 2 else present


def _declarable(known: pd.Series, numbers: pd.Series) -> bool:
    """Whether the two values can be said in ``target.positive``: texts, or whole numbers."""
    texts = bool(known.map(lambda value: isinstance(value, str)).all())
    return texts or bool((numbers == numbers.round()).all())


def _with_codes_told(
    guess: TargetGuess, present: pd.Series, known: pd.Series, rows: int
) -> TargetGuess:
    """Rows whose target is a missing code go to the quarantine, which holds only so many."""
    codes = len(present) - len(known)
    if codes == 0:
        return guess
    shown = ", ".join(sorted({repr(str(code)) for code in set(present) - set(known)}))
    _require_few(guess.column, shown, codes, rows)
    return replace(
        guess, why=f"{guess.why}; {shown} in {codes} is no class: these go to the quarantine"
    )


def _require_few(name: str, what: str, bad: int, rows: int) -> None:
    if bad > Rows().max_quarantined * rows:
        raise ScaffoldError(
            f"target {name!r} is {what} in {bad / rows:.1%} of the rows, where it is not known: "
            "deliver nothing there"
        )
