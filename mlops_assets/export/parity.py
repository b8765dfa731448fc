"""How far the answers of an exported model are from those of the model it was made from.

Belongs here: the comparison, row by row, with its limit and verdict. Does not belong here: how the
two sets of answers came about (``onnx_graph.py``, ``serving/predictor.py``) or what is done about a
disagreement (``checks.py``).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DECISION = 0.5
"""Probability of the positive class from which the answer is 1."""


def compare(
    model_probabilities: NDArray[np.floating[Any]],
    onnx_probabilities: NDArray[np.floating[Any]],
    limit: float,
) -> dict[str, Any]:
    """Compare the probabilities of the same rows, both ``[n]`` (positive class) or ``[n, 2]``.

    A row's difference is the larger of its classes'. ``agrees`` needs at least one row, finite
    probabilities only, and no row above ``limit``. Figures without a meaning are ``None``.
    Raises ``ValueError`` where the shapes differ or are neither of the two.
    """
    model, onnx = _as_columns(model_probabilities), _as_columns(onnx_probabilities)
    if model.shape != onnx.shape:
        raise ValueError(f"probabilities of different shapes, {model.shape} and {onnx.shape}")
    finite = np.isfinite(model).all(axis=1) & np.isfinite(onnx).all(axis=1)
    comparable = bool(len(model) > 0 and finite.all())
    figures: dict[str, Any] = {
        "rows_compared": len(model),
        "rows_not_finite": int((~finite).sum()),
        "limit": float(limit),
        "largest_difference": None,
        "percentile_99_9": None,
        "rows_above_limit": None,
        "decisions_flipped": None,
        "agrees": False,
    }
    if not comparable:
        return figures
    difference = np.abs(model - onnx).max(axis=1)
    flipped = (model[:, -1] >= DECISION) != (onnx[:, -1] >= DECISION)
    return figures | {
        "largest_difference": float(difference.max()),
        "percentile_99_9": float(np.percentile(difference, 99.9)),
        "rows_above_limit": int((difference > limit).sum()),
        "decisions_flipped": int(flipped.sum()),
        "agrees": bool((difference <= limit).all()),
    }


def _as_columns(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Float64 ``[n, 1]`` or ``[n, 2]``, the positive class last."""
    array = np.asarray(probabilities, dtype=np.float64)
    columns = array[:, None] if array.ndim == 1 else array
    if columns.ndim != 2 or columns.shape[1] not in (1, 2):
        raise ValueError(f"probabilities of shape {array.shape}: neither [n] nor [n, 2]")
    return columns
