"""Where one use case lives: its description, its source, its artifacts and releases, its code.

Belongs here: putting the parts together. Does not belong here: Dagster (``resources/assets.py``).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import mlops_assets
from mlops_assets.catalog import BY_NAME, code_of
from mlops_assets.content_hash import FileHash, bytes_md5, file_md5, folder_md5, hash_folder
from mlops_assets.pipeline import PARAMETERS_FILE
from mlops_assets.use_case import UseCase
from resources.artifact_store import ArtifactKey, ArtifactStore
from resources.releases import ReleaseStore
from resources.sources import open_source
from resources.sources.base import BatchSource
from resources.yaml_files import read_yaml

CORRECTIONS = "corrections"
"""Folder beside a use case's YAML with a CSV file for each batch that a person corrected."""
APPROVALS = "approvals"
"""Folder beside a use case's YAML with the signatures under its releases' evidence."""

CODE_ROOT = Path(mlops_assets.__file__).resolve().parents[1]


class ParameterError(Exception):
    """A parameter that is missing or malformed; the message names the file and the field."""


@dataclass(frozen=True)
class Workspace:
    """One use case: its name, what its YAML says, the YAML's folder, and the project's root."""

    name: str
    use_case: UseCase
    folder: Path
    root: Path

    @classmethod
    def read(cls, folder: Path, root: Path) -> Self:
        """The workspace of the use case whose YAML is in ``folder``, named as the folder is."""
        declared = read_yaml(folder / "defs.yaml")
        return cls(folder.name, UseCase(**declared["attributes"]), folder, root)

    @cached_property
    def store(self) -> ArtifactStore:
        cache = self.root / ".dvc" / "cache" / "files" / "md5"
        return ArtifactStore(self.root / "artifacts", self.name, cache)

    @cached_property
    def releases(self) -> ReleaseStore:
        return ReleaseStore(self.store)

    @cached_property
    def source(self) -> BatchSource:
        return open_source(self.folder, self.use_case.source, self.use_case.numbers)

    @property
    def source_folder(self) -> Path | None:
        """The folder of this machine that batches come from, ``None`` where it is none."""
        folder = self.use_case.source.folder
        return None if folder is None or "://" in folder else self.folder / folder

    def corrections(self, batch: str) -> Path:
        """Where a person's corrections of a batch's quarantined rows are, if there are any."""
        return self.folder / CORRECTIONS / f"{batch}.csv"

    def corrections_md5(self, batch: str) -> str | None:
        path = self.corrections(batch)
        return file_md5(path) if path.is_file() else None

    @property
    def last_batch(self) -> str:
        """Last batch of the training window, as ``params.yaml`` says.

        Raises ``ParameterError`` where it does not.
        """
        parameters = read_yaml(self.root / PARAMETERS_FILE)
        own = (parameters or {}).get(self.name)
        if not isinstance(own, dict) or not isinstance(own.get("last_batch"), str):
            raise ParameterError(
                f"{PARAMETERS_FILE}: {self.name}.last_batch is not a quoted batch name: set it to "
                "the last batch of the training window"
            )
        return str(own["last_batch"])

    @cached_property
    def code_hashes(self) -> dict[str, str]:
        """Hash of the code that makes each artifact."""
        hashed = {code: _code_hash(code) for code in {code_of(a) for a in BY_NAME.values()}}
        return {name: hashed[code_of(artifact)] for name, artifact in BY_NAME.items()}

    def upstream_hashes(self, name: str, batch: str | None) -> dict[str, str]:
        """Hashes of what ``name`` is made from, as they stand now; for an artifact over many
        batches, the per-batch ones are added by its asset."""
        return {
            str(key): self.store.hash(key)
            for upstream in BY_NAME[name].upstream
            if not BY_NAME[upstream].is_partitioned or batch is not None
            for key in [ArtifactKey(upstream, batch if BY_NAME[upstream].is_partitioned else None)]
        }


def _code_hash(paths: tuple[str, ...]) -> str:
    files = []
    for relative in paths:
        path = CODE_ROOT / relative
        hashes = hash_folder(path) if path.is_dir() else (FileHash("", file_md5(path), 0),)
        files.append(FileHash(relative, folder_md5(hashes), 0))
    return bytes_md5(folder_md5(files).encode())
