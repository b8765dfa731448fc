"""What part one column may play, guessed from its name and the distribution of its values.

Belongs here: identifiers, constants, codes without order, free text, protected attributes, and the
limits of an input. Does not belong here: types and missing codes (``column_guess.py``), nor what
takes the target or other columns (``use_case_guess.py``). A guess says what it rests on and shows a
value only where no person is likely to be behind it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.scaffolding import column_names as names

IDENTIFIER_SHARE = 0.98
MAX_JUNK = 0.01
"""Share of values that may be of another type: their rows go to the quarantine."""
FEW = 20
"""Below so many values, nothing is said about distinctness."""
MAX_LEVELS = 500
ROWS_A_LEVEL = 5
MAX_CODES = 20
SHOWN_LEVELS = 12
SAMPLED_TEXTS = 2000
NO_VALUE = "no value at all"
NAMES_BATCH = "one value in each batch: it only names the batch"
FAR, FAR_SHARE = 3.0, 0.01
"""Interquartile ranges beyond which a value is told of, and the most rows that may be so far."""

_OTHER_DATE = re.compile(r"\d{1,4}[./ -](\d{1,2}|[A-Za-z]{3,9})[./ -]\d{2,4}(\D.*)?")
_DISGUISED = re.compile(r"[-+]?[$€£]?\s?[-+]?\d{1,3}([,' ]?\d{3})*([.,]\d+)?\s?[%$€£]?")
_PLAIN = re.compile(r"[-+]?[\d.]+")


@dataclass(frozen=True)
class ColumnGuess:
    """One column's ``fields`` as the YAML says them, and ``why``: short comments, in order."""

    name: str
    fields: Mapping[str, Any]
    why: tuple[str, ...] = ()

    @property
    def column(self) -> Column:
        return Column(**self.fields)

    @property
    def is_input(self) -> bool:
        return bool(self.fields.get("role", "input") == "input")

    def but(self, why: str, **changes: Any) -> "ColumnGuess":
        """The same with other fields (``None`` takes one out) and one more reason."""
        merged = {**self.fields, **changes}
        kept = {name: value for name, value in merged.items() if value is not None}
        return ColumnGuess(self.name, kept, (*self.why, why) if why else self.why)

    def unused(self, why: str, role: str = "ignored") -> "ColumnGuess":
        """The same as no input: what only matters to an input is taken out."""
        return self.but(why, role=role, categorical=None, minimum=None)


@dataclass(frozen=True)
class Values:
    """One column's values: ``series`` has the present ones (missing codes taken out) and its index
    tells their rows; ``fields`` are what is known so far."""

    name: str
    series: pd.Series
    missing: bool
    batch_of: NDArray[np.int64]
    codes: tuple[str | int, ...] = ()
    why: tuple[str, ...] = ()

    def guess(self, type_: str, **more: Any) -> ColumnGuess:
        fields: dict[str, Any] = {"type": type_, **more}
        if self.missing or self.codes:
            fields["nullable"] = True
        if self.codes:
            fields["missing"] = list(self.codes)
        why = (*self.why, *(["the missing codes are a guess"] if self.codes else []))
        return ColumnGuess(self.name, fields, why)


def as_floats(values: pd.Series) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    return numbers


def constant_or(values: Values, type_: str) -> ColumnGuess:
    """The column as an input of the type, unless it tells nothing."""
    guess = values.guess(type_)
    if len(values.series) == 0:
        return guess.unused(NO_VALUE)
    one = values.series.nunique() == 1
    # One value beside missing ones still tells two kinds of rows apart.
    return guess.unused("one value only") if one and not values.missing else guess


def number_role(values: Values, guess: ColumnGuess) -> ColumnGuess:
    """The part of a column of numbers, whose type ``guess`` says."""
    numbers = as_floats(values.series)
    distinct = len(np.unique(numbers))
    identifier = _identifier(values, numbers, distinct, whole=guess.fields["type"] == "integer")
    if distinct <= 1:
        alone = not (values.missing or values.codes)
        return guess.unused("one value only") if alone else guess
    if identifier:
        return guess.unused(identifier)
    if same_in_each_batch(values):
        return guess.unused(NAMES_BATCH)
    if guess.fields["type"] == "integer" and _dates_as_numbers(values.name, numbers):
        return guess.unused("dates written as numbers: deliver them as 2013-01-31 to use them")
    attribute = names.sensitive_attribute(values.name)
    if attribute:
        guess = guess.but(
            f"{attribute}, by its name: reported on, never an input", role="sensitive"
        )
    group = attribute not in (None, "age") and 2 <= distinct <= MAX_CODES
    if group and (numbers == np.round(numbers)).all():
        # Groups have no fractions: 1.0 and 2.0 are what missing values made of 1 and 2.
        return guess.but("", type="integer", categorical=True)
    whole = guess.fields["type"] == "integer"
    if whole and _codes_without_order(values.name, numbers, distinct):
        return guess.but(f"{distinct} whole numbers that look like codes", categorical=True)
    if numbers.min() >= 0.0 and not names.names_signed(values.name):
        guess = guess.but("", minimum=0)
    if attribute or distinct <= 2:
        return guess
    return guess.but(f"{_shown(numbers.min())} to {_shown(numbers.max())}{_far(numbers)}")


