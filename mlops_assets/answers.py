"""What a model of each task answers, and what an answer costs.

Belongs here: the one form in which answers travel between rooms, and the loss that training, the
gate and monitoring agree on. Does not belong here: metrics (``evidence/metrics/``), or how a model
comes to its answers (``training/``, ``serving/``).

Answers are float64 ``[n, k]``:

- binary: the probability of the positive class, ``k = 1``;
- multiclass: the probability of each class in the order of ``target.class_names``, adding up to 1;
- regression: the prediction and the lower and upper bound of its interval, ``k = 3``.

Labels are ``[n]``: 0 or 1, the position of the class, or the number itself.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.target_declaration import Target, Task

if TYPE_CHECKING:
    import pandas as pd

Answers = NDArray[np.float64]
Labels = NDArray[np.int64] | NDArray[np.float64]
Ask = Callable[["pd.DataFrame"], Answers]
"""A model as a black box: rows with at least the inputs in, answers ``[n, k]`` out."""

DECISION = 0.5
"""Probability of the positive class from which the positive class is decided, where no costs are
declared."""
PROBABILITY_FLOOR = 1e-15
"""Probabilities are clipped to this and its complement before a logarithm."""
INTERVAL_ANSWERS = ("prediction", "lower", "upper")
LOSS_NAMES: dict[Task, str] = {
    "binary": "log loss",
    "multiclass": "log loss",
    "regression": "standardised squared error",
}


def answer_names(target: Target) -> tuple[str, ...]:
    """What each of the ``k`` answers is."""
    match target.task:
        case "binary":
            return ("probability",)
        case "multiclass":
            return target.class_names
        case "regression":
            return INTERVAL_ANSWERS


def row_losses(
    task: Task, labels: Labels, answers: Answers, variance: float = 1.0
) -> NDArray[np.float64]:
    """What each answer costs, float64 ``[n]``, so that the mean compares models of any task.

    Binary and multiclass: the log loss in nats. Regression: the squared error of the prediction
    divided by ``variance``, that of the labels in the train split; answering their mean costs about
    1, whatever the target's unit.
    """
    if task == "regression":
        errors: NDArray[np.float64] = (answers[:, 0] - labels) ** 2 / variance
        return errors
    codes = labels.astype(np.int64)
    if task == "binary":
        chances = np.where(codes == 1, answers[:, 0], 1.0 - answers[:, 0])
    else:
        chances = answers[np.arange(len(codes)), codes]
    losses: NDArray[np.float64] = -np.log(
        np.clip(chances, PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR)
    )
    return losses


@dataclass(frozen=True)
class DecisionRule:
    """How a class is decided from an answer.

    Binary: the positive class from ``threshold`` on; where ``group_column`` is named, from
    ``group_thresholds`` of the row's value in it (as text; ``threshold`` where it is another).
    Multiclass: the class whose expected cost is least, ``costs[true][decided]`` in the order of the
    classes; without costs the most probable one. The thresholds are float32 numbers.
    """

    threshold: float = DECISION
    costs: tuple[tuple[float, ...], ...] | None = None
    group_column: str | None = None
    group_thresholds: tuple[tuple[str, float], ...] = ()

    def cut(self, rows: "pd.DataFrame | None" = None) -> "Cut":
        """The rule as ``decisions`` takes it. ``rows`` ``[n]`` are needed where it goes by group;
        raises ``ValueError`` where they are not given."""
        if self.group_column is None:
            return Cut(self.threshold, None if self.costs is None else np.array(self.costs))
        if rows is None:
            raise ValueError(f"decisions go by {self.group_column!r}: the rows are needed")
        codes, values = group_values(rows[self.group_column])
        by_value = dict(self.group_thresholds)
        # Rows without a value have the code -1, and so the last threshold.
        thresholds = [*(by_value.get(value, self.threshold) for value in values), self.threshold]
        return Cut(np.array(thresholds, np.float64)[codes])

    def to_dict(self) -> dict[str, Any]:
        """The rule as JSON-able values; ``parse`` reads them."""
        return asdict(self)

    @classmethod
    def parse(cls, record: dict[str, Any]) -> "DecisionRule":
        costs = record["costs"]
        return cls(
            record["threshold"],
            None if costs is None else tuple(tuple(line) for line in costs),
            record["group_column"],
            tuple((value, threshold) for value, threshold in record["group_thresholds"]),
        )


def group_values(column: "pd.Series") -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The values of a categorical column as text, as thresholds by group know them, and which of
    them each row has, int64 ``[n]``; -1 of a missing one. A whole number is the same text in
    whatever dtype it is held."""
    import pandas as pd

    codes, levels = pd.factorize(column)
    texts = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in levels]
    # A tensor of strings has the empty one for a missing value.
    is_missing = np.array([text == "" for text in texts] + [True])
    return np.where(is_missing[codes], -1, codes).astype(np.int64), tuple(texts)


