"""How much each raw column moved each score of a released model: by the exact explainer of its
family where there is one, else by sampling.

Belongs here: which explainer is used and why, and the check that contributions add up to what the
file answers. Does not belong here: the explainers (``tree_attribution.py``,
``additive_attribution.py``, ``sampled_attribution.py``), or what is reported
(``explainability.py``).

The values are interventional Shapley values (S. Lundberg and S.-I. Lee, "A unified approach to
interpreting model predictions", 2017; D. Janzing and others, "Feature relevance quantification in
explainable AI", 2020) on the scale of ``score_scale.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from mlops_assets.answers import Answers
from mlops_assets.column_declaration import Column
from mlops_assets.evidence.explainability.additive_attribution import additive_values
from mlops_assets.evidence.explainability.encoded_columns import owners
from mlops_assets.evidence.explainability.mixtures import (
    ExplainedModel,
    Integers,
    Mixtures,
    Predict,
)
from mlops_assets.evidence.explainability.released_trees import released_trees
from mlops_assets.evidence.explainability.sampled_attribution import affordable_rows, sampled_values
from mlops_assets.evidence.explainability.score_scale import Floats, additivity_gaps, to_scores
from mlops_assets.evidence.explainability.tree_attribution import LEAF, tree_sums, tree_values
from mlops_assets.reporting.text import mark
from mlops_assets.target_declaration import Target

__all__ = ["Attribution", "Budget", "ExplainedModel", "Floats", "Predict", "attribute"]

Method = Literal["trees", "additive", "sampling"]

EXACT_GAP = 1e-3
"""An explainer that leaves a larger gap is not exact here: another one is used."""
JOINT = mark("a split of its trees reads an encoded column that is made of several raw columns")
TOO_MANY = mark("its trees have too many columns a path, or too many leaves")
UNREADABLE = mark("its file holds no trees whose sum is its score")
NOT_ADDITIVE = mark("its answers are not sums over raw columns")
NO_FILE = mark("there is no exported file of it to read")
NO_SUMS = mark("the score of its family is no sum of parts that could be explained one by one")


@dataclass(frozen=True)
class Budget:
    """What sampling may cost: ``evaluations`` rows to predict, ``background`` rows, and the largest
    standard error of a share below which it stops."""

    evaluations: int = 2_000_000
    background: int = 50
    precision: float = 0.0025


@dataclass(frozen=True)
class Attribution:
    """Shapley values of ``n`` rows, ``m`` columns and ``k`` scores.

    ``values`` and ``standard_errors`` (0 where exact) are float64 ``[n, m, k]``; ``base`` is the
    mean score of the background, ``[k]``; ``answers`` are the released ones, ``[n, answers]``, and
    ``gaps`` how far what the contributions add up to is from them (``additivity_gaps``), ``[n]``.
    ``share_errors`` ``[m]`` are the standard errors of the columns' shares. ``positions`` ``[n]``
    are the rows that are explained, of those given; ``evaluations`` counts rows to predict.
    """

    method: Method
    reason: str
    values: Floats
    standard_errors: Floats
    base: Floats
    answers: Answers
    gaps: Floats
    share_errors: Floats
    positions: Integers
    background: int
    replicates: int
    evaluations: int


def attribute(
    model: ExplainedModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    columns: Mapping[str, Column],
    target: Target,
    *,
    seed: int,
    budget: Budget | None = None,
) -> Attribution:
    """The values of ``rows`` against ``background``, by raw column of ``columns``.

    Boosting and regression forests are explained by their trees, linear models as sums over
    columns, both against the whole background; everything else by sampling against
    ``budget.background`` of it, evenly spread, and fewer of the rows where the budget asks for it.
    An exact explainer that does not come to what the file answers, within ``EXACT_GAP``, is not
    used either.

    Raises ``ValueError`` as ``Mixtures`` does.
    """
    budget = budget or Budget()
    mixtures = Mixtures(model, rows, background, columns, target)
    exact, reason = _exact(mixtures, model.family)
    if exact is not None:
        return exact
    kept = spread(len(rows), affordable_rows(len(rows), len(columns), budget.evaluations))
    fewer = background.iloc[spread(len(background), budget.background)]
    mixtures = Mixtures(model, rows.iloc[kept], fewer, columns, target)
    return replace(_sampled(mixtures, reason, seed, budget), positions=kept)


def spread(given: int, kept: int) -> Integers:
    """Positions of ``kept`` of ``given`` rows, all of them where there are fewer, evenly spread."""
    kept = min(given, kept)
    return np.arange(kept, dtype=np.int64) * given // max(kept, 1)


def spread_of(answers: Answers) -> float:
    """The standard deviation of predictions, in which a gap of them is measured; 1 where they are
    all the same."""
    return float(answers[:, 0].std()) or 1.0


def _exact(mixtures: Mixtures, family: str) -> tuple[Attribution | None, str]:
    """The attribution by the family's exact explainer, or why there is none."""
    task = mixtures.target.task
    if family == "linear":
        return _additive(mixtures)
    if family == "histogram_gradient_boosting" or (family, task) == ("random_forest", "regression"):
        return _of_trees(mixtures)
    return None, NO_SUMS


