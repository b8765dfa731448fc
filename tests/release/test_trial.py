"""A candidate is tried on a real server of its bundle; a bad server is told from a good one."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stand_ins import EMPTY, ENDS, GARBAGE, GONE, NOBODY, REFUSES, SILENT

sys.path.append(str(Path(__file__).parents[1] / "serving"))

from handmade_models import binary_model, columns
from served_bundles import add_release

from mlops_assets.release import load, trial
from mlops_assets.release.infra_check import Measurements, infra_objections, infra_report
from mlops_assets.release.trial import try_out
from mlops_assets.release.trial_server import serving_command
from mlops_assets.serving_declaration import Budget

BUDGET = Budget(p99_milliseconds=5_000.0, memory_megabytes=1_000.0, start_seconds=60.0)
"""What a busy machine keeps, too: that a figure is judged is for other tests to show."""
Columns = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def rows() -> Columns:
    found = columns(1_200, amount=np.linspace(-3.0, 3.0, 1_200))
    return {name: np.asarray(values).reshape(-1, 1) for name, values in found.items()}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less load, and less patience with what never answers."""
    monkeypatch.setattr(trial, "put_under_load", _little_load)
    monkeypatch.setattr(load, "PATIENCE_SECONDS", 1.0)


def _little_load(url: str, path: str, bodies: list[bytes]) -> load.Load:
    return load.put_under_load(url, path, bodies, warm_up_seconds=0.1, seconds=30.0, most=200)


def tried(command: list[str], bundle: Path, rows: Columns, start: float = 60.0) -> Measurements:
    budget = BUDGET.model_copy(update={"start_seconds": start})
    measured, _ = try_out(command, bundle, "binary", rows, budget)
    return measured


def objections(measured: Measurements, bundle: Path) -> str:
    report = infra_report("Lates", bundle.name, "model.onnx", measured, BUDGET)
    return "; ".join(infra_objections(report, bundle.name, BUDGET))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("candidate")
    return root / "releases" / add_release(root)


@pytest.mark.usefixtures("short")
def test_a_real_server_of_the_candidate_answers_to_the_last_bit(
    bundle: Path, rows: Columns
) -> None:
    measured = tried(serving_command(bundle.parents[1], bundle.name), bundle, rows)

    assert objections(measured, bundle) == ""
    asked = {(one.question, one.form): one.rows for one in measured.asked}
    assert asked == {
        ("golden", "JSON"): 8,
        ("golden", "binary"): 8,
        ("sample", "JSON"): 1_200,
        ("sample", "binary"): 1_200,
        ("single", "JSON"): 100,
    }
    assert len(measured.latencies) == 200 and measured.failed == 0
    assert measured.start_seconds is not None and measured.start_seconds > 0.05
    assert measured.memory_megabytes is not None and measured.memory_megabytes > 20.0


@pytest.mark.usefixtures("short")
def test_a_server_of_another_model_does_not_agree(
    bundle: Path, rows: Columns, tmp_path: Path
) -> None:
    """It is asked as the version that the candidate is, and answers with another model."""
    other = tmp_path / "releases" / bundle.name
    shutil.copytree(bundle, other)
    (other / "model.onnx").write_bytes(binary_model(scale=1.000001))
    serves_it = serving_command(bundle.parents[1], bundle.name)
    measured = tried(serves_it, other, rows)
    found = {(one.question, one.form): one.findings for one in measured.asked}
    assert found["golden", "JSON"] == ()
    assert found["sample", "JSON"] == ("output probabilities: not the same bits",)
    assert found["sample", "binary"] == found["sample", "JSON"]
    assert "test rows (binary) as it must" in objections(measured, other)


@pytest.mark.usefixtures("short")
def test_a_server_without_the_candidate_does_not_pass(
    bundle: Path, rows: Columns, tmp_path: Path
) -> None:
    (tmp_path / "releases").mkdir()
    measured = tried(serving_command(tmp_path, bundle.name), bundle, rows, start=3.0)
    assert objections(measured, bundle) != ""


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (ENDS, "the server ended before it was ready"),
        (GONE, "the server ended while it was asked"),
        (REFUSES, "golden rows (JSON) as it must"),
        (GARBAGE, "golden rows (binary) as it must"),
        (EMPTY, "test rows (JSON) as it must"),
        (NOBODY, "under load did not answer every request"),
        (["no such program"], "the server could not be started"),
    ],
    ids=["ends", "gone", "refuses", "garbage", "empty", "nobody", "no program"],
)
def test_a_bad_server_is_a_reason_and_no_exception(
    command: list[str], said: str, bundle: Path, rows: Columns
) -> None:
    measured = tried(command, bundle, rows)
    assert said in objections(measured, bundle)


@pytest.mark.usefixtures("short")
def test_a_server_that_is_never_ready_is_not_waited_for(bundle: Path, rows: Columns) -> None:
    measured = tried(SILENT, bundle, rows, start=0.1)
    assert objections(measured, bundle) == "infra_check: the server was not ready in time"
    assert measured.asked == () and measured.start_seconds is None


@pytest.mark.parametrize(
    ("p99", "failed", "rounds", "kept"),
    [
        ((9.0,), (0,), 1, 9.0),
        ((90.0, 9.0), (0, 0), 2, 9.0),
        ((90.0, 70.0, 80.0), (0, 0, 0), 3, 70.0),
        ((90.0, 9.0), (1, 0), 1, 90.0),
    ],
)
def test_a_load_that_was_disturbed_is_repeated_and_a_failure_is_not_forgotten(
    p99: tuple[float, ...],
    failed: tuple[int, ...],
    rounds: int,
    kept: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = [load.Load(latencies=[one], failed=lost) for one, lost in zip(p99, failed, strict=True)]
    left = iter(given)
    monkeypatch.setattr(trial, "put_under_load", lambda *_: next(left))
    found = trial._least_disturbed("", "", [], 50.0)
    assert found.latencies == [kept] and found.failed == sum(failed[:rounds])
    assert len([*left]) == len(given) - rounds


def test_single_rows_are_held_to_the_golden_rows_tolerance() -> None:
    tolerances = {"probabilities": {"absolute": 1e-5, "relative": 0.0}}
    expected = {
        "label": np.array([1]),
        "probabilities": np.array([[0.25, 0.75]], np.float32),
    }

    def near(*given: float) -> bool:
        body = {
            "outputs": [
                {"name": "label", "datatype": "INT64", "shape": [1], "data": [1]},
                {
                    "name": "probabilities",
                    "datatype": "FP32",
                    "shape": [1, 2],
                    "data": list(given),
                },
            ]
        }
        return trial._is_near(json.dumps(body).encode(), expected, tolerances)

    assert near(0.25, 0.75) and near(0.250009, 0.749991)
    assert not near(0.2502, 0.7498)
    assert not trial._is_near(b"", expected, tolerances)
    assert not trial._is_near(b"[" * 100_000, expected, tolerances)
    assert not trial._is_near(b'{"outputs": []}', expected, tolerances)
