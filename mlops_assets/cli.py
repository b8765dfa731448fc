"""``mlops``: only what neither ``dg`` nor ``dvc`` does.

Belongs here: parsing the command line and printing. Does not belong here: any work of a stage.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets import (
    cli_approval,
    cli_deploy,
    cli_predict,
    cli_release,
    cli_reports,
    cli_serving_security,
    cli_traffic,
)
from mlops_assets.fork_server import run_in_fork

if TYPE_CHECKING:
    import dagster as dg

    from resources.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[1]
LOADED_BY_STAGES = (
    "mlops_assets.materialize",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.execution.execute_in_process",
    "mlops_assets.training.fit",
    "mlops_assets.export.onnx_graph",
    "mlops_assets.evidence.evaluation.evaluation_page",
    "mlops_assets.evidence.explainability.explainability_page",
    "mlops_assets.evidence.fairness.fairness_page",
    "mlops_assets.evidence.risk.risk",
    "mlops_assets.evidence.risk.risk_page",
    "mlops_assets.evidence.privacy.membership",
    "mlops_assets.evidence.privacy.attribute_inference",
    "mlops_assets.training.refit",
    "mlops_assets.reporting.translations",
    "mlops_assets.monitoring.drift_page",
    "mlops_assets.monitoring.performance_page",
    "mlops_assets.reporting.html",
    "mlops_assets.reporting.plots",
)
"""What the fork server loads: the first before any command, the others while none is waiting.
Nothing that starts threads which must outlive a fork, as ONNX Runtime does."""


def main() -> int:
    """Run the command line's command: inside a stage of DVC, in a fork of a warm process."""
    arguments = sys.argv[1:]
    status = run_in_fork(arguments) if os.environ.get("DVC_STAGE") else None
    return run(arguments) if status is None else status


def run(arguments: list[str]) -> int:
    """Run a command in this process; returns its exit status, 0 for success."""
    options = _parser().parse_args(arguments)
    # An experiment of `--queue` or `--temp` runs in a folder that is deleted, history and all.
    home = Path(os.environ.get("DVC_ROOT", PROJECT)) / ".dagster"
    os.environ.setdefault("DAGSTER_HOME", str(home))
    _use_utf8()
    status: int = options.command(options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mlops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="the whole lifecycle: tick until nothing is left to do")
    run.add_argument("use_case")
    run.set_defaults(command=_run)

    tick = commands.add_parser("tick", help="evaluate every sensor once and run what it asks for")
    tick.add_argument("use_case", nargs="?", help="default: all of them")
    tick.set_defaults(command=_tick)

    quarantine = commands.add_parser(
        "quarantine", help="write a batch's rejected rows into a CSV file, to be corrected there"
    )
    quarantine.add_argument("use_case")
    quarantine.add_argument("batch")
    quarantine.set_defaults(command=_quarantine)

    materialize = commands.add_parser(
        "materialize", help="materialize one artifact, for all its batches (DVC's stages do)"
    )
    materialize.add_argument("use_case")
    materialize.add_argument("artifact")
    materialize.set_defaults(command=_materialize)

    dvc_yaml = commands.add_parser(
        "dvc-yaml", help="write dvc.yaml from the catalog, for the use cases of params.yaml"
    )
    dvc_yaml.set_defaults(command=_dvc_yaml)

    cli_release.add_commands(commands, _workspace, _say)
    cli_approval.add_commands(commands, _workspace, _say)
    cli_deploy.add_commands(commands, _workspace, _say)
    cli_predict.add_commands(commands, _workspace, _say)
    cli_serving_security.add_commands(commands, _say)
    cli_traffic.add_commands(commands, _workspace, _say)
    cli_reports.add_command(commands, PROJECT / "artifacts", _say)
    return parser


def _run(options: argparse.Namespace) -> int:
    from dagster import DagsterInstance

    from mlops_assets.release.assets import NO_FIRST_RELEASE
    from sensors.tick import tick_until_quiet

    workspace = _workspace(options.use_case)
    definitions = _definitions(workspace)
    failed = []
    with DagsterInstance.get() as instance:
        for finished in tick_until_quiet(definitions, workspace, instance, _say):
            failed += [] if finished.success else [finished]
    if any(entry.release for entry in workspace.releases.entries()):
        # That an earlier window was not good enough for a first release is no failure then.
        failed = [run for run in failed if NO_FIRST_RELEASE not in run.message]
    _report(workspace)
    for run in failed:
        _say(f"FAILED: {run.intent}: {run.message}")
    cli_approval.say_what_is_awaited(workspace, _say)
    return 1 if failed else 0


def _tick(options: argparse.Namespace) -> int:
    from dagster import DagsterInstance

    from sensors.tick import tick

    names = [options.use_case] if options.use_case else _use_case_names()
    success = True
    with DagsterInstance.get() as instance:
        for name in names:
            workspace = _workspace(name)
            finished = tick(_definitions(workspace), workspace, instance, _say)
            success = success and all(run.success for run in finished)
            if not finished:
                _say(f"{name}: nothing to do")
            cli_approval.say_what_is_awaited(workspace, _say)
    return 0 if success else 1


