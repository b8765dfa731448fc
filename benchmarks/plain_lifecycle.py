"""The same computation as plain functions: no asset, no store, no hash; files as they come."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from benchmarks_support import workspace_of
from threadpoolctl import threadpool_limits

from mlops_assets.answers import Answers, from_outputs
from mlops_assets.content_hash import json_bytes
from mlops_assets.data.cleaning.cleaned_batch import write_cleaned
from mlops_assets.data.features import build_features, to_table
from mlops_assets.data.parquet_files import read_chunks, write_table
from mlops_assets.data.profile.page import profile_page
from mlops_assets.data.profile.report import profile_report
from mlops_assets.data.profile.summary import profile_chunks
from mlops_assets.data.profile.window import window_page, window_report
from mlops_assets.data.raw_copy import describe
from mlops_assets.data.representation.page import representation_page
from mlops_assets.data.window import describe_window
from mlops_assets.evidence.evaluation import evaluation_report, form_to_serve
from mlops_assets.evidence.evaluation_page import evaluation_page
from mlops_assets.evidence.explainability import explain
from mlops_assets.evidence.explainability_page import explainability_page
from mlops_assets.evidence.groups import row_groups
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.parity import compare
from mlops_assets.export.quantization import quantize
from mlops_assets.export.tensors import to_tensors
from mlops_assets.monitoring.drift import detect, drift_report
from mlops_assets.monitoring.drift_page import drift_page
from mlops_assets.monitoring.histograms import (
    count,
    count_scores,
    summarise,
    summarise_scores,
    with_scores,
)
from mlops_assets.monitoring.performance import performance_report
from mlops_assets.monitoring.performance_page import performance_page
from mlops_assets.release.bundle import signature
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.markdown import to_markdown
from mlops_assets.reporting.page import Page
from mlops_assets.serving.app import make_app
from mlops_assets.serving.client import ask
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.server import running
from mlops_assets.training.baseline import baseline_answers
from mlops_assets.training.fit import Training, train
from mlops_assets.use_case import UseCase
from resources.workspace import Workspace

VARIANCE = 1.0
"""The use case of the benchmark is a classification: see ``mlops_assets.answers.row_losses``."""


def main(root: Path) -> None:
    workspace = workspace_of(root)
    use_case, out = workspace.use_case, root / "plain"
    out.mkdir()
    made = [ingest(d.name, workspace, out) for d in workspace.source.deliveries()]
    reports: list[dict[str, Any]] = []
    for batch in made:
        reports.append(describe_batch(batch, use_case, out, reports))
    cleaned = {batch.name: batch.rows() for batch in made}
    counts = {batch.name: batch.counts for batch in made}
    window = {b: rows for b, rows in cleaned.items() if b <= workspace.last_batch}
    features = build_features(window, use_case)
    write_table(to_table(features), out / "features.parquet")
    documents = describe_window(
        features,
        window,
        use_case,
        cleaned=dict.fromkeys(window, "-"),
        counts={b: counts[b] for b in window},
        excluded={},
    )
    for name, document in documents.items():
        (out / name).write_bytes(json_bytes(document))
    profiled = window_report(
        {b.name: b.summary(use_case) for b in made if b.name in window},
        {report["batch"]: report for report in reports if report["batch"] in window},
        {b: counts[b] for b in window},
        use_case=use_case,
        features=documents["features.json"],
        leakage=documents["leakage.json"],
    )
    write(out, "window", profiled, window_page(profiled))
    represented = documents["representation.json"]
    write(out, "representation", represented, representation_page(represented))
    target = use_case.target
    training = train(features, use_case, lambda _: None, lambda model: len(to_onnx(model, target)))
    joblib.dump(training.model, out / "model.joblib")
    onnx = to_onnx(training.model, target)
    (out / "model.onnx").write_bytes(onnx)
    predictor = Predictor(out / "model.onnx")

    def predict(rows: pd.DataFrame) -> Answers:
        return from_outputs(predictor.predict(to_tensors(rows, use_case.inputs)))

    split = {name: rows.reset_index(drop=True) for name, rows in features.groupby("split")}
    reference = evidence(training, onnx, predict, split, use_case, out)
    for batch in cleaned:
        if batch > workspace.last_batch:
            watch(cleaned[batch], batch, predict, reference, use_case, out)


@dataclass(frozen=True)
class Batch:
    """A cleaned batch in a folder."""

    name: str
    folder: Path
    counts: dict[str, Any]

    def rows(self) -> pd.DataFrame:
        found: pd.DataFrame = pq.read_table(self.folder / "data.parquet").to_pandas()
        return found

    def summary(self, use_case: UseCase) -> dict[str, Any]:
        """The profile's summary, which is written once and read again."""
        path = self.folder / "profile.json"
        if not path.is_file():
            found = profile_chunks(read_chunks(self.folder / "data.parquet"), use_case)
            path.write_bytes(json_bytes(found))
        summary: dict[str, Any] = json.loads(path.read_bytes())
        return summary


