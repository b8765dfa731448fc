"""Handmade models behind a real server on this machine."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from handmade_models import MODELS, SIGNATURES

from mlops_assets.serving.app import make_app
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.server import running

LIMIT_BYTES = 300_000


@pytest.fixture(scope="session")
def addresses() -> Iterator[dict[str, str]]:
    """Where the model of each task is served, by task; its name is that of the task."""
    apps = {
        task: make_app(Predictor(model), task, "v1", SIGNATURES[task], LIMIT_BYTES)
        for task, model in MODELS.items()
    }
    with (
        running(apps["binary"]) as binary,
        running(apps["multiclass"]) as multiclass,
        running(apps["regression"]) as regression,
    ):
        yield {"binary": binary, "multiclass": multiclass, "regression": regression}


@pytest.fixture(params=sorted(MODELS))
def task(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
