"""The same computation as plain functions: no asset, no store, no hash; files as they come."""

import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from benchmarks_support import workspace_of
from numpy.typing import NDArray
from resources.tables import write_parquet
from threadpoolctl import threadpool_limits

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import build_features
from mlops_assets.data.leakage.report import leakage_report
from mlops_assets.data.privacy.privacy import protected
from mlops_assets.data.profile.page import profile_page
from mlops_assets.data.profile.report import profile_report
from mlops_assets.data.profile.summary import profile
from mlops_assets.data.raw_copy import describe
from mlops_assets.evidence.evaluation import evaluation_page, evaluation_report
from mlops_assets.evidence.explainability import explain
from mlops_assets.evidence.explainability_page import explainability_page
from mlops_assets.evidence.groups import row_groups
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.parity import compare
from mlops_assets.export.quantization import quantize
from mlops_assets.export.tensors import to_tensors
from mlops_assets.monitoring.drift import detect, drift_page, drift_report
from mlops_assets.monitoring.histograms import (
    SCORE_SERIES,
    count,
    count_scores,
    summarise,
    summarise_scores,
    with_scores,
)
from mlops_assets.monitoring.performance import performance_page, performance_report
from mlops_assets.reporting.html import to_html
from mlops_assets.reporting.markdown import to_markdown
from mlops_assets.reporting.page import Page
from mlops_assets.serving.predictor import Predictor
from mlops_assets.training.fit import train
from mlops_assets.use_case import UseCase


def main(root: Path) -> None:
    workspace = workspace_of(root)
    use_case, out = workspace.use_case, root / "plain"
    out.mkdir()
    cleaned: dict[str, pd.DataFrame] = {}
    profiles: list[dict[str, Any]] = []
    for batch in workspace.source.batches():
        cleaned[batch.name] = ingest(batch.path, batch.name, use_case, out, profiles)
    window = [batch for batch in cleaned if batch <= workspace.last_batch]
    features = build_features({batch: cleaned[batch] for batch in window}, use_case)
    write_parquet(features, out / "features.parquet")
    (out / "leakage.json").write_bytes(
        json_bytes(leakage_report(features, use_case, {b: cleaned[b] for b in window}))
    )
    model = train(features, use_case, lambda _: None).model
    joblib.dump(model, out / "model.joblib")
    onnx = to_onnx(model)
    (out / "model.onnx").write_bytes(onnx)
    predictor = Predictor(out / "model.onnx")

    def predict(rows: pd.DataFrame) -> NDArray[np.float64]:
        tensors = to_tensors(rows, use_case.inputs)
        return predictor.predict(tensors).probabilities[:, 1].astype(np.float64)

    split = {name: rows.reset_index(drop=True) for name, rows in features.groupby("split")}
    reference = evidence(model, onnx, predict, split, use_case, out)
    for batch in cleaned:
        if batch > workspace.last_batch:
            watch(cleaned[batch], batch, predict, reference, use_case, out)


def ingest(
    path: Path, batch: str, use_case: UseCase, out: Path, profiles: list[dict[str, Any]]
) -> pd.DataFrame:
    content = path.read_bytes()
    raw = describe(content, path.name, batch, use_case)
    (out / f"{batch}.json").write_bytes(json_bytes(raw.manifest))
    (out / f"{batch}.raw.parquet").write_bytes(content)
    found = clean(pq.read_table(path), use_case, batch)
    table, privacy = protected(found.rows, use_case, None)
    (out / f"{batch}.privacy.json").write_bytes(json_bytes(privacy))
    write_parquet(table, out / f"{batch}.parquet")
    rows: pd.DataFrame = table.to_pandas()
    summary = profile(rows, use_case)
    (out / f"{batch}.profile.json").write_bytes(json_bytes(summary))
    report = profile_report(
        summary, use_case=use_case, batch=batch, counts=found.counts, earlier=profiles
    )
    write(out, f"profile {batch}", report, profile_page(report))
    profiles.append(report)
    return rows


def evidence(
    model: Any, onnx: bytes, predict: Any, split: dict[Any, Any], use_case: UseCase, out: Path
) -> dict[str, Any]:
    test, inputs, seed = split["test"], use_case.inputs, use_case.training.seed
    with threadpool_limits(limits=1):
        answers = model.predict_proba(test)[:, 1]
    compare(answers, predict(test), use_case.limits.onnx_probability)
    quantize(onnx, "histogram_gradient_boosting", to_tensors(split["calibration"], inputs))
    forms = {"model": answers, "onnx": predict(test), "quantized": None}
    evaluation = evaluation_report(test, forms, None, {"model": "-"}, use_case)
    write(out, "evaluation", evaluation, evaluation_page(evaluation))
    rows = test.sample(300, random_state=seed).reset_index(drop=True)
    background = split["train"].sample(50, random_state=seed).reset_index(drop=True)
    labels = rows[use_case.target.column].to_numpy()
    explanation = {
        "use_case": use_case.title,
        "target": use_case.target.description,
        "subject": {"model": "-"},
        "explanation": explain(predict, rows, background, inputs, seed=seed, labels=labels),
    }
    write(out, "explanation", explanation, explainability_page(explanation))
    scores = summarise_scores(predict(split["calibration"]))
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
    counts[SCORE_SERIES] = count_scores(predict(rows), histograms["series"][SCORE_SERIES])
    found = detect(histograms, counts, monitoring=use_case.monitoring, seed=seed)
    names = {"use_case": use_case.title, "batch": batch, "champion": "-"}
    drift = drift_report(found, **names, monitoring=use_case.monitoring)
    write(out, f"drift {batch}", drift, drift_page(drift))
    labelled = rows[rows[use_case.target.column].notna()].reset_index(drop=True)
    performance = performance_report(
        labelled[use_case.target.column].to_numpy(np.int64),
        predict(labelled),
        row_groups(labelled, use_case),
        **names,
        rows=len(rows),
        reference=reference["metrics"],
        retraining=use_case.retraining,
        seed=seed,
    )
    write(out, f"performance {batch}", performance, performance_page(performance))


def write(out: Path, name: str, report: dict[str, Any], page: Page) -> None:
    (out / f"{name}.json").write_bytes(json_bytes(report))
    (out / f"{name}.html").write_text(to_html(page), encoding="utf-8")
    (out / f"{name}.md").write_text(to_markdown(page), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
