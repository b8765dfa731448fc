"""Single answers with what made them up: which rows, and in which words.

Belongs here: choosing the rows of each task and describing them. Does not belong here: the values
that are described (``attribution.py``), or how they are shown (``explainability_page.py``). Nothing
says which row it was: an example holds the model's inputs, its answer and the outcome.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import DECISION
from mlops_assets.evidence.attribution import Attribution, Floats
from mlops_assets.evidence.explained_values import plain_value, rounded, value_text
from mlops_assets.evidence.explanation_words import Words, words_for
from mlops_assets.target_declaration import Target

NAMED_CONTRIBUTIONS = 3
SMALLEST_NAMED = 0.0005
"""Of the range of answers: probabilities run from 0 to 1, predictions as far as they were seen."""

Chosen = dict[str, int]
"""Which row is an example of what."""


def examples(
    rows: pd.DataFrame,
    found: Attribution,
    labels: NDArray[Any] | None,
    target: Target,
    shown: Sequence[int],
) -> list[dict[str, Any]]:
    """The telling answers among ``rows`` (input columns only), each row once.

    ``labels`` ``[n]`` are 0 or 1, class positions or numbers, missing where they are not known;
    ``shown`` are the positions of the classes that matter most. An example explains the probability
    of the positive class, that of the class that was answered, or the predicted number.
    """
    truth = np.full(len(rows), np.nan)
    if labels is not None:
        truth = pd.Series(labels).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    choose = {"binary": _of_binary, "regression": _of_regression}
    if target.task == "multiclass":
        chosen = _of_classes(found.predictions, truth, target.class_names, shown)
    else:
        chosen = choose[target.task](found.predictions[:, 0], truth)
    kinds = {i: ", ".join(k for k, at in chosen.items() if at == i) for i in chosen.values()}
    return [_example(kind, i, rows, found, truth[i], target) for i, kind in kinds.items()]


def _of_binary(chances: Floats, truth: Floats) -> Chosen:
    chosen = {
        "most likely positive": int(np.argmax(chances)),
        "most uncertain": int(np.argmin(np.abs(chances - DECISION))),
        "most likely negative": int(np.argmin(chances)),
    }
    return chosen | _most_wrong(np.abs(chances - truth))


def _of_classes(
    chances: Floats, truth: Floats, names: Sequence[str], shown: Sequence[int]
) -> Chosen:
    answered = chances.argmax(axis=1)
    best = np.sort(chances, axis=1)[:, -2:]
    chosen = {
        f"most certain {names[k]}": int(np.argmax(np.where(answered == k, chances[:, k], -1.0)))
        for k in shown
        if (answered == k).any()
    }
    chosen["most uncertain"] = int(np.argmin(best[:, 1] - best[:, 0]))
    known = np.flatnonzero(~np.isnan(truth))
    wrongness = np.full(len(chances), np.nan)
    wrongness[known] = 1.0 - chances[known, truth[known].astype(np.int64)]
    return chosen | _most_wrong(wrongness)


def _of_regression(predictions: Floats, truth: Floats) -> Chosen:
    chosen = {
        "highest prediction": int(np.argmax(predictions)),
        "middle prediction": int(np.argsort(predictions, kind="stable")[len(predictions) // 2]),
        "lowest prediction": int(np.argmin(predictions)),
    }
    return chosen | _most_wrong(np.abs(predictions - truth))


def _most_wrong(wrongness: Floats) -> Chosen:
    """The row with the largest of those that are known, if there is one."""
    if np.isnan(wrongness).all():
        return {}
    return {"most wrong": int(np.nanargmax(wrongness))}


def _example(
    kind: str, i: int, rows: pd.DataFrame, found: Attribution, truth: float, target: Target
) -> dict[str, Any]:
    k = int(found.predictions[i].argmax()) if target.task == "multiclass" else 0
    values, errors = found.values[i, :, k], found.standard_errors[i, :, k]
    order = np.argsort(-np.abs(values), kind="stable")
    contributions = [
        {
            "column": str(rows.columns[j]),
            "value": plain_value(rows.iloc[i, j]),
            "contribution": rounded(values[j]),
            "standard_error": rounded(errors[j]),
        }
        for j in order
    ]
    span = 1.0 if target.task != "regression" else float(np.ptp(found.predictions))
    output = target.class_names[k] if target.task == "multiclass" else None
    return {
        "kind": kind,
        "output": output,
        "answer": rounded(found.predictions[i, k]),
        "outcome": None if np.isnan(truth) else _outcome(truth, target),
        "words": in_words(contributions, words_for(target), SMALLEST_NAMED * span, output),
        "contributions": contributions,
    }


def _outcome(truth: float, target: Target) -> bool | str | float | None:
    match target.task:
        case "binary":
            return bool(truth)
        case "multiclass":
            return target.class_names[int(truth)]
        case "regression":
            return rounded(truth)


def in_words(
    contributions: list[dict[str, Any]], words: Words, smallest: float, output: str | None
) -> str:
    """What raised and what lowered an answer by at least ``smallest``, strongest first."""
    sides = []
    for verb, sign in (("raised", 1.0), ("lowered", -1.0)):
        named = [
            f"{one['column']} = {value_text(one['value'])} ({words.moved(one['contribution'])})"
            for one in contributions
            if one["contribution"] * sign >= smallest and one["contribution"] != 0.0
        ][:NAMED_CONTRIBUTIONS]
        if named:
            sides.append(f"{verb} by {', '.join(named)}")
    if not sides:
        return "no column moves this answer"
    subject = "" if output is None else f"{words.answer(output)} was "
    return subject + "; ".join(sides)
