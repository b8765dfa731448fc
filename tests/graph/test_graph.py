"""The graph as Dagster sees it: a change of any edge, job or sensor is a change of this file."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from mlops_assets.catalog import ARTIFACTS
from mlops_assets.data.cleaning.rules import declared_rules
from mlops_assets.definitions import defs
from mlops_assets.lifecycle import JOBS, build_definitions
from resources.workspace import Workspace

USE_CASES = ("employment", "flight_delays")
RELEASED = {"features", "model", "onnx_model", "quantized_model", "evaluation_report"}
EVIDENCE = {
    *RELEASED,
    "window_profile",
    "representation_report",
    "fairness_report",
    "explainability_report",
    "risk_report",
}
EDGES = {
    "raw_copy": set(),
    "cleaned_dataset": {"raw_copy"},
    "data_profile": {"cleaned_dataset"},
    "features": {"cleaned_dataset"},
    "window_profile": {"features", "data_profile"},
    "representation_report": {"features"},
    "model": {"features"},
    "onnx_model": {"model", "features"},
    "quantized_model": {"onnx_model", "features"},
    "evaluation_report": {"features", "model", "onnx_model", "quantized_model"},
    "fairness_report": RELEASED,
    "explainability_report": RELEASED,
    "risk_report": RELEASED,
    "predictions": {"cleaned_dataset"},
    "prediction_log": set(),
    "operations_report": {"prediction_log"},
    "ab_report": {"cleaned_dataset", "prediction_log"},
    "drift_report": {"cleaned_dataset", "predictions"},
    "performance_report": {"cleaned_dataset", "predictions"},
    "candidate": EVIDENCE,
    "infra_check": {"candidate"},
    "approval": EVIDENCE | {"candidate"},
    "release": EVIDENCE | {"candidate", "approval"},
}
LOOKED_AT = {
    "drift_report": {"prediction_log"},
    "performance_report": {"prediction_log"},
    "release": {"infra_check", "ab_report"},
}
MEASURED = {"prediction_log", "operations_report", "ab_report", "infra_check"}
PER_BATCH = {
    "raw_copy",
    "cleaned_dataset",
    "data_profile",
    "predictions",
    "drift_report",
    "performance_report",
}
PER_DAY = {"prediction_log", "operations_report"}
CHECKS = {
    "raw_copy": {"licence_in_force", "delivered_once"},
    "cleaned_dataset": {
        "rows_add_up",
        "few_rows_quarantined",
        "no_new_columns",
        "no_personal_data",
        "nobody_singled_out",
    },
    "features": {"no_leakage", "window_adds_up", "nobody_left_out"},
    "onnx_model": {"onnx_agrees_with_model"},
    "quantized_model": {"quantized_form_within_limits"},
    "predictions": {"every_row_is_answered"},
    "prediction_log": {
        "no_answer_was_lost",
        "log_is_kept_as_long_as_declared",
        "no_personal_data_in_log",
    },
    "operations_report": {"operations_within_budget"},
    "ab_report": {"traffic_is_divided_as_planned"},
    "infra_check": {"serves_within_budget"},
    "drift_report": {"no_drift"},
    "performance_report": {"performance_held"},
}
LIMITED = {
    "evaluation_report": {"calibration_error", "slice_loss_ratio"},
    "explainability_report": {
        "additivity_gap",
        "attribution_error",
        "attribution_instability",
        "attribution_change",
    },
    "risk_report": {
        "noise_flips",
        "missing_value_loss_rise",
        "unseen_category_loss_rise",
        "out_of_range_undetected",
        "unit_error_undetected",
        "evasion_rate",
        "membership_tpr_at_1_percent",
        "membership_tpr_at_01_percent",
        "suspect_labels",
        "training_outliers",
        "training_production_distance",
        "outside_envelope",
    },
}
LIMITED_OF_PEOPLE = {
    "fairness_report": {
        "selection_rate_ratio",
        "equal_opportunity_difference",
        "equalized_odds_difference",
        "predictive_parity_difference",
        "group_calibration_difference",
        "error_cost_ratio",
    },
    "risk_report": LIMITED["risk_report"] | {"attribute_inference_gain"},
}
BLOCKING = {
    "licence_in_force",
    "rows_add_up",
    "few_rows_quarantined",
    "no_personal_data",
    "no_leakage",
    "window_adds_up",
    "onnx_agrees_with_model",
    "every_row_is_answered",
    "serves_within_budget",
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_assets_and_edges(specs: dict[str, dg.AssetSpec]) -> None:
    found = {
        key: {dep.asset_key.to_user_string() for dep in spec.deps} for key, spec in specs.items()
    }
    assert found == {
        f"{use_case}/{name}": {
            f"{use_case}/{upstream}" for upstream in upstreams | LOOKED_AT.get(name, set())
        }
        for use_case in USE_CASES
        for name, upstreams in EDGES.items()
    }


def test_the_catalog_says_the_same() -> None:
    assert {a.name: set(a.upstream) for a in ARTIFACTS} == EDGES
    assert {a.name: set(a.looks_at) for a in ARTIFACTS if a.looks_at} == LOOKED_AT
    assert {a.name for a in ARTIFACTS if a.per_batch} == PER_BATCH
    assert {a.name for a in ARTIFACTS if a.per_day} == PER_DAY
    assert {a.name for a in ARTIFACTS if a.measured} == MEASURED


def test_batches_are_partitions(specs: dict[str, dg.AssetSpec]) -> None:
    partitioned = {key for key, spec in specs.items() if spec.partitions_def is not None}
    assert partitioned == {
        f"{use_case}/{name}" for use_case in USE_CASES for name in PER_BATCH | PER_DAY
    }


def test_every_asset_says_what_and_whose_it_is(specs: dict[str, dg.AssetSpec]) -> None:
    for key, spec in specs.items():
        assert spec.description and spec.owners and spec.kinds and spec.code_version, key
        assert spec.group_name and spec.group_name.startswith(key.split("/")[0])


def checks_of(definitions: dg.Definitions, use_case: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in definitions.resolve_asset_graph().asset_check_keys:
        if key.asset_key.path[0] == use_case:
            found.setdefault(key.asset_key.path[1], set()).add(key.name)
    return found


def named_for(limited: dict[str, set[str]]) -> dict[str, set[str]]:
    return {
        report: {f"{measure}_within_limit" for measure in measures}
        for report, measures in limited.items()
    }


def test_checks(definitions: dg.Definitions, project: Path) -> None:
    graph = definitions.resolve_asset_graph()
    folder = project / "mlops_assets" / "defs" / "flight_delays"
    rules = declared_rules(Workspace.read(folder, project).use_case)
    named = {rule.check for rule in rules}
    assert {"origin_is_allowed", "distance_is_integer", "carrier_is_present"} <= named
    cleaned = {"cleaned_dataset": CHECKS["cleaned_dataset"] | named}
    assert checks_of(definitions, "flight_delays") == CHECKS | cleaned | named_for(LIMITED)
    keys = [key for key in graph.asset_check_keys if key.asset_key.path[0] == "flight_delays"]
    assert {key.name for key in keys if graph.get_check_spec(key).blocking} == BLOCKING


def test_a_use_case_about_people_is_held_to_more(definitions: dg.Definitions) -> None:
    found = checks_of(definitions, "employment")
    held_to = named_for(LIMITED | LIMITED_OF_PEOPLE)
    assert {report: found[report] for report in held_to} == held_to


def test_jobs_sensors_and_schedules(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    verbs = {*JOBS, "expire"}
    assert jobs == {f"{use_case}__{verb}" for use_case in USE_CASES for verb in verbs}
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "failed_run_alert",
        *(
            f"{use_case}__{name}"
            for use_case in USE_CASES
            for name in (
                "new_batch",
                "retraining",
                "promotion",
                "traffic",
                "comparison",
                "retention",
            )
        ),
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        f"{use_case}__{name}"
        for use_case in USE_CASES
        for name in ("daily_monitoring", "monthly_evaluation")
    }
    assert all(
        sensor.default_status == dg.DefaultSensorStatus.RUNNING for sensor in repository.sensor_defs
    )


@pytest.mark.parametrize("days", [None, 31])
def test_a_source_that_says_how_often_it_delivers_has_a_freshness_policy(
    days: int | None, project: Path
) -> None:
    bundled = Workspace.read(project / "mlops_assets" / "defs" / "employment", project)
    source = bundled.use_case.source.model_copy(update={"update_days": days})
    workspace = replace(bundled, use_case=bundled.use_case.model_copy(update={"source": source}))

    specs = {s.key.path[-1]: s for s in build_definitions(workspace).resolve_all_asset_specs()}

    policy = specs["raw_copy"].freshness_policy
    expected = None if days is None else dg.FreshnessPolicy.time_window(timedelta(days=days))
    assert policy == expected
    assert specs["cleaned_dataset"].freshness_policy is None
