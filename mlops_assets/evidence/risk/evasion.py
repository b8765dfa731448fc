"""The smallest change of one's own values that turns a decision: evasion of a black box.

Belongs here: the search, and how far it had to go. Does not belong here: disturbances nobody
intends (``perturbations.py``).

The attacker may ask the model, and sees its answers, but nothing of its inside (P.-Y. Chen and
others, "HopSkipJumpAttack: a query-efficient decision-based attack", 2020, ask as little).
Gradients and steps along them mean nothing to a row of numbers and categories, and nothing to
trees, which move in jumps; so that the search goes column by column, greedily (P. Yang and others,
"Greedy attack and Gumbel attack: generating adversarial examples for discrete data", 2020), in
changes that are measured by each column's own scale (V. Ballet and others, "Imperceptible
adversarial attacks on tabular data", 2019): every number by ``STEPS`` up and down, every category
to other values, then the leading columns two at a time, then halving what turned the decision. What
is found is an upper bound: a change that is smaller may exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.risk.perturbations import as_floats, deviations, held, numbers_of
from mlops_assets.evidence.risk.released_model import Outcome, ReleasedModel
from mlops_assets.evidence.risk.risk_statistics import most_common, share_finding
from mlops_assets.governance.policy import Finding

STEPS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Standard deviations of the column in the train rows."""
SMALL = 0.1
"""A small change moves at most two numbers by at most so many standard deviations, and no
category."""
TURNED = 0.5
"""Of a number: standard deviations of the target by which a prediction counts as turned."""
LEADING = 4
"""Columns of each row that are tried two at a time."""
MOST_LEVELS = 12
"""Other values of a category that are tried, the most common ones."""
HALVINGS = 4
CHUNK_ROWS = 500
"""Rows attacked at a time; each makes some hundred questions."""
CURVE = (0.0, *STEPS)
ROUNDING = 1.0 + 1e-9
"""A step comes back from the column's own numbers a rounding away."""

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Levels = dict[str, list[Any]]


@dataclass(frozen=True)
class Trials:
    """Changed rows, one a question: ``source`` is the row each was made from, ``moves`` ``[t, d]``
    how far each number moved in standard deviations."""

    rows: pd.DataFrame
    source: Places
    moves: Floats

    @property
    def distance(self) -> Floats:
        """The farthest that one number moved, ``[t]``."""
        if not self.moves.shape[1]:
            return np.zeros(len(self.source))
        farthest: Floats = np.abs(self.moves).max(axis=1)
        return farthest


def evasion(
    model: ReleasedModel, train: pd.DataFrame, rows: pd.DataFrame, columns: Mapping[str, Column]
) -> tuple[dict[str, Any], list[Finding]]:
    """How many of ``rows`` are decided otherwise after a small change, and how large a change the
    others took. A number is turned where the prediction moves by ``TURNED`` standard deviations."""
    spread = deviations(train, numbers_of(columns))
    scales = {name: scale for name, scale in spread.items() if scale > 0.0}
    levels = _common_levels(train, columns)
    chunks = [
        _attack(model, rows.iloc[start : start + CHUNK_ROWS], scales, levels, columns)
        for start in range(0, len(rows), CHUNK_ROWS)
    ]
    nearest = np.concatenate([chunk[0] for chunk in chunks])
    by_category = np.concatenate([chunk[1] for chunk in chunks])
    asked = sum(chunk[2] for chunk in chunks)
    return _evidence(nearest, by_category, asked, list(scales), list(levels))


