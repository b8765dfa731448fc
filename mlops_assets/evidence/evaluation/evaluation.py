"""The evaluation: what a model and its forms can do on rows they have not seen.

Belongs here: the composition of the evaluation report. Does not belong here: the metrics
(``metrics.py``), the comparisons (``comparison.py``, ``agreement.py``, ``side_by_side.py``), the
page (``evaluation_page.py``), or whether all this is good enough (``release/gate.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.answers import Answers, Cut, DecisionRule, Labels
from mlops_assets.evidence.evaluation.agreement import compare_forms, released_form, tolerances
from mlops_assets.evidence.evaluation.decision_costs import decision_report
from mlops_assets.evidence.evaluation.leaderboard_section import leaderboard_of
from mlops_assets.evidence.evaluation.side_by_side import all_slice_findings, compared_groups
from mlops_assets.evidence.evaluation.weak_slices import weak_slices
from mlops_assets.evidence.metrics.bootstrap import MIN_ROWS, Blocks, Estimate
from mlops_assets.evidence.metrics.calibration_curve import calibration_curve
from mlops_assets.evidence.metrics.calibration_error import calibration_error, coverage_shortfall
from mlops_assets.evidence.metrics.comparison import paired_difference
from mlops_assets.evidence.metrics.group_metrics import Scored, score
from mlops_assets.evidence.metrics.groups import Mask, day_blocks, row_groups, subpopulations
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate
from mlops_assets.governance.policy import Finding, effective_policy, judged
from mlops_assets.use_case import UseCase

FORMS = ("model", "onnx", "quantized")


@dataclass(frozen=True)
class ChampionAnswers:
    """The champion's answers ``[n, k]`` to the test rows, and which release gave them."""

    release: str
    last_batch: str
    answers: Answers
    rule: DecisionRule | None = None
    """By which it decides; ``None``: by the challenger's."""


@dataclass(frozen=True)
class _Subject:
    """The test rows as everything here looks at them."""

    test: pd.DataFrame
    labels: Labels
    groups: Mapping[str, Mask]
    use_case: UseCase
    variance: float
    rule: DecisionRule
    cut: Cut
    blocks: Blocks | None


def evaluation_report(
    test: pd.DataFrame,
    forms: Mapping[str, Answers | None],
    baseline_answers: Answers,
    champion: ChampionAnswers | None,
    subject: Mapping[str, str],
    use_case: UseCase,
    variance: float,
    *,
    sizes: Mapping[str, int | None],
    training: Mapping[str, Any],
    rule: DecisionRule,
) -> dict[str, Any]:
    """Everything measured on the test rows, as JSON-able data.

    ``test`` are the rows of the test split with the target encoded (``mlops_assets.answers``);
    ``forms`` the answers ``[n, k]`` of ``model``, ``onnx`` and ``quantized``, ``None`` for a form
    that does not exist; ``baseline_answers`` ``[n, k]`` those of the dummy that answers the same
    for all rows; ``subject`` the hashes of the artifacts this is about; ``variance`` that of the
    labels in the train split; ``sizes`` the bytes of the files ``onnx`` and ``quantized``;
    ``training`` the content of ``model.json``; ``rule`` what decides, as training chose it.

    What is compared, looked at by group and limited is the form to be released.

    Raises ``ValueError`` without answers of ``model`` and ``onnx``, and as ``evaluate`` does;
    ``PolicyError`` as ``effective_policy`` does.
    """
    rows = _subject(test, use_case, variance, rule)
    task, labels = use_case.target.task, rows.labels
    agreement = _agreement(rows, forms)
    form, reasons = released_form(agreement, sizes)
    released = forms[form]
    assert released is not None
    baseline = _against(rows, baseline_answers, released, rows.cut)
    groups, found = _groups(rows, released, baseline_answers, champion)
    return {
        "use_case": use_case.title,
        "task": task,
        "unit": use_case.target.unit,
        "subject": dict(subject),
        "rows": len(test),
        "positives": int(labels.sum()) if task == "binary" else None,
        "last_batch": str(test["batch"].max()),
        "dependence": _dependence(rows),
        "forms": {name: _metrics(rows, forms.get(name), rows.cut) for name in FORMS},
        "agreement": agreement,
        "released_form": {"form": form, "reasons": list(reasons), "sizes": dict(sizes)},
        "baseline": baseline,
        "champion": _champion(rows, champion, released),
        "decision": _decision(rows, released, baseline_answers, champion, training),
        **groups,
        "training": leaderboard_of(training),
        "calibration": calibration_curve(task, labels, released),
        "limits": judged(
            [_calibration_finding(rows, released), *found], effective_policy(use_case)
        ),
        "verdicts": {
            "beats_baseline": _is_positive(baseline["difference"]["loss_low"]),
            "forms_agree": agreement["onnx"]["agrees"],
        },
    }


def _subject(
    test: pd.DataFrame, use_case: UseCase, variance: float, rule: DecisionRule
) -> _Subject:
    kind = np.float64 if use_case.target.task == "regression" else np.int64
    labels = test[use_case.target.column].to_numpy(kind)
    groups, blocks = row_groups(test, use_case), day_blocks(test, use_case)
    return _Subject(test, labels, groups, use_case, variance, rule, rule.cut(test), blocks)


