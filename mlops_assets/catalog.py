"""The one table of artifacts: name, stage, upstream, files. Dagster's assets and ``dvc.yaml`` are
both held to it.

Belongs here: what artifacts exist and how they depend on each other. Does not belong here: how one
is made (the stage folders) or where it is kept (``resources/artifact_store.py``).
"""

from dataclasses import dataclass
from typing import Literal

Stage = Literal["data", "training", "export", "evidence", "release", "monitoring"]


@dataclass(frozen=True)
class DvcPlot:
    """A plot of DVC over a JSON list of records in an artifact's folder."""

    title: str
    file: str
    x: str
    y: str
    template: str


@dataclass(frozen=True)
class Artifact:
    """One artifact of a model's life.

    ``files`` are what its folder holds at least. ``per_batch`` artifacts have one folder a batch.
    ``reads_champion`` marks the two monitors, which read the release that predicted a batch as an
    input named by hash: it orders DVC's stages, and is no edge of the asset graph, for a later
    release does not outdate what an earlier one was seen to do. ``fields`` are the fields of the
    use case that decide the content. Batches of an artifact that is made ``one_at_a_time`` are
    compared with those that came before. ``code`` is what makes it beside the code of its stage.
    """

    name: str
    stage: Stage
    upstream: tuple[str, ...]
    files: tuple[str, ...]
    description: str
    kinds: tuple[str, ...]
    fields: tuple[str, ...]
    per_batch: bool = False
    reads_champion: bool = False
    one_at_a_time: bool = False
    code: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[DvcPlot, ...] = ()

    @property
    def is_report(self) -> bool:
        return "report.html" in self.files


SHARED_CODE = (
    "mlops_assets/answers.py",
    "mlops_assets/catalog.py",
    "mlops_assets/column_declaration.py",
    "mlops_assets/content_hash.py",
    "mlops_assets/evidence_declaration.py",
    "mlops_assets/policy_declaration.py",
    "mlops_assets/responsibility_declaration.py",
    "mlops_assets/rows_declaration.py",
    "mlops_assets/source_declaration.py",
    "mlops_assets/specification.py",
    "mlops_assets/target_declaration.py",
    "mlops_assets/training_declaration.py",
    "mlops_assets/use_case.py",
)
GROUPS_CODE = ("mlops_assets/data/cleaning/conditions.py", "mlops_assets/data/representation")
TRAINING_CODE = (
    "mlops_assets/training",
    "mlops_assets/data/features.py",
    "mlops_assets/data/labels.py",
    *GROUPS_CODE,
)
EVIDENCE_CODE = ("mlops_assets/evidence", "mlops_assets/reporting", *GROUPS_CODE)
STAGE_CODE: dict[str, tuple[str, ...]] = {
    "data": ("mlops_assets/data", "mlops_assets/monitoring/histograms.py"),
    "training": (*TRAINING_CODE, "mlops_assets/export", "mlops_assets/serving"),
    "export": (*TRAINING_CODE, "mlops_assets/export", "mlops_assets/serving"),
    "evidence": (*EVIDENCE_CODE, "mlops_assets/release/answers.py", "mlops_assets/serving"),
    "release": ("mlops_assets/release", "mlops_assets/governance", "mlops_assets/serving"),
    "monitoring": (
        "mlops_assets/data/labels.py",
        "mlops_assets/monitoring",
        "mlops_assets/release/answers.py",
        "mlops_assets/serving",
        *EVIDENCE_CODE,
    ),
}
"""The code each stage's artifacts are made by: what a change of outdates them."""


def code_of(artifact: "Artifact") -> tuple[str, ...]:
    """Files and folders whose change outdates an artifact, relative to the project, in order."""
    return tuple(sorted({*SHARED_CODE, *STAGE_CODE[artifact.stage], *artifact.code}))


REPORT = ("report.json", "report.html")
POLICY_CODE = (
    "mlops_assets/governance/measures.py",
    "mlops_assets/governance/policies",
    "mlops_assets/governance/policy.py",
)
REFIT_CODE = ("mlops_assets/training", "mlops_assets/export")
MODEL_FIELDS = (
    "target",
    "columns",
    "features",
    "training",
    "representation",
    "decision",
    "fairness",
)
"""What decides a model, and so a refit of it."""
RELEASED = ("features", "model", "onnx_model", "quantized_model", "evaluation_report")
"""What evidence about the released form is made from: the evaluation says which form that is."""
EVIDENCE = (
    "features",
    "window_profile",
    "representation_report",
    "model",
    "onnx_model",
    "quantized_model",
    "evaluation_report",
    "fairness_report",
    "explainability_report",
    "risk_report",
)
"""What the decision on a release rests on."""

