"""The command ``mlops predict``: a release's answers for a file of rows.

Belongs here: its options, and printing. Does not belong here: any of the work
(``prediction/scoring.py``).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_assets.cli_release import Commands, Say, WorkspaceOf, add_command

if TYPE_CHECKING:
    from resources.workspace import Workspace


def add_commands(commands: Commands, workspace_of: WorkspaceOf, say: Say) -> None:
    """Add the command of this module to the parser."""
    words = "answer every row of a Parquet file, and write the answers as Parquet"
    asked = add_command(commands, "predict", predict, words, workspace_of, say)
    asked.add_argument("input", type=Path, help="a column for each input, as in a cleaned dataset")
    asked.add_argument("output", type=Path, help="the file to write; it must not be the input")
    asked.add_argument("--release", help="a release's hash; default: the champion")


def predict(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Answer every row of a file; 0 where all of them were, 1 where something is in the way."""
    from mlops_assets.data.batch_error import BatchError
    from resources.artifact_store import MissingArtifactError

    problem = _problem(options.input, options.output)
    if problem is not None:
        say(problem)
        return 1
    started = time.perf_counter()
    try:
        release = options.release or _champion(workspace)
        figures = _score(workspace, release, options, say)
    except (BatchError, MissingArtifactError) as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{options.output}: cannot be written: {error.strerror or type(error).__name__}")
        return 1
    seconds = time.perf_counter() - started
    for line in _summary(figures):
        say(line)
    say(f"answered by release {release} in {seconds:.1f} s: {options.output}")
    return 0


def _problem(source: Path, target: Path) -> str | None:
    if not source.is_file():
        return f"{source} is no file: name a Parquet file with a column for each input"
    if target.exists() and target.samefile(source):
        return f"{target} is the input itself: name another file to write"
    if target.is_dir() or not target.resolve().parent.is_dir():
        return f"{target} cannot be written: name a file in a folder that exists"
    return None


def _champion(workspace: "Workspace") -> str:
    from mlops_assets.governance.ledger import champion
    from resources.artifact_store import MissingArtifactError

    entry = champion(workspace.releases.entries())
    if entry is None or entry.release is None:
        raise MissingArtifactError(
            f"{workspace.name} has no release yet: make run USE_CASE={workspace.name}"
        )
    return entry.release


def _score(
    workspace: "Workspace", release: str, options: argparse.Namespace, say: Callable[[str], None]
) -> dict[str, Any]:
    from mlops_assets.prediction.progress import in_tenths
    from mlops_assets.prediction.scoring import column_names, score_parquet

    row_id = workspace.use_case.serving.row_id
    return score_parquet(
        workspace.releases.bundle(release),
        options.input,
        options.output,
        # A file of strangers need not say which row is which.
        row_id=row_id if row_id in column_names(options.input) else None,
        progress=in_tenths(say),
    )


def _summary(figures: dict[str, Any]) -> list[str]:
    rows, outside, answers = figures["rows"], figures["outside_envelope"], figures["answers"]
    known = "unknown" if outside is None else f"{outside:,}"
    lines = [f"{rows:,} rows, outside the model's envelope: {known}"]
    if "shares" in answers:
        lines += [f"{name}: {count:,} rows" for name, count in answers["rows"].items()]
    elif rows:
        lines.append(
            f"mean {answers['mean']:.4g}, {answers['minimum']:.4g} to {answers['maximum']:.4g}"
        )
    return lines
