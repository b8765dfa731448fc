"""The risk report: what could go wrong with the released model, tested before it is released.

Belongs here: running every test on the same released model and composing what they found into one
report. Does not belong here: the tests (the modules beside this one), membership and attribute
inference, which are given, or how the report looks (``risk_page.py``).
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlops_assets.answers import Ask, DecisionRule
from mlops_assets.evidence.privacy.attribute_inference import attribute_findings
from mlops_assets.evidence.privacy.membership import membership_findings
from mlops_assets.evidence.risk.cross_fitting import Refit
from mlops_assets.evidence.risk.envelope import abstention, learn_envelope
from mlops_assets.evidence.risk.evasion import evasion
from mlops_assets.evidence.risk.implausible_values import out_of_range, unit_errors
from mlops_assets.evidence.risk.label_noise import suspect_labels
from mlops_assets.evidence.risk.mismatch import training_production_distance
from mlops_assets.evidence.risk.outliers import training_outliers
from mlops_assets.evidence.risk.perturbations import missing_values, noise, unseen_categories
from mlops_assets.evidence.risk.released_model import ReleasedModel
from mlops_assets.evidence.risk.risk_register import register
from mlops_assets.evidence.risk.risk_statistics import evenly, sampled
from mlops_assets.governance.policy import MEASURES, Finding, effective_policy, judged
from mlops_assets.serving.envelope import Envelope
from mlops_assets.use_case import UseCase

MOST_TRAIN_ROWS = 100_000
"""Train rows that any test reads, evenly spread over the window."""

Tested = tuple[dict[str, Any], list[Finding]]


def input_envelope(features: pd.DataFrame, use_case: UseCase) -> dict[str, Any]:
    """The envelope to be kept beside the report as ``envelope.json`` (see ``serving/envelope.py``),
    from the train rows of ``features`` and calibrated on its calibration rows."""
    return learn_envelope(
        _split(features, "train"), _split(features, "calibration"), use_case.inputs
    )


def risk_report(
    released: Ask,
    rule: DecisionRule,
    features: pd.DataFrame,
    use_case: UseCase,
    *,
    subject: Mapping[str, str],
    variance: float,
    refit: Refit,
    envelope: Envelope,
    membership: Mapping[str, Any] | None,
    attribute_inference: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The report as JSON-able data.

    ``released`` is the released file as a black box and ``rule`` its decision rule; ``features``
    are rows as ``data/features.py`` builds them; ``subject`` the hashes of what is reported on;
    ``variance`` that of the train labels (``answers.row_losses``); ``refit`` fits the chosen
    candidate on other rows; ``envelope`` is of ``input_envelope``. ``membership`` and
    ``attribute_inference`` are what these attacks report; without them their figures are unknown.
    """
    model = ReleasedModel(released, rule, use_case.target.task, variance)
    train = evenly(_split(features, "train"), MOST_TRAIN_ROWS)
    splits = train, _split(features, "calibration"), _split(features, "test")
    tested = {
        **_disturbed(model, splits, envelope, use_case),
        **_scanned(model, splits, envelope, use_case, refit),
    }
    findings = [one for _, found in tested.values() for one in found]
    findings += [] if membership is None else membership_findings(membership)
    findings += [] if attribute_inference is None else attribute_findings(attribute_inference)
    policy = effective_policy(use_case)
    findings += _unknown(findings, use_case)
    return {
        "use_case": use_case.title,
        "subject": dict(subject),
        "task": use_case.target.task,
        "limits": judged(findings, policy),
        "register": register(findings, use_case, policy),
        "findings": [one.to_dict() for one in findings],
        "tests": {name: evidence for name, (evidence, _) in tested.items()},
        "membership": None if membership is None else dict(membership),
        "attribute_inference": None if attribute_inference is None else dict(attribute_inference),
    }


def _split(features: pd.DataFrame, name: str) -> pd.DataFrame:
    return features[features["split"] == name].reset_index(drop=True)


Splits = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def _disturbed(
    model: ReleasedModel, splits: Splits, envelope: Envelope, use_case: UseCase
) -> dict[str, Tested]:
    """What disturbs or attacks the answers to single rows."""
    train, held_out, test = splits
    seed, inputs = use_case.training.seed, use_case.inputs
    rows = sampled(test, use_case.risk.rows, seed)
    labels = rows[use_case.target.column].to_numpy()
    attacked = sampled(test, use_case.risk.evasion_rows, seed + 1)
    batch = evenly(held_out, use_case.risk.rows)
    return {
        "noise": noise(model, train, rows, inputs, seed),
        "missing_values": missing_values(model, rows, labels, inputs, seed),
        "unseen_categories": unseen_categories(model, train, rows, labels, inputs, seed),
        "out_of_range": out_of_range(envelope, rows, inputs),
        "unit_errors": unit_errors(envelope, train, batch, use_case, seed),
        "evasion": evasion(model, train, attacked, inputs),
    }


def _scanned(
    model: ReleasedModel, splits: Splits, envelope: Envelope, use_case: UseCase, refit: Refit
) -> dict[str, Tested]:
    """What is wrong with the rows that the model learned from, or far from those it will see."""
    train, held_out, test = splits
    seed, target = use_case.training.seed, use_case.target.column
    limit = effective_policy(use_case).limit("suspect_labels")
    allowed = 0.0 if limit is None else limit.limit
    return {
        "labels": suspect_labels(refit, train, held_out, use_case, allowed),
        "outliers": training_outliers(train, held_out, use_case),
        "mismatch": training_production_distance(train, test, use_case),
        "envelope": abstention(envelope, model, test, target, use_case.inputs, seed),
    }


def _unknown(findings: list[Finding], use_case: UseCase) -> list[Finding]:
    """What was to be known and is not: limited measures that no test has a figure for. Sensitive
    values cannot be inferred where there are none."""
    known = {one.measure for one in findings}
    missing = [
        name
        for name, measure in MEASURES.items()
        if measure.report == "risk_report" and name not in known
    ]
    if not use_case.sensitive and "attribute_inference_gain" in missing:
        missing.remove("attribute_inference_gain")
        return [
            Finding.exact("attribute_inference_gain", "", 0.0, 0),
            *(Finding(name, "", None, None, None) for name in missing),
        ]
    return [Finding(name, "", None, None, None) for name in missing]
