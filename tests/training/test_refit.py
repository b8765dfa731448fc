"""The chosen candidate again on other rows, and the model as it were without mitigation."""

from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.batch_error import BatchError
from mlops_assets.evidence_declaration import Fairness, Mitigation
from mlops_assets.training.model_file import model_bytes
from mlops_assets.training.refit import refit, refit_many
from mlops_assets.training_declaration import FAMILIES

Make = Callable[..., Any]
TIME = {"t": {"type": "timestamp"}}


def _train_rows(window: pd.DataFrame) -> pd.DataFrame:
    rows: pd.DataFrame = window[window["split"] == "train"].reset_index(drop=True)
    return rows


@pytest.mark.parametrize(
    ("family", "task"),
    [*((family, "binary") for family in FAMILIES), ("mlp", "multiclass"), ("linear", "regression")],
)
def test_the_rows_the_model_was_fitted_on_give_its_answers_again(
    family: str, task: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = task_use_case(task, families=(family,), max_fits=3, time_column="t", columns=TIME)
    window = task_window(task).assign(t=pd.Timestamp("2020-01-01"))
    trained = train_quietly(window, use_case)

    again = refit(_train_rows(window), use_case, trained.record, trained.model, seed=3)

    assert np.array_equal(again.answers(window), trained.model.answers(window))
    assert model_bytes(again) == model_bytes(trained.model)


def test_rows_are_weighed_and_drawn_again_as_they_were(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    group = {"type": "integer", "categorical": True, "role": "sensitive"}
    use_case = task_use_case(
        "binary",
        families=("linear",),
        max_fits=3,
        time_column="t",
        columns={**TIME, "group": group},
        remedies={"class_weights": True, "resample": {"by": ("group",), "to": "equal"}},
    )
    use_case = use_case.model_copy(
        update={"fairness": Fairness(mitigation=Mitigation(reweighing=("group",)))}
    )
    window = task_window("binary").assign(t=pd.Timestamp("2020-01-01"))
    window["group"] = 1 + (window["x"] > 1.0)
    trained = train_quietly(window, use_case)

    again = refit(_train_rows(window), use_case, trained.record, trained.model, seed=3)
    plain = refit(
        _train_rows(window), task_use_case("binary"), trained.record, trained.model, seed=3
    )

    assert trained.record["remedies"]["rows_drawn"] > 0
    assert np.array_equal(again.answers(window), trained.model.answers(window))
    assert not np.array_equal(plain.answers(window), trained.model.answers(window))


def test_another_seed_and_other_rows_give_another_model_calibrated_alike(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case, window = task_use_case("binary", families=("mlp",), max_fits=3), task_window("binary")
    trained = train_quietly(window, use_case)
    rows = _train_rows(window)

    first, other, fewer = (
        refit(given, use_case, trained.record, trained.model, seed=seed)
        for given, seed in ((rows, 1), (rows, 2), (rows.iloc[:300], 1))
    )

    assert not np.array_equal(first.answers(rows), other.answers(rows))
    assert not np.array_equal(first.answers(rows), fewer.answers(rows))
    for one in (first, other, fewer):
        assert one.describe() == trained.model.describe()
    estimator = first.pipeline.named_steps["estimate"]
    entry = next(e for e in trained.record["leaderboard"] if e["chosen"])
    assert estimator.n_iter_ == entry["steps"], "as many epochs as were found best"


def test_many_are_each_one_refit_whatever_the_number_of_workers(
    task_use_case: Make, task_window: Make, train_quietly: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_case = task_use_case("multiclass", families=("random_forest",), max_fits=3)
    window = task_window("multiclass")
    trained = train_quietly(window, use_case)
    rng = np.random.default_rng(0)
    samples = [window.iloc[rng.integers(0, len(window), 200)] for _ in range(3)]
    given: tuple[Any, ...] = (use_case, trained.record, trained.model)

    two = [model.answers(window) for model in refit_many(iter(samples), *given, seed=5)]
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    one = [model.answers(window) for model in refit_many(samples, *given, seed=5)]

    alone = [refit(s, *given, seed=5 + i).answers(window) for i, s in enumerate(samples)]
    assert np.array_equal(two, alone) and np.array_equal(one, alone)


def test_rows_that_lack_a_class_are_refused_by_its_name(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = task_use_case("multiclass", families=("linear",), max_fits=3)
    window = task_window("multiclass")
    trained = train_quietly(window, use_case)

    with pytest.raises(BatchError, match="have none of class middle of 'y'"):
        refit(window[window["y"] != 1], use_case, trained.record, trained.model, seed=0)