def _materialize(options: argparse.Namespace) -> int:
    from mlops_assets.catalog import BY_NAME
    from mlops_assets.materialize import materialize
    from resources.experiment import bring_releases, experiment_name

    if options.artifact not in BY_NAME:
        _say(f"there is no artifact {options.artifact!r}: choose from {', '.join(BY_NAME)}")
        return 2
    workspace = _workspace(options.use_case)
    if experiment_name() is not None:
        if options.artifact == "release":
            return _keep_release(workspace)
        bring_releases(workspace)
    failures = materialize(workspace, options.artifact)
    for failure in failures:
        _say(failure)
    return 1 if failures else 0


def _keep_release(workspace: "Workspace") -> int:
    """An experiment may be dropped, and a release may not: the champion stays as it is."""
    if not workspace.store.is_made("release"):
        _say(
            "an experiment releases nothing, and there is no release yet: run it up to its "
            f"evidence, `dvc exp run {workspace.name}__evaluation_report`"
        )
        return 1
    _say(
        "an experiment releases nothing: once it is kept and committed, "
        f"`make run USE_CASE={workspace.name}` lets the gate decide"
    )
    return 0


def _quarantine(options: argparse.Namespace) -> int:
    import pyarrow.parquet as pq

    from mlops_assets.data.cleaning.corrections import corrections_template
    from resources.artifact_store import ArtifactKey, MissingArtifactError, write_atomically

    workspace = _workspace(options.use_case)
    path = workspace.corrections(options.batch)
    shown = path.relative_to(workspace.root)
    if path.exists():
        _say(f"{shown} exists already: correct the rows there, or remove it")
        return 2
    try:
        cleaned = workspace.store.folder(ArtifactKey("cleaned_dataset", options.batch))
        manifest = workspace.store.json(ArtifactKey("raw_copy", options.batch), "manifest.json")
    except MissingArtifactError as error:
        _say(str(error))
        return 1
    rejected = pq.read_table(cleaned / "quarantine.parquet")
    if rejected.num_rows == 0:
        _say(f"no row of {options.batch} is in the quarantine")
        return 0
    write_atomically(path, corrections_template(rejected, manifest["fingerprint"]).encode())
    _write_dvc_yaml()  # the folder of the first corrections is a dependency of its stage
    _say(
        f"{shown}: {rejected.num_rows:,} rows. Correct the values, delete the lines that cannot "
        f"be, and run `make run USE_CASE={options.use_case}`, or let the daemon take it in"
    )
    return 0


def _dvc_yaml(_: argparse.Namespace) -> int:
    _write_dvc_yaml()
    return 0


def _write_dvc_yaml() -> None:
    from resources.dvc_lock import render_dvc_yaml

    rendered = render_dvc_yaml(PROJECT, PROJECT / "mlops_assets" / "defs")
    (PROJECT / "dvc.yaml").write_text(rendered, encoding="utf-8")


def _report(workspace: "Workspace") -> None:
    from mlops_assets.catalog import BY_NAME
    from mlops_assets.content_hash import json_bytes
    from mlops_assets.governance.ledger import champion
    from mlops_assets.governance.summary import print_table, summarise
    from resources.artifact_store import write_atomically
    from sensors.situation import reports

    task = workspace.use_case.target.task
    batches = workspace.store.batches("drift_report")
    entries = workspace.releases.entries()
    found = {batch: reports(workspace, batch) for batch in batches}
    records = summarise(found, entries, workspace.use_case.monitoring, task)
    path = workspace.store.root / "summary.json"
    write_atomically(path, json_bytes(records))
    _say("\n" + (print_table(records, task) if records else "No batch has been predicted yet."))
    current = champion(entries)
    if current is not None and current.release is not None:
        _say(f"\nChampion {current.release}, trained up to {current.batch}")
        _say(f"  {current.outcome}: {'; '.join(current.reasons)}")
    _say("\nReports")
    root = workspace.store.root.relative_to(workspace.root)
    for name, artifact in BY_NAME.items():
        if artifact.is_report and workspace.store.is_made(name):
            part = "<day>/" if artifact.per_day else "<batch>/" if artifact.per_batch else ""
            _say(f"  {root / name}/{part}report.html")
    if current is not None:
        _say(f"  {root}/releases/{current.release}/")
    _say(f"  {path.relative_to(workspace.root)}")


def _workspace(name: str) -> "Workspace":
    from resources.workspace import Workspace

    folder = PROJECT / "mlops_assets" / "defs" / name
    if not (folder / "defs.yaml").is_file():
        _say(f"there is no use case {name!r}: choose from {', '.join(_use_case_names())}")
        raise SystemExit(2)
    return Workspace.read(folder, PROJECT)


def _use_case_names() -> list[str]:
    return sorted(p.parent.name for p in (PROJECT / "mlops_assets" / "defs").glob("*/defs.yaml"))


def _definitions(workspace: "Workspace") -> "dg.Definitions":
    # Not what ``definitions.py`` loads: that is all use cases, and takes seconds.
    from mlops_assets.lifecycle import build_definitions

    return build_definitions(workspace)


def _use_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")


def _say(text: str) -> None:
    print(text, flush=True)
