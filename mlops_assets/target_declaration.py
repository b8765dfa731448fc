"""What the model predicts, as a use case declares it.

Belongs here: every field below ``target`` in ``defs.yaml``. Does not belong here: what a model of
each task answers (``answers.py``), or how the target is read (``data/cleaning/``).
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from mlops_assets.specification import Specification

Task = Literal["binary", "multiclass", "regression"]


class Bands(Specification):
    """How the numbers of the target are cut into classes."""

    edges: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]
    """Where one class ends and the next begins: an edge belongs to the class above it."""
    names: Annotated[tuple[str, ...], Field(min_length=2)]
    """The classes from the lowest numbers to the highest, one more than there are edges."""

    @model_validator(mode="after")
    def _names_fit_the_edges(self) -> Self:
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"bands.edges {list(self.edges)} must rise")
        if len(self.names) != len(self.edges) + 1:
            raise ValueError(
                f"bands has {len(self.edges)} edges and {len(self.names)} names: name "
                f"{len(self.edges) + 1} classes"
            )
        return self


class Target(Specification):
    """What the model predicts."""

    column: str
    """Name of the column; rows where it is missing are kept, counted and not trained on."""
    task: Task = "binary"
    """binary: which of two classes. multiclass: which of three or more. regression: a number."""
    type: Literal["boolean", "integer", "number", "string"] = "boolean"
    """Of the cleaned column. binary: boolean, or integer with the values 0 and 1; ``True`` and 1
    are the positive class. multiclass: string or integer. regression: integer or number."""
    positive: str | int | None = None
    """Binary: what the source writes for the positive class, where that is not true or 1."""
    negative: str | int | None = None
    """Binary: what the source writes for the other class; any third value sends its row to the
    quarantine."""
    classes: tuple[str | int, ...] = ()
    """Multiclass: the classes as the source writes them, in the order of the model's answers; any
    other value sends its row to the quarantine."""
    bands: Bands | None = None
    """Multiclass: the source delivers numbers, and the classes are ranges of them. The type is
    then string, of the names."""
    minimum: FiniteFloat | None = None
    """Regression: smallest allowed value; smaller values send the row to the quarantine."""
    maximum: FiniteFloat | None = None
    """Regression: largest allowed value; larger values send the row to the quarantine."""
    unit: str = ""
    """Regression: what the number counts, such as minutes."""
    description: str = ""
    """Meaning of the positive class, of the classes, or of the number."""

    @model_validator(mode="after")
    def _combination_makes_sense(self) -> Self:
        for problem in _TARGET_PROBLEMS[self.task](self):
            raise ValueError(problem)
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in the order of the model's answers, as text; none for a number."""
        match self.task:
            case "binary":
                return ("0", "1")
            case "multiclass":
                return self.bands.names if self.bands else tuple(str(c) for c in self.classes)
            case "regression":
                return ()


def _binary_problems(target: Target) -> Iterator[str]:
    if target.type not in ("boolean", "integer"):
        yield f"target.type {target.type} does not fit a binary task: use boolean or integer"
    if (target.positive is None) != (target.negative is None):
        yield "target.positive and target.negative go together"
    if target.positive is not None and str(target.positive) == str(target.negative):
        yield "target.positive and target.negative are the same"
    if target.positive is not None and target.type != "boolean":
        yield "target.positive is for type: boolean"
    yield from _misplaced(target, ("classes", "bands", "minimum", "maximum", "unit"))


def _multiclass_problems(target: Target) -> Iterator[str]:
    if target.type not in ("string", "integer"):
        yield f"target.type {target.type} does not fit a multiclass task: use string or integer"
    if bool(target.classes) == bool(target.bands):
        yield "a multiclass target needs either target.classes or target.bands"
    if target.bands is not None and target.type != "string":
        yield "target.bands are names: use type: string"
    if len(target.class_names) < 3:
        yield "a multiclass target has three classes or more: for two, use task: binary"
    if len(set(target.class_names)) < len(target.class_names):
        yield "two of the target's classes are the same"
    if not all(name.strip() for name in target.class_names):
        yield "a class of the target has no name"
    if target.type == "integer" and not all(isinstance(c, int) for c in target.classes):
        yield f"target.classes {list(target.classes)} do not fit type: integer"
    if target.type == "string" and not all(isinstance(c, str) for c in target.classes):
        yield f"target.classes {list(target.classes)} do not fit type: string: put them in quotes"
    yield from _misplaced(target, ("positive", "negative", "minimum", "maximum", "unit"))


def _regression_problems(target: Target) -> Iterator[str]:
    if target.type not in ("number", "integer"):
        yield f"target.type {target.type} does not fit a regression: use number or integer"
    low, high = target.minimum, target.maximum
    if low is not None and high is not None and low >= high:
        yield f"target.minimum {low:g} is not below target.maximum {high:g}"
    yield from _misplaced(target, ("positive", "negative", "classes", "bands"))


def _misplaced(target: Target, fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        if getattr(target, field) not in (None, (), ""):
            yield f"target.{field} is not for a {target.task} task"


_TARGET_PROBLEMS = {
    "binary": _binary_problems,
    "multiclass": _multiclass_problems,
    "regression": _regression_problems,
}
