"""What every candidate must beat: an answer that is the same for all rows.

Belongs here: that answer. Does not belong here: whether it is beaten (``selection.py``), nor the
baseline of the gate on the test rows (``release/gate.py``).
"""

import numpy as np

from mlops_assets.answers import Answers, Labels
from mlops_assets.target_declaration import Task

BASELINE = "baseline"


def baseline_answers(task: Task, fitted: Labels, rows: int, classes: int) -> Answers:
    """The answers ``[rows, k]`` of a model that has seen labels and nothing else.

    Binary and multiclass: the shares of the ``classes`` among the ``fitted`` labels by the rule of
    succession, so that a class that did not occur has some chance. Regression: their mean, without
    an interval (both bounds are the mean).
    """
    if task == "regression":
        return np.full((rows, 3), fitted.mean())
    counts = np.bincount(fitted.astype(np.int64), minlength=classes) + 1.0
    shares = counts / counts.sum()
    return np.tile(shares[1:] if task == "binary" else shares, (rows, 1))
