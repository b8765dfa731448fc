"""One truth with DVC: what Dagster materialized is what ``dvc.lock`` and ``params.yaml`` say.

Belongs here: recording finished artifacts for DVC. Does not belong here: the stages
(``mlops_assets/pipeline.py``). An artifact whose inputs, code or settings have changed since it was
made is not recorded, so that ``dvc status`` shows it.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from mlops_assets.artifact import Artifact
from mlops_assets.catalog import BY_NAME, REPRODUCIBLE
from mlops_assets.content_hash import (
    FileHash,
    file_md5,
    folder_md5,
    hash_folder,
    json_md5,
    sort_files,
)
from mlops_assets.pipeline import (
    PARAMETERS_FILE,
    DvcUseCase,
    command,
    dependencies,
    output,
    outputs,
    parameters,
    render,
    stage_name,
)
from resources.artifact_store import ArtifactKey, Lineage, write_atomically
from resources.workspace import APPROVALS, CORRECTIONS, Workspace
from resources.yaml_files import read_yaml, to_yaml

LOCK_FILE = "dvc.lock"


def dvc_use_case(root: Path, folder: Path) -> DvcUseCase:
    """What DVC must know of the use case whose YAML is in ``folder``."""
    path = folder / "defs.yaml"
    fields = read_yaml(path)["attributes"]
    given = {"cleaned_dataset": folder / CORRECTIONS, "approval": folder / APPROVALS}
    source = fields["source"].get("folder")
    if source and "://" not in source:
        given["raw_copy"] = folder / source
    return DvcUseCase(
        folder.name,
        Path(os.path.relpath(path, root)).as_posix(),
        {
            artifact: Path(os.path.relpath(path, root)).as_posix()
            for artifact, path in given.items()
            if artifact == "raw_copy" or path.is_dir()
        },
        fields,
    )


def render_dvc_yaml(root: Path, defs: Path) -> str:
    """The text of ``dvc.yaml`` for the use cases that ``params.yaml`` names, whose folders are
    below ``defs``."""
    names = read_yaml(root / PARAMETERS_FILE) or {}
    content = render([dvc_use_case(root, defs / name) for name in names])
    head = "# Rendered from mlops_assets/catalog.py by `mlops dvc-yaml`. Change it there.\n"
    return head + to_yaml(content, width=100)


def record_in_dvc_lock(workspace: Workspace) -> None:
    """Write the state of the workspace's artifacts into ``dvc.lock``, and the training window that
    they were made for into ``params.yaml``; a use case that was not there before gets its stages
    in ``dvc.yaml``. Inside a stage of DVC, which does both itself, and in
    a workspace without ``dvc.yaml``, nothing is written."""
    if os.environ.get("DVC_STAGE") or not (workspace.root / "dvc.yaml").is_file():
        return
    with FileLock(workspace.root / "artifacts" / ".dvc.lock"):
        _record_window(workspace)
        path = workspace.root / LOCK_FILE
        lock = read_yaml(path) or {"schema": "2.0", "stages": {}}
        before = dict(lock["stages"])
        use_case = dvc_use_case(workspace.root, workspace.folder)
        read = cache(lambda file: read_yaml(workspace.root / file))
        for artifact in REPRODUCIBLE:
            if _is_up_to_date(workspace, artifact):
                workspace.store.make_folders(artifact.name, artifact.per_batch)
                entry = _entry(workspace, artifact, use_case, read)
                lock["stages"][stage_name(workspace.name, artifact.name)] = entry
        if lock["stages"] != before:
            write_atomically(path, to_yaml(lock).encode())


def fields_md5(workspace: Workspace, artifact: Artifact) -> str:
    """Hash of the use case's fields that decide the artifact's content, as far as they differ from
    their defaults: a field that is new in this program changes nothing."""
    declared = workspace.use_case.model_dump(
        mode="json", include=set(artifact.fields), exclude_defaults=True
    )
    return json_md5(declared)


def _record_window(workspace: Workspace) -> None:
    lineage = workspace.store.lineage(ArtifactKey("features"))
    if lineage is None:
        return
    path = workspace.root / PARAMETERS_FILE
    parameters_now = read_yaml(path) or {}
    own = {"last_batch": lineage.settings["last_batch"]}
    is_new = workspace.name not in parameters_now
    if parameters_now.get(workspace.name) != own:
        parameters_now[workspace.name] = own
        write_atomically(path, to_yaml(parameters_now).encode())
    if is_new:
        rendered = render_dvc_yaml(workspace.root, workspace.folder.parent)
        write_atomically(workspace.root / "dvc.yaml", rendered.encode())


def _is_up_to_date(workspace: Workspace, artifact: Artifact) -> bool:
    keys = _expected(workspace, artifact)
    return all(_is_current(workspace, artifact, key) for key in keys)


def _expected(workspace: Workspace, artifact: Artifact) -> list[ArtifactKey]:
    """What a run of the artifact's stage would make now."""
    if not artifact.per_batch:
        return [ArtifactKey(artifact.name)]
    if artifact.name == "raw_copy" and workspace.source_folder is None:
        # What is not on this machine is not asked each time something is stored.
        batches = workspace.store.batches("raw_copy")
    else:
        batches = expected_batches(workspace, artifact.name)
    return [ArtifactKey(artifact.name, batch) for batch in batches]


