"""The ``Lifecycle`` component: one use case's YAML becomes its assets, checks, jobs, sensors and
schedules.

Belongs here: putting the rooms together. Does not belong here: what a user may say
(``use_case.py``) or what an asset does (the stage folders).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from mlops_assets.ab_test import assets as ab_test_assets
from mlops_assets.ab_test import checks as ab_test_checks
from mlops_assets.catalog import ARTIFACTS, EVIDENCE
from mlops_assets.data import assets as data_assets
from mlops_assets.data import checks as data_checks
from mlops_assets.evidence import assets as evidence_assets
from mlops_assets.export import assets as export_assets
from mlops_assets.export import checks as export_checks
from mlops_assets.governance.policy import effective_policy
from mlops_assets.monitoring import assets as monitoring_assets
from mlops_assets.monitoring import checks as monitoring_checks
from mlops_assets.prediction import assets as prediction_assets
from mlops_assets.prediction import checks as prediction_checks
from mlops_assets.release import assets as release_assets
from mlops_assets.release import checks as release_checks
from mlops_assets.scaffolding.scaffolder import UseCaseScaffolder
from mlops_assets.traffic import assets as traffic_assets
from mlops_assets.traffic import checks as traffic_checks
from mlops_assets.training import assets as training_assets
from mlops_assets.use_case import UseCase
from resources.assets import asset_key
from resources.workspace import Workspace
from sensors.loop import build_sensors
from sensors.schedules import build_schedules
from sensors.situation import USE_CASE_TAG
from sensors.traffic import build_traffic_sensors

JOBS = {
    "ingest": (
        "raw_copy",
        "cleaned_dataset",
        "data_profile",
        "predictions",
        "drift_report",
        "performance_report",
    ),
    "train": (*EVIDENCE, "candidate", "infra_check"),
    "promote": ("candidate", "infra_check", "approval", "release"),
    "rollback": ("release",),
    "monitor": ("predictions", "drift_report", "performance_report"),
    "traffic": ("prediction_log", "operations_report"),
    "compare": ("ab_report",),
    "evaluate": tuple(a.name for a in ARTIFACTS if a.stage == "evidence"),
}
"""What each job materializes."""


@dg.scaffold_with(UseCaseScaffolder)
@dataclass
class Lifecycle(dg.Component):
    """One model's life, from its source to its releases and their monitoring."""

    use_case: UseCase

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return UseCase

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        del context
        if not isinstance(attributes, UseCase):
            raise TypeError("a Lifecycle needs its attributes: see the bundled use cases")
        return cls(attributes)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        folder = Path(context.path)
        workspace = Workspace(folder.name, self.use_case, folder, Path(context.project_root))
        return build_definitions(workspace)


def build_definitions(workspace: Workspace) -> dg.Definitions:
    """Everything Dagster has to know about one use case."""
    effective_policy(workspace.use_case)  # a deviation that does not fit it is an error here
    stages: tuple[Any, ...] = (
        data_assets,
        training_assets,
        export_assets,
        evidence_assets,
        release_assets,
        prediction_assets,
        traffic_assets,
        ab_test_assets,
        monitoring_assets,
    )
    checks: tuple[Any, ...] = (
        data_checks,
        export_checks,
        release_checks,
        prediction_checks,
        traffic_checks,
        ab_test_checks,
        monitoring_checks,
    )
    return dg.Definitions(
        assets=[asset for stage in stages for asset in stage.build_assets(workspace)],
        asset_checks=[check for stage in checks for check in stage.build_checks(workspace)],
        jobs=[
            *(_job(workspace, verb) for verb in JOBS),
            traffic_assets.build_expiry_job(workspace),
        ],
        sensors=[*build_sensors(workspace), *build_traffic_sensors(workspace)],
        schedules=build_schedules(workspace),
        executor=dg.in_process_executor,
    )


def _job(workspace: Workspace, verb: str) -> Any:
    names = JOBS[verb]
    return dg.define_asset_job(
        f"{workspace.name}__{verb}",
        selection=dg.AssetSelection.assets(*(asset_key(workspace, name) for name in names)),
        tags={USE_CASE_TAG: workspace.name},
        description=f"Materializes {', '.join(names)}.",
    )
