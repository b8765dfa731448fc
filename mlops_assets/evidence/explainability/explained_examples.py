"""Single answers with what made them up: which rows they are, and their contributions.

Belongs here: choosing the rows of each task. Does not belong here: the values (``attribution.py``),
or the words in which they are said (``example_sections.py``). Nothing says which row it was: an
example holds the model's inputs, its answer and the outcome.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Cut
from mlops_assets.evidence.explainability.attribution import Attribution
from mlops_assets.evidence.explainability.explained_values import plain_value, rounded
from mlops_assets.evidence.explainability.score_scale import Floats, to_answers, to_scores
from mlops_assets.target_declaration import Target

Chosen = dict[tuple[str, int | None], int]
"""Which row is an example of what: of a kind, and of a class where the kind has one."""


def examples(
    rows: pd.DataFrame,
    found: Attribution,
    labels: NDArray[Any] | None,
    target: Target,
    shown: Sequence[int],
    cut: Cut,
) -> list[dict[str, Any]]:
    """The telling answers among ``rows`` (input columns only), each row once.

    ``labels`` ``[n]`` are 0 or 1, class positions or numbers, missing where they are not known;
    ``shown`` are the positions of the classes that matter most, ``cut`` the decision rule at these
    rows, to which uncertainty is relative. An example explains the probability of the positive
    class, that of the most probable class, or the predicted number. It has its ``kinds``, each with
    its ``class``; ``answer`` and ``base_answer``, where contributions start; ``outcome``; and its
    ``contributions``, strongest first, in units of the score.
    """
    truth = np.full(len(rows), np.nan)
    if labels is not None:
        truth = pd.Series(labels).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    match target.task:
        case "binary":
            chosen = _of_binary(found.answers[:, 0], truth, cut)
        case "multiclass":
            chosen = _of_classes(found.answers, truth, shown, cut)
        case "regression":
            chosen = _of_regression(found.answers, truth)
    kinds: dict[int, list[dict[str, Any]]] = {}
    for (kind, position), i in chosen.items():
        name = None if position is None else target.class_names[position]
        kinds.setdefault(i, []).append({"kind": kind, "class": name})
    return [_example(said, i, rows, found, truth[i], target) for i, said in kinds.items()]


def _of_binary(chances: Floats, truth: Floats, cut: Cut) -> Chosen:
    scores, limit = (to_scores("binary", _column(one)) for one in (chances, cut.threshold))
    return {
        ("most likely positive", None): int(np.argmax(chances)),
        ("most uncertain", None): int(np.argmin(np.abs(scores - limit)[:, 0])),
        ("typical", None): _middle(chances),
        ("most likely negative", None): int(np.argmin(chances)),
        **_most_wrong(np.abs(chances - truth)),
    }


def _of_classes(chances: Answers, truth: Floats, shown: Sequence[int], cut: Cut) -> Chosen:
    probable = chances.argmax(axis=1)
    chosen: Chosen = {
        ("most certain", k): int(np.argmax(np.where(probable == k, chances[:, k], -1.0)))
        for k in shown
        if (probable == k).any()
    }
    worth = chances if cut.costs is None else -(chances[:, :, None] * cut.costs).sum(axis=1)
    best = np.sort(worth, axis=1)[:, -2:]
    chosen["most uncertain", None] = int(np.argmin(best[:, 1] - best[:, 0]))
    chosen["typical", None] = _middle(chances.max(axis=1))
    known = np.flatnonzero(~np.isnan(truth))
    wrongness = np.full(len(chances), np.nan)
    wrongness[known] = 1.0 - chances[known, truth[known].astype(np.int64)]
    return chosen | _most_wrong(wrongness)


def _of_regression(answers: Answers, truth: Floats) -> Chosen:
    predictions = answers[:, 0]
    chosen: Chosen = {
        ("highest prediction", None): int(np.argmax(predictions)),
        ("typical", None): _middle(predictions),
        ("lowest prediction", None): int(np.argmin(predictions)),
    }
    if answers.shape[1] > 1:
        widths = answers[:, 2] - answers[:, 1]
        chosen["most uncertain", None] = int(np.argmax(widths))
    return chosen | _most_wrong(np.abs(predictions - truth))


def _column(values: Floats | float) -> Floats:
    return np.reshape(np.asarray(values, dtype=np.float64), (-1, 1))


def _middle(values: Floats) -> int:
    return int(np.argsort(values, kind="stable")[len(values) // 2])


def _most_wrong(wrongness: Floats) -> Chosen:
    """The row with the largest of those that are known, if there is one."""
    if np.isnan(wrongness).all():
        return {}
    return {("most wrong", None): int(np.nanargmax(wrongness))}


def _example(
    kinds: list[dict[str, Any]],
    i: int,
    rows: pd.DataFrame,
    found: Attribution,
    truth: float,
    target: Target,
) -> dict[str, Any]:
    k = int(found.answers[i].argmax()) if target.task == "multiclass" else 0
    values, errors = found.values[i, :, k], found.standard_errors[i, :, k]
    return {
        "kinds": kinds,
        "output": target.class_names[k] if target.task == "multiclass" else None,
        "answer": rounded(found.answers[i, k]),
        "base_answer": rounded(to_answers(target.task, found.base[None])[0, k]),
        "outcome": None if np.isnan(truth) else _outcome(truth, target),
        "contributions": [
            {
                "column": str(rows.columns[j]),
                "value": plain_value(rows.iloc[i, j]),
                "contribution": rounded(values[j]),
                "standard_error": rounded(errors[j]),
            }
            for j in np.argsort(-np.abs(values), kind="stable")
        ],
    }


def _outcome(truth: float, target: Target) -> bool | str | float | None:
    match target.task:
        case "binary":
            return bool(truth)
        case "multiclass":
            return target.class_names[int(truth)]
        case "regression":
            return rounded(truth)
