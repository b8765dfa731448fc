"""Who does something: the account of this process, and the accounts that trained each model.

Belongs here: asking the environment, and keeping the answer beside the artifacts. Does not belong
here: what follows from it (``mlops_assets/release/approval.py``). It is no part of any artifact,
for the same model has the same hash whoever trains it.
"""

import getpass
import json
import os
from typing import TYPE_CHECKING

from filelock import FileLock

from mlops_assets.content_hash import json_bytes
from resources.artifact_store import write_atomically

if TYPE_CHECKING:
    from resources.workspace import Workspace

ACTOR = "MLOPS_ACTOR"
"""Environment variable that names the person on whose behalf a process works, as an approver's
``account`` does."""
FILE = "trained_by.json"


def accounts() -> tuple[str, ...]:
    """The accounts that this process works for: ``MLOPS_ACTOR`` where it is set, and that of the
    operating system, which naming another does not hide."""
    try:
        own = getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that no account has.
        own = f"uid {os.getuid()}" if hasattr(os, "getuid") else ""
    named = (os.environ.get(ACTOR, "").strip(), own)
    return tuple(dict.fromkeys(name for name in named if name))


def actor() -> str:
    """Who asks for what is done now, as it is kept."""
    return next(iter(accounts()), "unknown")


def record_trainer(workspace: "Workspace", model_hash: str) -> None:
    """Keep that this process trained the model with this hash; who did so first stays."""
    path = workspace.store.root / FILE
    workspace.store.root.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.store.root / ".trained_by.lock"):
        known = _read(workspace)
        if model_hash not in known:
            write_atomically(path, json_bytes({**known, model_hash: list(accounts())}))


def trainers(workspace: "Workspace", model_hash: str) -> tuple[str, ...]:
    """The accounts that trained the model with this hash; none where that is not known."""
    return tuple(_read(workspace).get(model_hash, ()))


def _read(workspace: "Workspace") -> dict[str, list[str]]:
    path = workspace.store.root / FILE
    found: dict[str, list[str]] = json.loads(path.read_bytes()) if path.is_file() else {}
    return found
