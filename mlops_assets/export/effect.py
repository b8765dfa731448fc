"""What the 8-bit form changes in the answers, and whether that is allowed.

Belongs here: the figures, and each beside its limit with a verdict. Does not belong here: making
the form (``quantization.py``), the limits themselves (``use_case.py``), or speed, which is measured
and not computed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Cut, decisions, differences, row_losses
from mlops_assets.policy_declaration import Limits
from mlops_assets.target_declaration import Task


def quantization_effect(
    task: Task,
    float_answers: Answers,
    quantized_answers: Answers,
    labels: NDArray[Any],
    float_size: int,
    quantized_size: int,
    variance: float = 1.0,
    cut: Cut | None = None,
) -> dict[str, Any]:
    """What changes between two sets of answers (see ``answers.py``) to the same ``n`` labelled
    rows; sizes are bytes, ``variance`` that of the labels in the train split, ``cut`` how the rows
    are decided.

    ``largest_difference`` is of probabilities, or of predictions in standard deviations;
    ``decisions_flipped`` is a share, and not asked of a regression. Changes are quantized minus
    float: of the mean loss, and for a binary task of the area under the ROC curve. What has no
    meaning (no rows, an answer that is not finite, one class only) is ``None``. Raises
    ``ValueError`` where the shapes differ.
    """
    if not float_answers.shape == quantized_answers.shape or len(float_answers) != len(labels):
        raise ValueError(
            f"answers of shapes {float_answers.shape} and {quantized_answers.shape} with "
            f"{len(labels)} labels: not of the same rows"
        )
    effect: dict[str, Any] = {
        "rows_compared": len(labels),
        "size_float": float_size,
        "size_quantized": quantized_size,
        "size_ratio": quantized_size / float_size if float_size else None,
        "largest_difference": None,
        "decisions_flipped": None,
        "loss_change": None,
        "roc_auc_change": None,
    }
    if len(labels) == 0 or not _finite(float_answers) or not _finite(quantized_answers):
        return effect
    apart = differences(task, float_answers, quantized_answers, variance)
    effect["largest_difference"] = float(apart.max())
    before, after = decisions(task, float_answers, cut), decisions(task, quantized_answers, cut)
    if before is not None and after is not None:
        effect["decisions_flipped"] = float((before != after).mean())
    losses = [
        row_losses(task, labels, given, variance).mean()
        for given in (float_answers, quantized_answers)
    ]
    effect["loss_change"] = float(losses[1] - losses[0])
    if task == "binary":
        effect["roc_auc_change"] = _roc_auc_change(float_answers, quantized_answers, labels)
    return effect


def within_limits(
    effect: dict[str, Any] | None, limits: Limits, task: Task
) -> list[dict[str, Any]]:
    """Each figure of ``effect`` that is limited, as ``name``, ``value``, ``limit`` and whether it
    ``holds``; an unknown one does not. All figures of no effect are unknown. Flips are not asked
    of a regression."""
    asked = {
        "largest_difference": limits.quantized_difference,
        "decisions_flipped": limits.quantized_flips,
        "loss_change": limits.quantized_loss,
    }
    if task == "regression":
        del asked["decisions_flipped"]
    found = effect or {}
    return [
        {
            "name": name,
            "value": found.get(name),
            "limit": limit,
            "holds": _holds(found.get(name), limit),
        }
        for name, limit in asked.items()
    ]


def _holds(value: float | None, limit: float) -> bool:
    return value is not None and bool(np.isfinite(value)) and value <= limit


def _finite(answers: Answers) -> bool:
    return bool(np.isfinite(answers).all())


def _roc_auc_change(before: Answers, after: Answers, labels: NDArray[Any]) -> float | None:
    from sklearn.metrics import roc_auc_score

    if len(np.unique(labels)) < 2:
        return None
    areas = [float(roc_auc_score(labels, given[:, 0])) for given in (before, after)]
    return areas[1] - areas[0]
