"""The commands of ``mlops`` about a release: ``serve``, ``check-endpoint``, ``reproduce``,
``restore``.

Belongs here: their options, and printing what the functions called answer. Does not belong here:
any of that work, or who says yes to a release (``cli_approval.py``).
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from resources.workspace import Workspace

Say = Callable[[str], None]
WorkspaceOf = Callable[[str], "Workspace"]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_commands(commands: Commands, workspace_of: WorkspaceOf, say: Say) -> None:
    """Add the commands of this module to the parser."""

    def add(name: str, command: Callable[..., int], words: str) -> argparse.ArgumentParser:
        return add_command(commands, name, command, words, workspace_of, say)

    served = add("serve", serve, "answer over HTTP by the Open Inference Protocol v2")
    help_of_server = "of the server: python -m mlops_assets.serving --help"
    served.add_argument("options", nargs=argparse.REMAINDER, help=help_of_server)

    words = "ask a deployment the golden rows of a release and compare its answers"
    check = add("check-endpoint", check_endpoint, words)
    check.add_argument("url", help="where the Open Inference Protocol is spoken: http://host:port")
    check.add_argument("--release", help="a release's hash; default: the champion")
    check.add_argument("--file", help="the bundle's file that is deployed; default: what it serves")

    words = "make a release again from its raw copies in an empty folder and compare every hash"
    remade = add("reproduce", reproduce, words)
    remade.add_argument("release", help="a release's hash: see ledger.json")
    remade.add_argument("--into", type=Path, help="an empty folder; default: a temporary one")

    restored = add("restore", restore, "bring back a version of an artifact by its hash")
    restored.add_argument("hash")
    restored.add_argument("target", type=Path, help="a folder that does not exist yet")


def add_command(
    commands: Commands,
    name: str,
    command: Callable[..., int],
    words: str,
    workspace_of: WorkspaceOf,
    say: Say,
) -> argparse.ArgumentParser:
    """Add a command about one use case, which its first argument names."""
    parser = commands.add_parser(name, help=words)
    parser.add_argument("use_case")
    parser.set_defaults(
        command=lambda options: command(workspace_of(options.use_case), options, say)
    )
    return parser


def serve(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Become the server: nothing of this process is needed any more, nor shall it take memory."""
    if "--release" not in options.options and _champion(workspace, say) is None:
        return 1
    program = [sys.executable, "-m", "mlops_assets.serving", str(workspace.store.root)]
    sys.stdout.flush()
    return os.execv(sys.executable, [*program, *options.options])


def check_endpoint(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Ask an endpoint the golden rows of a release, and compare with the recorded answers."""
    from mlops_assets.serving.golden_check import check_endpoint as check
    from mlops_assets.serving.release import manifest

    release = options.release or _champion(workspace, say)
    if release is None:
        return 1
    bundle = workspace.releases.bundle(release)
    golden = json.loads((bundle / "golden.json").read_bytes())
    file = options.file or manifest(bundle)["serves"]
    verdict = check(options.url, workspace.name, golden, file)
    for name, found in verdict["outputs"].items():
        difference = found["largest_difference"]
        apart = "" if difference is None else f", largest difference {difference:.3g}"
        say(f"{name}: {found['rows_compared']} rows, {found['rows_beyond']} beyond{apart}")
    for finding in verdict["findings"]:
        say(finding)
    said = "agrees with" if verdict["agrees"] else "does NOT agree with"
    say(f"{options.url} {said} {file} of release {release}")
    return 0 if verdict["agrees"] else 1


def reproduce(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Make a release again from its raw copies, and compare every hash."""
    from mlops_assets.reproduce import reproduce as make_again
    from resources.artifact_store import MissingArtifactError

    with tempfile.TemporaryDirectory() as scratch:
        folder = options.into or Path(scratch) / "remade"
        try:
            answer = make_again(workspace, options.release, folder, say)
        except MissingArtifactError as error:
            say(str(error))
            return 1
    say(answer.to_text())
    return 0 if answer.is_exact else 1


def restore(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Bring back a version of an artifact by its hash."""
    from resources.artifact_store import MissingArtifactError

    if options.target.exists():
        say(f"{options.target} exists already: name a folder that does not")
        return 2
    try:
        workspace.store.restore(options.hash, options.target)
    except MissingArtifactError as error:
        say(str(error))
        return 1
    return 0


def _champion(workspace: "Workspace", say: Say) -> str | None:
    """The present champion; where there is none, what to do is said."""
    from mlops_assets.governance.ledger import champion

    entry = champion(workspace.releases.entries())
    if entry is None:
        say(f"{workspace.name} has no release yet: make run USE_CASE={workspace.name}")
    return None if entry is None else entry.release
