"""The evidence of the plain lifecycle: evaluation, fairness, explainability and risk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from plain_model import Ask, Exported, asking, split_of

from mlops_assets.answers import Answers, DecisionRule
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.evaluation.evaluation import evaluation_report
from mlops_assets.evidence.evaluation.evaluation_page import evaluation_page
from mlops_assets.evidence.explainability.explainability import explainability_report
from mlops_assets.evidence.explainability.explainability_page import explainability_page
from mlops_assets.evidence.explainability.mixtures import ExplainedModel
from mlops_assets.evidence.fairness.fairness import fairness_report
from mlops_assets.evidence.fairness.fairness_page import fairness_page
from mlops_assets.evidence.privacy.attribute_inference import attribute_inference
from mlops_assets.evidence.privacy.membership import membership_inference
from mlops_assets.evidence.privacy.membership_rows import audit_rows
from mlops_assets.evidence.risk.risk import input_envelope, risk_report
from mlops_assets.evidence.risk.risk_page import risk_page
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.monitoring.histograms import (
    summarise,
    summarise_outcomes,
    summarise_scores,
    with_scores,
)
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.markdown import to_markdown
from mlops_assets.reporting.page import Page
from mlops_assets.training.baseline import baseline_answers
from mlops_assets.training.refit import refit, refit_many
from mlops_assets.use_case import UseCase

SUBJECT = {"model": "-"}


@dataclass(frozen=True)
class Reference:
    """What later batches are compared with, and what predicts them."""

    predict: Ask
    rule: DecisionRule
    histograms: dict[str, Any]
    outcomes: dict[str, Any]
    attribution: dict[str, float | None]
    metrics: dict[str, Any]
    variance: float


def judge(made: Exported, features: pd.DataFrame, use_case: UseCase, out: Path) -> Reference:
    """Write the four reports on the form that would be released."""
    evaluation = evaluate(made, features, use_case, out)
    form = evaluation["released_form"]["form"]
    file = made.files[form]
    assert file is not None
    released = asking(file, use_case)
    treat(made, released, features, use_case, out)
    explained = explain(made, file, features, use_case, out)
    endanger(made, released, features, use_case, out)
    calibration = split_of(features, "calibration")
    scores = summarise_scores(use_case.target, released(calibration))
    inputs = summarise(split_of(features, "train"), use_case.inputs)
    return Reference(
        released,
        made.rule,
        with_scores(inputs, scores),
        summarise_outcomes(use_case.target, calibration[use_case.target.column].to_numpy()),
        {entry["column"]: entry["share"] for entry in explained["explanation"]["global"]},
        evaluation["forms"][form],
        made.variance,
    )


def evaluate(
    made: Exported, features: pd.DataFrame, use_case: UseCase, out: Path
) -> dict[str, Any]:
    test, target = split_of(features, "test"), use_case.target
    forms: dict[str, Answers | None] = {
        name: asking(path, use_case)(test) if path else None for name, path in made.files.items()
    }
    forms["model"] = made.answers(test)
    labels = split_of(features, "train")[target.column].to_numpy()
    report = evaluation_report(
        test,
        forms,
        baseline_answers(target.task, labels, len(test), len(target.class_names)),
        None,
        SUBJECT,
        use_case,
        made.variance,
        sizes=made.sizes(),
        training=made.record,
        rule=made.rule,
    )
    write(out, "evaluation", report, evaluation_page(report), use_case)
    return report


def treat(
    made: Exported, released: Ask, features: pd.DataFrame, use_case: UseCase, out: Path
) -> None:
    test = split_of(features, "test")
    report = fairness_report(
        test,
        released(test),
        made.rule,
        use_case,
        subject=SUBJECT,
        variance=made.variance,
        before=None,
    )
    write(out, "fairness", report, fairness_page(report), use_case)


def explain(
    made: Exported, file: Path, features: pd.DataFrame, use_case: UseCase, out: Path
) -> dict[str, Any]:
    train, test = split_of(features, "train"), split_of(features, "test")
    family, seed, wanted = made.record["family"], use_case.training.seed, use_case.explanation.rows
    samples = bootstrap_samples(train, use_case)
    models = refit_many(samples, use_case, made.record, made.model, seed=seed)
    files = [to_onnx(model, use_case.target) for model in models]
    rows = test.sample(min(wanted, len(test)), random_state=seed)
    report = explainability_report(
        ExplainedModel(asking(file, use_case), file, family),
        rows,
        train.sample(min(wanted, len(train)), random_state=seed),
        use_case=use_case,
        rule=made.rule,
        labels=rows[use_case.target.column].to_numpy(),
        champion=None,
        refits=[ExplainedModel(asking(each, use_case), each, family) for each in files],
        subject=SUBJECT,
    )
    write(out, "explainability", report, explainability_page(report), use_case)
    return report


def bootstrap_samples(train: pd.DataFrame, use_case: UseCase) -> Iterator[pd.DataFrame]:
    declared, seed = use_case.explanation, use_case.training.seed
    for number in range(declared.refits):
        size = min(len(train), declared.max_refit_rows)
        yield train.sample(size, replace=True, random_state=seed + number).reset_index(drop=True)


def endanger(
    made: Exported, released: Ask, features: pd.DataFrame, use_case: UseCase, out: Path
) -> None:
    refitting = partial(refitted, use_case, made.record, made.model)
    envelope = input_envelope(features, use_case)
    report = risk_report(
        released,
        made.rule,
        features,
        use_case,
        subject=SUBJECT,
        variance=made.variance,
        refit=refitting,
        envelope=envelope,
        membership=membership_inference(
            audit_rows(features, use_case), use_case, released, refitting, variance=made.variance
        ),
        attribute_inference=attribute_inference(
            split_of(features, "test"), use_case, released, variance=made.variance
        ),
    )
    write(out, "risk", report, risk_page(report), use_case)
    (out / "envelope.json").write_bytes(json_bytes(envelope))


def refitted(
    use_case: UseCase, record: Mapping[str, Any], like: Any, rows: pd.DataFrame, seed: int
) -> Ask:
    model: Any = refit(rows, use_case, record, like, seed=seed)
    answers: Ask = model.answers
    return answers


def write(out: Path, name: str, report: dict[str, Any], page: Page, use_case: UseCase) -> None:
    language = use_case.language
    (out / f"{name}.json").write_bytes(json_bytes(report))
    (out / f"{name}.html").write_text(to_html(page, language), encoding="utf-8")
    (out / f"{name}.md").write_text(to_markdown(page, language), encoding="utf-8")
