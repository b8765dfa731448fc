"""The release store: immutable bundles by hash, of releases and of candidates that may become one,
and the ledger of decisions.

Belongs here: reading and writing both. Does not belong here: what a bundle holds
(``mlops_assets/release/bundle.py``) and what follows from the ledger
(``mlops_assets/governance/ledger.py``).
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from mlops_assets.content_hash import folder_md5, hash_folder, json_bytes
from mlops_assets.governance.ledger import Entry
from resources.artifact_store import ArtifactStore, MissingArtifactError, write_atomically


class ReleaseStore:
    """The releases of one use case, beside its artifacts."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts
        self._ledger = artifacts.root / "ledger.json"
        self._releases = artifacts.root / "releases"

    def entries(self) -> tuple[Entry, ...]:
        """Every decision, oldest first."""
        if not self._ledger.is_file():
            return ()
        return tuple(Entry.parse(record) for record in json.loads(self._ledger.read_bytes()))

    def record(self, entry: Entry) -> None:
        """Add a decision; one that is already the latest is not repeated."""
        with FileLock(self._artifacts.root / ".ledger.lock"):
            entries = self.entries()
            if entries and entries[-1] == entry:
                return
            write_atomically(self._ledger, json_bytes([asdict(e) for e in (*entries, entry)]))

    def add(self, write: Callable[[Path], None]) -> str:
        """Make a bundle of what ``write`` puts into a folder, and return its hash."""
        staged = self._releases / f".{uuid4().hex}"
        staged.mkdir(parents=True)
        try:
            write(staged)
            name = self._artifacts.put_object(staged)
            bundle = self._releases / name
            if not bundle.is_dir():
                staged.rename(bundle)
            return name
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def bundle(self, name: str) -> Path:
        """The folder of a release, its content verified against its name.

        Raises ``MissingArtifactError`` where it is neither in place nor in the cache, or where a
        file was changed.
        """
        folder = self._releases / name
        if not folder.is_dir():
            self._artifacts.restore(name, folder)
        if folder_md5(hash_folder(folder)) != name:
            raise MissingArtifactError(
                f"release {name} was changed on disk: delete {folder}, and it comes back from "
                "the cache"
            )
        return folder
