"""The evaluation: what a model and its forms can do on rows they have not seen.

Belongs here: the composition of the evaluation report. Does not belong here: the metrics
(``metrics.py``), the comparisons (``comparison.py``, ``agreement.py``), the page
(``evaluation_page.py``), or whether all this is good enough (``release/gate.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.answers import Answers, Labels
from mlops_assets.evidence.agreement import Form, compare_forms, released_form, tolerances
from mlops_assets.evidence.bootstrap import Estimate
from mlops_assets.evidence.calibration_curve import calibration_curve
from mlops_assets.evidence.comparison import paired_difference
from mlops_assets.evidence.groups import Mask, row_groups
from mlops_assets.evidence.leaderboard_section import leaderboard_of
from mlops_assets.evidence.metrics import METRICS, by_group, evaluate
from mlops_assets.evidence.multiclass_metrics import confusion_matrix
from mlops_assets.use_case import UseCase

FORMS = ("model", "onnx", "quantized", "served")


@dataclass(frozen=True)
class ChampionAnswers:
    """The champion's answers ``[n, k]`` to the test rows, and which release gave them."""

    release: str
    last_batch: str
    answers: Answers


@dataclass(frozen=True)
class _Subject:
    """The test rows as everything here looks at them."""

    labels: Labels
    groups: Mapping[str, Mask]
    use_case: UseCase
    variance: float


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
) -> dict[str, Any]:
    """Everything measured on the test rows, as JSON-able data.

    ``test`` are the rows of the test split with the target encoded (``mlops_assets.answers``);
    ``forms`` the answers ``[n, k]`` of ``model``, ``onnx``, ``quantized`` and ``served`` (what came
    back over HTTP from the form that ``form_to_serve`` names), ``None`` for a form that does not
    exist or was not asked; ``baseline_answers`` ``[n, k]`` those of the dummy that answers the same
    for all rows; ``subject`` the hashes of the artifacts this is about; ``variance`` that of the
    labels in the train split; ``sizes`` the bytes of the files ``onnx`` and ``quantized``;
    ``training`` the content of ``model.json``.

    Raises ``ValueError`` without answers of ``model`` and ``onnx``, and as ``evaluate`` does.
    """
    rows = _subject(test, use_case, variance)
    task, labels, seed = use_case.target.task, rows.labels, use_case.training.seed
    _, onnx = _required(forms)
    agreement = _agreement(rows, forms)
    form, reasons = released_form(agreement, sizes)
    served, source = forms.get("served"), forms[form]
    agreement["served"] = _compared(rows, "served", form, source, served)
    baseline = _against(rows, baseline_answers, onnx)
    return {
        "use_case": use_case.title,
        "task": task,
        "unit": use_case.target.unit,
        "subject": dict(subject),
        "rows": len(test),
        "positives": int(labels.sum()) if task == "binary" else None,
        "last_batch": str(test["batch"].max()),
        "forms": {name: _metrics(rows, forms.get(name)) for name in FORMS},
        "agreement": agreement,
        "released_form": {"form": form, "reasons": list(reasons), "sizes": dict(sizes)},
        "baseline": baseline,
        "champion": _champion(rows, champion, onnx),
        "groups": [
            group.to_dict()
            for group in by_group(task, labels, onnx, rows.groups, seed=seed, variance=variance)
        ],
        "training": leaderboard_of(training),
        "calibration": calibration_curve(task, labels, onnx),
        "confusion": _confusion(rows, onnx),
        "verdicts": {
            "beats_baseline": _is_positive(baseline["difference"]["loss_low"]),
            "forms_agree": _forms_agree(agreement),
        },
    }


def form_to_serve(
    test: pd.DataFrame,
    forms: Mapping[str, Answers | None],
    use_case: UseCase,
    variance: float,
    *,
    sizes: Mapping[str, int | None],
) -> tuple[Form, tuple[str, ...]]:
    """The form that will be released, and why, from the answers of the forms that are files: the
    one whose endpoint has to be asked for ``served``. Arguments as in ``evaluation_report``."""
    return released_form(_agreement(_subject(test, use_case, variance), forms), sizes)


def _subject(test: pd.DataFrame, use_case: UseCase, variance: float) -> _Subject:
    kind = np.float64 if use_case.target.task == "regression" else np.int64
    labels = test[use_case.target.column].to_numpy(kind)
    return _Subject(labels, row_groups(test, use_case), use_case, variance)


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
    )
    return {"against": source, **found}


def _forms_agree(agreement: Mapping[str, Any]) -> bool | None:
    """Whether what is served is what was evaluated; unknown where no endpoint was asked."""
    if not agreement["onnx"]["agrees"]:
        return False
    return None if agreement["served"] is None else bool(agreement["served"]["agrees"])


def _metrics(rows: _Subject, answers: Answers | None) -> dict[str, Any] | None:
    """``None`` for a form that is not there; all unknown where an answer is not a number."""
    if answers is None:
        return None
    task = rows.use_case.target.task
    if not np.isfinite(answers).all():
        return {name: Estimate().to_dict() for name in METRICS[task]}
    seed = rows.use_case.training.seed
    found = evaluate(task, rows.labels, answers, seed=seed, variance=rows.variance)
    return {name: estimate.to_dict() for name, estimate in found.items()}


def _against(rows: _Subject, other: Answers, onnx: Answers) -> dict[str, Any]:
    """Another model's metrics, and how much better the ONNX form is on the identical rows."""
    difference = paired_difference(
        rows.use_case.target.task,
        rows.labels,
        other,
        onnx,
        seed=rows.use_case.training.seed,
        confidence=rows.use_case.promotion.confidence,
        variance=rows.variance,
    )
    return {"metrics": _metrics(rows, other), "difference": difference.to_dict()}


def _champion(
    rows: _Subject, champion: ChampionAnswers | None, onnx: Answers
) -> dict[str, Any] | None:
    if champion is None:
        return None
    named = {"release": champion.release, "last_batch": champion.last_batch}
    return {**named, **_against(rows, champion.answers, onnx)}


def _confusion(rows: _Subject, onnx: Answers) -> dict[str, Any] | None:
    target = rows.use_case.target
    if target.task != "multiclass":
        return None
    return {"classes": list(target.class_names), "rows": confusion_matrix(rows.labels, onnx)}


def _is_positive(bound: float | None) -> bool | None:
    return None if bound is None else bound > 0.0