def _far(numbers: NDArray[np.float64]) -> str:
    """What is said of a few values far from the middle half (J. Tukey, 1977)."""
    low, high = np.quantile(numbers, [0.25, 0.75])
    reach = FAR * (high - low)
    share = float(np.mean((numbers < low - reach) | (numbers > high + reach)))
    if reach == 0.0 or not 0.0 < share <= FAR_SHARE:
        return ""
    return f", {share:.2%} beyond {FAR:g} interquartile ranges: outliers would report them"


def _shown(number: float) -> str:
    return f"{number:,.0f}" if 1000.0 <= abs(number) < 1e9 else f"{number:.4g}"


def _identifier(
    values: Values, numbers: NDArray[np.float64], distinct: int, *, whole: bool
) -> str | None:
    if len(numbers) < FEW:
        return None
    if not whole and not (numbers == np.round(numbers)).all():
        return None
    share = distinct / len(numbers)
    if _counts_rows(values, numbers):
        return "counts the rows: an identifier"
    if distinct == len(numbers) and whole:
        return "all distinct whole numbers: an identifier"
    if names.names_identifier(values.name) and (share >= 0.5 or distinct > 100):
        return f"{share:.0%} distinct, and named like an identifier"
    return None


def _counts_rows(values: Values, numbers: NDArray[np.float64]) -> bool:
    batches = values.batch_of[values.series.index.to_numpy()]
    steps = np.diff(numbers)[np.diff(batches) == 0]
    return len(steps) >= FEW - 1 and bool(steps[0] != 0.0 and (steps == steps[0]).all())


def same_in_each_batch(values: Values) -> bool:
    """Whether every batch, of several, has one value of its own."""
    batches = values.batch_of[values.series.index.to_numpy()]
    if len(values.batch_of) == 0 or values.batch_of.max() == 0:
        return False
    return bool((values.series.groupby(batches).nunique() == 1).all())


def _dates_as_numbers(name: str, numbers: NDArray[np.float64]) -> bool:
    if not names.names_date(name) or numbers.min() < 19_000_101 or numbers.max() > 21_001_231:
        return False
    texts = pd.Series(np.unique(numbers).astype("int64").astype("str"))
    return bool(pd.to_datetime(texts, format="%Y%m%d", errors="coerce").notna().all())


def _codes_without_order(name: str, numbers: NDArray[np.float64], distinct: int) -> bool:
    if not 3 <= distinct <= MAX_CODES or len(numbers) < FEW * distinct or numbers.min() < 0:
        return False
    if names.names_order(name) or names.sensitive_attribute(name) == "age":
        return False
    return names.names_code(name) or not _one_peak(numbers)


def _one_peak(numbers: NDArray[np.float64]) -> bool:
    """Whether counts over the ordered values rise to one peak and fall, but for noise, as those of
    quantities do and those of codes need not."""
    _, counts = np.unique(numbers, return_counts=True)
    peak = int(counts.argmax())
    rises = np.diff(counts)
    noise = 3.0 * np.sqrt(counts[1:] + counts[:-1])
    wrong = np.concatenate([rises[:peak] < -noise[:peak], rises[peak:] > noise[peak:]])
    return not wrong.any()


def text_role(values: Values) -> ColumnGuess:
    """The part of a column of (stripped) texts."""
    guess, texts = values.guess("string"), values.series
    distinct, present = texts.nunique(), len(texts)
    share = distinct / present
    long = float(texts.head(SAMPLED_TEXTS).map(lambda text: len(text.split())).mean()) >= 4.0
    if distinct == 1:
        alone = not (values.missing or values.codes)
        return guess.unused("one value only") if alone else guess
    if distinct >= FEW and _shaped_like_dates(texts):
        return guess.unused("dates that are not ISO 8601: deliver them as 2013-01-31 to use them")
    if distinct >= FEW and _disguised_numbers(texts):
        return guess.unused(
            "numbers with units or grouped thousands: deliver them plain to use them"
        )
    if distinct >= FEW and long:
        return guess.unused("free text")
    if distinct >= FEW and share >= IDENTIFIER_SHARE:
        return guess.unused(f"{share:.0%} distinct: an identifier")
    if names.names_identifier(values.name) and distinct > 100:
        return guess.unused(f"{distinct} values, and named like an identifier")
    if same_in_each_batch(values):
        return guess.unused(NAMES_BATCH)
    if distinct > MAX_LEVELS or (distinct > FEW and present < ROWS_A_LEVEL * distinct):
        return guess.unused(f"{distinct} levels in {present} values: too many to learn from")
    attribute = names.sensitive_attribute(values.name)
    if attribute:
        guess = guess.but(
            f"{attribute}, by its name: reported on, never an input", role="sensitive"
        )
    return guess.but(_levels(values.name, texts, distinct))


def _shaped_like_dates(texts: pd.Series) -> bool:
    few = texts.drop_duplicates().head(SAMPLED_TEXTS)
    return bool(few.map(lambda text: bool(_OTHER_DATE.fullmatch(text))).mean() >= 1.0 - MAX_JUNK)


def _disguised_numbers(texts: pd.Series) -> bool:
    few = texts.drop_duplicates().head(SAMPLED_TEXTS)
    hits = few.map(lambda text: bool(_DISGUISED.fullmatch(text) and not _PLAIN.fullmatch(text)))
    return bool(hits.mean() >= 0.9)


def _levels(name: str, texts: pd.Series, distinct: int) -> str:
    """The levels in words; themselves only where they are few, short and nobody's."""
    levels = sorted(texts.unique())
    short = max(len(level) for level in levels) <= 24
    if distinct > SHOWN_LEVELS or not short or names.names_person(name):
        return f"{distinct} levels"
    return f"values: {levels}"
