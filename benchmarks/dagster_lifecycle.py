"""The artifacts of the first window, and the reports on the batches after it, through Dagster."""

import sys
from pathlib import Path

import dagster as dg
from benchmarks_support import USE_CASE, workspace_of

from mlops_assets.catalog import BY_NAME
from mlops_assets.lifecycle import JOBS, build_definitions
from resources.assets import asset_key, batch_partitions
from resources.dvc_lock import expected_batches
from resources.workspace import Workspace
from sensors.tick import execute

RUNS = (("raw_copy", "cleaned_dataset"), JOBS["train"], JOBS["promote"], JOBS["monitor"])
"""What each run makes, in order."""


def main(root: Path) -> None:
    workspace = workspace_of(root)
    definitions = build_definitions(workspace)
    with dg.DagsterInstance.get() as instance:
        batches = [batch.name for batch in workspace.source.batches()]
        instance.add_dynamic_partitions(batch_partitions(workspace).name or "", batches)
        for names in RUNS:
            verb = next(v for v, made in JOBS.items() if names[0] in made)
            for batch in batches_of(workspace, names[0]):
                _, why = execute(
                    definitions,
                    f"{USE_CASE}__{verb}",
                    instance,
                    partition_key=batch,
                    asset_selection=[asset_key(workspace, name) for name in names],
                )
                if why is not None:
                    raise SystemExit(why)


def batches_of(workspace: Workspace, name: str) -> tuple[str | None, ...]:
    """The batches to make an artifact for; one ``None`` for an artifact over all of them."""
    return expected_batches(workspace, name) if BY_NAME[name].per_batch else (None,)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
