"""How much likelier a model's answers are if it learned from a row than if it did not.

Belongs here: the two attacks on membership, and what they are given. Does not belong here: the
models that they are calibrated with and what an attack amounts to (``membership.py``).

Both attacks compare the attacked model with models of the attacker's own, each of which learned
from some of the rows (``inside``) and not from the others. What a model says of a row is one
number, its signal: the logit of the probability of the true class, or the signed error of the
predicted number in standard deviations of the target.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels
from mlops_assets.target_declaration import Task

Attack = Literal["rmia", "lira"]
Signals = NDArray[np.float64]
Inside = NDArray[np.bool_]

SIGNAL_FLOOR = 1e-6
"""Probabilities are clipped to this and its complement before the logit: an exported model answers
in float32, in which what is closer to 1 cannot be told apart."""
SPREAD_FLOOR = 1e-12


def row_signals(task: Task, labels: Labels, answers: Answers, variance: float) -> Signals:
    """The signal of each row, float64 ``[n]``; ``labels`` ``[n]`` and ``answers`` ``[n, k]`` are as
    in ``mlops_assets.answers``, ``variance`` is that of the train labels, for a regression."""
    if task == "regression":
        errors: Signals = (answers[:, 0] - labels) / np.sqrt(variance)
        return errors
    codes = labels.astype(np.int64)
    if task == "binary":
        chances = np.where(codes == 1, answers[:, 0], 1.0 - answers[:, 0])
    else:
        chances = answers[np.arange(len(codes)), codes]
    clipped = np.clip(chances, SIGNAL_FLOOR, 1.0 - SIGNAL_FLOOR)
    logits: Signals = np.log(clipped) - np.log1p(-clipped)
    return logits


def lira(task: Task, signals: Signals, shadows: Signals, inside: Inside) -> Signals:  # noqa: ARG001
    """Logarithm of the likelihood ratio of two normal distributions of a row's signal, float64
    ``[n]``: one among the models that learned from it, one among those that did not.

    ``signals`` ``[n]`` are those of the attacked model, ``shadows`` ``[m, n]`` those of the
    attacker's, ``inside`` ``[m, n]`` says which of them learned from which row (of every row some
    did and some did not). The means are the row's own; the two variances are pooled over the rows,
    as the paper does where shadow models are few.

    Source: N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis, F. Tramèr, "Membership inference
    attacks from first principles", IEEE S&P 2022, the online attack.
    """
    ratios = np.zeros(len(signals))
    for learned, sign in ((inside, 1.0), (~inside, -1.0)):
        means = (shadows * learned).sum(axis=0) / learned.sum(axis=0)
        spare = max(int(learned.sum()) - len(signals), 1)
        spread = max(float(((shadows - means) ** 2 * learned).sum()) / spare, SPREAD_FLOOR)
        ratios += sign * (-((signals - means) ** 2) / (2.0 * spread) - 0.5 * np.log(spread))
    return ratios


def rmia(task: Task, signals: Signals, shadows: Signals, inside: Inside) -> Signals:
    """Logarithm of what the attacked model says how likely the outcome of a row is, divided by what
    models say that learned from it or did not, half of the weight to each; float64 ``[n]``, the
    parameters as in ``lira``.

    The likelihood is the probability of the true class; of a number, the normal density of its
    error, as wide as the errors of the attacker's models on rows that they did not learn from. The
    paper's score of a row is the share of other rows whose quotient its own exceeds: it puts the
    rows in the same order.

    Source: S. Zarifzadeh, P. Liu, R. Shokri, "Low-cost high-power membership inference attacks",
    ICML 2024, the online attack.
    """
    error = float((shadows**2)[~inside].mean()) if task == "regression" else 1.0
    asked = _log_likelihood(task, signals, error)
    usual = np.exp(_log_likelihood(task, shadows, error))
    learned = (usual * inside).sum(axis=0) / inside.sum(axis=0)
    others = (usual * ~inside).sum(axis=0) / (~inside).sum(axis=0)
    quotients: Signals = asked - np.log(np.maximum(0.5 * (learned + others), SPREAD_FLOOR))
    return quotients


ATTACKS: dict[Attack, Callable[[Task, Signals, Signals, Inside], Signals]] = {
    "rmia": rmia,
    "lira": lira,
}
"""In the order of preference where two are equally good."""


def _log_likelihood(task: Task, signals: Signals, error: float) -> Signals:
    if task == "regression":
        density: Signals = -(signals**2) / (2.0 * max(error, SPREAD_FLOOR))
        return density
    chances: Signals = -np.logaddexp(0.0, -signals)
    return chances
