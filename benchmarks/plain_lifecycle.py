"""The same computation as plain functions: no asset, no store, no hash; files as they come."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from benchmarks_support import workspace_of
from plain_evidence import Reference, judge, write
from plain_model import export

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.cleaning.cleaned_batch import write_cleaned
from mlops_assets.data.features import build_features, to_table
from mlops_assets.data.labels import encode_labels
from mlops_assets.data.parquet_files import read_chunks, write_table
from mlops_assets.data.profile.page import profile_page
from mlops_assets.data.profile.report import profile_report
from mlops_assets.data.profile.summary import profile_chunks
from mlops_assets.data.profile.window import merged, window_page, window_report
from mlops_assets.data.raw_copy import describe
from mlops_assets.data.representation.page import representation_page
from mlops_assets.data.window import describe_window
from mlops_assets.evidence.metrics.groups import row_groups
from mlops_assets.monitoring.drift import detect, drift_report, outcome_drift
from mlops_assets.monitoring.drift_page import drift_page
from mlops_assets.monitoring.histograms import count, count_outcomes, count_scores
from mlops_assets.monitoring.performance import performance_report
from mlops_assets.monitoring.performance_page import performance_page
from mlops_assets.use_case import UseCase
from resources.workspace import Workspace


def main(root: Path) -> None:
    workspace = workspace_of(root)
    use_case, out = workspace.use_case, root / "plain"
    out.mkdir()
    made = [ingest(d.name, workspace, out) for d in workspace.source.deliveries()]
    reports: list[dict[str, Any]] = []
    for batch in made:
        reports.append(describe_batch(batch, use_case, out, reports))
    window = [batch for batch in made if batch.name <= workspace.last_batch]
    features = learn_from(window, reports, use_case, out)
    model = export(features, use_case, out)
    reference = judge(model, features, use_case, out)
    for batch in made[len(window) :]:
        watch(batch.rows(), batch.name, reference, use_case, out)


def learn_from(
    window: list["Batch"], reports: list[dict[str, Any]], use_case: UseCase, out: Path
) -> pd.DataFrame:
    """The features of the training window, written with all that is said of it."""
    cleaned = {batch.name: batch.rows() for batch in window}
    counts = {batch.name: batch.counts for batch in window}
    features = build_features(cleaned, use_case)
    write_table(to_table(features), out / "features.parquet")
    documents = describe_window(
        features,
        cleaned,
        use_case,
        cleaned=dict.fromkeys(cleaned, "-"),
        counts=counts,
        excluded={},
    )
    for name, document in documents.items():
        (out / name).write_bytes(json_bytes(document))
    summaries = {batch.name: batch.summary(use_case) for batch in window}
    profiled = window_report(
        summaries,
        {report["batch"]: report for report in reports if report["batch"] in cleaned},
        counts,
        use_case=use_case,
        features=documents["features.json"],
        leakage=documents["leakage.json"],
    )
    (out / "window profile.json").write_bytes(json_bytes(merged(summaries)))
    write(out, "window", profiled, window_page(profiled), use_case)
    represented = documents["representation.json"]
    write(out, "representation", represented, representation_page(represented), use_case)
    return features


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
    write(out, f"profile {batch.name}", report, profile_page(report), use_case)
    return report


def watch(
    rows: pd.DataFrame, batch: str, reference: Reference, use_case: UseCase, out: Path
) -> None:
    histograms, seed = reference.histograms, use_case.training.seed
    counts = count(rows, histograms)
    counts |= count_scores(reference.predict(rows), histograms)
    found = detect(histograms, counts, monitoring=use_case.monitoring, seed=seed)
    names = {"use_case": use_case.title, "batch": batch, "champion": "-"}
    labelled = rows[rows[use_case.target.column].notna()].reset_index(drop=True)
    labels = encode_labels(labelled[use_case.target.column], use_case.target)
    outcomes: Mapping[str, Any] = reference.outcomes
    drift = drift_report(
        found,
        **names,
        monitoring=use_case.monitoring,
        attribution=reference.attribution,
        outcomes=outcome_drift(
            outcomes,
            count_outcomes(labels, outcomes),
            monitoring=use_case.monitoring,
            seed=seed,
        ),
    )
    write(out, f"drift {batch}", drift, drift_page(drift), use_case)
    performance = performance_report(
        use_case.target.task,
        labels,
        reference.predict(labelled),
        row_groups(labelled, use_case),
        **names,
        rows=len(rows),
        reference=reference.metrics,
        retraining=use_case.retraining,
        variance=reference.variance,
        seed=seed,
        cut=reference.rule.cut(labelled),
    )
    write(out, f"performance {batch}", performance, performance_page(performance), use_case)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
