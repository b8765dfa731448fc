"""A materialization of a report links to where ``mlops reports`` shows it."""

import sys
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from planted_project import NAME, make_project

from mlops_assets.reporting.page import Page
from mlops_assets.reporting.report_files import listed_reports
from resources.artifact_store import ArtifactKey
from resources.assets import REPORTS_URL, stored, write_report
from resources.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_project(tmp_path_factory.mktemp("links"))


def stored_report(workspace: Workspace, key: ArtifactKey) -> dg.MaterializeResult[object]:
    code = workspace.code_hashes[key.name]
    with workspace.store.write(key, upstream={}, code=code, settings={}) as folder:
        shown = write_report(folder, {"rows": 1}, Page("Title", "Verdict.", (), ()))
    return stored(workspace, key, shown)


@pytest.mark.parametrize(
    ("base", "expected"),
    [(None, "http://127.0.0.1:3001"), ("https://reports.example/", "https://reports.example")],
)
def test_the_link_leads_to_an_address_that_is_served(
    base: str | None, expected: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(REPORTS_URL, raising=False)
    if base is not None:
        monkeypatch.setenv(REPORTS_URL, base)
    key = ArtifactKey("data_profile", "2020-01")
    metadata = stored_report(workspace, key).metadata or {}
    found = metadata["report_url"]
    assert isinstance(found, dg.UrlMetadataValue)
    assert found.url == f"{expected}/{NAME}/data_profile/2020-01/report.html"
    assert str(found.url).removeprefix(expected) in listed_reports(workspace.store.root.parent)


def test_where_it_is_read_does_not_change_its_hash(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, hashes = ArtifactKey("data_profile", "2020-01"), set()
    for base in ("http://127.0.0.1:3001", "https://reports.example"):
        monkeypatch.setenv(REPORTS_URL, base)
        hashes.add((stored_report(workspace, key).metadata or {})["hash"])
    assert len(hashes) == 1
