"""Every task from YAML to release on real data, beside a plain scikit-learn baseline."""

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from task_projects import PROJECTS, Project, make_task_project

from mlops_assets.answers import Answers, Labels, row_losses
from mlops_assets.governance.ledger import champion
from mlops_assets.lifecycle import build_definitions
from mlops_assets.release.answers import released_answers
from mlops_assets.serving.release import manifest
from mlops_assets.target_declaration import Task
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace
from sensors.tick import tick_until_quiet

pytestmark = pytest.mark.loop

STANDARD_ERRORS = 2.0


def released(workspace: Workspace) -> str:
    """Tick until nothing is left to do; returns the release that came of it."""
    definitions = build_definitions(workspace)
    with dg.DagsterInstance.ephemeral() as instance:
        runs = list(tick_until_quiet(definitions, workspace, instance, lambda _: None))
    assert all(run.success for run in runs), [run.message for run in runs if not run.success]
    entry = champion(workspace.releases.entries())
    assert entry is not None and entry.release is not None
    return entry.release


def plain_answers(
    train: pd.DataFrame, labels: Labels, test: pd.DataFrame, task: Task, classes: int
) -> Answers:
    """A linear model as one writes it down first: one-hot, mean for missing, standardised."""
    texts = [name for name in train if train[name].dtype in ("object", "str")]
    numbers = [name for name in train if pd.api.types.is_numeric_dtype(train[name])]
    encode = ColumnTransformer(
        [
            ("text", OneHotEncoder(handle_unknown="ignore"), texts),
            ("number", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ]
    )
    if task == "regression":
        predicted = Pipeline([("e", encode), ("m", Ridge())]).fit(train, labels).predict(test)
        return np.column_stack([predicted] * 3)
    fitted = Pipeline([("e", encode), ("m", LogisticRegression(max_iter=2000))]).fit(train, labels)
    assert len(fitted.classes_) == classes
    probabilities: Answers = fitted.predict_proba(test)
    return probabilities[:, 1:] if task == "binary" else probabilities


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_it_is_released_and_no_worse_than_plain_scikit_learn(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    workspace = make_task_project(project, tmp_path_factory.mktemp(project.name))
    release = released(workspace)
    task, column = workspace.use_case.target.task, workspace.use_case.target.column
    store = workspace.store
    features = pq.read_table(store.folder(ArtifactKey("features")) / "data.parquet").to_pandas()
    variance = store.json(ArtifactKey("features"), "features.json")["target"]["variance"]
    test = features[features["split"] == "test"].reset_index(drop=True)
    train = features[features["split"] != "test"]
    inputs = list(workspace.use_case.inputs)
    labels = test[column].to_numpy()
    plain = plain_answers(
        train[inputs],
        train[column].to_numpy(),
        test[inputs],
        task,
        len(workspace.use_case.target.class_names),
    )
    ours = released_answers(workspace, release, test)
    gain = row_losses(task, labels, plain, variance) - row_losses(task, labels, ours, variance)
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    assert gain.mean() + STANDARD_ERRORS * error >= 0.0
    bundle = workspace.releases.bundle(release)
    assert (bundle / manifest(bundle)["serves"]).is_file()


def test_there_is_a_project_of_every_task() -> None:
    assert {project.target.get("task", "binary") for project in PROJECTS} == {
        "binary",
        "multiclass",
        "regression",
    }
