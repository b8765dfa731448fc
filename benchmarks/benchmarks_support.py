"""What both lifecycles of the benchmark share: the use case. It must not load Dagster, whose import
is part of what is measured."""

from pathlib import Path

from resources.workspace import Workspace

USE_CASE = "flight_delays"


def workspace_of(root: Path) -> Workspace:
    return Workspace.read(root / "mlops_assets" / "defs" / USE_CASE, root)
