"""The use cases that decisions are made for."""

from collections.abc import Callable

import pytest

from mlops_assets.use_case import UseCase


@pytest.fixture(scope="module")
def use_case(make_use_case: Callable[..., UseCase]) -> UseCase:
    return make_use_case(training={"first_batches": 2})


@pytest.fixture(scope="module")
def patient(make_use_case: Callable[..., UseCase]) -> UseCase:
    return make_use_case(training={"first_batches": 2}, retraining={"cooldown_batches": 2})
