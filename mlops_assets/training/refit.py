"""The chosen candidate fitted again on other rows, as an attack, a test of stability or a
comparison needs it.

Belongs here: refits, one or many side by side, and the model as it were without mitigation. Does
not belong here: choosing the candidate (``fit.py``), or what refits are asked (``evidence/``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, TypeVar, cast

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from mlops_assets.answers import Answers, DecisionRule, Labels
from mlops_assets.data.batch_error import BatchError
from mlops_assets.evidence_declaration import Mitigation
from mlops_assets.training.calibration import Model
from mlops_assets.training.candidates import Candidate, candidates_for
from mlops_assets.training.fit import calibrate, final_places
from mlops_assets.training.fitted_model import make_model
from mlops_assets.training.fitted_pipeline import fit_pipeline
from mlops_assets.training.folds import Positions, is_varied
from mlops_assets.training.remedies import resampler
from mlops_assets.training.reweighing import reweighed_groups
from mlops_assets.training.train_rows import calibration_rows, read_train_rows
from mlops_assets.use_case import UseCase

AnyModel = TypeVar("AnyModel", bound=Model)


def refit(
    rows: pd.DataFrame, use_case: UseCase, record: Mapping[str, Any], like: AnyModel, *, seed: int
) -> AnyModel:
    """The chosen candidate of ``record`` (``model.json``) fitted on ``rows``, which are rows as
    ``data/features.py`` builds them, of whatever split.

    Steps of early stopping are those recorded; rows are weighed, drawn again and at most as many as
    declared; every fit runs on one thread, and ``seed`` is all its randomness. Calibration and
    decision rule are those of ``like``, copied, not learned again. Raises ``BatchError`` where the
    rows lack a class, or a group that is to be drawn again.
    """
    labels = _labels(rows, use_case)
    seeded = _seeded(use_case, seed)
    again = resampler(rows, np.arange(len(rows)), seeded)
    fitted = final_places(len(rows), again, use_case.training.search.max_final_rows)
    pipeline = _fit(chosen_candidate(record, use_case), rows, labels, fitted, seeded)
    return _calibrated_like(like, make_model(pipeline, labels[fitted], use_case))


def refitted_answers(
    use_case: UseCase, record: Mapping[str, Any], like: AnyModel, rows: pd.DataFrame, seed: int
) -> Callable[[pd.DataFrame], Answers]:
    """What ``refit`` answers. Here and not where it is asked for, so that a process that fits loads
    no more than this."""
    return refit(rows, use_case, record, like, seed=seed).answers


def refit_many(
    samples: Iterable[pd.DataFrame],
    use_case: UseCase,
    record: Mapping[str, Any],
    like: AnyModel,
    *,
    seed: int,
    workers: int | None = None,
) -> Iterator[AnyModel]:
    """``refit`` on each of the ``samples``, with seeds that count on from ``seed``, in their order.

    Fits run side by side, in ``workers`` processes (one a core unless told), and do not see each
    other: the models do not depend on how many there are. Samples are read and models given as they
    are needed, so that few of either are in memory at a time if none is kept.
    """
    jobs = (
        joblib.delayed(refit)(rows, use_case, record, like, seed=number)
        for rows, number in zip(samples, count(seed), strict=False)
    )
    models: Iterator[AnyModel] = joblib.Parallel(
        n_jobs=workers or joblib.cpu_count(), return_as="generator", pre_dispatch="n_jobs"
    )(jobs)
    return models


def without_mitigation(
    features: pd.DataFrame, use_case: UseCase, record: Mapping[str, Any]
) -> tuple[Model, DecisionRule]:
    """The model and its decision rule as they were without ``fairness.mitigation``: the same
    candidate on the same train rows, calibrated on the same calibration rows, one rule for all.

    Raises ``BatchError`` as ``fit.train`` does.
    """
    plain = _changed(use_case, fairness={"mitigation": Mitigation()})
    rows = read_train_rows(features, plain)
    again = resampler(features, rows.order, plain)
    fitted = final_places(len(rows.order), again, plain.training.search.max_final_rows)
    candidate = chosen_candidate(record, plain)
    pipeline = fit_pipeline(candidate, rows.at(fitted), rows.labels[fitted], plain)
    model = make_model(pipeline, rows.labels[fitted], plain)
    calibrate(model, calibration_rows(features, plain), plain)
    return model, model.rule


def chosen_candidate(record: Mapping[str, Any], use_case: UseCase) -> Candidate:
    """The candidate that ``record`` (``model.json``) says was chosen, with its steps.

    Raises ``BatchError`` where this version knows no candidate of that name.
    """
    entry = next(entry for entry in record["leaderboard"] if entry["chosen"])
    for candidate in candidates_for(use_case.target.task, (entry["family"],)):
        if candidate.name == entry["name"]:
            return candidate.with_steps(entry["steps"])
    raise BatchError(
        f"model.json names the candidate {entry['name']!r}, which is none any more: materialize "
        "model again"
    )


def _fit(
    candidate: Candidate, rows: pd.DataFrame, labels: Labels, fitted: Positions, use_case: UseCase
) -> Pipeline:
    inputs = rows[list(use_case.inputs)].take(fitted).reset_index(drop=True)
    grouping = reweighed_groups(rows, use_case)
    groups = None if grouping is None else grouping.codes[fitted]
    return fit_pipeline(candidate, inputs, labels[fitted], use_case, groups)


def _labels(rows: pd.DataFrame, use_case: UseCase) -> Labels:
    target = use_case.target
    labels: Labels = rows[target.column].to_numpy()
    if target.task == "regression":
        if not is_varied(labels):
            raise BatchError(f"rows for a refit all have the same {target.column!r}: give more")
        return labels.astype(np.float64)
    codes = labels.astype(np.int64)
    counts = np.bincount(codes, minlength=len(target.class_names))
    absent = [n for n, rows_of in zip(target.class_names, counts, strict=True) if rows_of == 0]
    if absent:
        raise BatchError(
            f"rows for a refit have none of class {', '.join(absent)} of {target.column!r}: give "
            "more rows, or draw them class by class"
        )
    return codes


def _calibrated_like(like: AnyModel, model: Model) -> AnyModel:
    """The model, uncalibrated yet, with what ``like`` learned from its calibration rows."""
    if type(model) is not type(like):
        raise ValueError(f"a {type(model).__name__} cannot be calibrated like {like.task} answers")
    made = model.uncalibrated()
    for name in like.LEARNED:
        setattr(made, name, getattr(like, name))
    return cast("AnyModel", made)


def _seeded(use_case: UseCase, seed: int) -> UseCase:
    return _changed(use_case, training={"seed": seed})


def _changed(use_case: UseCase, **parts: dict[str, Any]) -> UseCase:
    """The use case with some fields of some parts replaced by valid values."""
    changes = {
        name: getattr(use_case, name).model_copy(update=fields) for name, fields in parts.items()
    }
    return use_case.model_copy(update=changes)
