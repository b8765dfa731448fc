"""How much better a person's sensitive values are guessed with the model's answers than without.

Belongs here: the attack on each sensitive column, its gain over imputation, and how much the other
columns reveal by themselves. Does not belong here: the attacker's learner (``guessing.py``), how
groups of a sensitive column are made (``data/representation/groups.py``), how it is shown
(``attribute_inference_section.py``).

The attacker knows other people's sensitive values to learn from, and of the person attacked all
other inputs, the outcome, and the released answer. What is guessed from inputs and outcome alone is
imputation, and no fault of the model: only what the answer adds to it is its leak (B. Jayaraman and
D. Evans, "Are attribute inference attacks just imputation?", CCS 2022; after M. Fredrikson and
others, "Privacy in pharmacogenetics", USENIX Security 2014).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Ask
from mlops_assets.data.representation.groups import Grouping, sensitive_groups
from mlops_assets.evidence.privacy.guessing import Codes, cross_guessed, encoded_inputs
from mlops_assets.governance.policy import Finding
from mlops_assets.target_declaration import Task
from mlops_assets.use_case import UseCase

MEASURE = "attribute_inference_gain"
MOST_ROWS = 5_000
ANSWER_FLOOR = 1e-6

Columns = NDArray[np.float32]


def attribute_inference(
    test_rows: pd.DataFrame,
    use_case: UseCase,
    released: Ask,
    *,
    variance: float = 1.0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Attack every sensitive column, as JSON-able values.

    ``test_rows`` are rows as ``data/features.py`` builds them that the model did not learn from, of
    which at most ``MOST_ROWS`` are used, drawn by the seed; ``variance`` is that of the train
    labels. A column that the model sees (``sensitive_input``) is attacked without it among the
    known inputs. Values of fewer than ``fairness.min_rows`` rows are one group, left out where it
    is still smaller. Guesses are rated by balanced accuracy: the share of right guesses of a value,
    averaged over the values; ``revealed`` by the inputs alone is how far it is from chance (0) to
    certainty (1). The intervals of the gains hold together over all columns (Bonferroni)
    at ``confidence``. A column of which fewer than two groups are left is not enough to tell.
    """
    rng = np.random.default_rng([use_case.training.seed, 3])
    rows = test_rows
    if len(rows) > MOST_ROWS:
        rows = rows.take(np.sort(rng.choice(len(rows), MOST_ROWS, replace=False)))
    rows = rows.reset_index(drop=True)
    task = use_case.target.task
    added = answer_columns(task, released(rows), variance)
    groupings = sensitive_groups(rows, use_case)
    level = 1.0 - (1.0 - confidence) / max(len(groupings), 1)
    attacked = [_attack(rows, grouping, use_case, added, variance, level) for grouping in groupings]
    return {
        "rows": len(rows),
        "seed": use_case.training.seed,
        "min_rows": use_case.fairness.min_rows,
        "columns": attacked,
    }


def attribute_findings(report: Mapping[str, Any]) -> list[Finding]:
    """What a policy may limit in the result of ``attribute_inference``: one figure a column."""
    return [
        Finding(
            MEASURE,
            one["column"],
            one["gain"],
            one["low"],
            one["high"],
            one["rows"],
            one["enough"],
        )
        for one in report["columns"]
    ]


def answer_columns(task: Task, answers: Answers, variance: float) -> Columns:
    """The answers as an attacker's learner takes them, float32 ``[n, k]``: logits of
    probabilities; a prediction and its bounds in standard deviations of the target."""
    if task == "regression":
        return np.asarray(answers / np.sqrt(variance), np.float32)
    clipped = np.clip(answers, ANSWER_FLOOR, 1.0 - ANSWER_FLOOR)
    return np.asarray(np.log(clipped) - np.log1p(-clipped), np.float32)


