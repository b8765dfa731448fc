"""One column of the source, and the columns a model computes from them, as declared.

Belongs here: every field below ``columns`` and ``features`` in ``defs.yaml``. Does not belong here:
the target (``target_declaration.py``), how a field is acted on (the stage folders), or what
concerns several columns (``use_case.py``).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from mlops_assets.specification import Severity, Specification

CALENDAR_PARTS = ("minute_of_day", "day_of_week")

ColumnType = Literal["string", "integer", "number", "boolean", "timestamp"]
ColumnRole = Literal["input", "sensitive", "leak", "ignored"]
Protection = Literal["drop", "pseudonymise", "generalise", "keep"]
DatePart = Literal[
    "year", "quarter", "month", "day_of_month", "day_of_week", "hour", "minute_of_day", "weekend"
]


class Outliers(Specification):
    """Values that lie far outside the middle half of the batch (J. Tukey, 1977)."""

    beyond: Annotated[float, Field(gt=0.0)] = 3.0
    """Interquartile ranges that a value may lie below the first or above the third quartile."""
    severity: Severity = "warn"


class Column(Specification):
    """One column of the source."""

    type: ColumnType
    """Physical type after cleaning: string, int64, float64, bool, or timestamp in microseconds."""
    role: ColumnRole = "input"
    """input: the model may use it. sensitive: never an input, always reported on.
    leak: known only after the outcome, never an input. ignored: kept, not used."""
    categorical: bool = False
    """Treat an integer column's values as codes without order. Strings always are."""
    nullable: bool = False
    """Missing values are allowed; otherwise the row goes to the quarantine."""
    minimum: float | None = None
    """Smallest allowed value; smaller values send the row to the quarantine."""
    maximum: float | None = None
    """Largest allowed value; larger values send the row to the quarantine."""
    values: tuple[str | int, ...] | None = None
    """The only allowed values; others send the row to the quarantine."""
    missing: tuple[str | int | float, ...] = ()
    """Values that the source writes where there is none, such as "?" or 999."""
    severity: Severity = "error"
    """What a value outside ``minimum``, ``maximum`` or ``values`` costs its row. A value that
    cannot be read, or is missing where it may not be, always sends the row to the quarantine."""
    outliers: Outliers | None = None
    """Values far from the batch's others, as a rule of their own; without it, none is checked."""
    since: str | None = None
    """First batch that has the column; in earlier ones it may be absent, and is then missing."""
    known_at_prediction: bool | None = None
    """Whether the value is known when the prediction is asked for. An input's always is, a leak's
    never; say it for a sensitive or ignored column where it matters to readers."""
    personal: Protection | None = None
    """What is done about personal data in the column. drop: the values are removed. pseudonymise:
    each is replaced by a keyed hash (a string column only). generalise: numbers are rounded down to
    tens, times to years, texts cut to their first two characters. keep: needs a ``reason``."""
    parts: tuple[Literal["minute_of_day", "day_of_week"], ...] = CALENDAR_PARTS  # type: ignore[assignment]
    """What a model sees of a timestamp."""
    reason: str | None = None
    """Why a sensitive column is an input, personal data is kept, or a suspected leak is used.
    Required for these."""
    no_leak: bool = False
    """A column that the leakage tests find, and that is known when the prediction is asked for all
    the same; needs a ``reason``."""
    sensitive_input: bool = False
    """A sensitive column that the model may use; needs a ``reason``."""
    description: str = ""
    """Meaning and unit."""

    @model_validator(mode="after")
    def _combination_makes_sense(self) -> Self:
        if self.sensitive_input and not (self.role == "sensitive" and self.reason):
            raise ValueError("sensitive_input needs role: sensitive and a reason")
        if self.personal == "keep" and not self.reason:
            raise ValueError("personal: keep needs a reason")
        if self.no_leak and not (self.is_input and self.reason):
            raise ValueError("no_leak is for an input, and needs a reason")
        if self.personal == "pseudonymise" and self.type != "string":
            raise ValueError(f"a {self.type} column cannot be pseudonymised: use string, or drop")
        if self.personal == "generalise" and self.type == "boolean":
            raise ValueError("a boolean column cannot be generalised: drop it, or keep it")
        if self.personal == "drop" and self.is_input:
            raise ValueError("personal: drop leaves nothing to learn from: use role: ignored")
        if self.categorical and self.type not in ("integer", "string"):
            raise ValueError(f"a {self.type} column cannot be categorical: use string or integer")
        limited = self.minimum is not None or self.maximum is not None
        if limited and self.type not in ("integer", "number"):
            raise ValueError(f"minimum and maximum do not fit a {self.type} column")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        kind = {"string": str, "integer": int, "number": int}.get(self.type, type(None))
        if not all(isinstance(value, kind) for value in self.values or ()):
            raise ValueError(f"values {list(self.values or ())} do not fit a {self.type} column")
        if self.since is not None and not self.nullable:
            raise ValueError("since needs nullable: true: earlier batches lack the column")
        if self.outliers is not None and (
            self.type not in ("integer", "number") or self.categorical
        ):
            raise ValueError("outliers is for a column of numbers")
        if self.known_at_prediction is False and self.is_input:
            raise ValueError("an input must be known at prediction: use role: leak")
        if self.known_at_prediction and self.role == "leak":
            raise ValueError("a leak is not known at prediction: use another role")
        if self.type == "timestamp" and self.nullable and self.is_input:
            raise ValueError("a timestamp input cannot be nullable: int64 has no missing value")
        return self

    @property
    def is_input(self) -> bool:
        return self.role == "input" or self.sensitive_input

    @property
    def is_category(self) -> bool:
        return self.type == "string" or self.categorical

    @property
    def is_known_at_prediction(self) -> bool:
        if self.known_at_prediction is None:
            return self.role != "leak"
        return self.known_at_prediction

    @property
    def in_words(self) -> str:
        categorical = ", categorical" if self.is_category else ""
        return f"type {self.type}{categorical}{', nullable' if self.nullable else ''}"


