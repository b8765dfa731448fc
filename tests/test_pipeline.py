"""DVC's view: the committed ``dvc.yaml`` is what the catalog says, edge for edge."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_assets.catalog import ARTIFACTS, BY_NAME, REPRODUCIBLE
from mlops_assets.pipeline import DvcUseCase, dependencies, parameters, render
from resources.dvc_lock import dvc_use_case, render_dvc_yaml

DELIVERIES = DvcUseCase(
    "deliveries",
    "defs/deliveries/defs.yaml",
    {"raw_copy": "defs/deliveries/data", "cleaned_dataset": "defs/deliveries/corrections"},
    {"columns": {}, "rows": {}},
)


@pytest.fixture(scope="module")
def committed(project: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))
    return content


def test_the_committed_file_is_what_the_catalog_renders(project: Path) -> None:
    rendered = render_dvc_yaml(project, project / "mlops_assets" / "defs")

    assert (project / "dvc.yaml").read_text(encoding="utf-8") == rendered


def test_the_bundled_use_case_is_there(committed: dict[str, Any]) -> None:
    assert {f"flight_delays__{a.name}" for a in REPRODUCIBLE} <= set(committed["stages"])


def test_the_edges_of_dvc_are_those_of_the_catalog(committed: dict[str, Any]) -> None:
    for use_case in {name.split("__")[0] for name in committed["stages"]}:
        stages = {
            name.removeprefix(f"{use_case}__"): stage
            for name, stage in committed["stages"].items()
            if name.startswith(f"{use_case}__")
        }
        _assert_edges_of_the_catalog(stages)


def _assert_edges_of_the_catalog(stages: dict[str, Any]) -> None:
    made_by = {
        path: name for name, stage in stages.items() for out in stage["outs"] for path in out
    }

    found = {
        (made_by[path], name)
        for name, stage in stages.items()
        for path in stage["deps"]
        if path in made_by
    }

    expected = {(upstream, a.name) for a in REPRODUCIBLE for upstream in a.upstream}
    champion = {("release", a.name) for a in REPRODUCIBLE if a.reads_champion}
    assert found == expected | champion
    assert set(stages) == {a.name for a in REPRODUCIBLE}


def test_what_is_made_again_is_made_of_nothing_measured() -> None:
    measured = {a.name for a in ARTIFACTS if a.measured}
    assert measured and not any(measured.intersection(a.upstream) for a in REPRODUCIBLE)


def test_use_cases_share_no_artifact(project: Path) -> None:
    defs = project / "mlops_assets" / "defs"
    both = [dvc_use_case(project, defs / name) for name in ("employment", "flight_delays")]

    stages = render(both)["stages"]

    assert len(stages) == 2 * len(REPRODUCIBLE)
    for name, stage in stages.items():
        own = name.split("__")[0]
        paths = [*stage["deps"], *(path for out in stage["outs"] for path in out)]
        assert {p.split("/")[1] for p in paths if p.startswith("artifacts/")} <= {own}


def test_every_path_that_is_not_an_artifact_is_in_the_project(
    committed: dict[str, Any], project: Path
) -> None:
    for stage in committed["stages"].values():
        for path in stage["deps"]:
            assert path.startswith("artifacts/") or (project / path).exists(), path


def test_a_stage_keeps_the_last_good_version_while_it_runs(committed: dict[str, Any]) -> None:
    for stage in committed["stages"].values():
        assert all(out == {path: {"persist": True}} for out in stage["outs"] for path in out)


def test_a_stage_follows_only_fields_that_the_yaml_sets() -> None:
    cleaned = parameters(BY_NAME["cleaned_dataset"], DELIVERIES)

    assert cleaned == {"defs/deliveries/defs.yaml": ["attributes.columns", "attributes.rows"]}
    assert parameters(BY_NAME["release"], DELIVERIES) == {}


def test_the_training_window_is_a_parameter_of_the_features_alone() -> None:
    following = [
        artifact.name
        for artifact in ARTIFACTS
        if parameters(artifact, DELIVERIES).get("params.yaml") == ["deliveries.last_batch"]
    ]

    assert following == ["features"]


@pytest.mark.parametrize("made", ["raw_copy", "cleaned_dataset"])
def test_a_folder_of_the_user_is_a_dependency_of_what_is_made_from_it_alone(made: str) -> None:
    following = [
        artifact.name
        for artifact in ARTIFACTS
        if DELIVERIES.folders[made] in dependencies(artifact, DELIVERIES)
    ]

    assert following == [made]


def test_metrics_and_plots_are_found_by_dvc() -> None:
    rendered = render([DELIVERIES])

    report = "artifacts/deliveries/evaluation_report"
    assert f"{report}/metrics.json" in rendered["metrics"]
    (calibration,) = [p for plot in rendered["plots"] for n, p in plot.items() if "calib" in n]
    assert calibration["x"] == {f"{report}/calibration.json": "predicted"}
    assert calibration["y"] == {f"{report}/calibration.json": "observed"}
