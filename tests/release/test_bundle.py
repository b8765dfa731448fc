"""What travels in a bundle: the model, every report, who approved it, and what it is held to."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_assets.catalog import BY_NAME, EVIDENCE
from mlops_assets.governance.policy_summary import policy_summary
from mlops_assets.release.bundle import MADE_IN_TURN, REPORTS, BundleParts, write_bundle
from mlops_assets.use_case import UseCase

MADE_OF = BY_NAME["candidate"].upstream


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """A folder for each artifact that a release is made of, with its files."""
    made = {name: tmp_path / "artifacts" / name for name in MADE_OF}
    for name, folder in made.items():
        folder.mkdir(parents=True)
        for file in BY_NAME[name].files:
            (folder / file).write_text(f"{name} {file}")
    return made


def _parts(use_case: UseCase, folders: dict[str, Path]) -> BundleParts:
    return BundleParts(
        folders=folders,
        hashes={name: f"hash of {name}" for name in MADE_OF},
        window={"2020-01": "w"},
        raw={"2020-01": "r"},
        corrections={},
        reference={},
        golden={},
        compared_with=None,
        made_with={},
        serves="onnx",
        why=("it is exact",),
        policy=policy_summary(use_case),
    )


def test_all_that_a_release_rests_on_travels_with_it(
    tmp_path: Path, folders: dict[str, Path], make_use_case: Callable[..., UseCase]
) -> None:
    use_case, bundle = make_use_case(), tmp_path / "bundle"
    bundle.mkdir()

    write_bundle(bundle, _parts(use_case, folders), use_case, "deliveries")

    assert {"evaluation_report", "fairness_report", "explainability_report", "risk_report"} < set(
        REPORTS
    )
    for report in REPORTS:
        assert (bundle / report / "report.json").read_text() == f"{report} report.json"
    assert not (bundle / "approval.json").exists()
    assert (bundle / "envelope.json").read_text() == "risk_report envelope.json"
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["policy"] == "minimal"
    assert set(manifest["made_of"]) == set(EVIDENCE)
    assert json.loads((bundle / "policy.json").read_text())["purpose"] == "MISSING"


def test_the_code_of_what_comes_before_it_is_all_that_is_named() -> None:
    assert set(EVIDENCE) < set(MADE_IN_TURN)
    assert {"raw_copy", "cleaned_dataset", "data_profile", "candidate"} < set(MADE_IN_TURN)
    later = {"approval", "release", "infra_check", "ab_report", "drift_report", "predictions"}
    assert not later & set(MADE_IN_TURN)


@pytest.mark.parametrize("file", ["onnx_model/model.onnx", "risk_report/envelope.json"])
def test_without_its_model_or_envelope_there_is_no_bundle(
    tmp_path: Path, folders: dict[str, Path], make_use_case: Callable[..., UseCase], file: str
) -> None:
    use_case, bundle = make_use_case(), tmp_path / "bundle"
    bundle.mkdir()
    (folders["model"].parent / file).unlink()

    with pytest.raises(FileNotFoundError):
        write_bundle(bundle, _parts(use_case, folders), use_case, "deliveries")
