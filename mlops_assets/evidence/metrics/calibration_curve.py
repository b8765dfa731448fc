"""Whether answers mean what they say: what was predicted beside what was observed, in bins.

Belongs here: the calibration curve of each task. Does not belong here: making a model calibrated
(``training/calibration.py``), or how the curve is drawn (``evaluation_page.py``).
"""

from typing import Any

import numpy as np

from mlops_assets.answers import Answers, Labels
from mlops_assets.evidence.metrics.calibration_error import bins_of, compared
from mlops_assets.evidence.metrics.regression_metrics import inside
from mlops_assets.target_declaration import Task


def calibration_curve(task: Task, labels: Labels, answers: Answers) -> list[dict[str, Any]]:
    """Rows and means of ``predicted`` and ``observed`` in ten bins of about equal count.

    Binary: the probability of the positive class, and the share of positives. Multiclass: the
    probability of the class answered, and the share of right answers. Regression: the prediction
    and the label; beside them ``covered``, the share of labels inside their intervals. The order of
    the rows does not matter; equal predictions are in one bin.
    """
    predicted, observed = compared(task, labels, answers)
    covered = inside(labels, answers) if task == "regression" else np.zeros(len(labels))
    codes = bins_of(predicted)
    # In an order of their own, so that the order of the rows does not change the last bit of a sum.
    order = np.lexsort((covered, observed, predicted, codes))
    ends = np.cumsum(np.bincount(codes, minlength=1))[:-1]
    return [
        {
            "rows": len(part),
            "predicted": float(predicted[part].mean()),
            "observed": float(observed[part].mean()),
            **({"covered": float(covered[part].mean())} if task == "regression" else {}),
        }
        for part in np.split(order, ends)
        if len(part)
    ]
