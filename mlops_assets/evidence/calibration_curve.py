"""Whether answers mean what they say: what was predicted beside what was observed, in bins.

Belongs here: the calibration curve of each task. Does not belong here: making a model calibrated
(``training/calibration.py``), or how the curve is drawn (``evaluation_page.py``).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels
from mlops_assets.evidence.bootstrap import Values
from mlops_assets.evidence.regression_metrics import inside
from mlops_assets.target_declaration import Task

BINS = 10


def calibration_curve(task: Task, labels: Labels, answers: Answers) -> list[dict[str, Any]]:
    """Rows and means of ``predicted`` and ``observed`` in ten bins of equal count.

    Binary: the probability of the positive class, and the share of positives. Multiclass: the
    probability of the class answered, and the share of right answers. Regression: the prediction
    and the label; beside them ``covered``, the share of labels inside their intervals. The order of
    the rows does not matter.
    """
    predicted, observed = _compared(task, labels, answers)
    covered = inside(labels, answers) if task == "regression" else np.zeros(len(labels))
    order = np.lexsort((covered, observed, predicted))
    return [
        {
            "rows": len(part),
            "predicted": float(predicted[part].mean()),
            "observed": float(observed[part].mean()),
            **({"covered": float(covered[part].mean())} if task == "regression" else {}),
        }
        for part in np.array_split(order, BINS)
        if len(part)
    ]


def _compared(task: Task, labels: Labels, answers: Answers) -> tuple[Values, Values]:
    truth: NDArray[np.float64] = labels.astype(np.float64)
    if task == "multiclass":
        return answers.max(axis=1), (answers.argmax(axis=1) == labels).astype(np.float64)
    return answers[:, 0], truth
