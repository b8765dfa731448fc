"""A small project with the code in it, as a clone is, on which ``mlops`` runs in processes of its
own.

Belongs here: laying it out, and running commands in it. Does not belong here: what is expected.
"""

import getpass
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from small_project import BUNDLED, EVERY, INSTANCE, NAME, write_use_case

from mlops_assets.governance.policy import MEASURES, read_policy
from mlops_assets.lifecycle import build_definitions
from resources.workspace import Workspace
from sensors.tick import FinishedRun, execute, tick_until_quiet

PROJECT = BUNDLED.parents[2]
TRAINER, OFFICER = "Trainer of the tests", "Officer of the tests"
REASON = "made up for the tests, where there are few rows"
LAX = {"at most": 10.0, "at least": 0.0}
MORE = 4
"""Every so-many-th flight: a month has rows enough to show something of it alone."""
EVIDENCE = {
    "explanation": {"rows": 60, "background": 20, "refits": 2, "max_refit_rows": 500},
    "risk": {"rows": 200, "evasion_rows": 60, "shadow_models": 8, "max_shadow_rows": 800},
}
"""As little as the class ``high`` may be shown by: with less there would not be enough rows."""


def make_command_project(root: Path, months: list[str], every: int = EVERY, **changes: Any) -> Path:
    """A project in ``root`` whose source holds every so-many-th flight of ``months``; ``changes``
    are those of its YAML."""
    code = root / "mlops_assets"
    ignored = shutil.ignore_patterns("__pycache__", "defs")
    shutil.copytree(PROJECT / "mlops_assets", code, ignore=ignored)
    for name in ("resources", "sensors"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / name, root / name, ignore=ignored)
    write_use_case(code / "defs" / NAME, months, every, **changes)
    (root / ".dagster").mkdir()
    (root / ".dagster" / "dagster.yaml").write_text(INSTANCE, encoding="utf-8")
    return root


def as_command_project(made: Path, root: Path, months: list[str]) -> Path:
    """The finished project in ``made``, which has no code, as such a project in ``root``."""
    make_command_project(root, months)
    shutil.rmtree(root / ".dagster")
    for name in ("artifacts", ".dvc", ".dagster"):
        shutil.copytree(made / name, root / name)
    return root


def high_risk(approvers: list[dict[str, str]]) -> dict[str, Any]:
    """What a use case of class ``high`` declares whose challenger a few thousand flights can show
    to be sound: every limit is laxer, and says why."""
    rules = read_policy("high").limits
    return {
        "policy": {
            "ai_act_class": "high",
            "class_reason": "made up for the tests",
            "purpose": "tests",
            "people_affected": "nobody",
            "impact_of_error": "negligible",
            "availability": "best effort",
            "roles": dict.fromkeys((rule.role for rule in rules.values()), "team:tests"),
            "limits": {
                name: [{"limit": LAX[MEASURES[name].bound], "reason": REASON}] for name in rules
            },
            "approvers": approvers,
        },
        # In the order of a seeded permutation: rows held out by whole days would be too few days.
        "training": {
            "first_batches": 1,
            "window": "all",
            "seed": 2013,
            "split": {"calibration": 0.25},
            "search": {"families": ["linear"], "max_fits": 9, "folds": 3, "max_rows": 3000},
        },
        **EVIDENCE,
    }


def approvers_of(trainer: str, officer: str) -> list[dict[str, str]]:
    """Two people who may approve, by their public keys: one trains here, the other never does."""
    return [
        {"name": TRAINER, "role": "data scientist", "account": getpass.getuser()}
        | {"public_key": trainer},
        {"name": OFFICER, "role": "risk officer", "account": "officer", "public_key": officer},
    ]


def mlops(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``mlops`` as a user does, in the project's folder."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "mlops"), *arguments],
        cwd=root,
        env={**environment_of(root), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def environment_of(root: Path) -> dict[str, str]:
    """What a process has to know to work on the project in ``root``, with its code."""
    return {**os.environ, "PYTHONPATH": str(root), "DAGSTER_HOME": str(root / ".dagster")}


def workspace_of(root: Path) -> Workspace:
    return Workspace.read(root / "mlops_assets" / "defs" / NAME, root)


def run_until_quiet(root: Path) -> list[FinishedRun]:
    """Tick the project until nothing is left to do, in this process."""
    workspace = workspace_of(root)
    with instance_of(root) as instance:
        definitions = build_definitions(workspace)
        return list(tick_until_quiet(definitions, workspace, instance, lambda _: None))


def launch(root: Path, verb: str, *names: str, **options: Any) -> str | None:
    """Run a job of the use case for the artifacts ``names`` as the UI does; why it failed."""
    selection = [dg.AssetKey([NAME, name]) for name in names]
    with instance_of(root) as instance:
        definitions = build_definitions(workspace_of(root))
        job = f"{NAME}__{verb}"
        return execute(definitions, job, instance, asset_selection=selection, **options)[1]


def instance_of(root: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(root / ".dagster"))


def declare(root: Path, **changes: Any) -> None:
    """Replace what the YAML says below ``attributes``."""
    path = root / "mlops_assets" / "defs" / NAME / "defs.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["attributes"] |= changes
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
