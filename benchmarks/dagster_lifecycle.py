"""The artifacts of the first window, and the reports on the batches after it, through Dagster."""

import sys
from pathlib import Path

from benchmarks_support import workspace_of

from mlops_assets.lifecycle import JOBS
from mlops_assets.materialize import materialize

INGEST = ("raw_copy", "cleaned_dataset", "data_profile")
RUNS = (INGEST, JOBS["train"], JOBS["promote"], JOBS["monitor"])
"""What each run makes, in order."""


def main(root: Path) -> None:
    workspace = workspace_of(root)
    for names in RUNS:
        for failure in materialize(workspace, *names):
            raise SystemExit(failure)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