def _additive(mixtures: Mixtures) -> tuple[Attribution | None, str]:
    answers = mixtures.answers(mixtures.own())
    values, base = additive_values(mixtures, to_scores(mixtures.target.task, answers))
    found = _put_together(mixtures, "additive", values, base, answers)
    return (found, "") if found.gaps.max() <= EXACT_GAP else (None, NOT_ADDITIVE)


def _of_trees(mixtures: Mixtures) -> tuple[Attribution | None, str]:
    if mixtures.content is None:
        return None, NO_FILE
    released = released_trees(mixtures.content, mixtures.target.task)
    if released is None:
        return None, UNREADABLE

    def encode(positions: Integers) -> np.ndarray:
        return released.encode(mixtures.tensors(positions))

    trees, own = released.trees, mixtures.own()
    read = np.unique(trees.feature[trees.feature != LEAF])
    owner = owners(encode, len(own), mixtures.columns, read)
    if owner is None:
        return None, JOINT
    encoded, n = encode(own), mixtures.rows
    found = tree_values(trees, encoded[:n], encoded[n:], owner, mixtures.columns)
    if found is None:
        return None, TOO_MANY
    values = np.einsum("nmo,ok->nmk", found, released.weights, optimize=False)
    sums = tree_sums(trees, encoded[n:]).mean(axis=0)
    base = (sums[:, None] * released.weights).sum(axis=0) + released.bias
    explained = _put_together(mixtures, "trees", values, base, mixtures.answers(own))
    return (explained, "") if explained.gaps.max() <= EXACT_GAP else (None, UNREADABLE)


def _sampled(mixtures: Mixtures, reason: str, seed: int, budget: Budget) -> Attribution:
    answers = mixtures.answers(mixtures.own())
    found = sampled_values(
        mixtures,
        to_scores(mixtures.target.task, answers),
        seed=seed,
        budget=budget.evaluations,
        precision=budget.precision,
    )
    explained = _put_together(mixtures, "sampling", found.values, found.base, answers)
    return replace(
        explained,
        reason=reason,
        standard_errors=found.standard_errors,
        share_errors=found.share_errors,
        background=found.background,
        replicates=found.replicates,
    )


def _put_together(
    mixtures: Mixtures, method: Method, values: Floats, base: Floats, answers: Answers
) -> Attribution:
    """An attribution without errors; ``answers`` are of the rows and then the background."""
    n = mixtures.rows
    added = base + values.sum(axis=1)
    task, distance = mixtures.target.task, spread_of(answers[n:])
    return Attribution(
        method=method,
        reason="",
        values=values,
        standard_errors=np.zeros_like(values),
        base=base,
        answers=answers[:n],
        gaps=additivity_gaps(task, added, answers[:n], distance),
        share_errors=np.zeros(mixtures.columns),
        positions=np.arange(n),
        background=mixtures.background,
        replicates=1,
        evaluations=mixtures.evaluations,
    )
