"""The sensors of the closed loop: thin shells around ``decisions.py``."""

from collections.abc import Callable

import dagster as dg

from mlops_assets.monitoring.retraining import Verdict, judge
from mlops_assets.release.gathering import outdated_before_release
from resources.assets import EXPECTED_ERRORS, asset_key, batch_partitions
from resources.workspace import Workspace
from sensors.decisions import (
    Ingest,
    Judge,
    Promote,
    Train,
    Verify,
    Wait,
    on_arrival,
    on_challenger,
    on_evidence,
)
from sensors.situation import CAUSE_TAG, INTENT_TAG, USE_CASE_TAG, Situation, gather, reports

Decide = Callable[[Situation, Judge], Ingest | Train | Verify | Promote | Wait]


def build_sensors(workspace: Workspace) -> list[dg.SensorDefinition]:
    use_case = workspace.use_case
    return [
        _sensor(
            workspace,
            "new_batch",
            "ingest",
            "A batch in the source that was not taken in yet is ingested, and watched by the "
            "champion.",
            lambda now, judge_batch: on_arrival(now, use_case, judge_batch),
        ),
        _sensor(
            workspace,
            "retraining",
            "train",
            "Drift or lost performance of the newest batch sets off a retraining.",
            lambda now, judge_batch: on_evidence(now, use_case, judge_batch),
        ),
        _sensor(
            workspace,
            "promotion",
            "promote",
            "A finished challenger is promoted, once a person approved where the policy asks for "
            "it, or its rejection is recorded.",
            lambda now, _: on_challenger(now),
        ),
    ]


def _sensor(
    workspace: Workspace,
    name: str,
    verb: str,
    description: str,
    decide: Decide,
) -> dg.SensorDefinition:
    def judge_batch(batch: str) -> Verdict:
        return judge(*reports(workspace, batch), workspace.use_case.monitoring)

    @dg.sensor(
        name=f"{workspace.name}__{name}",
        job_name=f"{workspace.name}__{verb}",
        description=description,
        minimum_interval_seconds=workspace.use_case.automation.check_every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        try:
            now = gather(workspace, context.instance)
        except EXPECTED_ERRORS as error:
            raise dg.Failure(description=str(error)) from error
        return _result(decide(now, judge_batch), now, workspace)

    return shell


def _result(
    decision: Ingest | Train | Verify | Promote | Wait, now: Situation, workspace: Workspace
) -> dg.SensorResult:
    if isinstance(decision, Wait):
        return dg.SensorResult(skip_reason=decision.why)
    tags = {
        USE_CASE_TAG: workspace.name,
        INTENT_TAG: decision.intent,
        CAUSE_TAG: decision.why,
    }
    key = now.run_key(decision.intent)
    match decision:
        case Ingest(batch, watch):
            names = ["raw_copy", "cleaned_dataset", "data_profile"]
            names += ["predictions", "drift_report", "performance_report"] if watch else []
            return dg.SensorResult(
                run_requests=[
                    dg.RunRequest(
                        run_key=key,
                        partition_key=batch,
                        tags=tags,
                        asset_selection=[asset_key(workspace, name) for name in names],
                    )
                ],
                dynamic_partitions_requests=[
                    batch_partitions(workspace).build_add_request([batch])
                ],
            )
        case Train(last_batch):
            config = {
                "ops": {f"{workspace.name}__features": {"config": {"last_batch": last_batch}}}
            }
            return dg.SensorResult(
                run_requests=[dg.RunRequest(run_key=key, run_config=config, tags=tags)]
            )
        case Verify() | Promote():
            # The decision itself asks for the approval again, whoever was asked before.
            names = [*outdated_before_release(workspace), "approval"]
            names += [] if isinstance(decision, Verify) else ["release"]
            selected = [asset_key(workspace, name) for name in names]
            request = dg.RunRequest(run_key=key, tags=tags, asset_selection=selected)
            return dg.SensorResult(run_requests=[request])
