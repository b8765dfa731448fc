"""The artifacts of the first window, and the reports on the batches after it, through Dagster."""

import sys
from pathlib import Path

import dagster as dg
from benchmarks_support import USE_CASE, artifacts_in_order, batches_of, workspace_of

from mlops_assets.lifecycle import JOBS, build_definitions
from resources.assets import asset_key, batch_partitions
from sensors.tick import execute


def main(root: Path) -> None:
    workspace = workspace_of(root)
    definitions = build_definitions(workspace)
    with dg.DagsterInstance.get() as instance:
        batches = [batch.name for batch in workspace.source.batches()]
        instance.add_dynamic_partitions(batch_partitions(workspace).name or "", batches)
        for names in artifacts_in_order():
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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
