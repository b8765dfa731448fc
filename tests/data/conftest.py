"""The small use case with a target of each task, and batches of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.target_declaration import Target, Task
from mlops_assets.use_case import UseCase

SPEEDS = ("early", "on time", "late")
TARGETS: dict[Task, dict[str, Any]] = {
    "binary": {"column": "late"},
    "multiclass": {"column": "late", "task": "multiclass", "type": "string", "classes": SPEEDS},
    "regression": {"column": "late", "task": "regression", "type": "number", "unit": "minutes"},
}


@pytest.fixture(scope="session")
def target_of() -> Callable[[Task], Target]:
    """The small use case's target, for each task."""
    return lambda task: Target(**TARGETS[task])


@pytest.fixture(scope="session")
def use_case_of(make_use_case: Callable[..., UseCase]) -> Callable[..., UseCase]:
    """The small use case for each task; keyword arguments replace top-level fields."""

    def make(task: Task, **changes: Any) -> UseCase:
        return make_use_case(target=TARGETS[task], **changes)

    return make


@pytest.fixture(scope="session")
def batch_of(make_batch: Callable[..., pa.Table]) -> Callable[..., pa.Table]:
    """A valid raw batch for each task: minutes that depend on the weight, or how fast in words."""

    def make(task: Task, month: str = "2020-01", rows: int = 400, seed: int = 0) -> pa.Table:
        batch = make_batch(month, rows, seed)
        if task == "binary":
            return batch
        noise = np.random.default_rng(seed).normal(0.0, 5.0, rows)
        weight = batch.column("weight").to_pandas().fillna(5.0).to_numpy()
        minutes = 3.0 * weight - 15.0 + noise
        unlabelled = np.arange(rows) % 10 == 9
        labels = pa.array(minutes, mask=unlabelled)
        if task == "multiclass":
            words = np.array(SPEEDS)[np.searchsorted([-5.0, 5.0], minutes)]
            labels = pa.array(words, mask=unlabelled)
        return batch.set_column(batch.column_names.index("late"), "late", labels)

    return make
