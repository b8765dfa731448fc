"""A release made again in an empty folder, under other circumstances, hash by hash."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_project import NAME, workspace_of

from mlops_assets.governance.ledger import champion
from mlops_assets.reproduce import reproduce

pytestmark = pytest.mark.loop

REPRODUCE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from small_project import workspace_of
from mlops_assets.reproduce import reproduce
if __name__ == "__main__":
    answer = reproduce(workspace_of(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), lambda _: None)
    print(answer.to_text())
    sys.exit(0 if answer.is_exact else 1)
"""


def released(root: Path) -> str:
    entry = champion(workspace_of(root).releases.entries())
    assert entry is not None and entry.release is not None
    return entry.release


def other_circumstances(home: Path) -> dict[str, str]:
    """The environment of a process with another home, locale, time zone, hash seed and number of
    threads."""
    return {
        **os.environ,
        "HOME": str(home),
        "USER": "somebody-else",
        "LC_ALL": "C",
        "LANG": "tr_TR.UTF-8",
        "TZ": "Pacific/Kiritimati",
        "PYTHONHASHSEED": "12345",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "3",
        "LOKY_MAX_CPU_COUNT": "1",
    }


def as_another_user() -> list[str]:
    """What runs a command as user 1234 of a namespace of its own, where the system has them."""
    command = ["unshare", "--user", "--map-user=1234", "--map-group=1234"]
    if shutil.which(command[0]) is None:
        return []
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else []


def test_a_release_is_made_again_elsewhere_on_one_core_by_another_user(
    copy_of: Callable[..., Path], tmp_path: Path
) -> None:
    root = copy_of()
    script, elsewhere = tmp_path / "again.py", tmp_path / "a folder with spaces" / "élève"
    script.write_text(REPRODUCE, encoding="utf-8")
    elsewhere.mkdir(parents=True)
    command = [sys.executable, str(script), str(Path(__file__).parent), str(root)]
    command += [released(root), str(elsewhere)]
    command = [*as_another_user(), *command]
    if shutil.which("taskset"):
        command = ["taskset", "--cpu-list", "0", *command]
    done = subprocess.run(
        command,
        env=other_circumstances(elsewhere),
        cwd=elsewhere.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "hashes are equal" in done.stdout


def test_nothing_of_the_present_yaml_source_or_artifacts_is_read(
    copy_of: Callable[..., Path], tmp_path: Path
) -> None:
    root = copy_of()
    release = released(root)
    workspace = workspace_of(root)
    for name in ("raw_copy", "cleaned_dataset", "features", "model", "lineage"):
        shutil.rmtree(workspace.store.root / name)
    shutil.rmtree(root / "defs" / NAME / "data")
    answer = reproduce(workspace, release, tmp_path / "remade", lambda _: None)
    assert answer.is_exact, answer.to_text()


def test_the_first_artifact_that_differs_is_named_and_how(
    copy_of: Callable[..., Path], tmp_path: Path
) -> None:
    """A bundle whose declaration says another seed than the one it was made with."""
    root = copy_of()
    workspace = workspace_of(root)
    bundle = workspace.releases.bundle(released(root))
    declared = json.loads((bundle / "declaration.json").read_bytes())
    declared["training"]["seed"] += 1
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    manifest["made_with"]["libraries"]["numpy"] = "1.0"

    def write(folder: Path) -> None:
        shutil.copytree(bundle, folder, dirs_exist_ok=True)
        (folder / "declaration.json").write_text(json.dumps(declared), encoding="utf-8")
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    forged = workspace.releases.add(write)
    answer = reproduce(workspace, forged, tmp_path / "remade", lambda _: None)
    first = answer.first_difference
    assert first is not None and first.name == "features"
    assert not answer.is_exact
    assert any(".json" in difference or "parquet" in difference for difference in answer.how)
    assert any("libraries.numpy" in difference for difference in answer.environment)


def test_a_raw_copy_that_was_lost_or_changed_is_named(
    copy_of: Callable[..., Path], tmp_path: Path
) -> None:
    from resources.artifact_store import MissingArtifactError

    root = copy_of()
    workspace = workspace_of(root)
    release = released(root)
    manifest = json.loads((workspace.releases.bundle(release) / "manifest.json").read_bytes())
    lost = next(iter(manifest["raw_copies"].values()))
    (workspace.store.cache / lost[:2] / lost[2:]).unlink()
    with pytest.raises(MissingArtifactError, match=lost):
        reproduce(workspace, release, tmp_path / "remade", lambda _: None)


def test_a_folder_that_holds_something_is_left_alone(
    copy_of: Callable[..., Path], tmp_path: Path
) -> None:
    from resources.artifact_store import MissingArtifactError

    root = copy_of()
    kept = tmp_path / "mine" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("kept", encoding="utf-8")
    with pytest.raises(MissingArtifactError, match="not empty"):
        reproduce(workspace_of(root), released(root), kept.parent, lambda _: None)
    assert [path.name for path in kept.parent.iterdir()] == ["kept.txt"]
