"""Artifacts through Dagster without a daemon: what a stage of DVC runs.

Belongs here: which runs an artifact needs, and running them. Does not belong here: when one is
needed (``sensors/``), or the command line (``cli.py``).
"""

import gc
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context

from dagster import DagsterInstance

from mlops_assets.catalog import BY_NAME
from mlops_assets.lifecycle import JOBS, build_definitions
from resources.artifact_store import ArtifactKey
from resources.assets import asset_key, batch_partitions
from resources.dvc_lock import expected_batches
from resources.experiment import EXPERIMENT_TAG, experiment_name
from resources.workspace import Workspace
from sensors.situation import USE_CASE_TAG
from sensors.tick import execute

MOST_AT_ONCE = 4
"""Batches in memory at a time, however many processors there are."""


def materialize(workspace: Workspace, *names: str) -> list[str]:
    """Materialize artifacts that one job makes together: once, or for every batch that they can be
    made for now, several batches at a time where the artifacts allow. Returns why runs failed."""
    for name in names:
        workspace.store.make_folders(name, BY_NAME[name].per_batch)
        for measured in _outdated_measurements(workspace, name):
            # What did not pass is for the one who looks at it to judge.
            _run(workspace, (measured,), (None,))
    if not BY_NAME[names[0]].per_batch:
        return _run(workspace, names, (None,))
    batches = expected_batches(workspace, names[0])
    at_once = min(len(batches), os.cpu_count() or 1, MOST_AT_ONCE)
    if at_once < 2 or sys.platform != "linux" or any(BY_NAME[n].one_at_a_time for n in names):
        return _run(workspace, names, batches)
    with ProcessPoolExecutor(at_once, mp_context=get_context("fork")) as pool:
        shares = (batches[first::at_once] for first in range(at_once))
        failures = pool.map(_run, repeat(workspace), repeat(names), shares)
        return [failure for share in failures for failure in share]


def _outdated_measurements(workspace: Workspace, name: str) -> list[str]:
    """What the artifact looks at and was not measured of the artifacts that there are now. Nobody
    but its reader asks for it: it is no stage of DVC."""
    found = []
    for looked_at in BY_NAME[name].looks_at:
        upstream = BY_NAME[looked_at].upstream
        if any(BY_NAME[one].is_partitioned for one in upstream):
            continue  # made of what is served, day by day
        lineage = workspace.store.lineage(ArtifactKey(looked_at))
        if lineage is None or lineage.upstream != workspace.upstream_hashes(looked_at, None):
            found.append(looked_at)
    return found


def _run(workspace: Workspace, names: tuple[str, ...], batches: Sequence[str | None]) -> list[str]:
    definitions = build_definitions(workspace)
    experiment = experiment_name()
    tags = {USE_CASE_TAG: workspace.name, **({EXPERIMENT_TAG: experiment} if experiment else {})}
    verb = next(verb for verb, made in JOBS.items() if set(names) <= set(made))
    failures = []
    gc.freeze()  # a collection need not walk through all that is loaded, time and again
    with DagsterInstance.get() as instance:
        known = [batch for batch in batches if batch is not None]
        if known:
            instance.add_dynamic_partitions(batch_partitions(workspace).name or "", known)
        for batch in batches:
            _, why = execute(
                definitions,
                f"{workspace.name}__{verb}",
                instance,
                partition_key=batch,
                tags=tags,
                asset_selection=[asset_key(workspace, name) for name in names],
            )
            if why is not None:
                what = " and ".join(names) + (f" of {batch}" if batch else "")
                failures.append(f"{workspace.name}: {what} failed: {why}")
    return failures