def _attack(
    rows: pd.DataFrame,
    grouping: Grouping,
    use_case: UseCase,
    answers: Columns,
    variance: float,
    confidence: float,
) -> dict[str, Any]:
    codes, names = attacked_groups(grouping, use_case.fairness.min_rows)
    is_input = grouping.column in use_case.inputs
    entry: dict[str, Any] = {"column": grouping.column, "is_input": is_input, "groups": len(names)}
    told = codes >= 0
    if len(names) < 2:
        nothing = dict.fromkeys(("chance", "from_inputs", "revealed", "imputed", "inferred"))
        none = dict.fromkeys(("gain", "low", "high"))
        return entry | {"rows": int(told.sum()), **nothing, **none, "enough": False}
    known = encoded_inputs(rows[told], grouping.column, use_case)
    labels = rows.loc[told, use_case.target.column].to_numpy(np.float64) / np.sqrt(variance)
    outcome = labels.astype(np.float32)[:, None]
    seed, asked = use_case.training.seed, codes[told]
    guesses = [
        cross_guessed(np.hstack(parts), asked, seed)
        for parts in ((known,), (known, outcome), (known, outcome, answers[told]))
    ]
    rights = [guess == asked for guess in guesses]
    from_inputs, imputed, inferred = (balanced_accuracy(right, asked) for right in rights)
    gain, low, high = paired_gain(rights[1], rights[2], asked, confidence)
    return entry | {
        "rows": int(told.sum()),
        "chance": 1.0 / len(names),
        "from_inputs": from_inputs,
        "revealed": (from_inputs - 1.0 / len(names)) / (1.0 - 1.0 / len(names)),
        "imputed": imputed,
        "inferred": inferred,
        "gain": gain,
        "low": low,
        "high": high,
        "enough": True,
    }


def attacked_groups(grouping: Grouping, min_rows: int) -> tuple[Codes, tuple[str, ...]]:
    """The groups that are told apart, as codes ``[n]`` (-1: not attacked) and their labels; the
    small ones are one group, ``""``, where together they are large enough."""
    counts = grouping.counts()
    large = [
        place
        for place in range(len(grouping.labels))
        if place not in grouping.unknown and counts[place] >= min_rows
    ]
    small = [p for p in range(len(counts)) if p not in large and p not in grouping.unknown]
    new = np.full(len(counts), -1, np.int64)
    new[large] = np.arange(len(large))
    names = [grouping.labels[place] for place in large]
    if counts[small].sum() >= min_rows:
        new[small] = len(large)
        names.append("")
    return new[grouping.codes], tuple(names)


def balanced_accuracy(right: NDArray[np.bool_], codes: Codes) -> float:
    """Share of right guesses of each group, averaged over the groups."""
    shares = np.bincount(codes, weights=right) / np.bincount(codes)
    return float(shares.mean())


def paired_gain(
    before: NDArray[np.bool_], after: NDArray[np.bool_], codes: Codes, confidence: float
) -> tuple[float, float, float]:
    """How much more of each group was guessed right ``after`` than ``before``, averaged over the
    groups, with its two-sided interval.

    Each group's difference is of matched proportions, half a row added to each of the four cells
    of its table for the interval (A. Agresti and Y. Min, 2005), so that few or no changed guesses
    are not taken for certainty.
    """
    from scipy.stats import norm

    sizes = np.bincount(codes).astype(np.float64)
    won = np.bincount(codes, weights=after & ~before)
    lost = np.bincount(codes, weights=before & ~after)
    gain = float(((won - lost) / sizes).mean())
    p_won, p_lost = (won + 0.5) / (sizes + 2.0), (lost + 0.5) / (sizes + 2.0)
    variances = (p_won + p_lost - (p_won - p_lost) ** 2) / (sizes + 2.0)
    center = float((p_won - p_lost).mean())
    reach = float(norm.isf((1.0 - confidence) / 2.0) * np.sqrt(variances.sum()) / len(sizes))
    return gain, min(center - reach, gain), max(center + reach, gain)
