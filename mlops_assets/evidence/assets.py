"""The assets of the evidence stage: ``evaluation_report``, and about the form that it says is to be
released ``fairness_report``, ``explainability_report`` and ``risk_report``."""

from typing import Any

import dagster as dg

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence import gathering
from mlops_assets.evidence.checks import limit_results, limit_specs
from mlops_assets.export.assets import decision_rule
from mlops_assets.release.answers import asking, form_to_release
from mlops_assets.training.assets import load_features, target_variance
from resources.artifact_store import ArtifactKey
from resources.assets import define, stored, storing, write_report
from resources.workspace import Workspace


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [
        _evaluation_report(workspace),
        _fairness_report(workspace),
        _explainability_report(workspace),
        _risk_report(workspace),
    ]


def _evaluation_report(workspace: Workspace) -> dg.AssetsDefinition:
    name, use_case = "evaluation_report", workspace.use_case

    @define(workspace, name, limit_specs(workspace, name))
    def evaluation_report_asset() -> dg.MaterializeResult:  # type: ignore[type-arg]
        from mlops_assets.evidence.evaluation.evaluation import evaluation_report
        from mlops_assets.evidence.evaluation.evaluation_page import evaluation_page

        key = ArtifactKey(name)
        test = load_features(workspace, "test")
        champion = gathering.champion_answers(workspace, test)
        settings = {"champion": champion.release if champion else None}
        with storing(workspace, key, settings=settings) as folder:
            report = evaluation_report(
                test,
                gathering.forms(workspace, test),
                gathering.baseline(workspace, len(test)),
                champion,
                _subject(workspace, name),
                use_case,
                target_variance(workspace),
                sizes=gathering.sizes(workspace),
                training=workspace.store.json(ArtifactKey("model"), "model.json"),
                rule=decision_rule(workspace),
            )
            shown = write_report(folder, report, evaluation_page(report), use_case.language)
            (folder / "metrics.json").write_bytes(json_bytes(_plain(report)))
            (folder / "calibration.json").write_bytes(json_bytes(report["calibration"]))
        shown |= {"test_rows": len(test), **_plain(report)}
        return stored(workspace, key, shown, limit_results(workspace, name, report))

    return evaluation_report_asset


def _plain(report: dict[str, Any]) -> dict[str, Any]:
    """What runs are compared by: plain numbers, which the UI draws over time."""
    metrics = {name: m["value"] for name, m in report["forms"]["onnx"].items()}
    gains = {
        f"gain_over_{name}": report[name]["difference"]["loss"]
        for name in ("baseline", "champion")
        if report[name] is not None
    }
    return {name: value for name, value in (metrics | gains).items() if value is not None}


def _fairness_report(workspace: Workspace) -> dg.AssetsDefinition:
    name, use_case = "fairness_report", workspace.use_case

    @define(workspace, name, limit_specs(workspace, name))
    def fairness_report_asset() -> dg.MaterializeResult:  # type: ignore[type-arg]
        from mlops_assets.evidence.fairness.fairness import fairness_report
        from mlops_assets.evidence.fairness.fairness_page import fairness_page

        key = ArtifactKey(name)
        with storing(workspace, key) as folder:
            test = load_features(workspace, "test")
            report = fairness_report(
                test,
                asking(form_to_release(workspace), use_case)(test),
                decision_rule(workspace),
                use_case,
                subject=_subject(workspace, name),
                variance=target_variance(workspace),
                before=gathering.before_mitigation(workspace, test),
            )
            shown = write_report(folder, report, fairness_page(report), use_case.language)
        return stored(workspace, key, shown, limit_results(workspace, name, report))

    return fairness_report_asset


def _explainability_report(workspace: Workspace) -> dg.AssetsDefinition:
    name, use_case = "explainability_report", workspace.use_case

    @define(workspace, name, limit_specs(workspace, name))
    def explainability_report_asset() -> dg.MaterializeResult:  # type: ignore[type-arg]
        from mlops_assets.evidence.explainability.explainability import explainability_report
        from mlops_assets.evidence.explainability.explainability_page import explainability_page

        key, seed = ArtifactKey(name), use_case.training.seed
        wanted = use_case.explanation.rows
        champion = gathering.champion_entry(workspace)
        settings = {"champion": champion.release if champion else None}
        with storing(workspace, key, settings=settings) as folder:
            test, train = (load_features(workspace, split) for split in ("test", "train"))
            rows = test.sample(min(wanted, len(test)), random_state=seed)
            report = explainability_report(
                gathering.explained_release(workspace),
                rows,
                train.sample(min(wanted, len(train)), random_state=seed),
                use_case=use_case,
                rule=decision_rule(workspace),
                labels=rows[use_case.target.column].to_numpy(),
                champion=gathering.explained_champion(workspace),
                refits=gathering.explained_refits(workspace),
                subject=_subject(workspace, name),
            )
            shown = write_report(folder, report, explainability_page(report), use_case.language)
            shares = [
                {"column": entry["column"], "share": entry["share"]}
                for entry in report["explanation"]["global"]
            ]
            (folder / "importance.json").write_bytes(json_bytes(shares))
        return stored(workspace, key, shown, limit_results(workspace, name, report))

    return explainability_report_asset


def _risk_report(workspace: Workspace) -> dg.AssetsDefinition:
    name, use_case = "risk_report", workspace.use_case

    @define(workspace, name, limit_specs(workspace, name))
    def risk_report_asset() -> dg.MaterializeResult:  # type: ignore[type-arg]
        from mlops_assets.evidence.privacy.attribute_inference import attribute_inference
        from mlops_assets.evidence.risk.risk import input_envelope, risk_report
        from mlops_assets.evidence.risk.risk_page import risk_page

        key = ArtifactKey(name)
        with storing(workspace, key) as folder:
            features = load_features(workspace)
            released = asking(form_to_release(workspace), use_case)
            envelope = input_envelope(features, use_case)
            test = features[features["split"] == "test"].reset_index(drop=True)
            variance, refit = target_variance(workspace), gathering.refitting(workspace)
            report = risk_report(
                released,
                decision_rule(workspace),
                features,
                use_case,
                subject=_subject(workspace, name),
                variance=variance,
                refit=refit,
                envelope=envelope,
                membership=gathering.membership(workspace, features, released, refit),
                attribute_inference=attribute_inference(
                    test, use_case, released, variance=variance
                ),
            )
            shown = write_report(folder, report, risk_page(report), use_case.language)
            (folder / "envelope.json").write_bytes(json_bytes(envelope))
        return stored(workspace, key, shown, limit_results(workspace, name, report))

    return risk_report_asset


def _subject(workspace: Workspace, report: str) -> dict[str, str]:
    """The hashes of what the report is made from."""
    return gathering.hashes(workspace, BY_NAME[report].upstream)