def _attack(
    model: ReleasedModel,
    rows: pd.DataFrame,
    scales: Mapping[str, float],
    levels: Levels,
    columns: Mapping[str, Column],
) -> tuple[Floats, NDArray[np.bool_], int]:
    """Of each row the nearest change of numbers that turns it (infinity where none was found), and
    whether another category does; and how often the model was asked."""
    first, nearest = model.outcome(rows), np.full(len(rows), np.inf)
    singles = _single_steps(rows, scales, columns)
    turned, gain = _ask(model, first, singles)
    _keep_nearest(nearest, singles, turned)
    effects = _effects(singles, gain, len(rows))
    doubles = _double_steps(rows, scales, columns, effects)
    also, _ = _ask(model, first, doubles)
    _keep_nearest(nearest, doubles, also)
    asked = len(singles.source) + len(doubles.source)
    for found, successes in ((singles, turned), (doubles, also)):
        asked += _halve(model, first, rows, found, successes, nearest, scales, columns)
    others = _category_changes(rows, levels)
    flipped, _ = _ask(model, first, others)
    by_category = np.zeros(len(rows), np.bool_)
    by_category[others.source[flipped]] = True
    return nearest, by_category, asked + len(others.source)


def _evidence(
    nearest: Floats,
    by_category: NDArray[np.bool_],
    asked: int,
    numbers: list[str],
    categories: list[str],
) -> tuple[dict[str, Any], list[Finding]]:
    rows, small = len(nearest), int((nearest <= SMALL * ROUNDING).sum())
    shares = [float((nearest <= step * ROUNDING).mean()) for step in CURVE]
    evidence = {
        "rows": rows,
        "questions": asked,
        "small": SMALL,
        "turned_by": TURNED,
        "numbers": numbers,
        "categories": categories,
        "turned": small,
        "curve": {"distance": list(CURVE), "share": shares},
        "median_distance": _median(nearest),
        "by_category": int(by_category.sum()),
        "never": int((np.isinf(nearest) & ~by_category).sum()),
    }
    return evidence, [share_finding("evasion_rate", "", small, rows)]


def _median(nearest: Floats) -> float | None:
    """Of all rows; none where half of them were not turned at all."""
    median = float(np.median(nearest)) if len(nearest) else np.inf
    return median if np.isfinite(median) else None


def _ask(model: ReleasedModel, first: Outcome, trials: Trials) -> tuple[NDArray[np.bool_], Floats]:
    """Which of the trials turn the decision, and how far each moves the answers."""
    if not len(trials.source):
        return np.zeros(0, np.bool_), np.zeros(0)
    before, after = first.at(trials.source), model.outcome(trials.rows)
    gain = np.abs(after.answers[:, 0] - before.answers[:, 0])
    if model.task == "multiclass":
        gain = np.abs(after.answers - before.answers).max(axis=1)
    return model.turned(before, after, TURNED), gain


def _keep_nearest(nearest: Floats, trials: Trials, turned: NDArray[np.bool_]) -> None:
    np.minimum.at(nearest, trials.source[turned], trials.distance[turned])


def _effects(trials: Trials, gain: Floats, rows: int) -> Floats:
    """How far each number can move the answer to each row for the step it takes, ``[rows, d]``."""
    effects = np.zeros((rows, trials.moves.shape[1]))
    strength = gain / (trials.distance + SMALL)
    for place in range(effects.shape[1]):
        moved = trials.moves[:, place] != 0.0
        np.maximum.at(effects[:, place], trials.source[moved], strength[moved])
    return effects


def _moved(
    rows: pd.DataFrame,
    source: Places,
    moves: Floats,
    scales: Mapping[str, float],
    columns: Mapping[str, Column],
) -> Trials:
    """Rows whose numbers are moved as wished, as far as their columns can hold it."""
    changed, made = rows.take(source).reset_index(drop=True), np.zeros_like(moves)
    for place, (name, scale) in enumerate(scales.items()):
        before = as_floats(changed[name])
        wished = moves[:, place] != 0.0
        after = np.where(wished, held(before + moves[:, place] * scale, columns[name]), before)
        made[:, place] = np.nan_to_num((after - before) / scale)
        column = pd.Series(after)
        if pd.api.types.is_integer_dtype(changed[name].dtype):
            column = column.round()
        changed[name] = column.astype(changed[name].dtype)
    useful = np.flatnonzero((made != 0.0).any(axis=1))
    kept = changed.take(useful).reset_index(drop=True)
    return Trials(kept, source[useful], made[useful])


