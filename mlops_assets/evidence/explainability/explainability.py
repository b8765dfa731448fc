"""Why the released model answers as it does: its file explained in terms of the raw columns.

Belongs here: what the report holds, and the figures that a policy limits. Does not belong here: the
values (``attribution.py``), what they say of all rows (``global_importance.py``), of single answers
(``explained_examples.py``) and of columns (``column_dependence.py``, ``partial_dependence.py``),
comparisons with other models (``attribution_stability.py``), or how it is shown
(``explainability_page.py``). Nothing that names a row is kept: examples hold input columns only,
and the points of a column are sorted so that no row can be put together from them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import DecisionRule
from mlops_assets.column_declaration import Column
from mlops_assets.evidence.explainability.attribution import (
    Attribution,
    Budget,
    ExplainedModel,
    attribute,
    spread_of,
)
from mlops_assets.evidence.explainability.attribution_stability import Comparison, compare
from mlops_assets.evidence.explainability.column_dependence import dependence
from mlops_assets.evidence.explainability.explained_examples import examples
from mlops_assets.evidence.explainability.explained_values import rounded
from mlops_assets.evidence.explainability.global_importance import (
    CONFIDENCE,
    RESAMPLES,
    points,
    ranking,
)
from mlops_assets.evidence.explainability.partial_dependence import Effect, column_effects
from mlops_assets.evidence.explainability.score_scale import scores_a_row, to_answers
from mlops_assets.governance.policy import Finding, effective_policy, judged
from mlops_assets.target_declaration import Target
from mlops_assets.use_case import UseCase

LEADING_COLUMNS = 4
COLUMNS_WITH_POINTS = 30
SHOWN_CLASSES = 4
"""Classes whose points and effects are kept: those that the columns move most."""
CURVES = 40
CURVE_DIGITS = 4

NO_CHAMPION = "there is no champion yet to compare with"


def explainability_report(
    released: ExplainedModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    *,
    use_case: UseCase,
    rule: DecisionRule,
    labels: NDArray[Any] | None = None,
    champion: ExplainedModel | None = None,
    refits: Sequence[ExplainedModel] = (),
    subject: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report on ``released`` as JSON-able values; the same input gives the same bytes.

    ``rows`` are test rows, of which ``use_case.explanation.rows`` are wanted, with their ``labels``
    ``[n]`` (0 or 1, class position, or number; or missing); ``background`` are train rows, as many:
    an exact explainer compares with all of them, sampling with ``explanation.background`` of them.
    Both hold at least the input columns and what ``rule`` goes by. ``champion`` is the released
    model that this one would replace, ``refits`` the same model fitted on bootstrap samples: both
    are explained on identical rows and background.

    Keys beside ``use_case``, ``target``, ``subject`` and ``limits``: ``explanation`` (see
    ``_explanation``), in it ``stability`` and ``champion`` (``None`` where there is nothing to
    compare with). Units are those of the score (``score_scale.py``), of effects those of answers.

    Raises ``ValueError`` where there are no rows or no background, a column is missing, or a model
    does not answer finite numbers.
    """
    columns, target, seed = use_case.inputs, use_case.target, use_case.training.seed
    rows, background = rows.reset_index(drop=True), background.reset_index(drop=True)
    budget = Budget(background=use_case.explanation.background)
    found = attribute(released, rows, background, columns, target, seed=seed, budget=budget)
    explained = rows.iloc[found.positions].reset_index(drop=True)
    known = None if labels is None else np.asarray(labels)[found.positions]
    compared = compare(
        released,
        explained,
        background,
        columns,
        target,
        seed=seed,
        champion=champion,
        refits=refits,
        background_rows=budget.background,
    )
    explanation = _explanation(released, found, explained, known, use_case, rule)
    explanation["method"] |= {"rows_given": len(rows), "background_given": len(background)}
    explanation |= {"stability": compared.stability, "champion": compared.champion}
    findings = _findings(found, compared, is_first=champion is None)
    return {
        "use_case": use_case.title,
        "target": target.description,
        "subject": dict(subject or {}),
        "limits": judged(findings, effective_policy(use_case)),
        "not_applicable": {} if champion else {"attribution_change": NO_CHAMPION},
        "explanation": explanation,
    }


def _findings(found: Attribution, compared: Comparison, *, is_first: bool) -> list[Finding]:
    rows = len(found.values)
    error = float(found.share_errors.max())
    findings = [
        Finding.exact("additivity_gap", "", rounded(float(found.gaps.max())), rows),
        Finding.exact("attribution_error", "", rounded(error), rows),
        _compared("attribution_instability", compared.stability, rows),
    ]
    if not is_first:
        findings.append(_compared("attribution_change", compared.champion, rows))
    return findings


def _compared(measure: str, compared: dict[str, Any] | None, rows: int) -> Finding:
    """Unknown is never within: nothing to compare with is insufficient evidence."""
    moved = (compared or {}).get("moved")
    if moved is None:
        return Finding(measure, "", None, None, None, rows, enough=False)
    enough = moved["low"] is not None
    return Finding(measure, "", moved["value"], moved["low"], moved["high"], rows, enough)


