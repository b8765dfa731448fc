"""What the serving image must hold: a server loads with the packages of its lock file alone."""

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

LOADED = (
    "mlops_assets.serving.__main__",
    "uvicorn",
    "uvloop",
    "httptools",
    # What the prediction log loads when it is asked to keep answers.
    "pyarrow.parquet",
    "psycopg",
    "psycopg_binary",
)
PROGRAM = """
import importlib, json, pkgutil, sys

asked = json.load(sys.stdin)
absent = set(asked["absent"])

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
for name in asked["loaded"]:
    importlib.import_module(name)
import mlops_assets.serving as room
for module in pkgutil.walk_packages(room.__path__, "mlops_assets.serving."):
    importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def load(project: Path, locked: set[str]) -> subprocess.CompletedProcess[str]:
    """Load the server and every module of its room, as if ``locked`` were all that is installed;
    prints the modules that were loaded."""
    absent = [
        top
        for top, providers in packages_distributions().items()
        if not {name.lower().replace("-", "_") for name in providers} & locked
        and top not in {"mlops_assets", "resources", "sensors"}
    ]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps({"absent": absent, "loaded": LOADED}),
        cwd=project,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def locked(project: Path) -> set[str]:
    text = (project / "requirements-serving.lock").read_text(encoding="utf-8")
    return {name.replace("-", "_") for name in re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)}


@pytest.fixture(scope="module")
def modules(project: Path, locked: set[str]) -> set[str]:
    ran = load(project, locked)
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout))


def test_a_server_loads_with_what_is_locked(modules: set[str]) -> None:
    assert {*LOADED, "onnxruntime", "numpy", "mlops_assets.serving.app"} <= modules


@pytest.mark.parametrize("package", ["onnxruntime", "orjson", "pyarrow"])
def test_without_a_package_that_is_needed_it_would_not(
    project: Path, locked: set[str], package: str
) -> None:
    ran = load(project, locked - {package})

    assert ran.returncode == 1 and f"No module named '{package}" in ran.stderr


def test_of_the_project_the_server_loads_what_the_image_copies(modules: set[str]) -> None:
    own = {module for module in modules if module.partition(".")[0] == "mlops_assets"}
    copied = ("mlops_assets.serving.", "mlops_assets.content_hash")

    assert {name for name in own if not name.startswith(copied)} == {
        "mlops_assets",
        "mlops_assets.serving",
    }
    assert not {"resources", "sensors"} & modules


def test_what_trains_is_not_what_serves(modules: set[str]) -> None:
    assert not {"dagster", "pandas", "sklearn", "scipy", "onnx", "pydantic"} & modules
