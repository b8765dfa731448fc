"""What a user may say about one model's life, parsed into frozen types before anything is built.

Belongs here: every field of ``defs.yaml`` below ``attributes`` with its meaning, its limits and the
combinations that make no sense. Does not belong here: how a field is acted on (the stage folders),
or Dagster (``lifecycle.py`` turns a ``UseCase`` into assets).
"""

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share of a whole: 0.05 is five percent."""

Condition = Annotated[str, Field(min_length=3)]
"""A row condition in the syntax of ``pandas.DataFrame.query``: ``"AGEP < 16"``."""

CALENDAR_PARTS = ("minute_of_day", "day_of_week")
FAMILIES = ("logistic_regression", "random_forest", "histogram_gradient_boosting", "mlp")

RESERVED_NAMES = ("batch", "split", "row", "reasons")  # added by the features and the quarantine

ColumnType = Literal["string", "integer", "number", "boolean", "timestamp"]
ColumnRole = Literal["input", "sensitive", "leak", "ignored"]
Protection = Literal["drop", "pseudonymise", "generalise", "keep"]
Family = Literal["logistic_regression", "random_forest", "histogram_gradient_boosting", "mlp"]


class Specification(BaseModel):
    """The base of everything a user may write: frozen, and unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def __reduce__(self) -> tuple[Any, ...]:
        # pydantic pickles the set of fields that were given, whose order depends on the hash seed.
        return _rebuild, (type(self), self.model_dump())


def _rebuild(kind: type[Specification], fields: dict[str, Any]) -> Specification:
    return kind(**fields)


class Delimited(Specification):
    """How delimited text is written; what is not said is detected in every file."""

    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Between two fields of a line."""
    decimal: Literal[".", ","] | None = None
    """Between a number's whole and its fraction."""
    encoding: str | None = None
    """Name of the character encoding, such as utf-8 or cp1252."""


class Source(Specification):
    """Where batches come from and what may be done with them."""

    folder: str
    """Folder of the batch files, relative to this YAML file unless absolute."""
    pattern: str = "*.parquet"
    """Which files of the folder are batches; the file's stem is the batch's name."""
    batch_name: str
    """Regular expression a batch's name must match in full. Batches are ordered by name."""
    delimited: Delimited = Delimited()
    """How text files (``.csv``, ``.tsv``, ``.txt``, each also ``.gz``) are written."""
    licence: str
    """Licence of the data, SPDX identifier where there is one."""
    attribution: str
    """Credit that must accompany the data."""
    terms: str = ""
    """What else its owner asks of those who use it."""
    licence_expires: date | None = None
    """Last day on which the data may be used; without it, the licence has no end."""
    update_days: Annotated[int, Field(ge=1)] | None = None
    """Days between two batches. When more have gone by, Dagster shows the raw copy as overdue."""

    @model_validator(mode="after")
    def _batch_name_compiles(self) -> Self:
        try:
            re.compile(self.batch_name)
        except re.error as error:
            raise ValueError(f"source.batch_name is not a regular expression: {error}") from error
        return self


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
        if self.type == "timestamp" and self.nullable and self.role == "input":
            raise ValueError("a timestamp input cannot be nullable: int64 has no missing value")
        return self

    @property
    def is_input(self) -> bool:
        return self.role == "input" or self.sensitive_input

    @property
    def is_category(self) -> bool:
        return self.type == "string" or self.categorical


class Target(Specification):
    """What the model predicts: a binary outcome."""

    column: str
    """Name of the column; rows where it is missing are kept, counted and not trained on."""
    type: Literal["boolean", "integer"] = "boolean"
    """boolean, or integer with the two values 0 and 1; ``True`` and 1 are the positive class."""
    description: str = ""
    """Meaning of the positive class."""


class RowRule(Specification):
    """Rows that are removed on purpose, counted under the rule's name."""

    name: str
    remove_where: Condition
    reason: str


class Rows(Specification):
    """Which rows of a batch become the cleaned dataset."""

    remove: tuple[RowRule, ...] = ()
    """Declared removals, applied in order after validation."""
    unique_by: tuple[str, ...] = ()
    """Columns that identify a row; later rows with the same values go to the quarantine."""
    max_quarantined: Share = 0.05
    """A batch with a larger share of quarantined rows blocks what is downstream."""


class Privacy(Specification):
    """How personal data is looked for and what risk of re-identification is accepted."""

    quasi_identifiers: tuple[str, ...] = ()
    """Columns that together may single a person out, though none of them does alone."""
    min_group: Annotated[int, Field(ge=1)] | None = None
    """Fewest rows (k) that must share each combination of the quasi-identifiers."""


class Slice(Specification):
    """A declared sub-population every report shows."""

    name: str
    where: Condition


class Split(Specification):
    """How the training window is divided. Test rows are the newest, so that a champion trained
    on an earlier window has not seen them either."""

    test: Annotated[float, Field(gt=0.0, lt=0.9)] = 0.2
    """Share of the newest batch that is held out, counted from its end."""
    calibration: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.1
    """Share of the remaining window set aside for calibration, in whole blocks spread over it."""
    time_column: str | None = None
    """Timestamp that orders rows within a batch; whole days are kept together. Without it the
    order within a batch is a seeded permutation."""


