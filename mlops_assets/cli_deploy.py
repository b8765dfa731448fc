"""The command of ``mlops`` that hands a release to another server: ``export-triton``.

Belongs here: its options, and saying what was written. Does not belong here: the layout
(``release/exporting.py``), or serving a release with the project's own server (``cli_release.py``).
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.cli_release import Commands, Say, WorkspaceOf, add_command

if TYPE_CHECKING:
    from resources.workspace import Workspace


def add_commands(commands: Commands, workspace_of: WorkspaceOf, say: Say) -> None:
    """Add the command of this module to the parser."""
    words = "write a release as a model of a Triton model repository"
    parser = add_command(commands, "export-triton", export_triton, words, workspace_of, say)
    parser.add_argument("folder", type=Path, help="the model repository; made where there is none")
    parser.add_argument("--release", help="a release's hash; default: the champion")


def export_triton(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Write the champion, or the release that is named, into a Triton model repository."""
    from mlops_assets.release.exporting import ExportError
    from mlops_assets.release.exporting import export_triton as export
    from resources.artifact_store import MissingArtifactError

    release = options.release or _champion(workspace)
    if release is None:
        say(f"{workspace.name} has no release yet: make run USE_CASE={workspace.name}")
        return 1
    try:
        bundle = workspace.releases.bundle(release)
        folder = export(bundle, release, workspace.name, options.folder)
    except (ExportError, MissingArtifactError) as problem:
        say(str(problem))
        return 1
    say(f"{folder}: release {release}")
    return 0


def _champion(workspace: "Workspace") -> str | None:
    from mlops_assets.governance.ledger import champion

    entry = champion(workspace.releases.entries())
    return None if entry is None else entry.release
