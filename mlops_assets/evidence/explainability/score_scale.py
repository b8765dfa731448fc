"""The scale on which every model is explained: the score, on which most families are sums.

Belongs here: the score of an answer, and the answer of a score. Does not belong here: what makes up
a score (``attribution.py``, ``tree_attribution.py``, ``additive_attribution.py``).

Binary: the log odds of the released probability, ``[n, 1]``. Multiclass: the logarithm of each
class's probability less its mean over the classes, ``[n, classes]``. Regression: the prediction,
``[n, 1]``. Where a file holds a probability back from 0 or 1, exact explainers explain the score as
it would go on; for every explained row the difference is in its gap. One scale for every family, so
that the attributions of two models can be compared.
"""

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers
from mlops_assets.target_declaration import Target, Task

Floats = NDArray[np.float64]

NEAREST = 2.0**-24
"""Probabilities of two classes are held this far from 0 and 1: closer, a float32 sigmoid, in which
files answer, is rounding noise."""
SMALLEST_PROBABILITY = 1e-30
"""One of several classes is held above this, which a float32 softmax tells from 0."""


def scores_a_row(target: Target) -> int:
    """How many scores a row has."""
    return len(target.class_names) if target.task == "multiclass" else 1


def to_scores(task: Task, answers: Answers) -> Floats:
    """The scores of ``answers`` ``[n, k]``, float64 ``[n, scores]``. Of a regression only the first
    answer, the prediction, is read."""
    if task == "regression":
        return answers[:, :1].astype(np.float64)
    if task == "binary":
        held = np.clip(answers.astype(np.float64), NEAREST, 1.0 - NEAREST)
        return np.log(held) - np.log1p(-held)
    logs = np.log(np.maximum(answers.astype(np.float64), SMALLEST_PROBABILITY))
    centred: Floats = logs - logs.mean(axis=1, keepdims=True)
    return centred


def to_answers(task: Task, scores: Floats) -> Answers:
    """The probabilities, or the prediction, of ``scores`` ``[n, scores]``; the inverse of
    ``to_scores`` where that held nothing back."""
    if task == "regression":
        return scores
    if task == "binary":
        positive: Answers = 0.5 * (1.0 + np.tanh(0.5 * scores))
        return positive
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Answers = powers / powers.sum(axis=1, keepdims=True)
    return shares


def additivity_gaps(task: Task, added: Floats, answers: Answers, spread: float) -> Floats:
    """How far what ``added`` scores ``[n, scores]`` come to is from the released ``answers``,
    float64 ``[n]``: the largest difference of a row's probabilities; of its predictions, divided by
    ``spread``, a standard deviation of predictions."""
    rebuilt = to_answers(task, added)
    gaps: Floats = np.abs(rebuilt - answers[:, : rebuilt.shape[1]]).max(axis=1)
    return gaps / spread if task == "regression" else gaps
