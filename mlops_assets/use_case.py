"""What a user may say about one model's life, parsed into frozen types before anything is built.

Belongs here: every field of ``defs.yaml`` below ``attributes`` with its meaning, its limits and the
combinations that make no sense. Does not belong here: one column, the source, the target, the
training or what is demanded of a model (the modules ``*_declaration.py``), how a field is acted on
(the stage folders), or Dagster (``lifecycle.py`` turns a ``UseCase`` into assets).
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from mlops_assets.column_declaration import NEEDS, Column, Feature, fits, source_columns
from mlops_assets.evidence_declaration import (
    RATES_OF_DECISIONS,
    Decision,
    Evaluation,
    Explanation,
    Fairness,
    Risk,
)
from mlops_assets.policy_declaration import (
    Limits,
    Monitoring,
    Promotion,
    Quantization,
    Retraining,
)
from mlops_assets.responsibility_declaration import Policy
from mlops_assets.rows_declaration import Privacy, Representation, Rows, Slice
from mlops_assets.serving_declaration import RETENTION_DAYS, Serving
from mlops_assets.source_declaration import Source
from mlops_assets.specification import Specification
from mlops_assets.target_declaration import Target
from mlops_assets.training_declaration import Training

RESERVED_NAMES = ("batch", "split", "row", "reasons")  # added by the features and the quarantine


class Automation(Specification):
    """How the sensors run under the daemon."""

    check_every_seconds: Annotated[int, Field(ge=1)] = 30
    """Shortest time between two evaluations of a sensor."""


def _knows_its_columns(feature: Feature, info: ValidationInfo) -> Feature:
    """Here and not in the use case, so that the error has the line of the feature."""
    if "columns" not in info.data:
        return feature  # they have an error of their own
    columns: dict[str, Column] = info.data["columns"]
    for name in source_columns(feature):
        if name not in columns:
            raise ValueError(f"{name!r} is not under columns")
        column = columns[name]
        if not column.is_input:
            raise ValueError(f"{name!r} has role {column.role}, and a feature needs an input")
        if not fits(feature, column):
            raise ValueError(
                f"function {feature.function} needs {NEEDS[feature.function]}, "
                f"and {name!r} is none: {column.in_words}"
            )
    return feature


def _is_no_column(name: str, info: ValidationInfo) -> str:
    target: Target | None = info.data.get("target")
    if name in info.data.get("columns", {}) or (target is not None and name == target.column):
        raise ValueError("is the name of a column: give the feature another")
    return name


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
    features: dict[
        Annotated[str, Field(min_length=1), AfterValidator(_is_no_column)],
        Annotated[Feature, AfterValidator(_knows_its_columns)],
    ] = Field(default={})
    """Columns that the model computes from these, by name."""
    rows: Rows = Rows()
    privacy: Privacy = Privacy()
    representation: Representation = Representation()
    slices: tuple[Slice, ...] = ()
    training: Training
    decision: Decision = Decision()
    evaluation: Evaluation = Evaluation()
    fairness: Fairness = Fairness()
    explanation: Explanation = Explanation()
    risk: Risk = Risk()
    policy: Policy
    quantization: Quantization = Quantization()
    limits: Limits = Limits()
    monitoring: Monitoring = Monitoring()
    retraining: Retraining = Retraining()
    promotion: Promotion = Promotion()
    serving: Serving = Serving()
    language: Literal["en", "fr"] = "en"
    """Of the reports."""
    automation: Automation = Automation()

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        """What does not fit together, in words: field, what is wrong, what to write."""
        known = {*self.columns, self.target.column}
        if self.target.column in self.columns:
            yield f"columns.{self.target.column} is the target: keep it under target"
        if not self.inputs:
            yield "columns: no column has role input, so a model would see nothing"
        for name in sorted(known.intersection(RESERVED_NAMES)):
            yield f"columns.{name}: the name is taken, rename it in the source"
        for field, names in self._names_used().items():
            for name in names:
                if name not in known:
                    yield f"{field} names {name!r}, which is not under columns"
        time_column = self.training.split.time_column
        if time_column in self.columns and self.columns[time_column].type != "timestamp":
            yield f"training.split.time_column {time_column!r} is no timestamp column"
        for field, named in (
            ("rows.remove", self.rows.remove),
            ("rows.rules", self.rows.rules),
            ("slices", self.slices),
        ):
            if len({one.name for one in named}) != len(named):
                yield f"{field}: two have the same name"
        if self.training.window != "all" and self.training.window < self.training.first_batches:
            yield "training.window is smaller than training.first_batches"
        if self.training.remedies.class_weights and self.target.task == "regression":
            yield "training.remedies.class_weights: a regression has no classes to weigh"
        yield from self._representation_problems()
        yield from self._decision_problems()
        yield from self._mitigation_problems()
        yield from self._serving_problems()

    def _names_used(self) -> dict[str, tuple[str, ...]]:
        """The columns that other fields name."""
        time_column = self.training.split.time_column
        unique_by = self.rows.unique_by
        served = {"row_id": self.serving.row_id, "entity_id": self.serving.entity_id}
        return {
            **{f"serving.{field}": (name,) for field, name in served.items() if name},
            "rows.unique_by": () if unique_by == "all" else unique_by,
            "privacy.quasi_identifiers": self.privacy.quasi_identifiers,
            "training.split.time_column": (time_column,) if time_column else (),
        }

    def _representation_problems(self) -> Iterator[str]:
        resample = self.training.remedies.resample
        named = {
            "representation.bands": tuple(self.representation.bands),
            "representation.reference": tuple(self.representation.reference),
            "training.remedies.resample.by": resample.by if resample else (),
        }
        for field, names in named.items():
            for name in names:
                if name not in self.sensitive:
                    yield f"{field} names {name!r}, which is no sensitive column"
        for name in self.representation.bands:
            if name in self.columns and self.columns[name].type not in ("integer", "number"):
                yield f"representation.bands.{name}: only a column of numbers is cut into bands"
        if (
            resample is not None
            and resample.to == "reference"
            and (len(resample.by) != 1 or resample.by[0] not in self.representation.reference)
        ):
            yield (
                "training.remedies.resample: to the reference needs one column, with its shares "
                "under representation.reference"
            )

    def _decision_problems(self) -> Iterator[str]:
        task, classes = self.target.task, set(self.target.class_names)
        if self.decision.costs is not None and task != "binary":
            yield "decision.costs is for a binary task: for several classes, give a cost_matrix"
        matrix = self.decision.cost_matrix
        if matrix and task != "multiclass":
            yield "decision.cost_matrix is for a multiclass task: for two classes, give costs"
        named = [set(map(str, matrix))] if matrix else []
        named += [set(map(str, line)) for line in matrix.values()]
        if task == "multiclass" and any(line != classes for line in named):
            wanted = ", ".join(self.target.class_names)
            yield f"decision.cost_matrix: name every class in it, true and decided: {wanted}"
        favourable = self.fairness.favourable
        if favourable is not None and str(favourable) not in classes:
            yield f"fairness.favourable {favourable!r} is none of {sorted(classes)}"

    def _mitigation_problems(self) -> Iterator[str]:
        mitigation = self.fairness.mitigation
        for name in mitigation.reweighing:
            if name not in self.sensitive:
                yield f"fairness.mitigation.reweighing names {name!r}, which is no sensitive column"
        if mitigation.reweighing and self.target.task == "regression":
            yield "fairness.mitigation.reweighing: a regression has no outcomes to weigh"
        by_group = mitigation.group_thresholds
        if by_group is None:
            return
        field = "fairness.mitigation.group_thresholds"
        column = self.columns.get(by_group.column)
        if self.fairness.definition not in RATES_OF_DECISIONS:
            yield f"{field} is for rates of decisions, not for {self.fairness.definition}"
        if self.target.task != "binary":
            yield f"{field} is for a binary task"
        elif column is None or not column.sensitive_input or not column.is_category:
            yield (
                f"{field}.column {by_group.column!r} must be a categorical column with role: "
                "sensitive and sensitive_input: true, so that it is known when the decision is made"
            )

    def _serving_problems(self) -> Iterator[str]:
        for field in ("row_id", "entity_id"):
            column = self.columns.get(getattr(self.serving, field) or "")
            if column is None:
                continue
            if column.type not in ("string", "integer"):
                yield f"serving.{field} names a {column.type} column: a string or an integer does"
            if column.role == "leak":
                yield f"serving.{field} names a leak, which nobody can send in time"
            if column.personal in ("drop", "generalise"):
                yield (
                    f"serving.{field} names a column with personal: {column.personal}, after which "
                    "nobody is told apart: pseudonymise it"
                )
        days = self.serving.retention_days
        if self.policy.ai_act_class == "high" and days < RETENTION_DAYS:
            yield (
                f"serving.retention_days {days}: for ai_act_class high, answers are kept for at "
                f"least {RETENTION_DAYS} days"
            )

    @property
    def inputs(self) -> dict[str, Column]:
        """The columns a model may use, in the order of the YAML."""
        return {name: column for name, column in self.columns.items() if column.is_input}

    @property
    def numbers(self) -> frozenset[str]:
        """Columns in which the comma of delimited text may be a decimal mark."""
        found = {n for n, c in self.columns.items() if c.type in ("integer", "number")}
        is_number = self.target.task == "regression" or self.target.bands is not None
        return frozenset(found | ({self.target.column} if is_number else set()))

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
