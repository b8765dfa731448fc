"""A whole project on a small real slice: every so-many-th flight of the bundled months.

Run as a script, it ticks the project in a folder until nothing is left to do.
"""

import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import yaml

from mlops_assets.catalog import BY_NAME
from mlops_assets.data.parquet_files import write_table
from mlops_assets.lifecycle import build_definitions
from resources.workspace import Workspace
from sensors.failures import build_failure_sensor
from sensors.tick import FinishedRun, Progress, tick, tick_until_quiet

NAME = "small_flights"
BUNDLED = Path(__file__).resolve().parents[2] / "mlops_assets" / "defs" / "flight_delays"
EVERY = 10
SEARCH = {
    "families": ["linear", "histogram_gradient_boosting"],
    "max_fits": 9,
    "folds": 3,
    "max_rows": 3000,
}
BUDGET = {"p99_milliseconds": 5000, "memory_megabytes": 1000, "start_seconds": 60}
"""Of a machine that runs other tests as well."""
INSTANCE = """
telemetry: {enabled: false}
nux: {enabled: false}
run_monitoring: {enabled: true, poll_interval_seconds: 5}
run_retries: {enabled: true, max_retries: 1, retry_on_asset_or_op_failure: false}
concurrency:
  runs:
    tag_concurrency_limits:
      - {key: mlops/use_case, value: {applyLimitPerUniqueValue: true}, limit: 1}
"""
CODE_LOCATION = """
import sys
sys.path.insert(0, {tests!r})
from small_project import definitions_of
defs = definitions_of({root!r})
"""


def make_project(root: Path, months: list[str]) -> Path:
    """A project in ``root`` whose source holds ``months``; returns ``root``."""
    write_use_case(root / "defs" / NAME, months)
    (root / ".dagster").mkdir()
    (root / ".dagster" / "dagster.yaml").write_text(INSTANCE, encoding="utf-8")
    (root / "definitions.py").write_text(
        CODE_LOCATION.format(tests=str(Path(__file__).parent), root=str(root)), encoding="utf-8"
    )
    return root


def write_use_case(folder: Path, months: list[str], every: int = EVERY, **changes: Any) -> None:
    """The small use case's YAML and source, every so-many-th flight of ``months``; ``changes``
    replace what the YAML says below ``attributes``."""
    (folder / "data").mkdir(parents=True)
    declared = yaml.safe_load((BUNDLED / "defs.yaml").read_text(encoding="utf-8"))
    attributes = declared["attributes"]
    attributes["training"]["search"] = SEARCH
    # Few rows are left to test on: at the usual confidence they would show nothing.
    attributes["promotion"] = {"first_min_roc_auc": 0.5, "confidence": 0.55}
    attributes["explanation"] = {"rows": 60, "background": 20, "refits": 1, "max_refit_rows": 500}
    attributes["risk"] = {
        "rows": 200,
        "evasion_rows": 40,
        "shadow_models": 8,
        "max_shadow_rows": 500,
    }
    attributes["serving"] = {"budget": BUDGET}
    attributes["automation"] = {"check_every_seconds": 2}
    declared["attributes"] = {**attributes, **changes}
    (folder / "defs.yaml").write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")
    for month in months:
        deliver_into(folder / "data", month, every)


def deliver(root: Path, month: str) -> Path:
    """Put a month's slice into the source, all at once."""
    return deliver_into(source_file(root, month).parent, month)


def deliver_into(source: Path, month: str, every: int = EVERY) -> Path:
    """The same into the folder of a source."""
    table = pq.read_table(BUNDLED / "data" / f"{month}.parquet")
    target = source / f"{month}.parquet"
    temporary = target.with_suffix(".part")
    write_table(table.take(list(range(0, table.num_rows, every))), temporary)
    temporary.replace(target)
    return target


def source_file(root: Path, batch: str) -> Path:
    return root / "defs" / NAME / "data" / f"{batch}.parquet"


def workspace_of(root: str | Path) -> Workspace:
    return Workspace.read(Path(root) / "defs" / NAME, Path(root))


def definitions_of(root: str | Path) -> dg.Definitions:
    return dg.Definitions.merge(
        build_definitions(workspace_of(root)), dg.Definitions(sensors=[build_failure_sensor()])
    )


def run_once(root: Path, progress: Progress = lambda _: None) -> list[FinishedRun]:
    """Tick the project once."""
    with dg.DagsterInstance.from_config(str(root / ".dagster")) as instance:
        return tick(definitions_of(root), workspace_of(root), instance, progress)


def run_until_quiet(root: Path) -> list[FinishedRun]:
    """Tick the project until nothing is left to do."""
    with dg.DagsterInstance.from_config(str(root / ".dagster")) as instance:
        return list(
            tick_until_quiet(definitions_of(root), workspace_of(root), instance, lambda _: None)
        )


def hashes(root: Path) -> dict[str, str]:
    """The content hash of everything the project made that can be made again, by artifact and
    batch; of what was measured, no two are alike."""
    workspace = workspace_of(root)
    lineage = workspace.store.root / "lineage"
    found = {
        path.relative_to(lineage).with_suffix("").as_posix(): yaml.safe_load(path.read_bytes())[
            "hash"
        ]
        for path in sorted(lineage.rglob("*.json"))
        if not BY_NAME[path.relative_to(lineage).with_suffix("").parts[0]].measured
    }
    for position, entry in enumerate(workspace.releases.entries()):
        found[f"decision {position}"] = f"{entry.batch} {entry.outcome} {entry.release}"
    return found


if __name__ == "__main__":
    for finished in run_until_quiet(Path(sys.argv[1])):
        print(finished)  # noqa: T201 - the script's answer
