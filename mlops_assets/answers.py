"""What a model of each task answers, and what an answer costs.

Belongs here: the one form in which answers travel between rooms, and the loss that training, the
gate and monitoring agree on. Does not belong here: metrics (``evidence/metrics.py``), or how a
model comes to its answers (``training/``, ``serving/``).

Answers are float64 ``[n, k]``:

- binary: the probability of the positive class, ``k = 1``;
- multiclass: the probability of each class in the order of ``target.class_names``, adding up to 1;
- regression: the prediction and the lower and upper bound of its interval, ``k = 3``.

Labels are ``[n]``: 0 or 1, the position of the class, or the number itself.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.target_declaration import Target, Task

Answers = NDArray[np.float64]
Labels = NDArray[np.int64] | NDArray[np.float64]

DECISION = 0.5
"""Probability of the positive class from which the answer is the positive class."""
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


def decisions(task: Task, answers: Answers) -> NDArray[np.int64] | None:
    """The class each row is given, int64 ``[n]``; a number decides nothing: ``None``."""
    if task == "regression":
        return None
    classes = answers[:, 0] >= DECISION if task == "binary" else answers.argmax(axis=1)
    decided: NDArray[np.int64] = classes.astype(np.int64)
    return decided


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
