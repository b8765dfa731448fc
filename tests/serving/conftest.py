"""Handmade models behind real servers on this machine."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from handmade_models import MODELS
from served_bundles import add_release, promote
from server_process import ServerProcess, serving

LIMIT_BYTES = 300_000


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ServerProcess]]:
    """A server of the model of each task, by task; its name is that of the task."""
    with ExitStack() as stack:
        running = {}
        for task in MODELS:
            root = tmp_path_factory.mktemp(task)
            promote(root, add_release(root, task))
            options = ("--no-log", "--limit-body-bytes", str(LIMIT_BYTES))
            running[task] = stack.enter_context(serving(root, *options))
        yield running


@pytest.fixture(scope="session")
def addresses(servers: dict[str, ServerProcess]) -> dict[str, str]:
    """Where the model of each task is served, by task."""
    return {task: server.url for task, server in servers.items()}


@pytest.fixture(scope="session")
def server_url(addresses: dict[str, str]) -> str:
    """Where the model ``binary`` is served."""
    return addresses["binary"]


@pytest.fixture(scope="session")
def model_name() -> str:
    return "binary"


@pytest.fixture(params=sorted(MODELS))
def task(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
