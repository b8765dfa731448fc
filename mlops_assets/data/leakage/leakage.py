"""Leakage tests of the training window: what a model could learn that it will not know in use.

Belongs here: the tests, their default limits and their verdicts. Does not belong here: columns that
copy the target (``copies.py``), targets of other tasks as two classes (``target_views.py``),
dividing the rows (``features.py``), which columns an owner declared to be leaks (``use_case.py``),
or how the findings look (``reporting/``).

The kinds of leakage are those of S. Kaufman, S. Rosset, C. Perlich and O. Stitelman, "Leakage in
Data Mining", ACM TKDD 6(4), 2012: inputs that are no legitimate ones, and training rows that are.
"leak" blocks, "suspicious" warns, "unknown" is a test that could not run, and blocks as well.
No explanation holds a cell's content.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.leakage.column_power import (
    MIN_PER_CLASS,
    Floats,
    Integers,
    best_scores,
    joint_scores_auc,
    level_count,
    stratified_folds,
)
from mlops_assets.data.leakage.copies import copies
from mlops_assets.data.leakage.finding import Finding, Verdict
from mlops_assets.data.leakage.target_views import LABEL, Judged, judged_by_values
from mlops_assets.data.representation.proportions import wilson
from mlops_assets.reporting.text import mark, say

LEAK_POWER = 0.99
"""ROC AUC of one column from which it may be the answer itself: what is measured before an outcome
seldom orders it without error, what is computed from the outcome does."""
SUSPECT_POWER = 0.95
"""ROC AUC of one column that a person should look at."""
NOTABLE_POWER = 0.85
"""ROC AUC below which a column is never looked at, however little the others can do."""
MISRANKED = 2 / 3
"""A column stands out where it misranks (1 - ROC AUC) at most this share of what all weaker ones
together misrank."""
ONLY_WITH_LABEL = 0.5
"""How much more often (difference of shares) a column is missing where the label is missing."""
STANDARD_ERRORS = 3.0
VERDICTS = ("ok", "suspicious", "unknown", "leak")
"""From the least to the worst."""


def find_leaks(
    rows: pd.DataFrame,
    target: pd.Series,
    *,
    seed: int,
    limit: float = LEAK_POWER,
    suspect: float = SUSPECT_POWER,
) -> tuple[Finding, ...]:
    """What :func:`judge_columns` is sure of: the findings with the verdict "leak"."""
    found = judge_columns(rows, target, seed=seed, limit=limit, suspect=suspect)
    return tuple(finding for finding in found if finding.verdict == "leak")


def judge_columns(
    rows: pd.DataFrame,
    target: pd.Series,
    *,
    seed: int,
    limit: float = LEAK_POWER,
    suspect: float = SUSPECT_POWER,
) -> tuple[Finding, ...]:
    """Every column of ``rows`` under the tests that need no use case.

    ``target`` has one value a row, missing where there is no label; which task it is for,
    ``target_views.judged_by_values`` tells.
    """
    labelled = target.notna().to_numpy()
    judged = judged_by_values(target[labelled])
    together = exists_only_with_label(rows, labelled)
    certain = {finding.column for finding in together if finding.verdict == "leak"}
    known = rows.loc[labelled]
    powers = gives_target_away(
        known, judged, seed=seed, limit=limit, suspect=suspect, not_compared=certain
    )
    return (*together, *powers, *copies(known, judged, seed=seed))


def exists_only_with_label(rows: pd.DataFrame, labelled: NDArray[np.bool_]) -> list[Finding]:
    """Columns that are missing where the label is missing, and there where it is.

    What is known when the prediction is asked for is known before anyone can tell whether the
    outcome will be: its absence cannot wait for the label's. The number is the lower bound (Wilson
    score, three standard errors) of the share of missing values among the rows without label, less
    their share among those with one: Youden's J of "missing" as a test of "no label". A column that
    is often missing everywhere, or a little more often in bad times, stays far below a half.
    Rows with nothing in them say nothing and are passed over. Where the label and a column began to
    be recorded together, this shows too: such rows belong outside the window.
    """
    missing = rows.isna()
    unlabelled = ~labelled & ~missing.to_numpy().all(axis=1)
    name, limit = "exists_only_with_label", ONLY_WITH_LABEL
    if not labelled.any():
        return [Finding(name, None, None, limit, "unknown", say("no row has a label"))]
    if not unlabelled.any():
        text = say("every row has a label: none to compare")
        return [Finding(name, None, 0.0, limit, "ok", text)]
    found = []
    for column in rows.columns:
        gone = missing[column].to_numpy()
        share = wilson(int(gone[unlabelled].sum()), int(unlabelled.sum()), STANDARD_ERRORS)
        without, among = share.value or 0.0, float(gone[labelled].mean())
        number = (share.low or 0.0) - among
        verdict: Verdict = "leak" if number >= limit else "ok"
        text = say(
            "missing in {without:.1%} of the rows without label and {among:.1%} of the others",
            without=without,
            among=among,
        )
        found.append(Finding(name, str(column), number, limit, verdict, text))
    return found


def gives_target_away(
    rows: pd.DataFrame,
    judged: Judged,
    *,
    seed: int,
    limit: float = LEAK_POWER,
    suspect: float = SUSPECT_POWER,
    not_compared: Collection[str | None] = (),
) -> list[Finding]:
    """:func:`predicts_too_well` for every view of the target; the worst that is found of a column
    counts, of equal verdicts the highest power."""
    worst: dict[str | None, Finding] = {}
    for view in judged.views():
        found = predicts_too_well(
            rows,
            view.answers,
            seed=seed,
            limit=limit,
            suspect=suspect,
            not_compared=not_compared,
            question=view.question,
        )
        for one in found:
            worst[one.column] = max(worst.get(one.column, one), one, key=_severity)
    return list(worst.values())


def _severity(finding: Finding) -> tuple[int, float]:
    return VERDICTS.index(finding.verdict), finding.number or 0.0


def predicts_too_well(
    rows: pd.DataFrame,
    labels: Integers,
    *,
    seed: int,
    limit: float = LEAK_POWER,
    suspect: float = SUSPECT_POWER,
    not_compared: Collection[str | None] = (),
    question: str = LABEL,
) -> list[Finding]:
    """Each column's power alone, against what the others can do together.

    A high power is no proof: of a measured tumour, single sizes reach 0.97, and so do the other
    sizes without them. So a leak has at least ``limit`` where all columns below it together do not
    reach ``suspect``: honest inputs share what they know, a leak knows what none of them does.
    Suspicious is what has only the one, or ``suspect``, or at least ``NOTABLE_POWER`` and misranks
    at most ``MISRANKED`` of what all weaker columns together do. "Together" is a ridge regression
    of the label on the columns' log-odds, out of fold. Columns of like strength are compared with
    the weaker ones as a group, so that two copies of one leak do not hide each other; a second leak
    between ``suspect`` and ``limit`` can make a first one suspicious only. ``not_compared`` are
    leaks already, and no yardstick.
    Constant columns are left out. Everything is unknown where a class has too few rows.
    """
    name = "predicts_too_well"
    varied = [c for c in rows.columns if level_count(rows[c]) > 1]
    if np.bincount(labels, minlength=2).min() < MIN_PER_CLASS:
        text = say("a class has fewer than {rows} rows: widen the window", rows=MIN_PER_CLASS)
        if question != LABEL:
            text = say(
                "asked for {question}, one answer has fewer than {rows} rows: widen the window",
                question=say(question),
                rows=MIN_PER_CLASS,
            )
        return [Finding(name, str(c), None, limit, "unknown", text) for c in varied]
    sample, folds = stratified_folds(labels, seed)
    chosen = labels[sample]
    scored = {c: best_scores(rows[c].iloc[sample], chosen, folds) for c in varied}
    ranked = sorted(varied, key=lambda c: (-scored[c][1], str(c)))
    fair = [c for c in ranked if c not in not_compared]
    below = joint_scores_auc([scored[c][0] for c in fair if scored[c][1] < limit], chosen, folds)
    notable = _standing_out(ranked, fair, scored, chosen, folds)
    found = []
    for column in varied:
        power = scored[column][1]
        rest = below if power >= limit else notable.get(column)
        verdict: Verdict = "suspicious" if power >= suspect or column in notable else "ok"
        if power >= limit and below < suspect:
            verdict = "leak"
        template = mark("alone it ranks {question} with ROC AUC {power:.3f}")
        if rest is not None:
            template = mark(
                "alone it ranks {question} with ROC AUC {power:.3f}; all weaker columns together "
                "reach {rest:.3f}"
            )
        text = say(template, question=say(question), power=power, rest=rest)
        found.append(Finding(name, str(column), power, limit, verdict, text))
    return found


def _standing_out(
    ranked: list[str],
    fair: list[str],
    scored: Mapping[str, tuple[Floats, float]],
    labels: Integers,
    folds: Integers,
) -> dict[str, float]:
    """The strongest columns that misrank few enough, with what the weaker ones reach together: the
    largest such group, ``ranked`` from the strongest."""
    notable = [c for c in ranked if scored[c][1] >= NOTABLE_POWER]
    for last in range(len(notable), 0, -1):
        weaker = [scored[c][0] for c in ranked[last:] if c in fair]
        together = joint_scores_auc(weaker, labels, folds)
        if 1.0 - scored[notable[last - 1]][1] <= MISRANKED * (1.0 - together):
            return dict.fromkeys(notable[:last], together)
    return {}
