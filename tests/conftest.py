"""What tests of several rooms share: a small use case, batches of it, and how hypothesis runs.

Belongs here: fixtures that more than one room needs. Does not belong here: what one room's tests
need alone (a ``conftest.py`` or a helper beside them).
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from postgresql_server import Server as PostgresqlServer
from postgresql_server import postgresql_server
from webhook import Webhook

from mlops_assets.serving.prediction_log.shipping import DATABASE_VARIABLE
from mlops_assets.use_case import UseCase

# The same examples on every machine, and no verdict that depends on its speed.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

NOT_RUN = "not run: "
"""What the reason begins with where tests need something that this machine lacks."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was not run, in a line of its own for each reason."""
    skipped = terminalreporter.stats.get("skipped", [])
    places = [report.longrepr for report in skipped if isinstance(report.longrepr, tuple)]
    reasons = {str(reason).removeprefix("Skipped: ") for _, _, reason in places}
    for reason in sorted(reason for reason in reasons if reason.startswith(NOT_RUN)):
        terminalreporter.write_sep("!", reason, yellow=True, bold=True)


DECLARED: dict[str, Any] = {
    "title": "Late deliveries",
    "description": "Will a delivery be late?",
    "owner": "team:deliveries",
    "source": {
        "folder": "data",
        "batch_name": r"\d{4}-\d{2}",
        "licence": "CC0-1.0",
        "attribution": "made up for the tests",
        "terms": "none",
        "licence_expires": "never",
    },
    "target": {"column": "late", "type": "boolean", "description": "arrived late"},
    "columns": {
        "due": {"type": "timestamp"},
        "city": {"type": "string"},
        "size": {"type": "string", "values": ["large", "small"]},
        "parcels": {"type": "integer", "minimum": 0, "maximum": 100},
        "weight": {"type": "number", "nullable": True, "minimum": 0},
        "fragile": {"type": "boolean"},
        "group": {"type": "integer", "categorical": True, "role": "sensitive", "values": [1, 2]},
        "minutes_late": {"type": "integer", "role": "leak", "nullable": True},
        "note": {"type": "string", "role": "ignored", "nullable": True},
    },
    "training": {
        "first_batches": 1,
        "seed": 7,
        "split": {"time_column": "due"},
        "search": {"max_fits": 9, "folds": 3, "max_rows": 500},
    },
    "explanation": {"rows": 60, "background": 20, "refits": 2},
    "risk": {"rows": 200, "evasion_rows": 40, "shadow_models": 8},
    "policy": {"ai_act_class": "minimal"},
}


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the project."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def declared() -> Callable[[], dict[str, Any]]:
    """Makes a fresh copy of what the small use case's YAML says below ``attributes``."""
    return lambda: deepcopy(DECLARED)


@pytest.fixture(scope="session")
def make_use_case() -> Callable[..., UseCase]:
    """Makes the small use case; keyword arguments replace top-level fields."""

    def make(**changes: Any) -> UseCase:
        return UseCase(**{**deepcopy(DECLARED), **changes})

    return make


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., pa.Table]:
    """Makes a valid raw batch: ``rows`` rows spread over the days of a month, each tenth row
    without a label."""

    def make(month: str = "2020-01", rows: int = 400, seed: int = 0) -> pa.Table:
        rng = np.random.default_rng(seed)
        start = datetime.fromisoformat(f"{month}-01")
        minutes = rng.integers(0, 28 * 24 * 60, rows)
        weight = rng.gamma(2.0, 3.0, rows)
        late = rng.random(rows) < 1.0 / (1.0 + np.exp(3.0 - weight / 2.0))
        unlabelled = np.arange(rows) % 10 == 9
        return pa.table(
            {
                "due": pa.array([start + timedelta(minutes=int(m)) for m in minutes]),
                "city": pa.array(rng.choice(["Ghent", "Lille", "Metz"], rows)),
                "size": pa.array(rng.choice(["large", "small"], rows)),
                "parcels": pa.array(rng.integers(0, 100, rows)),
                "weight": pa.array(weight, mask=np.arange(rows) % 7 == 6),
                "fragile": pa.array(rng.random(rows) < 0.3),
                "group": pa.array(rng.integers(1, 3, rows)),
                "minutes_late": pa.array(np.where(late, 30, -5), mask=unlabelled),
                "note": pa.array([None if i % 2 else "ring twice" for i in range(rows)]),
                "late": pa.array(late, mask=unlabelled),
            }
        )

    return make


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A channel of alerts that takes all."""
    server = Webhook(200)
    yield server
    server.close()


@pytest.fixture
def refusing() -> Iterator[Webhook]:
    """A channel of alerts that takes none."""
    server = Webhook(500)
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    with postgresql_server() as running:
        yield running


@pytest.fixture
def answers_database(
    postgresql: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> PostgresqlServer:
    """A PostgreSQL that no prediction log was shipped to yet, and that the environment names."""
    postgresql.execute("DROP TABLE IF EXISTS mlops_answers, mlops_answers_segments")
    monkeypatch.setenv(DATABASE_VARIABLE, postgresql.conninfo)
    return postgresql
