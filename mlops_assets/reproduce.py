"""Making a release again from its raw copies, in an empty folder, to compare every hash.

Belongs here: laying out the folder, running the lifecycle in it, collecting what came of it. Does
not belong here: the comparison (``governance/reproduction.py``), or the command line (``cli.py``).

The release's own bundle says what to do: the declaration it was made from, the raw copies, the last
batch of its window, and the champion it was compared with. Nothing of the present YAML, artifacts
or source is read, so that a release stays auditable when all of them have moved on. What was
released is the candidate, byte for byte, so that no decision has to be taken again: where people
approved it, the digest under their signatures is compared with that of what was made now.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import DagsterInstance

from mlops_assets.catalog import EVIDENCE
from mlops_assets.content_hash import hash_folder
from mlops_assets.governance.reproduction import (
    Remade,
    Reproduction,
    environment_differences,
    folder_differences,
)
from mlops_assets.lifecycle import build_definitions
from mlops_assets.pipeline import PARAMETERS_FILE
from mlops_assets.release.bundle import MADE_IN_TURN
from mlops_assets.release.candidate import CANDIDATE, FILE
from mlops_assets.use_case import UseCase
from resources.approvals import evidence_files, kept_approval, subject_of
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.assets import asset_key, batch_partitions
from resources.computing_environment import made_with
from resources.workspace import Workspace
from resources.yaml_files import to_yaml
from sensors.tick import execute

Progress = Callable[[str], None]
PER_BATCH = ("cleaned_dataset", "data_profile")
RELEASE = "release"
DIGEST = "approved digest"
"""What is compared beside artifacts."""


@dataclass(frozen=True)
class _Recipe:
    """What a bundle says about how its release was made."""

    release: str
    use_case: UseCase
    manifest: Mapping[str, Any]
    approved: str | None
    """The digest that people signed, where the release was approved."""

    @property
    def last_batch(self) -> str:
        return str(max(self.manifest["cleaned_datasets"]))

    @property
    def raw_copies(self) -> Mapping[str, str]:
        return dict(sorted(self.manifest["raw_copies"].items()))


def reproduce(workspace: Workspace, release: str, folder: Path, progress: Progress) -> Reproduction:
    """Make ``release`` again in ``folder``, which must be empty or absent, and compare.

    Raises ``MissingArtifactError`` where the release, a raw copy, a correction, the champion it was
    compared with or the record of its approval is in no cache any more, or where ``folder`` holds
    something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise MissingArtifactError(f"{folder} is not empty: name a folder that is, or is not there")
    recipe = _recipe(workspace, release)
    remade = _lay_out(workspace, recipe, folder)
    failures = tuple(_run_all(remade, recipe, progress))
    artifacts = tuple(_compared(remade, recipe))
    first = next((artifact for artifact in artifacts if not artifact.agrees), None)
    return Reproduction(
        artifacts,
        failures,
        () if first is None else _how(workspace, remade, first),
        environment_differences(recipe.manifest["made_with"], _made_with(remade)),
    )


def _recipe(workspace: Workspace, release: str) -> _Recipe:
    bundle = workspace.releases.bundle(release)
    declared = json.loads((bundle / "declaration.json").read_bytes())
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    return _Recipe(release, UseCase(**declared), manifest, _approved(workspace, release))


def _approved(workspace: Workspace, release: str) -> str | None:
    entries = [entry for entry in workspace.releases.entries() if entry.release == release]
    if not entries or not entries[0].approved_by:
        return None
    record = kept_approval(workspace, entries[0])
    if record is None:
        raise MissingArtifactError(f"the record of who approved {release} is in no cache")
    return str(record["evidence"])


