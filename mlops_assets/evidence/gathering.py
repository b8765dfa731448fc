"""What the reports are made of, read from the stores: the forms' answers, the champion's, refits.

Belongs here: loading and asking for the assets of this room. Does not belong here: what is done
with the answers (the pure modules), or storing reports (``assets.py``).
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlops_assets.answers import Answers, Ask, DecisionRule
from mlops_assets.export.assets import (
    answers,
    load_model,
    model_answers,
    model_file,
)
from mlops_assets.governance.ledger import Entry, incumbent
from mlops_assets.release.answers import asking, form_to_release, released_answers
from mlops_assets.release.bundle import FORM_ARTIFACTS
from mlops_assets.serving.release import released_model
from mlops_assets.training.assets import load_features, target_variance
from mlops_assets.use_case import UseCase
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

if TYPE_CHECKING:
    from mlops_assets.evidence.evaluation.evaluation import ChampionAnswers
    from mlops_assets.evidence.explainability.mixtures import ExplainedModel
    from mlops_assets.evidence.fairness.fairness import BeforeMitigation


def forms(workspace: Workspace, test: pd.DataFrame) -> dict[str, Answers | None]:
    """What the pipeline and its exported forms answer."""
    from mlops_assets.export.tensors import to_tensors

    tensors = to_tensors(test, workspace.use_case.inputs)
    files = {name: model_file(workspace, name) for name in FORM_ARTIFACTS}
    found: dict[str, Answers | None] = {
        name: answers(path, tensors) if path.is_file() else None for name, path in files.items()
    }
    return {**found, "model": model_answers(workspace, test)}


def baseline(workspace: Workspace, rows: int) -> Answers:
    """What the dummy answers that knows the train labels only."""
    from mlops_assets.training.baseline import baseline_answers

    target = workspace.use_case.target
    labels = load_features(workspace, "train")[target.column].to_numpy()
    return baseline_answers(target.task, labels, rows, len(target.class_names))


def sizes(workspace: Workspace) -> dict[str, int | None]:
    """The bytes of the files of the exported forms, ``None`` for one that was not made."""
    files = {name: model_file(workspace, name) for name in FORM_ARTIFACTS}
    return {name: path.stat().st_size if path.is_file() else None for name, path in files.items()}


def champion_entry(workspace: Workspace) -> Entry | None:
    """The champion that the present challenger has to beat."""
    challenger = workspace.store.hash(ArtifactKey("onnx_model"))
    entry = incumbent(workspace.releases.entries(), challenger)
    return None if entry is None or entry.release is None else entry


def champion_answers(workspace: Workspace, test: pd.DataFrame) -> "ChampionAnswers | None":
    from mlops_assets.evidence.evaluation.evaluation import ChampionAnswers

    entry = champion_entry(workspace)
    if entry is None or entry.release is None:
        return None
    given = released_answers(workspace, entry.release, test)
    bundle = workspace.releases.bundle(entry.release)
    rule = json.loads((bundle / "reference.json").read_bytes())["decision_rule"]
    return ChampionAnswers(entry.release, entry.batch, given, DecisionRule.parse(rule))


def before_mitigation(workspace: Workspace, test: pd.DataFrame) -> "BeforeMitigation | None":
    """What the model would answer without the mitigation that is switched on, if any is."""
    mitigation = workspace.use_case.fairness.mitigation
    if not mitigation.reweighing and mitigation.group_thresholds is None:
        return None
    from mlops_assets.evidence.fairness.fairness import BeforeMitigation
    from mlops_assets.training.refit import without_mitigation

    record = workspace.store.json(ArtifactKey("model"), "model.json")
    model, rule = without_mitigation(load_features(workspace), workspace.use_case, record)
    return BeforeMitigation(model.answers(test), rule)


def explained_release(workspace: Workspace) -> "ExplainedModel":
    """The form that is released if the gate says so."""
    from mlops_assets.evidence.explainability.mixtures import ExplainedModel

    path = form_to_release(workspace)
    family = workspace.store.json(ArtifactKey("onnx_model"), "model.json")["family"]
    return ExplainedModel(asking(path, workspace.use_case), path, family)


def explained_champion(workspace: Workspace) -> "ExplainedModel | None":
    """The champion's file, asked from the inputs that it was made for."""
    from mlops_assets.evidence.explainability.mixtures import ExplainedModel

    entry = champion_entry(workspace)
    if entry is None or entry.release is None:
        return None
    bundle = workspace.releases.bundle(entry.release)
    predict = partial(released_answers, workspace, entry.release)
    return ExplainedModel(predict, released_model(bundle))


def explained_refits(workspace: Workspace) -> list["ExplainedModel"]:
    """The chosen candidate fitted again on bootstrap samples of the train rows, as ONNX."""
    from mlops_assets.evidence.explainability.mixtures import ExplainedModel
    from mlops_assets.export.onnx_graph import to_onnx
    from mlops_assets.training.refit import refit_many

    use_case = workspace.use_case
    record = workspace.store.json(ArtifactKey("model"), "model.json")
    models = refit_many(
        _bootstrap_samples(load_features(workspace, "train"), use_case),
        use_case,
        record,
        load_model(workspace),
        seed=use_case.training.seed,
        workers=1,  # a few small fits take less time than other processes to start
    )
    files = [to_onnx(model, use_case.target) for model in models]
    return [ExplainedModel(asking(f, use_case), f, record["family"]) for f in files]


def _bootstrap_samples(train: pd.DataFrame, use_case: UseCase) -> Iterator[pd.DataFrame]:
    declared, seed = use_case.explanation, use_case.training.seed
    for number in range(declared.refits):
        size = min(len(train), declared.max_refit_rows)
        yield train.sample(size, replace=True, random_state=seed + number).reset_index(drop=True)


def refitting(workspace: Workspace) -> partial[Ask]:
    """The chosen candidate fitted on other rows, as a function of rows and seed that can travel to
    another process."""
    from mlops_assets.training.refit import refitted_answers

    record = workspace.store.json(ArtifactKey("model"), "model.json")
    return partial(refitted_answers, workspace.use_case, record, load_model(workspace))


def membership(
    workspace: Workspace, features: pd.DataFrame, released: Ask, refit: partial[Ask]
) -> dict[str, Any] | None:
    """What membership inference says of the released form; ``None`` where there are too few rows,
    so that its limits stay unknown."""
    from mlops_assets.data.batch_error import BatchError
    from mlops_assets.evidence.privacy.membership import membership_inference
    from mlops_assets.evidence.privacy.membership_rows import audit_rows

    use_case, variance = workspace.use_case, target_variance(workspace)
    try:
        audit = audit_rows(features, use_case)
        return membership_inference(audit, use_case, released, refit, variance=variance)
    except BatchError:
        return None


def hashes(workspace: Workspace, names: Sequence[str]) -> dict[str, str]:
    return {name: workspace.store.hash(ArtifactKey(name)) for name in names}
