"""From raw columns to the numbers an estimator learns from.

Belongs here: the encoding of each kind of column, fitted on the training rows. Does not belong
here: the same encoding as ONNX operators (``export/onnx_encoding.py``), which reads the fitted
attributes below, or the columns that are computed from raw ones (``computed_features.py``). Every
step is chosen so that both give the same float32 numbers: one cast to float32, then float32
arithmetic only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlops_assets.column_declaration import Column, DatePart, Feature, source_columns
from mlops_assets.training.computed_features import (
    LARGEST_FLOAT32,
    MOST_LEVELS,
    UNKNOWN,
    FittedFeature,
    Levels,
    as_float64,
    category_levels,
    category_positions,
    compute,
    date_part,
    fit_feature,
    level_name,
    levels_at,
    most_frequent,
)

Form = Literal["tree", "dense"]

LEVELS: dict[Form, int] = {"tree": MOST_LEVELS, "dense": 128}
"""Levels of a category that have a code of their own, the most frequent ones; all others share the
code of the unknown. Each is a column of a dense encoding: half a gigabyte for a million rows."""
FARTHEST = 100.0
"""Standard deviations from the mean that a dense number is held within. What lies further out is an
error or tells no more, and float32 sums over it would differ from runtime to runtime."""


@dataclass(frozen=True)
class NumberEncoding:
    """A numeric column. ``tree``: the value, missing replaced by ``fill``. ``dense``: the same,
    standardised, followed by a 0/1 missing flag where ``flag`` is set.

    Infinity, and what else float32 cannot hold, is missing. A ``scale`` of 0 means that the fitted
    rows had one value: nothing was learned about others, and a dense number is always 0.
    """

    column: str
    """Name of the column of the source, or of the computed one; so in every encoding."""
    fill: float
    mean: float
    scale: float
    flag: bool


@dataclass(frozen=True)
class CategoryEncoding:
    """A categorical column with its ``levels`` (all strings or all integers, sorted). ``tree``:
    the level's position, -1 for an unknown one. ``dense``: one 0/1 column a level, all 0 for an
    unknown one."""

    column: str
    levels: Levels


@dataclass(frozen=True)
class CalendarEncoding:
    """One part of a timestamp (int64 microseconds since 1970), standardised where ``dense``."""

    column: str
    part: DatePart
    mean: float
    scale: float


Encoding = NumberEncoding | CategoryEncoding | CalendarEncoding


class RowEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encode raw columns as one float32 matrix.

    Parameters
    ----------
    columns
        The input columns by name, as the use case declares them.
    form
        ``"tree"``: one number a column (a part), categories as codes, nothing scaled.
        ``"dense"``: numbers standardised, categories one-hot, a flag where values were missing.
    features
        The columns computed from these by name, as the use case declares them; they come after the
        raw ones. A raw column that one of them replaces is read, but not encoded itself.

    Attributes
    ----------
    encodings_
        The fitted encodings, in the order of the output columns.
    computed_
        What computes the columns that are not raw, by name.
    feature_names_
        One name an output column.
    sources_
        The raw columns each output column was made from.
    """

    def __init__(
        self,
        columns: dict[str, Column],
        form: Form = "tree",
        features: dict[str, Feature] | None = None,
    ) -> None:
        self.columns = columns
        self.form = form
        self.features = features

    def fit(self, rows: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn passes it
        rows = self._as_travelling(rows)
        features = self.features or {}
        replaced = {c for f in features.values() if f.replaces for c in source_columns(f)}
        encodings: list[Encoding] = []
        for name, column in self.columns.items():
            if name not in replaced:
                encodings.extend(_fit_column(name, column, rows[name], self.form))
        self.computed_: dict[str, FittedFeature] = {}
        for name, feature in features.items():
            self.computed_[name], encoding = _fit_computed(name, feature, rows, self.form)
            encodings.append(encoding)
        self.encodings_: tuple[Encoding, ...] = tuple(encodings)
        computed_from = {name: source_columns(feature) for name, feature in features.items()}
        named = [(self._names(e), computed_from.get(e.column, (e.column,))) for e in encodings]
        self.feature_names_ = tuple(name for names, _ in named for name in names)
        self.sources_ = tuple(source for names, source in named for _ in names)
        return self

    def transform(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        """Encode ``rows`` (a frame with the input columns) as float32 ``[n, features]``."""
        check_is_fitted(self, "encodings_")
        rows = self._as_travelling(rows)
        encoded = np.zeros((len(rows), len(self.feature_names_)), np.float32)
        start = 0
        for encoding in self.encodings_:
            end = start + len(self._names(encoding))
            values = self._values(encoding.column, rows)
            _encode(encoding, values, self.form, encoded[:, start:end])
            start = end
        return encoded

    def _as_travelling(self, rows: pd.DataFrame) -> pd.DataFrame:
        """A nullable integer is a double wherever it is served. As such its codes are compared here
        as well: from 2**53 on, two of them may be one."""
        names = [n for n, c in self.columns.items() if c.nullable and c.categorical]
        doubles = {n: as_float64(rows[n]) for n in names if self.columns[n].type == "integer"}
        return rows.assign(**doubles) if doubles else rows

    def _values(self, name: str, rows: pd.DataFrame) -> pd.Series:
        return compute(self.computed_[name], rows) if name in self.computed_ else rows[name]

    def _names(self, encoding: Encoding) -> list[str]:
        match encoding:
            case CategoryEncoding(column, levels) if self.form == "dense":
                computed = self.computed_.get(column)
                return [f"{column}={level_name(computed, level)}" for level in levels]
            case CalendarEncoding(column, part):
                return [f"{column}.{part}"]
            case NumberEncoding(column, flag=True) if self.form == "dense":
                return [column, f"{column} missing"]
        return [encoding.column]


def _fit_column(name: str, column: Column, values: pd.Series, form: Form) -> Sequence[Encoding]:
    if column.is_category:
        return [_fit_category(name, values, category_levels(values), form)]
    if column.type == "timestamp":
        return [_fit_part(name, part, values) for part in column.parts]
    return [_fit_number(name, values, form)]


def _fit_computed(
    name: str, feature: Feature, rows: pd.DataFrame, form: Form
) -> tuple[FittedFeature, Encoding]:
    fitted, levels = fit_feature(feature, rows)
    values = compute(fitted, rows)
    if levels is None:
        return fitted, _fit_number(name, values, form)
    return fitted, _fit_category(name, values, levels, form)


def _fit_category(name: str, values: pd.Series, levels: Levels, form: Form) -> CategoryEncoding:
    positions = category_positions(values, levels)
    counts = np.bincount(positions[positions != UNKNOWN], minlength=len(levels))
    kept = most_frequent(counts, LEVELS[form])
    if form == "dense":
        # A column of zeros teaches a network nothing, and is answered at random when it is not.
        kept = kept[counts[kept] > 0]
    return CategoryEncoding(name, levels_at(levels, kept))


def _fit_number(name: str, values: pd.Series, form: Form) -> NumberEncoding:
    numbers, missing = as_float32(values)
    present = numbers[~missing]
    if len(present) == 0:
        return NumberEncoding(name, 0.0, 0.0, 0.0, flag=False)
    median = np.float32(np.median(present.astype(np.float64)))
    fill = _below(present.min()) if form == "tree" and missing.any() else median
    filled = np.where(missing, median, numbers)
    return NumberEncoding(name, float(fill), *_location(filled), flag=bool(missing.any()))


def _below(smallest: np.float32) -> np.float32:
    """Below every real value, so that a tree can tell missing apart with one threshold."""
    whole = np.float32(np.floor(smallest) - 1.0)
    return whole if whole < smallest else np.nextafter(smallest, np.float32(-LARGEST_FLOAT32))


def _fit_part(name: str, part: DatePart, values: pd.Series) -> CalendarEncoding:
    return CalendarEncoding(name, part, *_location(calendar_part(part, values)))


def _location(numbers: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and scale, rounded to float32 so that they mean the same everywhere; the scale of equal
    numbers is 0, which their rounded mean would hide."""
    exact = numbers.astype(np.float64)
    scale = exact.std() if numbers.min() < numbers.max() else 0.0
    return float(np.float32(exact.mean())), float(np.float32(scale))


def _encode(
    encoding: Encoding, values: pd.Series, form: Form, encoded: NDArray[np.float32]
) -> None:
    """Write what ``values`` ``[n]`` are into ``encoded`` ``[n, columns]``, which holds zeros."""
    match encoding:
        case CategoryEncoding(_, levels):
            positions = category_positions(values, levels)
            if form == "tree":
                encoded[:, 0] = positions
            else:
                known = np.flatnonzero(positions != UNKNOWN)
                encoded[known, positions[known]] = 1.0
        case CalendarEncoding(_, part, mean, scale):
            numbers = calendar_part(part, values)
            encoded[:, 0] = numbers if form == "tree" else standardise(numbers, mean, scale)
        case NumberEncoding(_, fill, mean, scale, flag):
            numbers, missing = as_float32(values)
            numbers[missing] = fill
            encoded[:, 0] = numbers if form == "tree" else standardise(numbers, mean, scale)
            if form == "dense" and flag:
                encoded[:, 1] = missing


def standardise(numbers: NDArray[np.float32], mean: float, scale: float) -> NDArray[np.float32]:
    """``(numbers - mean) / scale`` in float32, within ``FARTHEST``; 0 where ``scale`` is 0."""
    reach, divisor = standardisation(scale)
    with np.errstate(over="ignore"):
        centred = np.clip(numbers - np.float32(mean), -reach, reach)
    standardised: NDArray[np.float32] = centred / divisor
    return standardised


def standardisation(scale: float) -> tuple[np.float32, np.float32]:
    """How far a number may be from the mean, and what the distance is divided by."""
    reach = np.float32(min(FARTHEST * scale, LARGEST_FLOAT32))
    return reach, np.float32(scale if scale > 0.0 else 1.0)


def as_float32(values: pd.Series) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Numbers and booleans as float32 ``[n]``, and where there is none: where a value is missing,
    or beyond the range of float32."""
    numbers = as_float64(values)
    missing = ~(np.abs(numbers) <= LARGEST_FLOAT32)
    return np.where(missing, np.nan, numbers).astype(np.float32), missing


def calendar_part(part: DatePart, values: pd.Series) -> NDArray[np.float32]:
    """``computed_features.date_part`` as float32 ``[n]``."""
    return date_part(part, values).astype(np.float32)
