"""One finished small project for all tests of the loop; each takes a copy of it."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from small_project import NAME, FinishedRun, make_project, run_until_quiet

MONTHS = ["2013-01", "2013-02", "2013-03", "2013-04"]


@dataclass(frozen=True)
class FinishedProject:
    """A project that ticked until nothing was left to do, and the runs it took."""

    root: Path
    runs: list[FinishedRun]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedProject:
    root = make_project(tmp_path_factory.mktemp("finished"), MONTHS)
    return FinishedProject(root, run_until_quiet(root))


@pytest.fixture
def copy_of(finished: FinishedProject, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the finished project that a test may spoil; ``trains=False`` holds off the
    training that a new batch would set off."""

    def copy(*, trains: bool = False) -> Path:
        root = Path(shutil.copytree(finished.root, tmp_path / "copy"))
        if not trains:
            declared = root / "defs" / NAME / "defs.yaml"
            content = yaml.safe_load(declared.read_text(encoding="utf-8"))
            content["attributes"]["retraining"] = {"cooldown_batches": 99}
            declared.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return root

    return copy