def _dependence(rows: _Subject) -> dict[str, Any]:
    """What is drawn as a whole where chance is reckoned with: a row, or a day."""
    declared = rows.use_case.training.split.time_column
    days = None if rows.blocks is None else int(rows.blocks.max()) + 1
    return {"unit": "row" if days is None else "day", "days": days, "time_column": declared}


def _groups(
    rows: _Subject, released: Answers, baseline: Answers, champion: ChampionAnswers | None
) -> tuple[dict[str, Any], list[Finding]]:
    """The parts of the rows and the weak slices, and the findings on both."""
    challenger = _scored(rows, released, rows.cut)
    others = {"baseline": _scored(rows, baseline, rows.cut)}
    if champion is not None:
        others["champion"] = _scored(rows, champion.answers, _champions_cut(rows, champion))
    parts = subpopulations(rows.test, rows.use_case)
    enough = rows.use_case.representation.min_rows
    records, ratios = compared_groups(challenger, others, parts, enough)
    seed = rows.use_case.training.seed
    weak = weak_slices(rows.test, challenger.losses, rows.use_case, seed=seed, blocks=rows.blocks)
    crossings = [record for record in records if record["kind"] == "crossing"]
    groups = [record for record in records if record["kind"] != "crossing"]
    known = {"groups": groups, "crossings": crossings, "weak_slices": weak.report}
    return known, all_slice_findings(ratios, weak)


def _scored(rows: _Subject, answers: Answers, cut: Cut) -> Scored:
    task, held = rows.use_case.target.task, rows.blocks
    return score(task, rows.labels, answers, variance=rows.variance, cut=cut, blocks=held)


def _champions_cut(rows: _Subject, champion: ChampionAnswers) -> Cut:
    return rows.cut if champion.rule is None else champion.rule.cut(rows.test)


def _decision(
    rows: _Subject,
    released: Answers,
    baseline: Answers,
    champion: ChampionAnswers | None,
    training: Mapping[str, Any],
) -> dict[str, Any] | None:
    others = {"baseline": (baseline, rows.cut)}
    if champion is not None:
        others["champion"] = (champion.answers, _champions_cut(rows, champion))
    return decision_report(
        rows.use_case,
        rows.labels,
        released,
        others,
        rows.rule,
        rows.cut,
        chosen=training.get("decision"),
        blocks=rows.blocks,
    )


def _calibration_finding(rows: _Subject, answers: Answers) -> Finding:
    task, nominal = rows.use_case.target.task, rows.use_case.training.interval
    if task == "regression":
        found = coverage_shortfall(rows.labels, answers, nominal, rows.blocks)
    else:
        found = calibration_error(task, rows.labels, answers, blocks=rows.blocks)
    n, bounds = len(rows.labels), (found.value, found.low, found.high)
    return Finding("calibration_error", "", *bounds, n, enough=n >= MIN_ROWS)


def _required(forms: Mapping[str, Answers | None]) -> tuple[Answers, Answers]:
    model, onnx = forms.get("model"), forms.get("onnx")
    if model is None or onnx is None:
        raise ValueError("the model and its ONNX form must be there to be evaluated")
    return model, onnx


def _agreement(rows: _Subject, forms: Mapping[str, Answers | None]) -> dict[str, Any]:
    model, onnx = _required(forms)
    return {
        "onnx": _compared(rows, "onnx", "model", model, onnx),
        "quantized": _compared(rows, "quantized", "onnx", onnx, forms.get("quantized")),
    }


def _compared(
    rows: _Subject, name: str, source: str, before: Answers | None, after: Answers | None
) -> dict[str, Any] | None:
    """``name`` against the form it was made from; ``None`` where one of them is not there."""
    if before is None or after is None:
        return None
    found = compare_forms(
        rows.use_case.target.task,
        rows.labels,
        before,
        after,
        rows.groups,
        tolerances(rows.use_case.limits)[name],
        rows.variance,
        rows.cut,
    )
    return {"against": source, **found}


def _metrics(rows: _Subject, answers: Answers | None, cut: Cut) -> dict[str, Any] | None:
    """``None`` for a form that is not there; all unknown where an answer is not a number."""
    if answers is None:
        return None
    task = rows.use_case.target.task
    if not np.isfinite(answers).all():
        return {name: Estimate().to_dict() for name in METRICS[task]}
    found = evaluate(
        task,
        rows.labels,
        answers,
        seed=rows.use_case.training.seed,
        variance=rows.variance,
        cut=cut,
        blocks=rows.blocks,
    )
    return {name: estimate.to_dict() for name, estimate in found.items()}


def _against(rows: _Subject, other: Answers, released: Answers, cut: Cut) -> dict[str, Any]:
    """Another model's metrics, and how much better the form to be released is on the identical
    rows."""
    difference = paired_difference(
        rows.use_case.target.task,
        rows.labels,
        other,
        released,
        seed=rows.use_case.training.seed,
        confidence=rows.use_case.promotion.confidence,
        variance=rows.variance,
        blocks=rows.blocks,
    )
    return {"metrics": _metrics(rows, other, cut), "difference": difference.to_dict()}


def _champion(
    rows: _Subject, champion: ChampionAnswers | None, released: Answers
) -> dict[str, Any] | None:
    if champion is None:
        return None
    named = {"release": champion.release, "last_batch": champion.last_batch}
    cut = _champions_cut(rows, champion)
    return {**named, **_against(rows, champion.answers, released, cut)}


def _is_positive(bound: float | None) -> bool | None:
    return None if bound is None else bound > 0.0