def _explanation(
    released: ExplainedModel,
    found: Attribution,
    rows: pd.DataFrame,
    labels: NDArray[Any] | None,
    use_case: UseCase,
    rule: DecisionRule,
) -> dict[str, Any]:
    """``task``, ``unit``; ``method``: explainer, why, sizes; ``outputs``: what is explained, its
    base and how much the columns move it; ``additivity``; ``global``: the columns by falling share
    with intervals; ``shown``: the outputs that have ``points``, ``dependence`` and ``effects``;
    ``examples``: single answers with their contributions."""
    columns, target = use_case.inputs, use_case.target
    names, outputs = list(columns), output_names(target)
    leading = ranking(names, found, use_case.training.seed)
    order = [entry["column"] for entry in leading]
    shown = _shown_outputs(found)
    shapes = {n: found.values[:, names.index(n)] for n in order}
    return {
        "task": target.task,
        "unit": target.unit,
        "method": _method(found, use_case.training.seed),
        "outputs": _outputs(found, outputs, target),
        "additivity": _additivity(found),
        "global": leading,
        "shown": [outputs[k] for k in shown],
        "points": [
            points(n, columns[n], rows[n], shapes[n][:, k], outputs[k])
            for k in shown
            for n in order[:COLUMNS_WITH_POINTS]
        ],
        "dependence": [
            dependence(n, columns[n], rows[n], shapes[n][:, k], outputs[k], use_case.features)
            for n in order[:LEADING_COLUMNS]
            for k in shown
        ],
        "examples": examples(rows[names], found, labels, target, shown, rule.cut(rows)),
        "effects": _effects(released, rows[names], found, order, columns, shown, use_case),
    }


def output_names(target: Target) -> tuple[str | None, ...]:
    return target.class_names if target.task == "multiclass" else (None,)


def _method(found: Attribution, seed: int) -> dict[str, Any]:
    return {
        "explainer": found.method,
        "exact": found.method != "sampling",
        "reason": found.reason,
        "rows": len(found.values),
        "background_rows": found.background,
        "replicates": found.replicates,
        "evaluations": found.evaluations,
        "share_error": rounded(float(found.share_errors.max())),
        "resamples": RESAMPLES,
        "confidence": CONFIDENCE,
        "seed": seed,
    }


def _outputs(
    found: Attribution, names: Sequence[str | None], target: Target
) -> list[dict[str, Any]]:
    """Each output with the score that contributions start from, and the answer this is."""
    moved = np.abs(found.values).mean(axis=0).sum(axis=0)
    answers = to_answers(target.task, found.base[None])[0]
    return [
        {
            "output": name,
            "base_value": rounded(found.base[k]),
            "base_answer": rounded(answers[k]),
            "mean_absolute": rounded(moved[k]),
        }
        for k, name in enumerate(names)
    ]


def _additivity(found: Attribution) -> dict[str, Any]:
    """Gaps of probabilities, or of predictions in ``spread``, their standard deviation."""
    return {
        "largest_gap": rounded(float(found.gaps.max())),
        "mean_gap": rounded(float(found.gaps.mean())),
        "spread": rounded(spread_of(found.answers)),
    }


def _shown_outputs(found: Attribution) -> list[int]:
    """Positions of the outputs that the columns move most, in their own order."""
    moved = np.abs(found.values).mean(axis=0).sum(axis=0)
    return sorted(np.argsort(-moved, kind="stable")[:SHOWN_CLASSES].tolist())


def _effects(
    released: ExplainedModel,
    rows: pd.DataFrame,
    found: Attribution,
    order: Sequence[str],
    columns: Mapping[str, Column],
    shown: Sequence[int],
    use_case: UseCase,
) -> list[dict[str, Any]]:
    names, outputs = output_names(use_case.target), scores_a_row(use_case.target)
    return [
        _effect(effect, k, names[k], found.answers[:, k])
        for name in order[:LEADING_COLUMNS]
        for effect in column_effects(
            released.predict,
            rows,
            name,
            columns[name],
            outputs=outputs,
            features=use_case.features,
        )
        for k in shown
    ]


def _effect(
    effect: Effect, k: int, output: str | None, answers: NDArray[np.float64]
) -> dict[str, Any]:
    """The effect on output ``k``, with the curves of about 40 rows, spread evenly over their
    ``answers`` ``[n]``."""
    order = np.argsort(answers, kind="stable")
    picked = order[np.unique(np.linspace(0, len(order) - 1, CURVES).round().astype(np.int64))]
    curves = effect.curves[picked, :, k]
    missing = None if effect.missing is None else rounded(effect.missing[:, k].mean())
    return {
        "column": effect.column,
        "varied": effect.varied,
        "output": output,
        "positions": [rounded(position) for position in effect.positions],
        "labels": None if effect.labels is None else list(effect.labels),
        "mean": [rounded(value) for value in effect.mean[:, k]],
        "standard_error": [rounded(value) for value in effect.standard_error[:, k]],
        "mean_where_missing": missing,
        "rows": len(effect.curves),
        "curves": [[rounded(v, CURVE_DIGITS) for v in curve] for curve in curves],
    }
