"""Trying a guess out: the sample is cleaned, and searched for personal data and leaks, as the
lifecycle will do it, so that what is written down runs.

Belongs here: what a trial changes in the guessed columns. Does not belong here: the guess before it
(``use_case_guess.py``), or the division of the window (``window_guess.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from mlops_assets.column_declaration import Column
from mlops_assets.data.cleaning.cleaning import CleanedBatch, clean
from mlops_assets.scaffolding.batch_files import ScaffoldError
from mlops_assets.scaffolding.class_guess import TargetGuess
from mlops_assets.scaffolding.column_roles import MAX_JUNK, ColumnGuess
from mlops_assets.scaffolding.source_sample import Sample
from mlops_assets.scaffolding.target_guess import labels
from mlops_assets.scaffolding.window_guess import SEED
from mlops_assets.use_case import UseCase


def personal_data(rows: pa.Table, columns: Mapping[str, Column]) -> dict[str, str]:
    """What personal data was found, by column."""
    from mlops_assets.data.privacy.personal_data import find_personal_data

    found = find_personal_data(rows, columns)
    return {
        finding.column: finding.kind
        + ("" if finding.share is None else f" in {finding.share:.0%} of what may be one")
        for finding in found
    }


def identifiers(
    rows: pd.DataFrame, batch: pd.Series, columns: Mapping[str, Column]
) -> dict[str, str]:
    """Why the leakage tests would take an input for the name of a row, by column."""
    from mlops_assets.data.leakage.report import identifiers as judge

    found = judge(rows, batch, columns)
    return {f.column: f.explanation for f in found if f.column and f.verdict in ("leak", "unknown")}


def leaks(rows: pd.DataFrame, target: pd.Series) -> dict[str, str]:
    """Why an input gives the target away, by column."""
    from mlops_assets.data.leakage.leakage import find_leaks

    return {f.column: f.explanation for f in find_leaks(rows, target, seed=SEED) if f.column}


@dataclass(frozen=True)
class Finders:
    """What the lifecycle will look for, each as a mapping from columns to what was found: personal
    data in cleaned rows, names of rows among inputs, and inputs that give the target away."""

    personal_data: Callable[[pa.Table, Mapping[str, Column]], Mapping[str, str]] = personal_data
    identifiers: Callable[[pd.DataFrame, pd.Series, Mapping[str, Column]], Mapping[str, str]] = (
        identifiers
    )
    leaks: Callable[[pd.DataFrame, pd.Series], Mapping[str, str]] = leaks


def tried(
    columns: tuple[ColumnGuess, ...], target: TargetGuess, sample: Sample, finders: Finders
) -> tuple[tuple[ColumnGuess, ...], list[pa.Table]]:
    """The columns as they can be written down, and the cleaned rows of each batch of the sample,
    with the target as a model will see it.

    Raises ``ScaffoldError`` where no column is left to learn from.
    """
    known = labels(sample.table.column(target.column), target)
    position = sample.table.column_names.index(target.column)
    rows = sample.table.set_column(position, target.column, known)
    columns, cleaned = _that_fit(columns, target, rows)
    parts = _by_batch(cleaned, sample)
    return _as_the_lifecycle_finds(columns, parts, target.column, finders), parts


def _that_fit(
    columns: tuple[ColumnGuess, ...], target: TargetGuess, rows: pa.Table
) -> tuple[tuple[ColumnGuess, ...], CleanedBatch]:
    """The columns, those whose values do not fit their guess no longer used, and the cleaned
    sample."""
    # The second time, no column may fail at all: many small shares add up.
    for allowed in (MAX_JUNK, 0.0):
        use_case = _use_case(columns, target)
        cleaned = clean(rows, use_case, "the sample")
        misfits = _misfits(cleaned, target, allowed)
        over = cleaned.counts["quarantined"] > use_case.rows.max_quarantined * rows.num_rows
        if not misfits or not (over or allowed):
            break
        columns = tuple(
            _as_text(guess, misfits[guess.name]) if guess.name in misfits else guess
            for guess in columns
        )
    return columns, clean(rows, _use_case(columns, target), "the sample")


def _misfits(cleaned: CleanedBatch, target: TargetGuess, allowed: float) -> dict[str, float]:
    rows = cleaned.counts["rows_in"]
    shares: dict[str, float] = {}
    for reason, count in cleaned.counts["reasons"].items():
        name = reason.rsplit(":", 1)[0]
        shares[name] = max(shares.get(name, 0.0), count / rows)
    return {n: share for n, share in shares.items() if share > allowed and n != target.column}


def _as_text(guess: ColumnGuess, share: float) -> ColumnGuess:
    fields = {"type": "string", "role": "ignored", "nullable": True}
    why = f"{share:.1%} of its values are no {guess.fields['type']}: deliver one type to use it"
    return ColumnGuess(guess.name, fields, (why,))


def _use_case(columns: Sequence[ColumnGuess], target: TargetGuess) -> UseCase:
    require_inputs(columns)
    return UseCase.model_validate(
        {
            "title": "guess",
            "description": "guess",
            "owner": "team:unknown",
            "source": {
                "folder": ".",
                "batch_name": ".*",
                "licence": "?",
                "attribution": "",
                "terms": "?",
                "licence_expires": "never",
            },
            # Two classes that are written in words are true and false by now.
            "target": replace(target, positive=None, negative=None).fields,
            "columns": {guess.name: dict(guess.fields) for guess in columns},
            "training": {"first_batches": 1},
            "policy": {"ai_act_class": "minimal"},
        }
    )


def require_inputs(columns: Sequence[ColumnGuess]) -> None:
    """Raise ``ScaffoldError`` where no column is left for a model to learn from."""
    if any(guess.is_input for guess in columns):
        return
    parts = "; ".join(
        f"{guess.name!r} is {guess.fields['role']} ({', '.join(guess.why)})" for guess in columns
    )
    raise ScaffoldError(f"no column is left to learn from: {parts or 'there is only the target'}")


def _by_batch(cleaned: CleanedBatch, sample: Sample) -> list[pa.Table]:
    """The cleaned rows of each batch of the sample."""
    rejected = cleaned.quarantine.column("row").to_numpy()
    batches = np.delete(sample.batch_of, rejected)
    return [
        cleaned.rows.take(pa.array(np.flatnonzero(batches == number)))
        for number in range(int(sample.batch_of.max()) + 1)
    ]


def _as_the_lifecycle_finds(
    columns: tuple[ColumnGuess, ...], parts: list[pa.Table], target: str, finders: Finders
) -> tuple[ColumnGuess, ...]:
    """The columns without what would block the lifecycle: undecided personal data, and inputs that
    name a row or give the target away."""
    declared = {guess.name: guess.column for guess in columns}
    personal: dict[str, str] = {}
    for part in parts:  # one by one, as batches arrive
        for name, what in finders.personal_data(part, declared).items() if part.num_rows else ():
            personal.setdefault(name, what)
    columns = _changed(columns, personal, _dropped)
    rows = pa.concat_tables(parts).to_pandas()
    batch = pd.Series(np.repeat(np.arange(len(parts)), [part.num_rows for part in parts]))
    labelled = rows[target].notna()
    inputs = {guess.name: guess.column for guess in columns if guess.is_input}
    naming = finders.identifiers(rows[labelled], batch[labelled], inputs)
    columns = _changed(columns, naming, ColumnGuess.unused)
    inputs = {guess.name: guess.column for guess in columns if guess.is_input}
    giving_away = finders.leaks(rows[list(inputs)], rows[target])
    return _changed(columns, giving_away, lambda guess, why: guess.unused(f"a leak: {why}", "leak"))


def _changed(
    columns: tuple[ColumnGuess, ...],
    found: Mapping[str, str],
    change: Callable[[ColumnGuess, str], ColumnGuess],
) -> tuple[ColumnGuess, ...]:
    columns = tuple(
        change(guess, found[guess.name]) if guess.name in found else guess for guess in columns
    )
    require_inputs(columns)
    return columns


def _dropped(guess: ColumnGuess, what: str) -> ColumnGuess:
    # What was known of the values is forgotten with them.
    fields = {"type": guess.fields["type"], "role": "ignored", "nullable": True, "personal": "drop"}
    return ColumnGuess(guess.name, fields, (f"personal data: {what}",))
