"""The handmade champion of each task, as a bundle, and what it is asked about."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from predicted_project import TARGETS, make_bundle, use_case_of

from mlops_assets.target_declaration import Task


@pytest.fixture(scope="session")
def bundles(
    declared: Callable[[], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> dict[Task, Path]:
    """The release folder of each task."""
    root = tmp_path_factory.mktemp("bundles")
    return {task: make_bundle(root / task, use_case_of(declared(), task)) for task in TARGETS}


@pytest.fixture(params=sorted(TARGETS))
def task(request: pytest.FixtureRequest) -> Task:
    name: Task = request.param
    return name