def _lay_out(workspace: Workspace, recipe: _Recipe, root: Path) -> Workspace:
    """A project of one use case in ``root``: raw copies, corrections, earlier decisions."""
    folder = root / "defs" / workspace.name
    folder.mkdir(parents=True)
    window = {workspace.name: {"last_batch": recipe.last_batch}}
    (root / PARAMETERS_FILE).write_text(to_yaml(window), encoding="utf-8")
    remade = Workspace(workspace.name, recipe.use_case, folder, root)
    for batch, name in recipe.raw_copies.items():
        key = ArtifactKey("raw_copy", batch)
        with remade.store.write(key, upstream={}) as staged:
            restored = staged / "restored"
            workspace.store.restore(name, restored)
            for file in restored.iterdir():
                file.rename(staged / file.name)
            restored.rmdir()
    for batch, name in recipe.manifest["corrections"].items():
        workspace.store.restore_file(name, remade.corrections(batch))
    for entry in workspace.releases.entries():
        if entry.release == recipe.release:
            break
        remade.releases.record(entry)
    champion = recipe.manifest["compared_with"]
    if champion is not None:
        _copy_bundle(workspace, remade, champion)
    return remade


def _copy_bundle(workspace: Workspace, remade: Workspace, name: str) -> None:
    source = workspace.releases.bundle(name)

    def copy(staged: Path) -> None:
        shutil.copytree(source, staged, dirs_exist_ok=True)

    remade.releases.add(copy)


def _run_all(remade: Workspace, recipe: _Recipe, progress: Progress) -> Iterator[str]:
    """Every run that the release needs; yields why one failed, after which none is tried."""
    definitions = build_definitions(remade)
    runs: list[tuple[str, tuple[str, ...], str | None]] = [
        ("ingest", PER_BATCH, batch) for batch in recipe.raw_copies
    ]
    runs.append(("train", (*EVIDENCE, CANDIDATE), None))
    with DagsterInstance.ephemeral() as instance:
        partitions = batch_partitions(remade).name or ""
        instance.add_dynamic_partitions(partitions, list(recipe.raw_copies))
        for verb, names, batch in runs:
            progress(f"making {', '.join(names)}" + (f" of {batch}" if batch else ""))
            _, why = execute(
                definitions,
                f"{remade.name}__{verb}",
                instance,
                partition_key=batch,
                asset_selection=[asset_key(remade, name) for name in names],
            )
            if why is not None:
                yield why
                return


def _compared(remade: Workspace, recipe: _Recipe) -> Iterator[Remade]:
    for batch, name in recipe.raw_copies.items():
        yield Remade(f"raw_copy/{batch}", name, _hash(remade, ArtifactKey("raw_copy", batch)))
    for batch, name in sorted(recipe.manifest["cleaned_datasets"].items()):
        key = ArtifactKey("cleaned_dataset", batch)
        yield Remade(str(key), name, _hash(remade, key))
    for artifact in EVIDENCE:
        made = _hash(remade, ArtifactKey(artifact))
        yield Remade(artifact, recipe.manifest["made_of"][artifact], made)
    is_made = _hash(remade, ArtifactKey(CANDIDATE)) is not None
    bundle = remade.store.json(ArtifactKey(CANDIDATE), FILE)["bundle"] if is_made else None
    yield Remade(RELEASE, recipe.release, bundle)
    if recipe.approved is not None:
        digest = subject_of(remade, evidence_files(remade)).evidence if is_made else None
        yield Remade(DIGEST, recipe.approved, digest)


def _made_with(remade: Workspace) -> dict[str, Any]:
    return made_with({name: remade.code_hashes[name] for name in MADE_IN_TURN})


def _hash(remade: Workspace, key: ArtifactKey) -> str | None:
    lineage = remade.store.lineage(key)
    return None if lineage is None else lineage.hash


def _how(workspace: Workspace, remade: Workspace, differing: Remade) -> tuple[str, ...]:
    """What differs between the version that the cache holds and the one made now."""
    if differing.made is None:
        return ("it could not be made",)
    if differing.name == DIGEST:
        return ("every artifact is the same, and what was signed is none of them",)
    before = remade.root / "recorded" / differing.name
    try:
        workspace.store.restore(differing.recorded, before)
    except MissingArtifactError as error:
        return (f"how is unknown: {error}",)
    if differing.name == RELEASE:
        after = remade.releases.bundle(differing.made)
    else:
        name, _, batch = differing.name.partition("/")
        after = remade.store.folder(ArtifactKey(name, batch or None))
    return folder_differences(hash_folder(before), before, hash_folder(after), after)