class Computed(Specification):
    """What every column that the model computes has in common."""

    replaces: bool = False
    """The model sees the computed column instead of those it is computed from."""


class DatePartFeature(Computed):
    """A part of a timestamp, as a number. Monday is day 0; ``weekend`` is 0 or 1."""

    function: Literal["date_part"]
    column: str
    part: DatePart


class RatioFeature(Computed):
    """One number divided by another; missing where either is, or where the divisor is zero."""

    function: Literal["ratio"]
    numerator: str
    denominator: str


class LogFeature(Computed):
    """Natural logarithm of one plus a number; missing where that is not above zero."""

    function: Literal["log"]
    column: str


class BinsFeature(Computed):
    """Which of the ranges between ``edges`` a number is in, as a category: below the first edge,
    from each edge to below the next, from the last."""

    function: Literal["bins"]
    column: str
    edges: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _edges_rise(self) -> Self:
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"edges {list(self.edges)} must rise")
        return self


class RareCategoriesFeature(Computed):
    """A category's frequent values; all others, and those never seen, are one."""

    function: Literal["rare_categories"]
    column: str
    min_rows: Annotated[int, Field(ge=1)]
    """Fewest training rows of a value that stands for itself."""


class CrossingFeature(Computed):
    """The combinations of two categories; rare and unseen ones are one."""

    function: Literal["crossing"]
    first: str
    second: str
    min_rows: Annotated[int, Field(ge=1)] = 50
    """Fewest training rows of a combination that stands for itself."""


class MissingFeature(Computed):
    """1 where a value is missing, 0 where it is there."""

    function: Literal["missing"]
    column: str


Feature = Annotated[
    DatePartFeature
    | RatioFeature
    | LogFeature
    | BinsFeature
    | RareCategoriesFeature
    | CrossingFeature
    | MissingFeature,
    Field(discriminator="function"),
]
"""A column that the model computes from the source's, inside the model and its ONNX form."""

NEEDS = {
    "date_part": "a timestamp",
    "ratio": "a number",
    "log": "a number",
    "bins": "a number",
    "rare_categories": "a category",
    "crossing": "a category",
    "missing": "a nullable column",
}
"""What each function of ``features`` is computed from."""


def source_columns(feature: Feature) -> tuple[str, ...]:
    """The columns of the source that a feature is computed from."""
    match feature.function:
        case "ratio":
            return feature.numerator, feature.denominator
        case "crossing":
            return feature.first, feature.second
        case _:
            return (feature.column,)


def fits(feature: Feature, column: Column) -> bool:
    """Whether the column is what the function of the feature ``NEEDS``."""
    match feature.function:
        case "date_part":
            return column.type == "timestamp"
        case "ratio" | "log" | "bins":
            return column.type in ("integer", "number") and not column.categorical
        case "rare_categories" | "crossing":
            return column.is_category
        case _:
            return column.nullable
