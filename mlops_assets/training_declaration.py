"""How a model is made from its training window, as a use case declares it.

Belongs here: every field below ``training`` in ``defs.yaml``. Does not belong here: how a field is
acted on (``training/``, ``data/features.py``), or what a model must show to be released
(``use_case.py``).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlops_assets.specification import Specification

Family = Literal["linear", "random_forest", "histogram_gradient_boosting", "mlp"]

FAMILIES = ("linear", "random_forest", "histogram_gradient_boosting", "mlp")


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


class Complexity(Specification):
    """What a candidate may cost at most; one that costs more is not chosen, however good."""

    max_parameters: Annotated[int, Field(ge=1)] | None = None
    """Learned numbers: weights and biases, or the leaves of all trees."""
    max_operations: Annotated[int, Field(ge=1)] | None = None
    """Multiplications and comparisons to answer one row, without its encoding."""
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """Size of the float ONNX file."""


class Search(Specification):
    """The budget of the comparison of candidates, in fits and rows so that the machine's speed
    cannot change the result.

    Candidates are compared by successive halving (K. Jamieson and A. Talwalkar, "Non-stochastic
    best arm identification and hyperparameter optimization", AISTATS 2016): all on few folds, the
    better ones on more."""

    families: Annotated[tuple[Family, ...], Field(min_length=1)] = FAMILIES  # type: ignore[assignment]
    max_fits: Annotated[int, Field(ge=3)] = 60
    """Fits of all rounds together."""
    max_rows: Annotated[int, Field(ge=200)] = 12_000
    """Rows of the largest fit of the comparison."""
    max_final_rows: Annotated[int, Field(ge=200)] = 1_000_000
    """Rows that the winner is fitted on at most, evenly spread over the train split."""
    folds: Annotated[int, Field(ge=3, le=20)] = 6
    complexity: Complexity = Complexity()

    @model_validator(mode="after")
    def _one_candidate_fits(self) -> Self:
        if self.max_fits < self.folds:
            raise ValueError("max_fits is less than folds: not one candidate could be compared")
        return self


class Resampling(Specification):
    """Rows of small groups are drawn again where a model is fitted, never where it is judged."""

    by: Annotated[tuple[str, ...], Field(min_length=1)]
    """Sensitive columns whose groups, crossed, are brought up."""
    to: Literal["equal", "reference"] = "reference"
    """equal: every group as large as the largest. reference: to the shares of
    ``representation.reference``, for one column."""


class Remedies(Specification):
    """What is done in training about classes and groups with few rows."""

    class_weights: bool = False
    """Rows weigh so that all classes weigh the same; calibration brings the probabilities back."""
    resample: Resampling | None = None
    min_group_rows: Annotated[int, Field(ge=1)] | None = None
    """Fewest rows of each sensitive group in the train split; with fewer, training is refused."""


class Training(Specification):
    """From which batches, and how, a model is made."""

    first_batches: Annotated[int, Field(ge=1)]
    """Batches that must have arrived before the first training."""
    window: Annotated[int, Field(ge=1)] | Literal["all"] = "all"
    """Number of latest batches a model learns from, or all of them."""
    seed: Annotated[int, Field(ge=0)] = 0
    split: Split = Split()
    remedies: Remedies = Remedies()
    search: Search = Search()
    interval: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.9
    """Regression: share of outcomes that the prediction interval is to hold."""
