"""What ``dg scaffold defs`` calls."""

import sqlite3
from pathlib import Path

import click
import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from mlops_assets.scaffolding.scaffolder import ScaffoldParams, UseCaseScaffolder
from mlops_assets.source_declaration import Batches, Sql
from mlops_assets.use_case import UseCase


@pytest.fixture
def source(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(0.0, 1.0, 200)
    path = tmp_path / "elsewhere" / "some data.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"x": x, "y": x + random.normal(0.0, 1.0, 200) > 0.0}), path)
    return path


def scaffold(folder: Path, source: object, target: str = "y", **more: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)  # as dg does
    UseCaseScaffolder().scaffold(
        dg.ScaffoldRequest(
            type_name="mlops_assets.lifecycle.Lifecycle",
            target_path=folder,
            scaffold_format=more.pop("scaffold_format", "yaml"),  # type: ignore[arg-type]
            project_root=folder.parents[1],
            params=ScaffoldParams(source=str(source), target=target, **more),  # type: ignore[arg-type]
        )
    )


def attributes(folder: Path) -> UseCase:
    return UseCase(**yaml.safe_load((folder / "defs.yaml").read_text())["attributes"])


def test_a_single_file_is_copied(tmp_path: Path, source: Path) -> None:
    folder = tmp_path / "project" / "defs" / "my_case"
    scaffold(folder, source)
    use_case = attributes(folder)
    (copy,) = (folder / use_case.source.folder).glob(use_case.source.pattern)
    assert copy.name == "batch-001.parquet"
    assert copy.read_bytes() == source.read_bytes()
    assert use_case.title == "My case"


def test_a_folder_elsewhere_stays_there(tmp_path: Path, source: Path) -> None:
    source.rename(source.with_name("2020.parquet"))
    folder = tmp_path / "project" / "defs" / "my_case"
    scaffold(folder, source.parent, title="Mine")
    assert attributes(folder).source.folder == str(source.parent.resolve())
    assert attributes(folder).title == "Mine"
    assert [path.name for path in folder.iterdir()] == ["defs.yaml"]


def test_a_folder_of_the_project_is_named_relative_to_the_yaml(
    tmp_path: Path, source: Path
) -> None:
    project = tmp_path / "project"
    (project / "lake" / "b").mkdir(parents=True)
    source.rename(project / "lake" / "b" / "2020.parquet")
    folder = project / "defs" / "my_case"
    scaffold(folder, project / "lake" / "b")
    assert attributes(folder).source.folder == "../../lake/b"
    assert (folder / "../../lake/b").is_dir()


def test_a_single_file_that_is_cut_is_copied_too(tmp_path: Path) -> None:
    n = 3000
    random = np.random.default_rng(0)
    days = np.datetime64("2020-01-01", "us") + np.arange(n) * np.timedelta64(3, "h")
    path = tmp_path / "sales.parquet"
    pq.write_table(
        pa.table({"x": random.random(n), "day": days, "y": random.random(n) < 0.5}), path
    )
    folder = tmp_path / "project" / "defs" / "my_case"
    scaffold(folder, path)
    use_case = attributes(folder)
    (copy,) = (folder / str(use_case.source.folder)).glob(use_case.source.pattern)
    assert copy.read_bytes() == path.read_bytes()
    assert use_case.source.batches == Batches(column="day", period="quarter")


def test_a_database_of_the_project_is_named_relative_to_the_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "lake").mkdir(parents=True)
    rows = [(i, i % 7, ("no", "yes")[i % 3 == 0], f"20{i % 20:02d}-05-05") for i in range(900)]
    with sqlite3.connect(project / "lake" / "shop.db") as connection:
        connection.execute("CREATE TABLE sales (id INTEGER PRIMARY KEY, x, y, day)")
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", rows)
    connection.close()
    monkeypatch.chdir(project / "lake")
    folder = project / "defs" / "my_case"
    scaffold(folder, "sqlite:///shop.db#sales")
    source = attributes(folder).source
    assert source.folder is None
    assert source.sql == Sql(database="sqlite:///../../lake/shop.db", table="sales")
    assert source.batches == Batches(column="day", period="year")
    assert [path.name for path in folder.iterdir()] == ["defs.yaml"]
    assert attributes(folder).target.positive == "yes"
    again = project / "defs" / "again"
    scaffold(again, "sqlite:///shop.db#sales", title="My case")
    assert (again / "defs.yaml").read_text() == (folder / "defs.yaml").read_text()


def test_credentials_are_for_databases(tmp_path: Path, source: Path) -> None:
    folder = tmp_path / "project" / "defs" / "my_case"
    with pytest.raises(click.ClickException, match="for a database: leave it out"):
        scaffold(folder, source, credentials="SHOP")
    with pytest.raises(click.ClickException, match="set SHOP_USER and SHOP_PASSWORD"):
        scaffold(folder, "postgresql://127.0.0.1:1/shop#t", credentials="SHOP")
    assert not folder.exists()


def test_nothing_is_overwritten(tmp_path: Path, source: Path) -> None:
    folder = tmp_path / "project" / "defs" / "my_case"
    scaffold(folder, source)
    before = (folder / "defs.yaml").read_bytes()
    with pytest.raises(click.ClickException, match="is there already"):
        scaffold(folder, source, title="Another")
    assert (folder / "defs.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("my_case", "yy", "did you mean 'y'"),
        ("2fast", "y", "no digit first"),
        ("my-case", "y", "letters, digits and '_' only"),
    ],
)
def test_errors_are_one_message_and_leave_nothing(
    tmp_path: Path, source: Path, name: str, target: str, message: str
) -> None:
    folder = tmp_path / "project" / "defs" / name
    with pytest.raises(click.ClickException, match=message):
        scaffold(folder, source, target)
    assert not folder.exists()


def test_a_missing_source_and_another_format_are_said(tmp_path: Path, source: Path) -> None:
    folder = tmp_path / "project" / "defs" / "my_case"
    with pytest.raises(click.ClickException, match="no such file"):
        scaffold(folder, tmp_path / "nowhere.csv")
    with pytest.raises(click.ClickException, match="leave --format out"):
        scaffold(folder, source, scaffold_format="python")


def test_dagster_sees_the_parameters() -> None:
    schema = UseCaseScaffolder.get_scaffold_params().model_json_schema()
    assert list(schema["properties"]) == ["source", "target", "title", "credentials"]
    assert schema["required"] == ["source", "target"]
