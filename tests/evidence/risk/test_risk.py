"""The report runs every test on one released model, and says what it does not know."""

import json
from typing import Any

import pytest
from risk_world import MakeUseCase, draw, part, refit, world

from mlops_assets.answers import DecisionRule
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.risk.risk import input_envelope, risk_report
from mlops_assets.evidence.risk.risk_page import risk_page
from mlops_assets.evidence.risk.risk_register import TESTS
from mlops_assets.governance.policy import MEASURES
from mlops_assets.reporting.html import to_html

PERSON = {
    "hazard": "Passengers use it against a carrier",
    "kind": "legal",
    "likelihood": "rare",
    "severity": "serious",
    "measure": "terms of use",
    "residual": "high",
    "owner": "counsel",
}


def report_of(make_use_case: MakeUseCase, task: str = "binary", **changes: Any) -> dict[str, Any]:
    use_case, features = world(make_use_case, task, **changes), draw(4_000, 1, 2.0, task)
    return risk_report(
        refit(part(features, "train"), 0),
        DecisionRule(),
        features,
        use_case,
        subject={"features": "f" * 8},
        variance=100.0 if task == "regression" else 1.0,
        refit=refit,
        envelope=input_envelope(features, use_case),
        membership=None,
        attribute_inference=None,
    )


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_has_every_measure(make_use_case: MakeUseCase, task: str) -> None:
    report = report_of(make_use_case, task, policy={"ai_act_class": "high"})
    own = {name for name, one in MEASURES.items() if one.report == "risk_report"}
    assert {one["measure"] for one in report["limits"]} == own
    assert {entry["test"] for entry in report["register"]} == own == {t.measure for t in TESTS}
    json.dumps(report, allow_nan=False)


def test_the_same_rows_give_the_same_bytes(make_use_case: MakeUseCase) -> None:
    assert json_bytes(report_of(make_use_case)) == json_bytes(report_of(make_use_case))


def test_what_did_not_run_is_unknown(make_use_case: MakeUseCase) -> None:
    report = report_of(make_use_case, policy={"ai_act_class": "high"})
    entries = {entry["test"]: entry for entry in report["register"]}
    for name in ("membership_tpr_at_1_percent", "attribute_inference_gain"):
        assert entries[name]["verdict"] == "unknown"
        assert entries[name]["role"] == "data_protection_officer"
    limits = {one["measure"]: one["verdict"] for one in report["limits"]}
    assert limits["membership_tpr_at_1_percent"] == "unknown"


def test_a_measure_without_limit_is_shown_and_judged_by_nobody(make_use_case: MakeUseCase) -> None:
    report = report_of(make_use_case)
    entry = next(e for e in report["register"] if e["test"] == "attribute_inference_gain")
    assert entry["limit"] is None and entry["verdict"] == "unknown"


def test_the_worst_figure_of_a_test_is_registered(make_use_case: MakeUseCase) -> None:
    report = report_of(make_use_case)
    entry = next(e for e in report["register"] if e["test"] == "training_production_distance")
    figures = [f["value"] for f in report["findings"] if f["measure"] == entry["test"]]
    assert entry["subjects"] == len(figures) == 6 and entry["value"] == max(figures)


def test_people_and_tests_share_the_register_and_the_page(make_use_case: MakeUseCase) -> None:
    report = report_of(make_use_case, risk={"rows": 100, "evasion_rows": 20, "entries": [PERSON]})
    assert report["register"][-1] == {"judged_by": "people", **PERSON}
    page = risk_page(json.loads(json_bytes(report)))
    shown = to_html(page)
    for entry in report["register"]:
        assert entry["hazard"] in shown
    titles = [str(getattr(section.title, "template", "")) for section in page.sections]
    assert titles[:2] == ["Limits", "Risk register"]


def test_the_page_is_said_in_french(make_use_case: MakeUseCase) -> None:
    report = report_of(make_use_case, risk={"rows": 100, "evasion_rows": 20, "entries": [PERSON]})
    shown = to_html(risk_page(report), "fr")
    assert "Registre des risques" in shown and "Enveloppe des entrées" in shown
    for english in ("train rows", "held-out", "Hazard", "What remains", "standard deviation"):
        assert english not in shown