class Search(Specification):
    """The budget of the comparison of candidates, in fits and rows so that the machine's speed
    cannot change the result."""

    families: tuple[Family, ...] = FAMILIES  # type: ignore[assignment]
    max_fits: Annotated[int, Field(ge=3)] = 30
    max_rows: Annotated[int, Field(ge=200)] = 12_000
    """Rows of the largest fit of the comparison; the winner is fitted on all training rows."""
    folds: Annotated[int, Field(ge=3, le=20)] = 6

    @model_validator(mode="after")
    def _one_candidate_fits(self) -> Self:
        if self.max_fits < self.folds:
            raise ValueError("max_fits is less than folds: not one candidate could be compared")
        return self


class Training(Specification):
    """From which batches, and how, a model is made."""

    first_batches: Annotated[int, Field(ge=1)]
    """Batches that must have arrived before the first training."""
    window: Annotated[int, Field(ge=1)] | Literal["all"] = "all"
    """Number of latest batches a model learns from, or all of them."""
    seed: Annotated[int, Field(ge=0)] = 0
    split: Split = Split()
    search: Search = Search()


class Limits(Specification):
    """How far a derived form may be from the model it was made from."""

    onnx_probability: float = 1e-4
    """Largest allowed difference between a probability of the pipeline and of its ONNX form."""
    quantized_probability: float = 0.02
    quantized_flips: Share = 0.002
    """Share of decisions at 0.5 that the quantized form may change."""
    quantized_log_loss: float = 0.001
    """Rise of the log loss that the quantized form may cost."""


class Monitoring(Specification):
    """When a batch counts as different from what the champion was trained on."""

    false_alarm_rate: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.01
    """Chance that a batch from the reference's own distribution is called drifted."""
    min_distance: Share = 0.1
    """Jensen-Shannon distance (base 2) below which a difference is too small to matter."""
    min_weighted_distance: Share = 0.15
    """Mean distance of the inputs, each weighted with its share of the champion's SHAP attribution,
    from which drift calls for retraining: drift in what the model hardly uses costs it little."""


class Retraining(Specification):
    """When the champion is challenged."""

    cooldown_batches: Annotated[int, Field(ge=1)] = 1
    """New batches that must have arrived since the last training."""
    max_log_loss_rise: Annotated[float, Field(ge=0.0)] = 0.02
    """Rise of the log loss over the champion's own test split that counts as lost performance,
    beyond what the interval explains."""


class Promotion(Specification):
    """What a challenger must show. The comparison is the paired log loss on the challenger's test
    split, which neither model has seen."""

    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """One-sided confidence at which the challenger must be better than the champion."""
    first_min_roc_auc: Annotated[float, Field(ge=0.5, le=1.0)] = 0.6
    """The lower bound of the ROC AUC of a first release, when there is no champion yet."""


class Automation(Specification):
    """How the sensors run under the daemon."""

    check_every_seconds: Annotated[int, Field(ge=1)] = 30
    """Shortest time between two evaluations of a sensor."""


class UseCase(Specification):
    """One model's life, as its owner declares it."""

    title: str
    description: str
    owner: str
    """Who answers for it: an e-mail address or ``team:name``."""
    source: Source
    target: Target
    columns: dict[str, Column]
    """Every column the source must deliver, but for the target."""
    rows: Rows = Rows()
    privacy: Privacy = Privacy()
    slices: tuple[Slice, ...] = ()
    training: Training
    limits: Limits = Limits()
    monitoring: Monitoring = Monitoring()
    retraining: Retraining = Retraining()
    promotion: Promotion = Promotion()
    automation: Automation = Automation()

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        if self.target.column in self.columns:
            raise ValueError(f"columns.{self.target.column} is the target: keep it under target")
        if not self.inputs:
            raise ValueError("columns: no column has role input, so a model would see nothing")
        known = {*self.columns, self.target.column}
        for name in sorted(known.intersection(RESERVED_NAMES)):
            raise ValueError(f"columns.{name}: the name is taken, rename it in the source")
        if len({rule.name for rule in self.rows.remove}) != len(self.rows.remove):
            raise ValueError("rows.remove: two rules have the same name")
        for name in self.rows.unique_by:
            if name not in known:
                raise ValueError(f"rows.unique_by names {name!r}, which is not under columns")
        for name in self.privacy.quasi_identifiers:
            if name not in self.columns:
                raise ValueError(f"privacy.quasi_identifiers names {name!r}: not under columns")
        time_column = self.training.split.time_column
        if time_column is not None and (
            time_column not in self.columns or self.columns[time_column].type != "timestamp"
        ):
            raise ValueError(f"training.split.time_column {time_column!r} is no timestamp column")
        if self.training.window != "all" and self.training.window < self.training.first_batches:
            raise ValueError("training.window is smaller than training.first_batches")
        if len({s.name for s in self.slices}) != len(self.slices):
            raise ValueError("slices: two slices have the same name")
        return self

    @property
    def inputs(self) -> dict[str, Column]:
        """The columns a model may use, in the order of the YAML."""
        return {name: column for name, column in self.columns.items() if column.is_input}

    @property
    def sensitive(self) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if column.role == "sensitive")

    @property
    def cleared_of_leakage(self) -> tuple[str, ...]:
        """Inputs that the owner says are known in time, whatever the leakage tests find."""
        return tuple(name for name, column in self.columns.items() if column.no_leak)

    @property
    def leaks(self) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if column.role == "leak")
