"""One small project, reproduced once by DVC, for all tests of parity; each takes a copy of it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
# For a use case that a person has to approve.
sys.path.append(str(Path(__file__).parents[1] / "loop"))

from dvc_project import copy, dvc, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project before anything was made."""
    return make_template(tmp_path_factory.mktemp("parity") / "template")


@pytest.fixture(scope="session")
def reproduced(template: Path) -> Path:
    """The small project after ``dvc repro``; not to be written to."""
    root = copy(template, "reproduced")
    dvc(root, "repro")
    return root
