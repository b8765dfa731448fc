"""How far the answers of an exported model are from those of the model it was made from.

Belongs here: the comparison, row by row, with its limit and verdict. Does not belong here: how the
two sets of answers came about (``onnx_graph.py``, ``serving/predictor.py``), what a difference is
(``answers.py``), or what is done about a disagreement (``checks.py``).
"""

from typing import Any

import numpy as np

from mlops_assets.answers import Answers, Cut, decisions, differences
from mlops_assets.target_declaration import Task


def compare(
    task: Task,
    model_answers: Answers,
    onnx_answers: Answers,
    limit: float,
    variance: float = 1.0,
    cut: Cut | None = None,
) -> dict[str, Any]:
    """Compare the answers to the same rows, both ``[n, k]``.

    A row's difference is ``answers.differences``: of probabilities, or of predictions in standard
    deviations of the target, whose ``variance`` among the train labels is given. ``agrees`` needs
    at least one row, finite answers only, and no row above ``limit``. ``cut`` is how the rows are
    decided. Figures without a meaning are ``None``; so is ``decisions_flipped`` of a regression.
    Raises ``ValueError`` where the shapes differ or are not of two dimensions.
    """
    if model_answers.ndim != 2 or model_answers.shape != onnx_answers.shape:
        shapes = f"{model_answers.shape} and {onnx_answers.shape}"
        raise ValueError(f"answers of shapes {shapes}: both must be [n, k]")
    finite = np.isfinite(model_answers).all(axis=1) & np.isfinite(onnx_answers).all(axis=1)
    figures: dict[str, Any] = {
        "rows_compared": len(model_answers),
        "rows_not_finite": int((~finite).sum()),
        "limit": float(limit),
        "largest_difference": None,
        "percentile_99_9": None,
        "rows_above_limit": None,
        "decisions_flipped": None,
        "agrees": False,
    }
    if len(model_answers) == 0 or not finite.all():
        return figures
    apart = differences(task, model_answers, onnx_answers, variance)
    return figures | {
        "largest_difference": float(apart.max()),
        "percentile_99_9": float(np.percentile(apart, 99.9)),
        "rows_above_limit": int((apart > limit).sum()),
        "decisions_flipped": _flipped(task, model_answers, onnx_answers, cut),
        "agrees": bool((apart <= limit).all()),
    }


def _flipped(
    task: Task, model_answers: Answers, onnx_answers: Answers, cut: Cut | None
) -> int | None:
    decided, exported = decisions(task, model_answers, cut), decisions(task, onnx_answers, cut)
    if decided is None or exported is None:
        return None
    return int((decided != exported).sum())
