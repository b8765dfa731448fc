"""DVC's view of the lifecycle: ``dvc.yaml``, rendered from the catalog and the use cases.

Belongs here: stages, what they depend on and what they make. Does not belong here: reading or
writing files (``resources/dvc_lock.py``, ``cli.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_assets.artifact import Artifact
from mlops_assets.catalog import REPRODUCIBLE, code_of

PARAMETERS_FILE = "params.yaml"


@dataclass(frozen=True)
class DvcUseCase:
    """What DVC must know of a use case: its name, its YAML and, by artifact, the folders of the
    user's own that it is made from, all relative to the project; and the fields its YAML really
    sets (DVC follows no default)."""

    name: str
    yaml: str
    folders: Mapping[str, str]
    fields: Mapping[str, Any]


def stage_name(use_case: str, artifact: str) -> str:
    return f"{use_case}__{artifact}"


def output(use_case: str, artifact: str) -> str:
    return f"artifacts/{use_case}/{artifact}"


def outputs(use_case: str, artifact: Artifact) -> list[str]:
    """What a stage makes: the artifact, and the lineage record of each of its batches, which must
    come and go with it."""
    record = artifact.name if artifact.per_batch else f"{artifact.name}.json"
    return [output(use_case, artifact.name), output(use_case, f"lineage/{record}")]


def dependencies(artifact: Artifact, use_case: DvcUseCase) -> list[str]:
    """Paths a stage depends on: its code, the user's folders, the artifacts it is made of."""
    champion = ("release",) if artifact.reads_champion else ()
    given = [use_case.folders[artifact.name]] if artifact.name in use_case.folders else []
    upstream = [output(use_case.name, name) for name in (*artifact.upstream, *champion)]
    return [*code_of(artifact), *given, *upstream]


def parameters(artifact: Artifact, use_case: DvcUseCase) -> dict[str, list[str]]:
    """Fields a stage depends on, by file."""
    used = [f"attributes.{field}" for field in artifact.fields if field in use_case.fields]
    found = {use_case.yaml: used} if used else {}
    if artifact.name == "features":
        found[PARAMETERS_FILE] = [f"{use_case.name}.last_batch"]
    return found


def command(artifact: Artifact, use_case: DvcUseCase) -> str:
    # An experiment of `--queue` or `--temp` runs in a copy of what git tracks: with the project's
    # environment, which DVC names the project's folder to find, but with the code of the copy.
    return f"PYTHONPATH=. $DVC_ROOT/.venv/bin/mlops materialize {use_case.name} {artifact.name}"


def render(use_cases: list[DvcUseCase]) -> dict[str, Any]:
    """The content of ``dvc.yaml``: a stage for each reproducible artifact of each use case."""
    stages: dict[str, Any] = {}
    metrics: list[str] = []
    plots: list[dict[str, Any]] = []
    for use_case in use_cases:
        for artifact in REPRODUCIBLE:
            folder = output(use_case.name, artifact.name)
            stages[stage_name(use_case.name, artifact.name)] = {
                "cmd": command(artifact, use_case),
                "desc": artifact.description,
                "deps": dependencies(artifact, use_case),
                "params": [{f: names} for f, names in parameters(artifact, use_case).items()],
                # Kept while the stage runs, so that a failure leaves the last good version.
                "outs": [{path: {"persist": True}} for path in outputs(use_case.name, artifact)],
            }
            metrics += [f"{folder}/{file}" for file in artifact.metrics]
            plots += [_plot(use_case, folder, plot) for plot in artifact.plots]
    return {"stages": stages, "metrics": metrics, "plots": plots}


def _plot(use_case: DvcUseCase, folder: str, plot: Any) -> dict[str, Any]:
    return {
        f"{use_case.name}: {plot.title}": {
            "x": {f"{folder}/{plot.file}": plot.x},
            "y": {f"{folder}/{plot.file}": plot.y},
            "template": plot.template,
        }
    }
