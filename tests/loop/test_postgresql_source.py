"""A source that is a table of a real PostgreSQL: a million rows by month, taken in by the daemon as
they come; and a server that is killed while a batch is copied."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pyarrow.parquet as pq
import pytest
import yaml
from postgresql_server import Server, postgresql_server
from processes import running, wait_until
from small_project import CODE_LOCATION, INSTANCE, NAME, run_once, workspace_of

from resources.artifact_store import ArtifactKey

pytestmark = pytest.mark.loop

ROWS = 250_000
MONTHS = ["2020-01", "2020-02", "2020-03", "2020-04"]
CREDENTIALS = "DELIVERIES"
DECLARED: dict[str, Any] = {
    "title": "Late deliveries",
    "description": "Will a delivery be late?",
    "owner": "team:deliveries",
    "source": {
        "sql": {"table": "deliveries", "credentials": CREDENTIALS},
        "batches": {"column": "due", "period": "month"},
        "licence": "CC0-1.0",
        "attribution": "made up for the tests",
        "terms": "none",
        "licence_expires": "never",
    },
    "target": {"column": "late"},
    "columns": {
        "number": {"type": "integer", "role": "ignored"},
        "due": {"type": "timestamp"},
        "city": {"type": "string", "values": ["Ghent", "Lille", "Metz"]},
        "weight": {"type": "number", "minimum": 0},
    },
    "training": {"first_batches": 99, "split": {"time_column": "due"}},
    "policy": {"ai_act_class": "minimal"},
    "automation": {"check_every_seconds": 2},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql_server() as server:
        with _connect(server) as connection:
            connection.execute(
                "create table deliveries (number bigint primary key, due timestamp not null, "
                "city text, weight double precision, late boolean)"
            )
        for month in MONTHS:
            insert(server, month)
        yield server


@pytest.fixture
def project(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(f"{CREDENTIALS}_USER", server.user)
    monkeypatch.setenv(f"{CREDENTIALS}_PASSWORD", server.password)
    folder = tmp_path / "defs" / NAME
    folder.mkdir(parents=True)
    sql = {**DECLARED["source"]["sql"], "database": server.url}
    attributes = {**DECLARED, "source": {**DECLARED["source"], "sql": sql}}
    content = {"type": "mlops_assets.lifecycle.Lifecycle", "attributes": attributes}
    (folder / "defs.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (tmp_path / ".dagster").mkdir()
    (tmp_path / ".dagster" / "dagster.yaml").write_text(INSTANCE, encoding="utf-8")
    tests = str(Path(__file__).parent)
    (tmp_path / "definitions.py").write_text(
        CODE_LOCATION.format(tests=tests, root=str(tmp_path)), encoding="utf-8"
    )
    return tmp_path


def insert(server: Server, month: str, rows: int = ROWS) -> None:
    """Add a month of deliveries, spread over its first 28 days."""
    first = int(month.replace("-", "")) * 1_000_000
    with _connect(server) as connection:
        connection.execute(
            "insert into deliveries select %(first)s + i, %(start)s::timestamp + "
            "i * interval '28 days' / %(rows)s, (array['Ghent', 'Lille', 'Metz'])[1 + i %% 3], "
            "(i * 7919 %% 1000) / 10.0, i %% 5 = 0 from generate_series(0, %(rows)s - 1) i",
            {"first": first, "start": f"{month}-01", "rows": rows},
        )


def _connect(server: Server) -> psycopg.Connection[Any]:
    address = server.url.replace("postgresql+psycopg", "postgresql")
    return psycopg.connect(address, user=server.user, password=server.password)


def rows_of(root: Path, batch: str) -> int | None:
    """Rows of the cleaned batch, ``None`` while there is none."""
    store = workspace_of(root).store
    key = ArtifactKey("cleaned_dataset", batch)
    if store.lineage(ArtifactKey("data_profile", batch)) is None:
        return None
    return int(store.json(key, "counts.json")["rows_out"])


def test_the_daemon_takes_in_a_month_that_is_added(project: Path, server: Server) -> None:
    with running(project, "dagster-daemon", "run"):
        wait_until(lambda: rows_of(project, MONTHS[-1]), "the four months that are there")
        assert [rows_of(project, month) for month in MONTHS] == [ROWS] * 4

        insert(server, "2020-05", rows=1_000)

        wait_until(lambda: rows_of(project, "2020-05"), "the month that was added")
    assert rows_of(project, "2020-05") == 1_000
    manifest = workspace_of(project).store.json(ArtifactKey("raw_copy", "2020-05"), "manifest.json")
    assert server.password not in str(manifest)


def test_a_server_killed_in_mid_copy_leaves_no_half_batch(project: Path, server: Server) -> None:
    store = workspace_of(project).store
    copying = threading.Event()

    def kill_when_rows_arrive() -> None:
        while not any(f.stat().st_size > 0 for f in store.root.glob(".staging/*/data.parquet*")):
            time.sleep(0.001)
        server.kill()
        copying.set()

    killer = threading.Thread(target=kill_when_rows_arrive)
    killer.start()
    said: list[str] = []
    with pytest.raises(dg.Failure, match="refused the connection"):
        run_once(project, said.append)
    killer.join()

    assert copying.is_set()
    assert "the connection was lost while the rows were read" in said[-1]
    assert "Traceback" not in said[-1]
    assert store.batches("raw_copy") == ()
    assert not list(store.root.glob(".staging/*/data.parquet*"))

    server.start()
    [again] = run_once(project)

    assert again.success, again.message
    raw = store.folder(ArtifactKey("raw_copy", MONTHS[0])) / "data.parquet"
    assert pq.read_metadata(raw).num_rows == ROWS