@dataclass(frozen=True)
class Cut:
    """A decision rule applied to given rows: the threshold of each row, float64 ``[n]`` or one for
    all, and the costs, float64 ``[k, k]``."""

    threshold: float | NDArray[np.float64] = DECISION
    costs: NDArray[np.float64] | None = None

    def at(self, rows: NDArray[Any]) -> "Cut":
        """The cut of some of the rows, by mask or positions."""
        if isinstance(self.threshold, np.ndarray):
            return replace(self, threshold=self.threshold[rows])
        return self


def decisions(task: Task, answers: Answers, cut: Cut | None = None) -> NDArray[np.int64] | None:
    """The class each row is given by ``cut``, int64 ``[n]``; a number decides nothing: ``None``."""
    if task == "regression":
        return None
    cut = cut or Cut()
    if task == "binary":
        classes = answers[:, 0] >= cut.threshold
    elif cut.costs is None:
        classes = answers.argmax(axis=1)
    else:
        classes = expected_costs(answers, cut.costs).argmin(axis=1)
    decided: NDArray[np.int64] = classes.astype(np.int64)
    return decided


def expected_costs(answers: Answers, costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """What deciding each class is expected to cost, float64 ``[n, k]``, where the classes have the
    probabilities ``answers`` ``[n, k]`` and ``costs`` are ``[true, decided]``.

    Summed class by class, in their order, as the exported graph does: near a tie, another order of
    summation would decide otherwise.
    """
    expected: NDArray[np.float64] = answers[:, :1] * costs[0]
    for position in range(1, len(costs)):
        expected = expected + answers[:, position : position + 1] * costs[position]
    return expected


def differences(
    task: Task, first: Answers, second: Answers, variance: float = 1.0
) -> NDArray[np.float64]:
    """How far apart two sets of answers to the same rows are, float64 ``[n]``: the largest
    difference of a row's probabilities; of its predictions, in standard deviations of the target
    (``variance`` is that of the labels in the train split).

    Raises ``ValueError`` where the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"answers of different shapes, {first.shape} and {second.shape}")
    apart: NDArray[np.float64] = (
        np.abs(first[:, 0] - second[:, 0]) / np.sqrt(variance)
        if task == "regression"
        else np.abs(first - second).max(axis=1)
    )
    return apart


def from_outputs(outputs: dict[str, NDArray[Any]]) -> Answers:
    """The answers in what an exported model returns: ``probabilities`` ``[n, classes]`` (of two
    classes, the negative one first), or ``prediction`` ``[n]`` with ``interval`` ``[n, 2]``."""
    if "probabilities" in outputs:
        probabilities = outputs["probabilities"].astype(np.float64)
        return probabilities[:, 1:] if probabilities.shape[1] == 2 else probabilities
    columns = [outputs["prediction"][:, None], outputs["interval"]]
    return np.concatenate(columns, axis=1).astype(np.float64)
