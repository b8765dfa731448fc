"""An experiment of DVC: that a command is part of one, and what it then may see.

Belongs here: what ``dvc exp run`` tells its stages by the environment. Does not belong here: what
an experiment changes or compares, which are DVC's parameters and metrics
(``mlops_assets/pipeline.py``).
"""

import os
import shutil
from pathlib import Path

from resources.workspace import Workspace

EXPERIMENT_TAG = "mlops/experiment"
"""On a run that is part of an experiment: its name. In the UI, it finds the experiment's runs."""


def experiment_name() -> str | None:
    """The name of the experiment that this process is part of, ``None`` outside of one."""
    return os.environ.get("DVC_EXP_NAME")


def bring_releases(workspace: Workspace) -> None:
    """In a workspace that DVC made for an experiment of ``--queue`` or ``--temp``: the project's
    decisions and releases, to compare with its champion. DVC brings what it tracks; decisions are
    not DVC's, for they are not undone by checking out an earlier version."""
    project = Path(os.environ.get("DVC_ROOT", workspace.root))
    if project.resolve() == workspace.root.resolve():
        return
    theirs = project / "artifacts" / workspace.name
    ledger, releases = workspace.store.root / "ledger.json", workspace.store.root / "releases"
    workspace.store.root.mkdir(parents=True, exist_ok=True)
    if (theirs / ledger.name).is_file():
        shutil.copyfile(theirs / ledger.name, ledger)
    if (theirs / releases.name).is_dir() and not releases.exists():
        releases.symlink_to((theirs / releases.name).resolve(), target_is_directory=True)
