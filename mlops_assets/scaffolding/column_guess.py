"""What one column is, guessed from its values: its type, its missing codes, and by them its part.

Belongs here: reading values as cleaning will read them. Does not belong here: what part a column
plays once its type is known (``column_roles.py``), or what takes the target or other columns
(``use_case_guess.py``).
"""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.data.cleaning.coercion import LARGEST_NUMBER
from mlops_assets.scaffolding import column_names as names
from mlops_assets.scaffolding.column_roles import (
    MAX_JUNK,
    NAMES_BATCH,
    NO_VALUE,
    ColumnGuess,
    Values,
    as_floats,
    constant_or,
    number_role,
    same_in_each_batch,
    text_role,
)
from mlops_assets.scaffolding.missing_codes import WORDS_AMONG_NUMBERS, number_codes, text_codes

LARGEST_INTEGER = 2**53

_ISO_TIME = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:?\d{2}.*)?)?")
_LEADING_ZERO = re.compile(r"[+-]?0\d+")


def guess_column(
    name: str, values: pa.ChunkedArray, missing: bool, batch_of: NDArray[np.int64]
) -> ColumnGuess | None:
    """What the column ``name`` is; ``None`` where its type can not be declared at all.

    ``missing`` says whether any row, also one that is not among ``values``, has no value;
    ``batch_of`` is the position of each value's batch.
    """
    kind = values.type
    if pa.types.is_null(kind):
        return ColumnGuess(
            name, {"type": "string", "role": "ignored", "nullable": True}, (NO_VALUE,)
        )
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _guess_time(_present(name, values, missing, batch_of))
    if pa.types.is_boolean(kind):
        return constant_or(_present(name, values, missing, batch_of), "boolean")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _guess_number(_present(name, values, missing, batch_of))
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    if any(is_kind(kind) for is_kind in texts):
        return _guess_text(_present(name, values, missing, batch_of))
    return None


def _present(
    name: str, values: pa.ChunkedArray, missing: bool, batch_of: NDArray[np.int64]
) -> Values:
    series = values.to_pandas(integer_object_nulls=True)
    if pa.types.is_decimal(values.type):
        series = pd.to_numeric(series, errors="coerce")
    present = series.dropna()
    return Values(name, present, missing or len(present) < len(series), batch_of)


def _guess_time(values: Values) -> ColumnGuess:
    guess = constant_or(values, "timestamp")
    if not guess.is_input:
        return guess
    if names.sensitive_attribute(values.name):
        return guess.unused("a person's date, by its name: no input, and no group to report on")
    if same_in_each_batch(values):
        return guess.unused(NAMES_BATCH)
    if values.missing:
        return guess.unused("some are missing, and a model's time cannot be")
    times = as_times(values.series)
    if times is not None and (times == times.dt.normalize()).all():
        return guess.but("days without a time", parts=["day_of_week"])
    return guess


def as_times(values: pd.Series) -> pd.Series | None:
    """Local times as cleaning reads them, or ``None`` where it cannot."""
    try:
        times: pd.Series = pd.to_datetime(values, errors="coerce", format="ISO8601")
        local: pd.Series = times.dt.tz_localize(None)
    except (ValueError, AttributeError):
        return None
    return local


def _guess_number(values: Values) -> ColumnGuess:
    numbers = as_floats(values.series)
    whole = pd.api.types.is_integer_dtype(values.series.dtype) or values.series.dtype == object
    if whole and (np.abs(numbers) >= LARGEST_INTEGER).any():
        return values.guess("string").unused("whole numbers too large to compute with")
    readable = np.abs(numbers) <= LARGEST_NUMBER
    if not readable.any():
        return values.guess("number").unused(NO_VALUE)
    if not readable.all():
        values = replace(values, why=(*values.why, _quarantined(~readable, "infinite")))
    codes = number_codes(numbers[readable])
    kept = values.series[readable & ~np.isin(numbers, codes)]
    values = replace(values, series=kept, codes=(*values.codes, *codes))
    return number_role(values, values.guess("integer" if whole else "number"))


def _quarantined(rows: NDArray[np.bool_], what: str) -> str:
    return f"{int(rows.sum())} value(s) are {what}: their rows go to the quarantine"


def _guess_text(values: Values) -> ColumnGuess:
    texts = values.series.astype(str).str.strip()
    levels = texts.value_counts()
    kept = texts[~texts.str.lower().isin(WORDS_AMONG_NUMBERS)]
    numbers = pd.to_numeric(kept, errors="coerce")
    junk = float(numbers.isna().mean()) if len(kept) else 1.0
    padded = sum(1 for text in levels.index if _LEADING_ZERO.fullmatch(text))
    if junk <= MAX_JUNK and not padded:
        return _numbers_as_text(values, texts, kept, numbers)
    codes = text_codes(levels.index)
    kept = texts[~texts.isin(codes)]
    why = (
        ("digits with leading zeros: a code, not a number",) if padded and junk <= MAX_JUNK else ()
    )
    values = replace(values, series=kept, codes=codes, why=why)
    if len(kept) == 0:
        return values.guess("string").unused(NO_VALUE)
    if set(kept.str.lower()) <= {"true", "false"}:
        return constant_or(values, "boolean")
    if are_times(kept):
        return _guess_time(replace(values, missing=values.missing or bool(codes)))
    return text_role(values)


def _numbers_as_text(
    values: Values, texts: pd.Series, kept: pd.Series, numbers: pd.Series
) -> ColumnGuess:
    codes = tuple(sorted(set(texts) - set(kept)))
    bad = numbers.isna().to_numpy()
    why = (_quarantined(bad, "no numbers"),) if bad.any() else ()
    present = numbers.dropna()
    # A fraction of zero is still one that other rows may have.
    written_whole = not kept[~bad].str.contains(r"[.eE]").any()
    whole = written_whole and bool((present == present.round()).all())
    typed = present.astype("int64") if whole and present.abs().max() < 2**63 else present
    return _guess_number(replace(values, series=typed, codes=codes, why=why))


def are_times(texts: pd.Series) -> bool:
    """Whether all texts but for a few are times as ISO 8601 writes them."""
    distinct = pd.Series(texts.unique())
    shaped = distinct.map(lambda text: bool(_ISO_TIME.fullmatch(text))).mean()
    if shaped < 1.0 - MAX_JUNK:
        return False
    times = as_times(distinct)
    return times is not None and bool(times.isna().mean() <= MAX_JUNK)
