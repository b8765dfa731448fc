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
    FittedFeature,
    Levels,
    as_float64,
    category_levels,
    category_positions,
    compute,
    date_part,
    fit_feature,
    level_name,
)

Form = Literal["tree", "dense"]


@dataclass(frozen=True)
class NumberEncoding:
    """A numeric column. ``tree``: the value, missing replaced by ``fill``. ``dense``: the same,
    standardised, followed by a 0/1 missing flag where ``flag`` is set."""

    column: str
    """Name of the column of the source, or of the computed one; so in every encoding."""
    fill: float
    mean: float
    scale: float
    flag: bool


@dataclass(frozen=True)
class CategoryEncoding:
    """A categorical column with its ``levels`` (all strings or all integers, sorted). ``tree``:
    the level's position, -1 for an unknown one. ``dense``: one 0/1 column a level."""

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
        parts = [_encode(e, self._values(e.column, rows), self.form) for e in self.encodings_]
        return np.concatenate(parts, axis=1)

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
        return [CategoryEncoding(name, category_levels(values))]
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
    if form == "dense":
        # A column of zeros teaches a network nothing, and is answered at random when it is not.
        seen = np.unique(category_positions(values, levels))
        levels = tuple(levels[position] for position in seen if position >= 0)
    return fitted, CategoryEncoding(name, levels)


def _fit_number(name: str, values: pd.Series, form: Form) -> NumberEncoding:
    numbers = as_float32(values)
    missing = np.isnan(numbers)
    present = numbers[~missing]
    if len(present) == 0:
        return NumberEncoding(name, 0.0, 0.0, 1.0, flag=form == "dense")
    median = float(np.median(present))
    fill = median
    if form == "tree" and missing.any():
        # Below every real value, so that a tree can tell missing apart with one threshold.
        fill = float(np.floor(present.min()) - 1.0)
    filled = np.where(missing, np.float32(median), numbers).astype(np.float64)
    return NumberEncoding(name, fill, *_location(filled), flag=bool(missing.any()))


def _fit_part(name: str, part: DatePart, values: pd.Series) -> CalendarEncoding:
    return CalendarEncoding(name, part, *_location(calendar_part(part, values).astype(np.float64)))


def _location(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and scale, rounded to float32 so that they mean the same everywhere."""
    scale = float(np.float32(values.std()))
    return float(np.float32(values.mean())), scale if scale > 0 else 1.0


def _encode(encoding: Encoding, values: pd.Series, form: Form) -> NDArray[np.float32]:
    match encoding:
        case CategoryEncoding(_, levels):
            codes = category_codes(values, levels)
            if form == "tree":
                return codes[:, None]
            positions = np.arange(len(levels), dtype=np.float32)
            hot: NDArray[np.bool_] = codes[:, None] == positions
            return hot.astype(np.float32)
        case CalendarEncoding(_, part, mean, scale):
            numbers = calendar_part(part, values)[:, None]
            return numbers if form == "tree" else standardise(numbers, mean, scale)
        case NumberEncoding(_, fill, mean, scale, flag):
            numbers = as_float32(values)[:, None]
            missing = np.isnan(numbers)
            filled = np.where(missing, np.float32(fill), numbers)
            if form == "tree":
                return filled
            scaled = standardise(filled, mean, scale)
            return np.concatenate([scaled, missing.astype(np.float32)], axis=1) if flag else scaled


def standardise(numbers: NDArray[np.float32], mean: float, scale: float) -> NDArray[np.float32]:
    return (numbers - np.float32(mean)) / np.float32(scale)


def as_float32(values: pd.Series) -> NDArray[np.float32]:
    """Numbers and booleans as float32 ``[n]``, missing as NaN."""
    return as_float64(values).astype(np.float32)


def category_codes(values: pd.Series, levels: Levels) -> NDArray[np.float32]:
    """Position of each value among ``levels`` as float32 ``[n]``; -1 for unknown or missing."""
    return category_positions(values, levels).astype(np.float32)


def calendar_part(part: DatePart, values: pd.Series) -> NDArray[np.float32]:
    """``computed_features.date_part`` as float32 ``[n]``."""
    return date_part(part, values).astype(np.float32)