ARTIFACTS: tuple[Artifact, ...] = (
    Artifact(
        "raw_copy",
        "data",
        (),
        ("data.parquet", "manifest.json"),
        "The batch as the source delivered it, byte for byte, with a manifest of what it is.",
        ("parquet",),
        ("source", "target", "columns", "owner"),
        per_batch=True,
        one_at_a_time=True,
        code=("resources/sources",),
    ),
    Artifact(
        "cleaned_dataset",
        "data",
        ("raw_copy",),
        ("data.parquet", "quarantine.parquet", "counts.json", "rules.json", "privacy.json"),
        "The batch's valid rows; beside them the rejected ones with their reasons, and each rule.",
        ("pandera", "parquet"),
        ("target", "columns", "rows", "privacy"),
        per_batch=True,
    ),
    Artifact(
        "data_profile",
        "data",
        ("cleaned_dataset",),
        ("profile.json", *REPORT),
        "What the batch's data looks like, what stands out, and how it differs from earlier ones.",
        ("html",),
        ("target", "columns", "language"),
        per_batch=True,
        one_at_a_time=True,
        code=("mlops_assets/reporting",),
    ),
    Artifact(
        "features",
        "data",
        ("cleaned_dataset",),
        (
            "data.parquet",
            "reference.json",
            "features.json",
            "leakage.json",
            "representation.json",
        ),
        "The training window, divided by time into train, calibration and test rows.",
        ("parquet",),
        ("target", "columns", "slices", "training", "representation"),
    ),
    Artifact(
        "window_profile",
        "data",
        ("features", "data_profile"),
        ("profile.json", *REPORT),
        "What the training window looks like as a whole, and how it changes from batch to batch.",
        ("html",),
        ("target", "columns", "language"),
        code=("mlops_assets/reporting",),
    ),
    Artifact(
        "representation_report",
        "data",
        ("features",),
        REPORT,
        "Whether the training window holds enough of everyone the model is for.",
        ("html",),
        ("title", "target", "columns", "representation", "language"),
        code=("mlops_assets/reporting",),
    ),
    Artifact(
        "model",
        "training",
        ("features",),
        ("model.joblib", "model.json", "metrics.json", "leaderboard.json"),
        "The simplest candidate within one standard error of the best, fitted and calibrated.",
        ("scikitlearn",),
        MODEL_FIELDS,
        metrics=("metrics.json",),
        plots=(DvcPlot("leaderboard", "leaderboard.json", "operations", "loss", "scatter"),),
    ),
    Artifact(
        "onnx_model",
        "export",
        ("model", "features"),
        ("model.onnx", "model.json"),
        "The model with its preprocessing and calibration as one ONNX graph: raw columns in.",
        ("onnx",),
        ("target", "columns", "limits"),
    ),
    Artifact(
        "quantized_model",
        "export",
        ("onnx_model", "features"),
        ("model.onnx", "model.json", "metrics.json"),
        "The ONNX model in 8 bits where its family allows, with what that changed.",
        ("onnx",),
        ("target", "columns", "quantization", "limits"),
        metrics=("metrics.json",),
    ),
    Artifact(
        "evaluation_report",
        "evidence",
        ("features", "model", "onnx_model", "quantized_model"),
        (*REPORT, "metrics.json", "calibration.json"),
        "What the model and its forms can do, for whom, and against the champion.",
        ("report",),
        (
            "title",
            "target",
            "columns",
            "slices",
            "representation",
            "promotion",
            "training",
            "limits",
            "decision",
            "evaluation",
            "policy",
            "language",
        ),
        code=POLICY_CODE,
        metrics=("metrics.json",),
        plots=(DvcPlot("calibration", "calibration.json", "predicted", "observed", "linear"),),
    ),
    Artifact(
        "fairness_report",
        "evidence",
        RELEASED,
        REPORT,
        "Whether the decisions treat the groups of people alike, by the definition that applies.",
        ("report",),
        (*MODEL_FIELDS, "title", "policy", "language"),
        code=(*POLICY_CODE, *REFIT_CODE),
    ),
    Artifact(
        "explainability_report",
        "evidence",
        RELEASED,
        (*REPORT, "importance.json"),
        "Which inputs move the model's answers, overall and for single rows.",
        ("report",),
        (*MODEL_FIELDS, "title", "explanation", "policy", "language"),
        code=(*POLICY_CODE, *REFIT_CODE),
        plots=(
            DvcPlot("importance", "importance.json", "share", "column", "bar_horizontal_sorted"),
        ),
    ),
    Artifact(
        "risk_report",
        "evidence",
        RELEASED,
        (*REPORT, "envelope.json"),
        "What happens when the model is disturbed or attacked, and the register of all risks.",
        ("report",),
        (*MODEL_FIELDS, "title", "risk", "monitoring", "policy", "language"),
        code=(*POLICY_CODE, *REFIT_CODE, "mlops_assets/monitoring"),
    ),
    Artifact(
        "drift_report",
        "monitoring",
        ("cleaned_dataset",),
        REPORT,
        "Whether the batch differs from what its champion was trained on, and in what.",
        ("report",),
        ("title", "target", "columns", "monitoring", "training", "language"),
        per_batch=True,
        reads_champion=True,
    ),
    Artifact(
        "performance_report",
        "monitoring",
        ("cleaned_dataset",),
        REPORT,
        "How well the champion predicted the batch, once its labels are there.",
        ("report",),
        (
            "title",
            "target",
            "columns",
            "slices",
            "representation",
            "retraining",
            "training",
            "language",
        ),
        per_batch=True,
        reads_champion=True,
    ),
    Artifact(
        "approval",
        "release",
        EVIDENCE,
        ("approval.json",),
        "Who said yes to this very evidence, where the policy asks for a person.",
        ("signature",),
        ("policy",),
    ),
    Artifact(
        "release",
        "release",
        (*EVIDENCE, "approval"),
        ("release.json",),
        "The champion: which immutable bundle serves, and the decision that put it there.",
        ("release",),
        ("promotion", "limits", "policy"),
    ),
)

BY_NAME: dict[str, Artifact] = {artifact.name: artifact for artifact in ARTIFACTS}