def _least(scale: float, column: Column) -> tuple[float, ...]:
    """The steps of a column in standard deviations; one of integers moves by one at least."""
    if column.type != "integer":
        return STEPS
    return tuple(sorted({max(round(step * scale), 1.0) / scale for step in STEPS}))


def _single_steps(
    rows: pd.DataFrame, scales: Mapping[str, float], columns: Mapping[str, Column]
) -> Trials:
    """Every number of every row by every step, up and down."""
    patterns = []
    for place, (name, scale) in enumerate(scales.items()):
        for step in _least(scale, columns[name]):
            for sign in (-1.0, 1.0):
                pattern = np.zeros(len(scales))
                pattern[place] = sign * step
                patterns.append(pattern)
    wished = np.array(patterns).reshape(-1, len(scales))
    source = np.repeat(np.arange(len(rows)), len(wished))
    return _moved(rows, source, np.tile(wished, (len(rows), 1)), scales, columns)


def _double_steps(
    rows: pd.DataFrame,
    scales: Mapping[str, float],
    columns: Mapping[str, Column],
    effects: Floats,
) -> Trials:
    """The leading columns of every row two at a time by equal steps, in all four directions: what
    moves the answer most is not always what turns it."""
    leading = np.argsort(-effects, axis=1, kind="stable")[:, :LEADING]
    source, moves = [], []
    for first in range(leading.shape[1]):
        for second in range(first + 1, leading.shape[1]):
            for step in STEPS:
                for signs in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)):
                    wished, every = np.zeros(effects.shape), np.arange(len(rows))
                    wished[every, leading[:, first]] = signs[0] * step
                    wished[every, leading[:, second]] = signs[1] * step
                    source.append(every)
                    moves.append(wished)
    if not source:
        nothing = np.zeros((0, len(scales)))
        return _moved(rows, np.zeros(0, np.int64), nothing, scales, columns)
    return _moved(rows, np.concatenate(source), np.concatenate(moves), scales, columns)


def _halve(
    model: ReleasedModel,
    first: Outcome,
    rows: pd.DataFrame,
    trials: Trials,
    turned: NDArray[np.bool_],
    nearest: Floats,
    scales: Mapping[str, float],
    columns: Mapping[str, Column],
) -> int:
    """Move the nearest success of each row halfway back, and on by a half of that where the
    decision turned; ``nearest`` is lowered in place. Returns how often the model was asked."""
    places = np.flatnonzero(turned)
    order = places[np.lexsort((trials.distance[places], trials.source[places]))]
    source, begin = np.unique(trials.source[order], return_index=True)
    moves, asked = trials.moves[order[begin]], 0
    low, high = np.zeros(len(source)), np.ones(len(source))
    for _ in range(HALVINGS if len(source) else 0):
        middle = (low + high) / 2.0
        tried = _moved(rows, source, moves * middle[:, None], scales, columns)
        again, _ = _ask(model, first, tried)
        asked += len(tried.source)
        _keep_nearest(nearest, tried, again)
        holds = np.isin(source, tried.source[again])
        low, high = np.where(holds, low, middle), np.where(holds, middle, high)
    return asked


def _common_levels(train: pd.DataFrame, columns: Mapping[str, Column]) -> Levels:
    """The most common values of every category and boolean."""
    found: Levels = {}
    for name, column in columns.items():
        if column.is_category or column.type == "boolean":
            found[name] = most_common(train[name], MOST_LEVELS)
    return found


def _category_changes(rows: pd.DataFrame, levels: Levels) -> Trials:
    """Every category of every row to its most common other values, one at a time."""
    parts, source = [rows.head(0)], [np.zeros(0, np.int64)]
    for name, values in levels.items():
        for value in values:
            places = np.flatnonzero((rows[name] != value).to_numpy(np.bool_, na_value=True))
            changed = rows.take(places)
            other = pd.Series(value, changed.index).astype(changed[name].dtype)
            parts.append(changed.assign(**{name: other}))
            source.append(places)
    where = np.concatenate(source)
    return Trials(pd.concat(parts, ignore_index=True), where, np.zeros((len(where), 0)))
