"""From which probability on the positive class is decided, so that decisions cost least.

Belongs here: one threshold for all rows, from the costs and the calibration rows. Does not belong
here: a threshold for each group (``group_decision.py``), several classes and the words of the
record (``decision.py``), or thresholds inside trees (``thresholds.py``).

Of probabilities that mean what they say, the threshold that costs least follows from the costs
alone: ``r = (fp - tn) / (fp - tn + fn - tp)`` (C. Elkan, "The foundations of cost-sensitive
learning", IJCAI 2001). What is cheapest on some rows (V. Sheng and C. Ling, "Thresholding for
making classifiers cost-sensitive", AAAI 2006) beats it where probabilities are wrong, and otherwise
follows the noise of these rows. So it is taken only where choosing like this has proved better: on
stretches of the calibration rows that the choice did not see, by a paired test.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Labels
from mlops_assets.evidence_declaration import BinaryCosts
from mlops_assets.reporting.text import mark
from mlops_assets.training.selection import standard_error

FEWEST_OF_A_CLASS = 50
"""Calibration rows of either class below which nothing is tested: the costs decide alone, as
``TOO_FEW_ROWS`` says with this number."""
FOLDS = 5
BLOCKS_A_FOLD = 10
CRITICAL = 2.0
"""Standard errors that a gain must be above zero. Of windows whose probabilities are right, 5% at
most pass: the blocks are few, and share what was chosen for them."""
DIGITS = 9
"""Of a regret a row: sums that differ by rounding only are the same."""

TOO_FEW_ROWS = mark(
    "the probability at which both decisions are expected to cost the same; fewer than 50 "
    "calibration rows of a class: too few to choose by them"
)
NOT_BETTER = mark(
    "the probability at which both decisions are expected to cost the same; none chosen by the "
    "calibration rows proved cheaper"
)
PROVED_CHEAPER = mark(
    "the cheapest on the calibration rows: choosing so proved cheaper, on rows that the choice did "
    "not see, than the probability at which both decisions are expected to cost the same"
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ChosenThreshold:
    """A float32 number, why it is this one, and what choosing by rows gained over the Bayes
    threshold: regret a row, with its standard error, ``None`` where there were too few rows."""

    threshold: float
    why: str
    gain: float | None = None
    standard_error: float | None = None


def bayes_threshold(costs: BinaryCosts) -> float:
    """The probability of the positive class at which both decisions are expected to cost the same,
    as a float32 number."""
    false_alarm = costs.false_positive - costs.true_negative
    miss = costs.false_negative - costs.true_positive
    return float(np.float32(false_alarm / (false_alarm + miss)))


def mean_cost(labels: Labels, decided: NDArray[np.int64], costs: BinaryCosts) -> float | None:
    """What decisions of 0 or 1 cost a row; ``None`` of no rows."""
    if not len(labels):
        return None
    table = np.array(
        [
            [costs.true_negative, costs.false_positive],
            [costs.false_negative, costs.true_positive],
        ]
    )
    return float(table[labels.astype(np.int64), decided].mean())


def regrets(labels: Labels, answers: Floats, thresholds: Floats, bayes: float) -> Floats:
    """What mistakes cost a row at each of the ``thresholds``, float64 ``[thresholds]``, where a
    false positive costs ``bayes`` and a false negative the rest of 1: the declared costs but for
    their unit and for what nobody can avoid. ``answers`` are ``[n]``."""
    negatives, positives = np.sort(answers[labels == 0]), np.sort(answers[labels == 1])
    alarms = len(negatives) - np.searchsorted(negatives, thresholds, side="left")
    misses = np.searchsorted(positives, thresholds, side="left")
    regret: Floats = np.round((alarms * bayes + misses * (1.0 - bayes)) / len(answers), DIGITS)
    return regret


def between(answers: Floats) -> Floats:
    """A threshold below all ``answers`` ``[n]``, between each two that differ, and above all:
    float32 numbers, rising."""
    distinct = np.unique(answers.astype(np.float32)).astype(np.float64)
    middle = (distinct[1:] + distinct[:-1]) / 2.0
    above = (distinct[-1] + 1.0) / 2.0 if distinct[-1] < 1.0 else 1.0 + 2.0**-23
    every = np.concatenate([[0.0], middle, [above]]).astype(np.float32)
    return np.unique(every).astype(np.float64)


def choose_threshold(labels: Labels, answers: Floats, costs: BinaryCosts) -> ChosenThreshold:
    """The threshold for the calibrated ``answers`` ``[n]`` of calibration rows, in order of time,
    with these ``labels``, 0 or 1 ``[n]``: see the module. It costs these rows no more than the
    Bayes threshold does, and depends on the ratio of the costs of mistakes only."""
    bayes = bayes_threshold(costs)
    if min((labels == 0).sum(), (labels == 1).sum()) < FEWEST_OF_A_CLASS:
        return ChosenThreshold(bayes, TOO_FEW_ROWS)
    blocks = _gains_of_blocks(labels, answers, bayes)
    gain, error = float(np.mean(blocks)), standard_error(blocks)
    if error is None or gain <= CRITICAL * error:
        return ChosenThreshold(bayes, NOT_BETTER, gain, error)
    return ChosenThreshold(_cheapest(labels, answers, bayes), PROVED_CHEAPER, gain, error)


def _cheapest(labels: Labels, answers: Floats, bayes: float) -> float:
    """Of those that cost the rows as little, the one nearest to the Bayes threshold."""
    thresholds = np.unique([*between(answers), bayes])
    regret = regrets(labels, answers, thresholds, bayes)
    tied = thresholds[regret == regret.min()]
    return float(tied[np.abs(tied - bayes).argmin()])


def _gains_of_blocks(labels: Labels, answers: Floats, bayes: float) -> list[float]:
    """How much less a threshold chosen on the other stretches costs than the Bayes threshold, on
    each block of each stretch."""
    gains: list[float] = []
    every = np.arange(len(labels))
    for judged in np.array_split(every, FOLDS):
        seen = np.delete(every, judged)
        chosen = _cheapest(labels[seen], answers[seen], bayes)
        for block in np.array_split(judged, BLOCKS_A_FOLD):
            both = regrets(labels[block], answers[block], np.array([bayes, chosen]), bayes)
            gains.append(float(both[0] - both[1]))
    return gains
