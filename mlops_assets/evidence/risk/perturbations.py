"""How the model bears disturbed inputs: noise, missing values, categories it never saw.

Belongs here: making the disturbed rows, and what they cost. Does not belong here: values that
should be noticed rather than borne (``implausible_values.py``), or values changed on purpose
(``evasion.py``).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Labels
from mlops_assets.column_declaration import Column
from mlops_assets.evidence.risk.released_model import ReleasedModel
from mlops_assets.evidence.risk.risk_statistics import mean_finding, share_finding
from mlops_assets.governance.policy import Finding
from mlops_assets.reporting.text import mark

NOISE = 0.05
"""Standard deviation of the noise, in those of the column in the train rows."""
TOLERANCE = 0.1
"""Of a number: standard deviations of the target by which a prediction may move."""
MISSING_CELLS = 0.1
UNSEEN_ROWS = 0.05
UNSEEN_TEXT = "never seen before"

Floats = NDArray[np.float64]
Columns = Mapping[str, Column]


def numbers_of(columns: Columns) -> list[str]:
    """Inputs that are numbers, not codes."""
    return [
        name
        for name, column in columns.items()
        if column.type in ("integer", "number") and not column.categorical
    ]


def as_floats(values: pd.Series) -> Floats:
    """Numbers as float64 ``[n]``, missing ones as NaN."""
    return values.to_numpy(np.float64, na_value=np.nan)


def held(values: Floats, column: Column) -> Floats:
    """``values`` as the column can hold them: whole where it is of integers, within its declared
    range."""
    whole = np.round(values) if column.type == "integer" else values
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    return np.clip(whole, low, high)


def with_values(rows: pd.DataFrame, name: str, values: Floats) -> pd.DataFrame:
    """``rows`` with other numbers in a column, in the type that it has."""
    kind = rows[name].dtype
    found = pd.Series(values, index=rows.index)
    if pd.api.types.is_integer_dtype(kind):
        found = found.round()
    return rows.assign(**{name: found.astype(kind)})


def deviations(train: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """The standard deviation of each column in the ``train`` rows; 0 where none is known."""
    found = {}
    for name in names:
        values = as_floats(train[name])
        present = values[np.isfinite(values)]
        found[name] = float(present.std()) if len(present) else 0.0
    return found


def noise(
    model: ReleasedModel, train: pd.DataFrame, rows: pd.DataFrame, columns: Columns, seed: int
) -> tuple[dict[str, Any], list[Finding]]:
    """Decisions changed by Gaussian noise in every number at once, of ``NOISE`` standard deviations
    of its column."""
    names = numbers_of(columns)
    if not names:
        return _cannot_happen("noise_flips", len(rows), mark("no input is a number"))
    rng, disturbed = np.random.default_rng(seed), rows
    for name, deviation in deviations(train, names).items():
        moved = as_floats(rows[name]) + NOISE * deviation * rng.standard_normal(len(rows))
        disturbed = with_values(disturbed, name, held(moved, columns[name]))
    turned = model.turned(model.outcome(rows), model.outcome(disturbed), TOLERANCE)
    evidence = {"rows": len(rows), "noise": NOISE, "tolerance": TOLERANCE, "columns": names}
    evidence |= {"changed": int(turned.sum()), "why_exact": None}
    return evidence, [share_finding("noise_flips", "", int(turned.sum()), len(rows))]


def missing_values(
    model: ReleasedModel, rows: pd.DataFrame, labels: Labels, columns: Columns, seed: int
) -> tuple[dict[str, Any], list[Finding]]:
    """The rise of the mean loss where values of nullable inputs go missing at random, and, as
    evidence, where each of these columns is missing wholly."""
    measure = "missing_value_loss_rise"
    names = [name for name, column in columns.items() if column.nullable]
    if not names:
        return _cannot_happen(measure, len(rows), mark("no input may be missing"))
    rng, before = np.random.default_rng(seed), model.losses(labels, rows)
    disturbed = rows
    for name in names:
        disturbed = _without(disturbed, name, rng.random(len(rows)) < MISSING_CELLS)
    every = np.ones(len(rows), np.bool_)
    rises: list[dict[str, Any]] = []
    for name in names:
        costs = model.losses(labels, _without(rows, name, every)) - before
        rises.append({"column": name, "rise": float(costs.mean())})
    rises.sort(key=lambda one: one["rise"], reverse=True)
    finding = mean_finding(measure, "", model.losses(labels, disturbed) - before, seed)
    evidence = {"rows": len(rows), "cells": MISSING_CELLS, "whole_columns": rises}
    return {**evidence, "why_exact": None}, [finding]


def unseen_categories(
    model: ReleasedModel,
    train: pd.DataFrame,
    rows: pd.DataFrame,
    labels: Labels,
    columns: Columns,
    seed: int,
) -> tuple[dict[str, Any], list[Finding]]:
    """The rise of the mean loss where a twentieth of the rows has a category that no train row has,
    column by column. One that ``values`` or a full range of codes leaves no room for cannot come:
    cleaning sends its row to the quarantine."""
    measure = "unseen_category_loss_rise"
    categories = [name for name, column in columns.items() if column.is_category]
    unseen = {n: _unseen(columns[n], train[n], rows[n]) for n in categories}
    possible = {name: value for name, value in unseen.items() if value is not None}
    closed = [name for name in categories if name not in possible]
    if not possible:
        why = (
            mark("every category is declared with its values")
            if closed
            else mark("no input is a category")
        )
        evidence, findings = _cannot_happen(measure, len(rows), why)
        return {**evidence, "columns": [], "closed": closed}, findings
    rng, before = np.random.default_rng(seed), model.losses(labels, rows)
    findings = []
    for name, value in possible.items():
        chosen = rng.permutation(len(rows)) < round(UNSEEN_ROWS * len(rows))
        disturbed = _replaced(rows, name, chosen, value)
        rises = model.losses(labels, disturbed) - before
        findings.append(mean_finding(measure, name, rises, seed, len(possible)))
    evidence = {"rows": len(rows), "share": UNSEEN_ROWS, "columns": list(possible)}
    return {**evidence, "closed": closed, "why_exact": None}, findings


def _cannot_happen(measure: str, rows: int, why: str) -> tuple[dict[str, Any], list[Finding]]:
    return {"rows": rows, "why_exact": why}, [Finding.exact(measure, "", 0.0, rows)]


def _without(rows: pd.DataFrame, name: str, where: NDArray[np.bool_]) -> pd.DataFrame:
    return rows.assign(**{name: rows[name].mask(where)})


def _unseen(column: Column, train: pd.Series, rows: pd.Series) -> Any:
    """A value that cleaning would let through and no train row has; ``None`` where there is
    none."""
    if column.values is not None:
        return None
    if column.type == "string":
        return UNSEEN_TEXT if not (train == UNSEEN_TEXT).any() else None
    known = set(as_floats(train).tolist()) | set(as_floats(rows).tolist())
    whole = [int(code) for code in known if np.isfinite(code)]
    low = int(column.minimum) if column.minimum is not None else min(whole, default=0) - 1
    high = int(column.maximum) if column.maximum is not None else max(whole, default=0) + 1
    # From the top: codes are mostly numbered from the bottom.
    return next((code for code in range(high, low - 1, -1) if code not in known), None)


def _replaced(rows: pd.DataFrame, name: str, where: NDArray[np.bool_], value: Any) -> pd.DataFrame:
    return rows.assign(**{name: rows[name].mask(where, value).astype(rows[name].dtype)})
