"""A whole use case, guessed from a sample.

Belongs here: what takes more than one column. Does not belong here: one column alone
(``column_guess.py``), reading (``source_sample.py``), trying the guess out (``sample_trial.py``),
the division of the window (``window_guess.py``), or writing the YAML (``yaml_text.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlops_assets.scaffolding.batch_files import Located, ScaffoldError
from mlops_assets.scaffolding.class_guess import TargetGuess
from mlops_assets.scaffolding.column_guess import guess_column
from mlops_assets.scaffolding.column_roles import ColumnGuess
from mlops_assets.scaffolding.sample_trial import Finders, require_inputs, tried
from mlops_assets.scaffolding.source_sample import Sample
from mlops_assets.scaffolding.target_guess import guess_target, require_column
from mlops_assets.scaffolding.window_guess import first_batches, folds, labels_of, time_column
from mlops_assets.use_case import RESERVED_NAMES


@dataclass(frozen=True)
class UseCaseGuess:
    """What the YAML says, each part with what it rests on. ``undeclared`` are columns that cannot
    be declared, with the reason; ``folds`` is ``None`` where the default will do."""

    target: TargetGuess
    columns: tuple[ColumnGuess, ...]
    undeclared: Mapping[str, str]
    first_batches: int
    time_column: str | None
    time_why: str
    folds: int | None


def read_text(
    content: bytes, file: str, batch: str, numbers: frozenset[str]
) -> tuple[pa.Table, Any]:
    """A text file as cleaning will see it; how it is written is detected."""
    from mlops_assets.data.text.delimited import read_delimited
    from mlops_assets.source_declaration import Delimited

    table, written = read_delimited(content, file, batch, Delimited(), numbers)
    return table, written


def guess_use_case(
    located: Located, sample: Sample, target: str, finders: Finders | None = None
) -> UseCaseGuess:
    """Everything about the use case that predicts ``target``.

    Raises ``ScaffoldError`` where the target can not be predicted, a column's name is taken, or
    nothing is left to learn from.
    """
    require_target(sample, target)
    for name in (*sample.table.column_names, *sample.partial):
        if name in RESERVED_NAMES:
            raise ScaffoldError(f"column {name!r}: the name is taken; rename it in the source")
    found = guess_target(target, sample.table.column(target))
    columns, undeclared = _guess_columns(located, sample, target)
    columns, parts = tried(columns, found, sample, finders or Finders())
    labelled = labels_of(parts, found)
    first = first_batches(labelled)
    columns = tuple(_in_time(column, sample, first) for column in columns)
    require_inputs(columns)
    ordered_by, why = time_column(columns, parts, labelled, first)
    fewer = folds(parts[:first], labelled, ordered_by)
    wait = sample.batches_up_to(first)
    return UseCaseGuess(found, columns, undeclared, wait, ordered_by, why, fewer)


def require_target(sample: Sample, target: str) -> None:
    """Raise ``ScaffoldError`` where ``target`` is not a column of every batch."""
    names = [name for name in sample.table.column_names if name not in sample.since]
    require_column(target, names, (*sample.partial, *sample.since))


def _guess_columns(
    located: Located, sample: Sample, target: str
) -> tuple[tuple[ColumnGuess, ...], dict[str, str]]:
    guesses = []
    undeclared = dict.fromkeys(sample.partial, "only some batches deliver it")
    for name in sample.table.column_names:
        if name == target:
            continue
        first = sample.since.get(name, 0)
        of_batches = np.flatnonzero(sample.batch_of >= first)
        values = sample.table.column(name).take(pa.array(of_batches))
        missing = name in sample.with_missing
        guess = guess_column(name, values, missing, sample.batch_of[of_batches])
        if guess is None:
            undeclared[name] = f"values of type {values.type} are not supported"
        elif first:
            guesses.append(_since(guess, located.batches[first]))
        else:
            guesses.append(guess)
    return tuple(guesses), undeclared


def _since(guess: ColumnGuess, batch: str) -> ColumnGuess:
    """The column as earlier batches lack it."""
    if guess.is_input and guess.fields["type"] == "timestamp":
        guess = guess.unused("earlier batches lack it, and a model's time cannot be missing")
    return guess.but("", nullable=True, since=batch)


def _in_time(guess: ColumnGuess, sample: Sample, first: int) -> ColumnGuess:
    """A column that comes only after the first training teaches that training nothing."""
    if guess.name not in sample.since or not guess.is_input:
        return guess
    if sample.since[guess.name] < first:
        return guess.but("an input, for the first training window has it")
    return guess.unused("the first training is before it: make it an input when a window has it")
