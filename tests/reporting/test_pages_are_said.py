"""No page writes a word of its own that it does not ``say``, so that each can be translated."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from pseudo import unsaid

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.profile.page import profile_page
from mlops_assets.data.profile.report import profile_report
from mlops_assets.data.profile.summary import profile
from mlops_assets.data.profile.window import window_page, window_report
from mlops_assets.data.representation.page import representation_page
from mlops_assets.data.representation.report import representation_report
from mlops_assets.governance.policy import Finding, effective_policy, judged
from mlops_assets.monitoring.drift import detect, drift_report
from mlops_assets.monitoring.drift_page import drift_page
from mlops_assets.policy_declaration import Monitoring
from mlops_assets.reporting.limits_section import limits_section, limits_verdict
from mlops_assets.reporting.page import Page, Section, SwarmPlot, Table
from mlops_assets.reporting.text import say
from mlops_assets.use_case import UseCase

REPRESENTATION = {
    "reference": {"group": {1: 0.5, 2: 0.3, 3: 0.2}},
    "reference_source": "census",
    "min_rows": 10,
}


@pytest.fixture(scope="module")
def use_case(make_use_case: Callable[..., UseCase]) -> UseCase:
    return make_use_case(representation=REPRESENTATION)


@pytest.fixture(scope="module")
def window(use_case: UseCase, make_batch: Callable[..., pa.Table]) -> dict[str, Any]:
    """Summaries, reports and counts of two batches."""
    found: dict[str, Any] = {"summaries": {}, "reports": {}, "counts": {}, "rows": {}}
    for batch in ("2020-01", "2020-02"):
        cleaned = clean(make_batch(rows=300), use_case, batch)
        rows = cleaned.rows.to_pandas()
        summary = profile(rows, use_case)
        found["reports"][batch] = profile_report(
            summary,
            use_case=use_case,
            batch=batch,
            counts=cleaned.counts,
            earlier=list(found["reports"].values()),
        )
        found["summaries"][batch], found["counts"][batch] = summary, cleaned.counts
        found["rows"][batch] = rows.assign(batch=batch)
    return found


def test_the_profile_of_a_batch(window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    report = window["reports"]["2020-02"]
    assert unsaid(profile_page(report), report, monkeypatch) == []


def test_the_profile_of_a_window(
    window: Any, use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled = sum(report["labels"]["labelled"] for report in window["reports"].values())
    features = {
        "batches": dict.fromkeys(window["reports"], "0" * 32),
        "excluded_batches": {"2020-03": "why"},
        "splits": {"train": {"rows": labelled - 90}, "test": {"rows": 90}},
    }
    given = {part: window[part] for part in ("summaries", "reports", "counts")}
    leakage: dict[str, Any] = {"tests": []}
    report = window_report(**given, use_case=use_case, features=features, leakage=leakage)
    assert unsaid(window_page(report), report, monkeypatch) == []


def test_the_representation(
    window: Any, use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = window["rows"]["2020-01"].dropna(subset=["late"])
    rows["late"] = rows["late"].astype(int)
    rows["split"] = np.where(np.arange(len(rows)) % 3, "train", "test")
    report = representation_report(rows, use_case)
    assert report["shortfalls"]
    assert unsaid(representation_page(report), report, monkeypatch) == []


def test_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    series = {
        name: {"column": name, "kind": "number", "edges": [1.0], "bins": bins, "counts": [80, 20]}
        for name, bins in (("age", ["under 1", "from 1"]), ("champion score", ["0.5", "(other)"]))
    }
    counts = {"age": np.array([20, 80])}
    result = detect({"series": series}, counts, monitoring=Monitoring(), seed=0)
    report = drift_report(
        result, use_case="Lates", batch="2020-02", champion="0" * 32, monitoring=Monitoring()
    )
    data = {**report, "series": ["age"], "could_not_run": []}
    assert unsaid(drift_page(report), data, monkeypatch) == []


def test_limits_and_the_words_of_plots(use_case: UseCase, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding("slice_loss_ratio", f"slice: s{i}", 9.0, 8.0, 10.0) for i in range(4)]
    limits = judged([*findings, Finding.exact("noise_flips", "", 0.0)], effective_policy(use_case))
    section = limits_section(limits)
    swarm = SwarmPlot(say("Limits"), say("share"), ("age",), ((0.1, 0.2),), ((0.5, None),))
    section = replace(section, blocks=(*section.blocks, swarm))
    shown = Page(say("Limits"), limits_verdict(limits), (), (section,))
    assert unsaid(shown, {"names": ["age"]}, monkeypatch) == []


def test_a_word_that_is_not_said_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(say("Limits"), (say("Rows"), "Forgotten"), (("age", say("none")),))
    page = Page(say("Limits"), say("Nothing."), (), (Section(say("Groups"), "", (table,)),))
    found = unsaid(page, {"names": ["age"]}, monkeypatch)
    assert found and all("Forgotten" in one for one in found)