def ingest(batch: str, workspace: Workspace, out: Path) -> Batch:
    raw, folder = out / f"{batch}.raw", out / batch
    raw.mkdir()
    folder.mkdir()
    copied = workspace.source.copy(batch, raw)
    manifest = describe(
        raw,
        file=copied.file,
        fingerprint=copied.delivery.fingerprint,
        origin=copied.origin,
        batch=batch,
        use_case=workspace.use_case,
    )
    (raw / "manifest.json").write_bytes(json_bytes(manifest))
    cleaning = write_cleaned(raw, folder, workspace.use_case, batch, key=None, corrections=None)
    return Batch(batch, folder, cleaning.counts)


def describe_batch(
    batch: Batch, use_case: UseCase, out: Path, earlier: list[dict[str, Any]]
) -> dict[str, Any]:
    report = profile_report(
        batch.summary(use_case),
        use_case=use_case,
        batch=batch.name,
        counts=batch.counts,
        earlier=earlier,
    )
    write(out, f"profile {batch.name}", report, profile_page(report))
    return report


def evidence(
    training: Training,
    onnx: bytes,
    predict: Any,
    split: dict[Any, Any],
    use_case: UseCase,
    out: Path,
) -> dict[str, Any]:
    test, inputs, seed = split["test"], use_case.inputs, use_case.training.seed
    target, record = use_case.target, training.record
    with threadpool_limits(limits=1):
        answers = training.model.answers(test)
    compare(target.task, answers, predict(test), use_case.limits.onnx_difference)
    calibration = to_tensors(split["calibration"], inputs)
    prefer = use_case.quantization.prefer
    made = quantize(onnx, record["family"], target.task, calibration, prefer).model
    quantized = None if made is None else Predictor(made)
    tensors = to_tensors(test, inputs)
    forms: dict[str, Answers | None] = {
        "model": answers,
        "onnx": predict(test),
        "quantized": None if quantized is None else from_outputs(quantized.predict(tensors)),
    }
    labels = split["train"][target.column].to_numpy()
    usual = baseline_answers(target.task, labels, len(test), len(target.class_names))
    sizes = {"onnx": len(onnx), "quantized": None if made is None else len(made)}
    form, _ = form_to_serve(test, forms, use_case, VARIANCE, sizes=sizes)
    served = Predictor(onnx) if form == "onnx" or quantized is None else quantized
    with running(make_app(served, "model", "candidate", signature(use_case))) as address:
        forms["served"] = from_outputs(ask(address, "model", tensors))
    evaluation = evaluation_report(
        test,
        forms,
        usual,
        None,
        {"model": "-"},
        use_case,
        VARIANCE,
        sizes=sizes,
        training=record,
    )
    write(out, "evaluation", evaluation, evaluation_page(evaluation))
    rows = test.sample(300, random_state=seed).reset_index(drop=True)
    background = split["train"].sample(50, random_state=seed).reset_index(drop=True)
    said = {"target": target, "seed": seed, "features": use_case.features}
    labels = rows[target.column].to_numpy()
    explanation = {
        "use_case": use_case.title,
        "target": use_case.target.description,
        "subject": {"model": "-"},
        "explanation": explain(predict, rows, background, inputs, labels=labels, **said),
    }
    write(out, "explanation", explanation, explainability_page(explanation))
    scores = summarise_scores(target, predict(split["calibration"]))
    return {
        "histograms": with_scores(summarise(split["train"], inputs), scores),
        "metrics": evaluation["forms"]["onnx"],
    }


def watch(
    rows: pd.DataFrame,
    batch: str,
    predict: Any,
    reference: dict[str, Any],
    use_case: UseCase,
    out: Path,
) -> None:
    histograms, seed = reference["histograms"], use_case.training.seed
    counts = count(rows, histograms)
    counts |= count_scores(predict(rows), histograms)
    found = detect(histograms, counts, monitoring=use_case.monitoring, seed=seed)
    names = {"use_case": use_case.title, "batch": batch, "champion": "-"}
    drift = drift_report(found, **names, monitoring=use_case.monitoring)
    write(out, f"drift {batch}", drift, drift_page(drift))
    labelled = rows[rows[use_case.target.column].notna()].reset_index(drop=True)
    performance = performance_report(
        use_case.target.task,
        labelled[use_case.target.column].to_numpy(np.int64),
        predict(labelled),
        row_groups(labelled, use_case),
        **names,
        rows=len(rows),
        reference=reference["metrics"],
        retraining=use_case.retraining,
        variance=VARIANCE,
        seed=seed,
    )
    write(out, f"performance {batch}", performance, performance_page(performance))


def write(out: Path, name: str, report: dict[str, Any], page: Page) -> None:
    (out / f"{name}.json").write_bytes(json_bytes(report))
    (out / f"{name}.html").write_text(to_html(page), encoding="utf-8")
    (out / f"{name}.md").write_text(to_markdown(page), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
