"""Whether the same columns would be named again: by the same model fitted on other rows of the same
source, and by the model that is released now.

Belongs here: how far the shares of two models are apart, on identical rows and background. Does not
belong here: refitting (``training/refit.py``), or the shares of one model
(``global_importance.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.explainability.attribution import (
    Attribution,
    Budget,
    ExplainedModel,
    attribute,
    spread,
)
from mlops_assets.evidence.explainability.explained_values import rounded
from mlops_assets.evidence.explainability.global_importance import RESAMPLES, TAILS
from mlops_assets.evidence.explainability.mixtures import read_columns
from mlops_assets.evidence.explainability.score_scale import Floats
from mlops_assets.evidence.explainability.shares import (
    bootstrap_weights,
    distance,
    resampled_sizes,
    row_sizes,
    shares_of,
    shares_of_sizes,
)
from mlops_assets.target_declaration import Target

MOST_ROWS = 150
MOST_BACKGROUND = 150
EVALUATIONS = 200_000
"""Rows to predict for one model that has to be sampled, which takes this for its few shares."""
LEADING = 8
MOST_MOVES = 8


@dataclass(frozen=True)
class Comparison:
    """``stability``: ``moved`` (mean over the refits of the distance to the released shares, with
    the 95% interval of Student's t), ``refits``, and ``leading`` columns with the range of their
    shares and ranks. ``champion``: ``moved`` (the distance, with the bootstrap interval over rows)
    and the ``moves`` of the columns that moved most. ``None`` where there is nothing to compare
    with."""

    stability: dict[str, Any] | None
    champion: dict[str, Any] | None


def compare(
    released: ExplainedModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    columns: Mapping[str, Column],
    target: Target,
    *,
    seed: int,
    champion: ExplainedModel | None,
    refits: Sequence[ExplainedModel],
    background_rows: int,
) -> Comparison:
    """How far the attributions of ``refits`` and ``champion`` are from that of ``released``, on at
    most ``MOST_ROWS`` of the rows. Where one has to be sampled, all are explained against the same
    few background rows (``background_rows``), by the same orders."""
    if champion is None and not refits:
        return Comparison(None, None)
    rows = rows.iloc[spread(len(rows), MOST_ROWS)].reset_index(drop=True)
    background = background.iloc[spread(len(background), MOST_BACKGROUND)]
    names = list(columns)
    budget = Budget(evaluations=EVALUATIONS, background=background_rows, precision=0.0)

    def explained(model: ExplainedModel, few: bool, read: Sequence[str]) -> Attribution:
        against = background.iloc[spread(len(background), background_rows)] if few else background
        inputs = {name: columns[name] for name in read}
        return attribute(model, rows, against, inputs, target, seed=seed, budget=budget)

    @cache
    def ours(few: bool) -> Attribution:
        return explained(released, few, names)

    def pair(other: ExplainedModel) -> tuple[Floats, Floats] | None:
        read = read_columns(names, other)
        if read is None:
            return None
        few = ours(False).method == "sampling"
        theirs = explained(other, few, read)
        if not few and theirs.method == "sampling":
            few, theirs = True, explained(other, True, read)
        return _sizes(ours(few), theirs, names, read)

    change = None
    if champion is not None:
        found = pair(champion)
        change = {"moved": None, "moves": []} if found is None else _change(*found, names, seed)
    pairs = [found for refit in refits if (found := pair(refit)) is not None]
    return Comparison(_stability(pairs, names) if pairs else None, change)


def stability(released: Floats, refits: Sequence[Floats], names: Sequence[str]) -> dict[str, Any]:
    """``Comparison.stability`` of the shares ``[columns]`` of the released model and its refits."""
    return _stable(released, np.stack(list(refits)), names)


def _sizes(
    ours: Attribution, theirs: Attribution, names: Sequence[str], read: Sequence[str]
) -> tuple[Floats, Floats]:
    """How far each column moves each row that both explain; a column that is not read moves
    none."""
    common = np.intersect1d(ours.positions, theirs.positions)
    own, other = (
        row_sizes(found.values[np.searchsorted(found.positions, common)])
        for found in (ours, theirs)
    )
    placed = np.zeros_like(own)
    placed[:, [names.index(name) for name in read]] = other
    return own, placed


def _stability(pairs: Sequence[tuple[Floats, Floats]], names: Sequence[str]) -> dict[str, Any]:
    shares = [[shares_of(sizes[:, :, None]) for sizes in pair] for pair in pairs]
    return stability(shares[0][0], [other for _, other in shares], names)


def _stable(released: Floats, refits: Floats, names: Sequence[str]) -> dict[str, Any]:
    from scipy.special import stdtrit

    apart, count = distance(refits, released), len(refits)
    mean = float(apart.mean())
    reach = np.nan
    if count > 1:
        reach = float(stdtrit(count - 1, 0.975)) * float(apart.std(ddof=1)) / np.sqrt(count)
    ranks = np.stack([_ranks(shares) for shares in refits])
    order, own = np.argsort(-released, kind="stable"), _ranks(released)
    return {
        "refits": count,
        "moved": {
            "value": rounded(mean),
            "low": rounded(max(mean - reach, 0.0)) if count > 1 else None,
            "high": rounded(min(mean + reach, 1.0)) if count > 1 else None,
        },
        "each": [rounded(one) for one in apart],
        "leading": [
            {
                "column": names[j],
                "rank": int(own[j]),
                "ranks": [int(ranks[:, j].min()), int(ranks[:, j].max())],
                "share": rounded(released[j]),
                "shares": [rounded(refits[:, j].min()), rounded(refits[:, j].max())],
            }
            for j in order[:LEADING].tolist()
        ],
    }


def _ranks(shares: Floats) -> Floats:
    """The place of each column, from 1."""
    ranks = np.empty(len(shares))
    ranks[np.argsort(-shares, kind="stable")] = np.arange(1, len(shares) + 1)
    return ranks


def _change(ours: Floats, theirs: Floats, names: Sequence[str], seed: int) -> dict[str, Any]:
    weights = bootstrap_weights(len(ours), RESAMPLES, seed)
    new, old = (shares_of(sizes[:, :, None]) for sizes in (ours, theirs))
    drawn = [shares_of_sizes(resampled_sizes(sizes, weights)) for sizes in (ours, theirs)]
    low, high = np.quantile(distance(*drawn), TAILS)
    bounds = np.quantile(drawn[0] - drawn[1], TAILS, axis=0)
    moved = new - old
    order = np.argsort(-np.abs(moved), kind="stable")[:MOST_MOVES]
    value = float(distance(new, old))
    return {
        "moved": {
            "value": rounded(value),
            "low": rounded(min(low, value)),
            "high": rounded(max(high, value)),
        },
        "moves": [
            {
                "column": names[j],
                "champion": rounded(old[j]),
                "share": rounded(new[j]),
                "change": rounded(moved[j]),
                "low": rounded(bounds[0, j]),
                "high": rounded(bounds[1, j]),
            }
            for j in order.tolist()
        ],
    }
