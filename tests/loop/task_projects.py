"""Projects of every task on real data: scikit-learn's small sets, and flights by their delay.

Belongs here: writing the source and the YAML of each. Does not belong here: running them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from sklearn import datasets
from small_project import BUDGET

from mlops_assets.data.parquet_files import write_table
from resources.workspace import Workspace

BUNDLED = Path(__file__).resolve().parents[2] / "mlops_assets" / "defs" / "flight_delays"
MONTHS = ("2013-01", "2013-02")
EVERY = 12
EXPLANATION = {"rows": 60, "background": 20, "refits": 2, "max_refit_rows": 500}
RISK = {"rows": 200, "evasion_rows": 40, "shadow_models": 8, "max_shadow_rows": 500}


@dataclass(frozen=True)
class Project:
    """One data set with what is predicted on it; ``rows`` makes its batches by name."""

    name: str
    target: dict[str, Any]
    batches: Callable[[], dict[str, pd.DataFrame]]
    test_share: float = 0.35


def small_set(load: Callable[..., Any], target: str) -> Callable[[], dict[str, pd.DataFrame]]:
    """A data set of scikit-learn, shuffled, as one batch; columns with plain names."""

    def batches() -> dict[str, pd.DataFrame]:
        frame: pd.DataFrame = load(as_frame=True).frame.rename(columns={"target": target})
        frame.columns = [str(c).split(" (")[0].replace(" ", "_") for c in frame.columns]
        return {"2020": frame.sample(frac=1.0, random_state=0).reset_index(drop=True)}

    return batches


def named_classes(load: Callable[..., Any], target: str) -> Callable[[], dict[str, pd.DataFrame]]:
    """The same with the names of the classes in place of their numbers."""

    def batches() -> dict[str, pd.DataFrame]:
        names = [str(name) for name in load().target_names]
        frame = small_set(load, target)()["2020"]
        return {"2020": frame.assign(**{target: [names[code] for code in frame[target]]})}

    return batches


def flights() -> dict[str, pd.DataFrame]:
    tables = {m: pq.read_table(BUNDLED / "data" / f"{m}.parquet") for m in MONTHS}
    return {m: t.take(list(range(0, t.num_rows, EVERY))).to_pandas() for m, t in tables.items()}


ON_TIME, LATE, VERY_LATE = "on time", "late", "very late"

PROJECTS = (
    Project(
        "iris",
        {"column": "species", "task": "multiclass", "type": "string"}
        | {"classes": ["setosa", "versicolor", "virginica"]},
        named_classes(datasets.load_iris, "species"),
    ),
    Project(
        "wine",
        {"column": "cultivar", "task": "multiclass", "type": "integer", "classes": [0, 1, 2]},
        small_set(datasets.load_wine, "cultivar"),
    ),
    Project(
        "digits",
        {"column": "digit", "task": "multiclass", "type": "integer", "classes": list(range(10))},
        small_set(datasets.load_digits, "digit"),
        0.2,
    ),
    Project(
        "breast_cancer",
        {"column": "benign", "type": "integer"},
        small_set(datasets.load_breast_cancer, "benign"),
    ),
    Project(
        "diabetes",
        {"column": "progression", "task": "regression", "type": "number", "unit": "points"},
        small_set(datasets.load_diabetes, "progression"),
    ),
    Project(
        "delay_in_minutes",
        {"column": "arrival_delay", "task": "regression", "type": "integer", "unit": "minutes"},
        flights,
        0.2,
    ),
    Project(
        "delay_bands",
        {
            "column": "arrival_delay",
            "task": "multiclass",
            "type": "string",
            "bands": {"edges": [15, 60], "names": [ON_TIME, LATE, VERY_LATE]},
        },
        flights,
        0.2,
    ),
)


def make_task_project(project: Project, root: Path) -> Workspace:
    """Write source and YAML of a project below ``root``."""
    folder = root / "defs" / project.name
    (folder / "data").mkdir(parents=True)
    batches = project.batches()
    for batch, rows in batches.items():
        table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
        write_table(table, folder / "data" / f"{batch}.parquet")
    attributes = (
        _flights_attributes(project) if project.batches is flights else _attributes(project)
    )
    declared = {"type": "mlops_assets.lifecycle.Lifecycle", "attributes": attributes}
    text = yaml.safe_dump(declared, sort_keys=False)
    (folder / "defs.yaml").write_text(text, encoding="utf-8")
    return Workspace.read(folder, root)


def _attributes(project: Project) -> dict[str, Any]:
    frame = next(iter(project.batches().values()))
    inputs = [name for name in frame if name != project.target["column"]]
    return {
        "title": project.name.replace("_", " "),
        "description": "A small data set that scikit-learn carries.",
        "owner": "team:tests",
        "source": {
            "folder": "data",
            "batch_name": r"\d{4}",
            "licence": "BSD-3-Clause",
            "attribution": "as carried by scikit-learn",
            "terms": "none",
            "licence_expires": "never",
        },
        "target": project.target,
        "columns": {name: {"type": "number"} for name in inputs},
        "training": {
            "first_batches": 1,
            "seed": 1,
            "split": {"test": project.test_share, "calibration": 0.15},
            "search": {"max_fits": 40, "folds": 5},
        },
        "explanation": EXPLANATION,
        "risk": RISK,
        "policy": {"ai_act_class": "minimal"},
        "serving": {"budget": BUDGET},
    }


def _flights_attributes(project: Project) -> dict[str, Any]:
    declared = yaml.safe_load((BUNDLED / "defs.yaml").read_text(encoding="utf-8"))["attributes"]
    columns = {**declared["columns"], "late": {"type": "boolean", "role": "leak", "nullable": True}}
    del columns["arrival_delay"]
    training = {**declared["training"], "search": {"max_fits": 40, "folds": 3, "max_rows": 3000}}
    cheap = {"training": training, "explanation": EXPLANATION, "risk": RISK}
    return {**declared, "target": project.target, "columns": columns, **cheap}
