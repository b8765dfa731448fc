"""The leakage report of a training window.

Belongs here: the tests that need a use case or the split, and the report of all of them. Does not
belong here: the tests of single columns (``leakage.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.column_declaration import Column
from mlops_assets.data.leakage.column_power import level_count
from mlops_assets.data.leakage.copies import copies
from mlops_assets.data.leakage.finding import Finding, Verdict
from mlops_assets.data.leakage.leakage import (
    STANDARD_ERRORS,
    exists_only_with_label,
    gives_target_away,
)
from mlops_assets.data.leakage.target_views import Judged
from mlops_assets.reporting.text import join, say
from mlops_assets.use_case import UseCase

DISTINCT_TEXT, DISTINCT_INTEGERS, DISTINCT_BY_CHANCE = 0.95, 0.99, 0.9
MIN_ROWS = 50


def leakage_report(
    features: pd.DataFrame,
    use_case: UseCase,
    cleaned: Mapping[str, pd.DataFrame] | None = None,
) -> dict[str, Any]:
    """All tests of a training window, as ``report.json`` holds them.

    ``features`` is what ``build_features`` returns; ``cleaned`` what it was made from: with it, the
    rows without label are looked at as well. Powers are those of the train split. Columns whose
    owner vouches that they are known at prediction time warn, and never block.
    """
    inputs = list(use_case.inputs)
    target, seed = use_case.target.column, use_case.training.seed
    train = features.loc[features["split"] == "train"]
    judged = Judged(use_case.target.task, train[target].to_numpy())
    found = [_declared_leaks(features, use_case.leaks)]
    if cleaned is not None:
        rows = pd.concat([part[[*inputs, target]] for part in cleaned.values()], ignore_index=True)
        found += exists_only_with_label(rows[inputs], rows[target].notna().to_numpy())
    found += gives_target_away(train[inputs], judged, seed=seed)
    found += copies(train[inputs], judged, seed=seed)
    found += identifiers(features, features["batch"], use_case.inputs)
    found.append(_repeated_rows(features, [*inputs, target], seed))
    found.append(_future_rows(features, use_case.training.split.time_column))
    return {
        "tests": [_vouched(finding, use_case.cleared_of_leakage).to_dict() for finding in found]
    }


def passes(report: Mapping[str, Any]) -> bool:
    """Whether every test ran and none found a leak; a report without tests does not pass."""
    return bool(report["tests"]) and not failing(report)


def failing(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tests that block: leaks, and what could not be told."""
    return [test for test in report["tests"] if test["verdict"] not in ("ok", "suspicious")]


def _vouched(finding: Finding, confirmed: Collection[str]) -> Finding:
    if finding.verdict != "leak" or finding.column not in confirmed:
        return finding
    words = say(
        "{explanation}; its owner confirms that it is known at prediction time",
        explanation=finding.words,
    )
    return replace(finding, verdict="suspicious", words=words)


def _declared_leaks(features: pd.DataFrame, leaks: Sequence[str]) -> Finding:
    """Columns that the owner says are known only after the outcome, and are among the features."""
    present = sorted(set(leaks) & set(features.columns))
    names = join(present, ", ") if present else say("none")
    text = say("declared leaks among the features: {names}", names=names)
    verdict: Verdict = "leak" if present else "ok"
    return Finding("known_only_afterwards", None, float(len(present)), 0.0, verdict, text)


