"""From raw columns to the numbers an estimator learns from.

Belongs here: the encoding of each kind of column, fitted on the training rows. Does not belong
here: the same encoding as ONNX operators (``export/onnx_graph.py``), which reads the fitted
attributes below. Every step is chosen so that both give the same float32 numbers: one cast to
float32, then float32 arithmetic only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlops_assets.column_declaration import Column

Form = Literal["tree", "dense"]
MICROSECONDS_A_MINUTE = 60_000_000
MICROSECONDS_A_DAY = 86_400_000_000
EPOCH_DAY_OF_WEEK = 3  # 1970-01-01 was a Thursday; Monday is 0
UNKNOWN_CODE = -1.0


@dataclass(frozen=True)
class NumberEncoding:
    """A numeric column. ``tree``: the value, missing replaced by ``fill``. ``dense``: the same,
    standardised, followed by a 0/1 missing flag where ``flag`` is set."""

    column: str
    fill: float
    mean: float
    scale: float
    flag: bool


@dataclass(frozen=True)
class CategoryEncoding:
    """A categorical column with its ``levels`` (all strings or all integers, sorted). ``tree``:
    the level's position, -1 for an unknown one. ``dense``: one 0/1 column a level."""

    column: str
    levels: tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True)
class CalendarEncoding:
    """One part of a timestamp (int64 microseconds since 1970): minute_of_day or day_of_week."""

    column: str
    part: str
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

    Attributes
    ----------
    encodings_
        The fitted encodings, in the order of the output columns.
    feature_names_
        One name an output column.
    sources_
        The raw column each output column was made from.
    """

    def __init__(self, columns: dict[str, Column], form: Form = "tree") -> None:
        self.columns = columns
        self.form = form

    def fit(self, rows: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn passes it
        encodings: list[Encoding] = []
        for name, column in self.columns.items():
            encodings.extend(_fit_column(name, column, rows[name], self.form))
        self.encodings_: tuple[Encoding, ...] = tuple(encodings)
        named = [(_names(e, self.form), e.column) for e in self.encodings_]
        self.feature_names_ = tuple(name for names, _ in named for name in names)
        self.sources_ = tuple(column for names, column in named for _ in names)
        return self

    def transform(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        """Encode ``rows`` (a frame with the input columns) as float32 ``[n, features]``."""
        check_is_fitted(self, "encodings_")
        parts = [_encode(e, rows[e.column], self.form) for e in self.encodings_]
        return np.concatenate(parts, axis=1)


def _fit_column(name: str, column: Column, values: pd.Series, form: Form) -> Sequence[Encoding]:
    if column.is_category:
        return [CategoryEncoding(name, _levels(values))]
    if column.type == "timestamp":
        return [_fit_part(name, part, values) for part in column.parts]
    return [_fit_number(name, values, form)]


def _levels(values: pd.Series) -> tuple[str, ...] | tuple[int, ...]:
    present = values.dropna().unique()
    if pd.api.types.is_numeric_dtype(values.dtype):
        return tuple(sorted(int(v) for v in present))
    # An empty string is a missing one: no tensor of strings could tell the two apart.
    return tuple(sorted(str(v) for v in present if v != ""))


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


def _fit_part(name: str, part: str, values: pd.Series) -> CalendarEncoding:
    return CalendarEncoding(name, part, *_location(calendar_part(part, values).astype(np.float64)))


def _location(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and scale, rounded to float32 so that they mean the same everywhere."""
    scale = float(np.float32(values.std()))
    return float(np.float32(values.mean())), scale if scale > 0 else 1.0


def _names(encoding: Encoding, form: Form) -> list[str]:
    match encoding:
        case CategoryEncoding(column, levels):
            return [column] if form == "tree" else [f"{column}={level}" for level in levels]
        case CalendarEncoding(column, part):
            return [f"{column}.{part}"]
        case NumberEncoding(column, flag=flag):
            return [column, f"{column} missing"] if form == "dense" and flag else [column]


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
    return values.to_numpy(dtype=np.float64, na_value=np.nan).astype(np.float32)


def category_codes(
    values: pd.Series, levels: tuple[str, ...] | tuple[int, ...]
) -> NDArray[np.float32]:
    """Position of each value among ``levels`` as float32 ``[n]``; -1 for unknown or missing."""
    positions: NDArray[np.intp] = pd.Index(levels).get_indexer(pd.Index(values))
    return positions.astype(np.float32)


def calendar_part(part: str, values: pd.Series) -> NDArray[np.float32]:
    """``minute_of_day`` (0 to 1439) or ``day_of_week`` (Monday is 0) as float32 ``[n]``."""
    microseconds = values.to_numpy().astype("datetime64[us]").astype(np.int64)
    within_day = np.mod(microseconds, MICROSECONDS_A_DAY)
    if part == "minute_of_day":
        return (within_day // MICROSECONDS_A_MINUTE).astype(np.float32)
    days = (microseconds - within_day) // MICROSECONDS_A_DAY
    return np.mod(days + EPOCH_DAY_OF_WEEK, 7).astype(np.float32)
