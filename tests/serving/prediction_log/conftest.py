"""The helpers beside these tests can be imported by them, and by the processes that they start."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql_server import Server, postgresql_server

from mlops_assets.serving.prediction_log.shipping import DATABASE_VARIABLE

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with postgresql_server() as running:
        yield running


@pytest.fixture
def server(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """One that nothing was shipped to yet, and that the environment names."""
    postgresql.execute("DROP TABLE IF EXISTS mlops_answers, mlops_answers_segments")
    monkeypatch.setenv(DATABASE_VARIABLE, postgresql.conninfo)
    return postgresql