def identifiers(
    rows: pd.DataFrame, batch: pd.Series, columns: Mapping[str, Column]
) -> list[Finding]:
    """Input columns that name rows (string, integer), and columns that say nothing: "constant".

    Judged in the largest batch, for what a row is of may return in every batch. A category nearly
    all of whose values are distinct can teach nothing but the row. An integer that never repeats
    was made not to where chance repeats some: n draws from its range R, were all values as
    frequent, would have R (1 - (1 - 1/R)^n) distinct ones, and any other distribution has fewer.
    Where the range is so wide that chance does not repeat either, it is suspicious only.
    """
    largest = rows.loc[(batch == batch.value_counts().sort_index().idxmax()).to_numpy()]
    judged = largest if len(largest) >= MIN_ROWS else rows
    found = []
    for name, column in columns.items():
        if (levels := level_count(rows[name])) < 2:
            text = say("one value, or none, in every row: it says nothing")
            found.append(Finding("constant", name, float(levels), 2.0, "suspicious", text))
        elif column.type in ("string", "integer"):
            found.append(_identifier(name, judged[name].dropna(), column))
    return found


def _identifier(name: str, values: pd.Series, column: Column) -> Finding:
    limit = DISTINCT_TEXT if column.is_category else DISTINCT_INTEGERS
    if len(values) < MIN_ROWS:
        text = say(
            "fewer than {rows} rows have a value: widen the window, or use role: ignored",
            rows=MIN_ROWS,
        )
        return Finding("identifier", name, None, limit, "unknown", text)
    share = values.nunique() / len(values)
    text = say("{share:.1%} of its values are distinct", share=float(share))
    if share < limit:
        return Finding("identifier", name, share, limit, "ok", text)
    if not column.is_category:
        span = float(values.max()) - float(values.min()) + 1.0
        by_chance = -span * np.expm1(len(values) * np.log1p(-1.0 / span)) / len(values)
        text = say(
            "{share:.1%} of its values are distinct, and by chance at most {by_chance:.1%} would "
            "be",
            share=float(share),
            by_chance=float(by_chance),
        )
        if by_chance > DISTINCT_BY_CHANCE:
            return Finding("identifier", name, share, limit, "suspicious", text)
    words = say("{explanation}: use role: ignored", explanation=text)
    return Finding("identifier", name, share, limit, "leak", words)


def _repeated_rows(features: pd.DataFrame, columns: Sequence[str], seed: int) -> Finding:
    """Share of the test rows that are in train too, with a limit that is what chance repeats (of a
    seeded fifth of the train rows, in the other ones) and three standard errors: with few columns,
    equal rows are different things. Repeats that every split has alike are chance to this test."""
    name = "same_rows_in_train_and_test"
    keys = pd.util.hash_pandas_object(features[list(columns)], index=False).to_numpy()
    split = features["split"].to_numpy()
    test, train = keys[split == "test"], keys[split == "train"]
    drawn = np.random.default_rng(seed).permutation(len(train))
    part = min(len(test), len(train) // 5)
    if part < MIN_ROWS // 5:
        text = say("too few rows: widen the window")
        return Finding(name, None, None, 0.0, "unknown", text)
    repeated = float(np.isin(test, train).mean())
    chance = float(np.isin(train[drawn[:part]], train[drawn[part:]]).mean())
    limit = chance + 0.01 + STANDARD_ERRORS * float(np.sqrt(chance * (1.0 - chance) / part))
    text = say(
        "{repeated:.1%} of the test rows are in train too; chance repeats {chance:.1%}",
        repeated=repeated,
        chance=chance,
    )
    return Finding(name, None, repeated, limit, "suspicious" if repeated > limit else "ok", text)


def _future_rows(features: pd.DataFrame, time_column: str | None) -> Finding:
    """Rows to learn from that are newer than the oldest test row, by batch without a time."""
    name, is_test = "future_rows_in_the_past", (features["split"] == "test").to_numpy()
    times = features[time_column or "batch"]
    if not is_test.any() or times.isna().any():
        text = say("rows without a time, or no test rows: they cannot be ordered")
        return Finding(name, None, None, 0.0, "unknown", text)
    number = int((times[~is_test] > times[is_test].min()).sum())
    text = say("{number} rows to learn from are newer than the oldest test row", number=number)
    return Finding(name, None, float(number), 0.0, "leak" if number else "ok", text)
