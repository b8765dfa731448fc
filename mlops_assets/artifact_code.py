"""The code that artifacts are made by: what a change of outdates them.

Belongs here: files and folders by stage. Does not belong here: the artifacts (``catalog.py``).
"""

SHARED_CODE = (
    "mlops_assets/answers.py",
    "mlops_assets/artifact.py",
    "mlops_assets/artifact_code.py",
    "mlops_assets/catalog.py",
    "mlops_assets/column_declaration.py",
    "mlops_assets/content_hash.py",
    "mlops_assets/evidence_declaration.py",
    "mlops_assets/policy_declaration.py",
    "mlops_assets/responsibility_declaration.py",
    "mlops_assets/rows_declaration.py",
    "mlops_assets/serving_declaration.py",
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
SCORING_CODE = (
    "mlops_assets/serving/columns.py",
    "mlops_assets/serving/predictor.py",
    "mlops_assets/serving/refusal.py",
)
STAGE_CODE: dict[str, tuple[str, ...]] = {
    "data": ("mlops_assets/data", "mlops_assets/monitoring/histograms.py"),
    "training": (*TRAINING_CODE, "mlops_assets/export", *SCORING_CODE),
    "export": (*TRAINING_CODE, "mlops_assets/export", *SCORING_CODE),
    "evidence": (
        *EVIDENCE_CODE,
        "mlops_assets/release/answers.py",
        "mlops_assets/serving/envelope.py",
        *SCORING_CODE,
    ),
    "release": ("mlops_assets/release", "mlops_assets/governance", "mlops_assets/serving"),
    "prediction": (
        "mlops_assets/data/batch_error.py",
        "mlops_assets/data/parquet_files.py",
        "mlops_assets/prediction",
        "mlops_assets/release/answers.py",
        "mlops_assets/serving/envelope.py",
        "mlops_assets/serving/release.py",
        *SCORING_CODE,
    ),
    "traffic": ("mlops_assets/traffic", "mlops_assets/serving", "mlops_assets/reporting"),
    "ab_test": ("mlops_assets/ab_test", "mlops_assets/reporting"),
    "monitoring": (
        "mlops_assets/data/labels.py",
        "mlops_assets/data/parquet_files.py",
        "mlops_assets/monitoring",
        "mlops_assets/prediction",
        "mlops_assets/release/answers.py",
        "mlops_assets/traffic",
        *SCORING_CODE,
        *EVIDENCE_CODE,
    ),
}
"""The code each stage's artifacts are made by: what a change of outdates them."""
POLICY_CODE = (
    "mlops_assets/governance/measures.py",
    "mlops_assets/governance/policies",
    "mlops_assets/governance/policy.py",
)
REFIT_CODE = ("mlops_assets/training", "mlops_assets/export")
