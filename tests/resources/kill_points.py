"""Kills a process at every step of an operation on the store, and says what was left.

Run by ``test_crashes.py`` as a program of its own: it forks, and a test process has threads. A step
is a call that changes the file system, or the middle of writing a file; the process is killed with
SIGKILL before it. Prints a JSON list, one record a kill point.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops_assets.governance.ledger import Entry
from resources.artifact_store import ArtifactKey, ArtifactStore, MissingArtifactError
from resources.releases import ReleaseStore

EVENTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod"}
OLD = {"a.txt": "old", "same.txt": "same", "deep/b.txt": "old"}
NEW = {"a.txt": "new, and longer", "same.txt": "same", "deep/c.txt": "new"}
BATCH = ArtifactKey("cleaned_dataset", "2020-01")
NEIGHBOUR = ArtifactKey("cleaned_dataset", "2020-02")
DECISION = Entry("2020-01", "model", "promoted", ("better",), "release", None)

Action = Callable[[Path], Any]


def store(root: Path) -> ArtifactStore:
    return ArtifactStore(root / "artifacts", "deliveries", root / "cache")


def put(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode())


def write(root: Path, files: dict[str, str], key: ArtifactKey = BATCH) -> None:
    with store(root).write(key, upstream={}, settings={"files": sorted(files)}) as folder:
        put(folder, files)


def read(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def killed(root: Path, action: Action, point: int) -> bool:
    """Run ``action`` in a process killed before its step ``point``; whether it got that far."""
    child = os.fork()
    if child == 0:
        _count_steps(str(root), point)
        action(root)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the operation itself failed")
    return os.WIFSIGNALED(status)


def _count_steps(root: str, point: int) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        if steps == point:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        reads = event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in EVENTS and not reads and str(arguments[0]).startswith(root):
            step()

    whole_write, whole_copy = Path.write_bytes, shutil.copyfile

    def write_bytes(path: Path, content: bytes) -> int:
        whole_write(path, content[: len(content) // 2])
        step()
        return whole_write(path, content)

    def copyfile(source: Path, target: Path) -> Path:
        whole_write(target, source.read_bytes()[:1])
        step()
        return whole_copy(source, target)

    Path.write_bytes = write_bytes  # type: ignore[method-assign,assignment]
    shutil.copyfile = copyfile  # type: ignore[assignment]
    sys.addaudithook(hook)


def found(root: Path) -> dict[str, str] | None:
    """What the artifact holds as a reader sees it, after what it does to recover."""
    artifacts = store(root)
    try:
        content = read(artifacts.folder(BATCH))
    except MissingArtifactError:
        return None
    lineage = artifacts.lineage(BATCH)
    named = sorted(content) if lineage is None else lineage.settings["files"]
    return content if named == sorted(content) else {"lineage": "of another version"}


def left(root: Path) -> list[str]:
    """Files that DVC would take for a part of the artifact."""
    name = root / "artifacts" / "deliveries" / BATCH.name
    return sorted(read(name)) if name.is_dir() else []


def kept(root: Path) -> bool:
    """Whether the artifact's present version can be brought back from the cache."""
    artifacts = store(root)
    if artifacts.lineage(BATCH) is None:
        return True
    try:
        artifacts.restore(artifacts.hash(BATCH), root / "back")
    except MissingArtifactError:
        return False
    return True


def every_kill(
    work: Path, prepare: Action, action: Action, look: Callable[[Path], Any]
) -> list[Any]:
    """What ``look`` sees after a kill at each step, and after running the action again."""
    prepared = work / "prepared"
    prepared.mkdir(parents=True)
    prepare(prepared)
    records: list[Any] = []
    for point in range(1000):
        root = work / "root"
        shutil.copytree(prepared, root)
        if not killed(root, action, point):
            shutil.rmtree(root)
            return records
        seen = look(root)
        action(root)
        records.append(
            {
                "after_kill": seen,
                "after_repeat": look(root),
                "left": left(root),
                "kept": kept(root),
            }
        )
        shutil.rmtree(root)
    raise RuntimeError("the operation does not end")


def replace_version(work: Path) -> list[Any]:
    def prepare(root: Path) -> None:
        write(root, OLD)
        write(root, OLD, NEIGHBOUR)

    return every_kill(work, prepare, lambda root: write(root, NEW), found)


def first_version(work: Path) -> list[Any]:
    return every_kill(work, lambda _: None, lambda root: write(root, NEW), found)


def to_recover(root: Path) -> Any:
    """What a recovery starts from, ``None`` where nothing is to be recovered."""
    artifacts = root / "artifacts" / "deliveries"
    if not list(artifacts.glob(".staging/*.swap")):
        return None
    return read(artifacts / "lineage"), read(artifacts / BATCH.name)


def recovery(work: Path) -> list[Any]:
    """A write killed at each of its steps, and the recovery from it killed at each of its own, once
    for each state that a kill leaves."""
    records: list[Any] = []
    met: list[Any] = []
    for point in range(1000):
        reached = work / "reached"
        reached.mkdir(parents=True)
        write(reached, OLD)
        if not killed(reached, lambda root: write(root, NEW), point):
            return records

        state = to_recover(reached)
        if state is not None and state not in met:
            met.append(state)

            def prepare(root: Path, reached: Path = reached) -> None:
                shutil.copytree(reached, root, dirs_exist_ok=True)

            records += every_kill(work / "again", prepare, lambda r: store(r).recover(), found)
            shutil.rmtree(work / "again")
        shutil.rmtree(reached)
    raise RuntimeError("the operation does not end")


def ledger(work: Path) -> list[Any]:
    def look(root: Path) -> int:
        return len(ReleaseStore(store(root)).entries())

    return every_kill(
        work, lambda _: None, lambda root: ReleaseStore(store(root)).record(DECISION), look
    )


def bundle(work: Path) -> list[Any]:
    def look(root: Path) -> list[dict[str, str]]:
        releases = ReleaseStore(store(root))
        kept = root / "artifacts" / "deliveries" / "releases"
        names = [p.name for p in kept.glob("*.dir")] if kept.is_dir() else []
        return [read(releases.bundle(name)) for name in names]

    def add(root: Path) -> None:
        ReleaseStore(store(root)).add(lambda folder: put(folder, NEW))

    return every_kill(work, lambda _: None, add, look)


def lost_bundle(work: Path) -> list[Any]:
    def prepare(root: Path) -> None:
        name = ReleaseStore(store(root)).add(lambda folder: put(folder, NEW))
        shutil.rmtree(ReleaseStore(store(root)).bundle(name))
        (root / "name").write_text(name)

    def look(root: Path) -> dict[str, str]:
        return read(ReleaseStore(store(root)).bundle((root / "name").read_text()))

    return every_kill(work, prepare, look, look)


SCENARIOS: dict[str, Callable[[Path], list[Any]]] = {
    "replace_version": replace_version,
    "first_version": first_version,
    "recovery": recovery,
    "ledger": ledger,
    "bundle": bundle,
    "lost_bundle": lost_bundle,
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(SCENARIOS[sys.argv[1]](Path(sys.argv[2]).resolve())))