def expected_batches(workspace: Workspace, name: str) -> tuple[str, ...]:
    """The batches that the per-batch artifact ``name`` can be made for now: those the source
    holds, those with a raw copy, or those that a champion predicts."""
    from mlops_assets.governance.ledger import champion_at

    if name == "raw_copy":
        return tuple(delivery.name for delivery in workspace.source.deliveries())
    batches = workspace.store.batches(BY_NAME[name].upstream[0])
    if not BY_NAME[name].reads_champion:
        return batches
    entries = workspace.releases.entries()
    return tuple(batch for batch in batches if champion_at(entries, batch) is not None)


def _is_current(workspace: Workspace, artifact: Artifact, key: ArtifactKey) -> bool:
    lineage = workspace.store.lineage(key)
    return (
        lineage is not None
        and lineage.code == workspace.code_hashes[artifact.name]
        and lineage.settings.get("fields") == fields_md5(workspace, artifact)
        and all(_hash(workspace, name) == value for name, value in lineage.upstream.items())
        and (key.name != "cleaned_dataset" or _has_its_corrections(workspace, key, lineage))
        and (key.name != "approval" or _is_asked_now(workspace))
    )


def _is_asked_now(workspace: Workspace) -> bool:
    """Whether the stored approval was asked with the signatures and limits that there are now."""
    from resources.approvals import asked_approval

    asked = asked_approval(workspace)
    return asked is not None and asked.is_current


def _has_its_corrections(workspace: Workspace, key: ArtifactKey, lineage: Lineage) -> bool:
    corrections = workspace.corrections_md5(key.batch or "")
    return bool(lineage.settings.get("corrections") == corrections)


def _hash(workspace: Workspace, name: str) -> str | None:
    artifact, _, batch = name.partition("/")
    lineage = workspace.store.lineage(ArtifactKey(artifact, batch or None))
    return lineage.hash if lineage else None


def _entry(
    workspace: Workspace, artifact: Artifact, use_case: DvcUseCase, read: Callable[[str], Any]
) -> dict[str, Any]:
    return {
        "cmd": command(artifact, use_case),
        "deps": [_path_entry(workspace, path) for path in dependencies(artifact, use_case)],
        "params": {
            file: {name: _value(read(file), name) for name in names}
            for file, names in parameters(artifact, use_case).items()
        },
        "outs": sorted(
            (_path_entry(workspace, path) for path in outputs(workspace.name, artifact)),
            key=lambda entry: entry["path"],
        ),
    }


def _value(content: Any, name: str) -> Any:
    for part in name.split("."):
        content = content[part]
    return content


def _path_entry(workspace: Workspace, path: str) -> dict[str, Any]:
    prefix = output(workspace.name, "")
    if path.startswith(prefix) and path.removeprefix(prefix) in BY_NAME:
        files = _artifact_files(workspace, path.removeprefix(prefix))
        workspace.store.keep_listing(files)
    elif (workspace.root / path).is_dir():
        files = hash_folder(workspace.root / path)
        if path.startswith(prefix):
            workspace.store.put_object(workspace.root / path)
    else:
        file = workspace.root / path
        if path.startswith(prefix):
            workspace.store.keep_file(file.read_bytes())
        return {"path": path, "hash": "md5", "md5": file_md5(file), "size": file.stat().st_size}
    return {
        "path": path,
        "hash": "md5",
        "md5": folder_md5(files),
        "size": sum(file.size for file in files),
        "nfiles": len(files),
    }


def _artifact_files(workspace: Workspace, name: str) -> tuple[FileHash, ...]:
    """The files of all of an artifact's batches, from their lineage records."""
    store = workspace.store
    if not BY_NAME[name].per_batch:
        lineage = store.lineage(ArtifactKey(name))
        return lineage.files if lineage else ()
    found: list[FileHash] = []
    for batch in store.batches(name):
        lineage = store.lineage(ArtifactKey(name, batch))
        found += [] if lineage is None else _below(batch, lineage)
    return sort_files(found)


def _below(batch: str, lineage: Lineage) -> list[FileHash]:
    return [FileHash(f"{batch}/{file.path}", file.md5, file.size) for file in lineage.files]
