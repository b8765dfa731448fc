"""The asset of the A/B room: ``ab_report``, what the present test shows.

The test is an input: its record, kept by ``mlops traffic``, says which two releases are compared
on which days. The report is made of what was measured on real traffic, and claims no
reproducibility.
"""

from typing import Any

import dagster as dg

from mlops_assets.ab_test.experiments import Experiment
from mlops_assets.ab_test.gathering import REPORT, gather, present_experiment
from mlops_assets.content_hash import json_md5
from resources.assets import define, stored, storing, write_report
from resources.workspace import Workspace

NO_TEST = "no test"
NO_ROW_ID = "no row id"
"""Why there is nothing to compare."""


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_ab_report(workspace)]


def _ab_report(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "ab_report")
    def ab_report_asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.ab_test.report_page import ab_page

        experiment = present_experiment(workspace)
        report = _report(workspace, experiment)
        settings = {"experiment": None if experiment is None else json_md5(experiment.to_dict())}
        with storing(
            workspace, REPORT, upstream=report.get("compared_on", {}), settings=settings
        ) as folder:
            shown = write_report(folder, report, ab_page(report), workspace.use_case.language)
        context.log.info(report["verdict"])
        return stored(workspace, REPORT, {**shown, **_figures(report)})

    return ab_report_asset


def _report(workspace: Workspace, experiment: Experiment | None) -> dict[str, Any]:
    from mlops_assets.ab_test.guards import guards_of
    from mlops_assets.ab_test.report import ab_report, no_report

    use_case = workspace.use_case
    if experiment is None:
        return no_report(use_case.title, NO_TEST)
    if use_case.serving.row_id is None:
        return no_report(use_case.title, NO_ROW_ID)
    gathered = gather(workspace, experiment, use_case.serving.row_id)
    compared, sources = gathered.comparison, gathered.sources
    guards = guards_of(
        experiment.mode,
        compared.champion,
        compared.challenger,
        sources.lost_rows,
        sources.logged_rows,
    )
    return ab_report(
        experiment,
        compared,
        gathered.units,
        guards,
        sources,
        use_case=use_case.title,
        seed=use_case.training.seed,
    )


def _figures(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "experiment": report["experiment"] or "none",
        "outcome": report["verdict"],
    }
    difference = {
        f"difference_{name}": value
        for name, value in report.get("difference", {}).items()
        if value is not None
    }
    fields = ("labelled", "planned_rows")
    counted: dict[str, Any] = {name: report[name] for name in fields if name in report}
    return {**found, **difference, **counted}
