"""Each planted fault is caught by the check that has to, and none passes the gate; the clean
control does. The faults share one clean control, from whose copies they start."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import faults
import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from altered_forms import alter_weight, damaged, form_and_reasons, store_form, without_names
from at_the_gate import ask, not_within, sign_and_ask, signed
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from matrix import BY_FAULT, DOCUMENT, with_matrix
from planted_project import DECLARED, Made, copy_of, make_project, plant, run, run_lifecycle

from mlops_assets.catalog import BY_NAME
from mlops_assets.data.parquet_files import write_table
from mlops_assets.lifecycle import JOBS
from mlops_assets.release.gate import Decision
from mlops_assets.training import candidates
from resources.approvals import write_signature
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

Plant = Callable[[str], Made]
REPORTS = JOBS["evaluate"]
CANDIDATE = ("candidate", "infra_check")


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The lifecycle of the clean project, unsigned."""
    return run_lifecycle(make_project(tmp_path_factory.mktemp("clean")))


@pytest.fixture(scope="module")
def planted(control: Made, tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Plants a fault of the rows by the name of its function, once."""

    @cache
    def made(name: str) -> Made:
        changes = {
            "leak": {"columns": {**DECLARED["columns"], "reminders": {"type": "integer"}}},
            # So that the reports are made as well; the gate is then asked as declared.
            "small_group": {"representation": {"policy": "warn"}},
        }.get(name, {})
        root = tmp_path_factory.mktemp(name) / "project"
        return plant(control.workspace, root, getattr(faults, name), **changes)

    return made


@pytest.fixture
def copied(control: Made, tmp_path: Path) -> Workspace:
    """A copy of the clean control, to be changed."""
    return copy_of(control.workspace, tmp_path / "project")


def _as_expected(fault: str, decision: Decision) -> None:
    entry = BY_FAULT[fault]
    assert decision.outcome == entry.gate, decision
    assert entry.reason in "; ".join(decision.reasons), decision.reasons


def _caught(fault: str, made: Made, control: Made) -> None:
    """By the checks and figures of the matrix, which say nothing of the clean control."""
    entry = BY_FAULT[fault]
    assert set(entry.checks) <= made.failed_checks - control.failed_checks
    if entry.figures:
        found = not_within(made.workspace)
        figures = {(measure, about): verdict for measure, about, verdict in entry.figures}
        assert figures == {key: found.get(key) for key in figures}, found


def test_the_clean_control_is_within_every_limit_and_released(
    control: Made, copied: Workspace
) -> None:
    assert not control.failures
    assert not_within(control.workspace) == {}
    before = ask(copied)
    assert before.outcome == "awaits approval"
    assert sign_and_ask(copied).outcome == "first release"
    assert not run(copied, (("release",), None)).failures
    assert [entry.outcome for entry in copied.releases.entries()] == ["first release"]


def test_a_leak_stops_the_run(planted: Plant, control: Made) -> None:
    made = planted("leak")
    assert "no_leakage" in made.failures["train"]
    _caught("leak", made, control)
    _as_expected("leak", sign_and_ask(made.workspace))


ROW_FAULTS = {
    "label noise 20%": "label_noise",
    "biased label for one group": "biased_label",
    "swapped column": "swapped_columns",
    "unit error": "unit_error",
}


@pytest.mark.parametrize("fault", ROW_FAULTS)
def test_a_fault_of_the_rows_is_caught(fault: str, planted: Plant, control: Made) -> None:
    made = planted(ROW_FAULTS[fault])
    assert not made.failures
    _caught(fault, made, control)
    _as_expected(fault, sign_and_ask(made.workspace))


def test_a_small_group_is_no_evidence(planted: Plant, control: Made) -> None:
    made = planted("small_group")
    assert not made.failures
    _caught("a group of 30 rows", made, control)
    as_declared = replace(made.workspace, use_case=control.workspace.use_case)
    _as_expected("a group of 30 rows", sign_and_ask(as_declared))


def test_a_model_that_memorises_is_recognised(
    control: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = candidates.Candidate(
        "full trees",
        "random_forest",
        "tree",
        {"n_estimators": 10, "n_jobs": 1, "bootstrap": False, "max_features": 0.5},
    )
    monkeypatch.setattr(candidates, "CANDIDATES", (deep,))
    search = {**DECLARED["training"]["search"], "families": ["random_forest"]}
    training = {**DECLARED["training"], "search": search}
    workspace = copy_of(control.workspace, tmp_path / "project", training=training)
    # The candidate is known in this process only.
    with joblib.parallel_config(backend="threading"):
        made = run(workspace, (JOBS["train"], None))
    assert not made.failures
    _caught("overfitted model that memorises", made, control)
    _as_expected("overfitted model that memorises", sign_and_ask(workspace))


def test_poisoned_rows_are_caught(copied: Workspace, control: Made) -> None:
    key = ArtifactKey("features")
    folder, lineage = copied.store.folder(key), copied.store.lineage(key)
    assert lineage is not None
    table = pq.read_table(folder / "data.parquet")
    rows = table.to_pandas()
    train = (rows["split"] == "train").to_numpy()
    poisoned = faults.poisoned_rows(rows[train], np.random.default_rng(3))
    rows = pd.concat([poisoned, rows[~train]]).sort_index()
    with copied.store.write(
        key, upstream=lineage.upstream, code=lineage.code, settings=lineage.settings
    ) as staged:
        shutil.copytree(folder, staged, dirs_exist_ok=True)
        schema = table.schema
        altered = type(table).from_pandas(rows, schema=schema, preserve_index=False)
        write_table(altered.replace_schema_metadata(None), staged / "data.parquet")
    made = run(copied, ([name for name in JOBS["train"] if name != "features"], None))
    assert not made.failures
    _caught("poisoned rows", made, control)
    _as_expected("poisoned rows", sign_and_ask(copied))


def test_stale_evidence_is_none(control: Made, tmp_path: Path) -> None:
    training = {**DECLARED["training"], "seed": 6}
    workspace = copy_of(control.workspace, tmp_path / "project", training=training)
    made = run(workspace, (("features", "model", "onnx_model", "quantized_model"), None))
    assert not made.failures
    _as_expected("stale evidence", sign_and_ask(workspace))


def test_evidence_of_another_model_is_none(copied: Workspace, planted: Plant) -> None:
    other = planted("swapped_columns").workspace.store.folder(ArtifactKey("risk_report"))
    upstream = copied.upstream_hashes("risk_report", None)
    assert set(upstream) == set(BY_NAME["risk_report"].upstream)
    with copied.store.write(ArtifactKey("risk_report"), upstream=upstream) as staged:
        shutil.copytree(other, staged, dirs_exist_ok=True)
    _as_expected("evidence of another model", sign_and_ask(copied))


def test_a_forged_approval_does_not_count(copied: Workspace) -> None:
    honest = signed(copied)
    forged = {
        "a statement altered": replace(
            honest, statement=replace(honest.statement, comment="all is well")
        ),
        "another key": signed(copied, Ed25519PrivateKey.from_private_bytes(b"b" * 32)),
        "another evidence": signed(copied, evidence=honest.statement.evidence[:16] + "0" * 48),
    }
    for signature in forged.values():
        path = write_signature(copied, signature)
        _as_expected("forged approval", ask(copied))
        path.unlink()


def test_an_altered_weight_is_seen_in_the_answers(copied: Workspace) -> None:
    store_form(copied, "onnx_model", alter_weight)
    made = run(copied, (("evaluation_report",), None), (CANDIDATE, None))
    assert not made.failures
    _as_expected("ONNX with one altered weight, before the reports", sign_and_ask(copied))


def test_an_altered_file_is_not_the_recorded_one(copied: Workspace) -> None:
    assert sign_and_ask(copied).promotes
    path = copied.store.folder(ArtifactKey("onnx_model")) / "model.onnx"
    path.write_bytes(alter_weight(path.read_bytes()))
    _as_expected("ONNX with one altered weight, after the reports", ask(copied))


def test_a_form_that_damages_one_slice_is_not_released(copied: Workspace) -> None:
    store_form(copied, "quantized_model", without_names)
    assert not run(copied, (("evaluation_report",), None)).failures
    assert form_and_reasons(copied)[0] == "quantized"
    store_form(copied, "quantized_model", damaged)
    made = run(copied, (REPORTS, None), (CANDIDATE, None))
    assert not made.failures
    form, reasons = form_and_reasons(copied)
    assert form == "onnx"
    assert any(reason.startswith("slice: Metz: share answered otherwise") for reason in reasons)
    assert all(reason.startswith("slice: Metz") for reason in reasons), reasons
    _as_expected("quantization that damages one slice", sign_and_ask(copied))


def test_the_document_is_that_of_the_matrix() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == with_matrix(written), (
        "docs/fault-matrix.md is another matrix: write it with python tests/faults/matrix.py"
    )
