"""95% intervals hold the truth about 95 times in 100, by simulation.

``benchmarks/interval_coverage.py`` does the same for more populations, sizes and simulations.
"""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from scored_rows import TASKS, some_rows

from mlops_assets.answers import Answers, Labels
from mlops_assets.evidence.metrics.comparison import paired_difference
from mlops_assets.evidence.metrics.group_metrics import by_group
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate
from mlops_assets.target_declaration import Task

POPULATION = 100_000
ROWS = 400
SIMULATIONS = 300
# Three standard errors of a share of 300 beside 93 to 97%, and the steps of shares of few rows.
LEAST, MOST = 0.91, 0.995


def drawn_rows(task: Task, labels: Labels, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of a population at its own class counts."""
    if task == "regression":
        return rng.integers(0, len(labels), ROWS)
    classes = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    return np.concatenate(
        [rng.choice(rows, round(len(rows) * ROWS / len(labels))) for rows in classes]
    )


@pytest.fixture(scope="module", params=TASKS)
def population(request: pytest.FixtureRequest) -> tuple[Task, Labels, Answers]:
    task: Task = request.param
    labels, answers = some_rows(task, POPULATION, seed=9)
    return task, labels, answers


def test_the_intervals_of_every_metric_hold_the_truth(
    population: tuple[Task, Labels, Answers],
) -> None:
    task, labels, answers = population
    truth = evaluate(task, labels, answers, seed=0, resamples=2)
    rng, held = np.random.default_rng(3), Counter[str]()
    for number in range(SIMULATIONS):
        rows = drawn_rows(task, labels, rng)
        found = evaluate(task, labels[rows], answers[rows], seed=number, resamples=200)
        (group,) = by_group(task, labels[rows], answers[rows], {"all": np.ones(len(rows), bool)})
        for name, one in (
            *found.items(),
            *((f"{n} of a group", e) for n, e in group.metrics.items()),
        ):
            expected = truth[name.removesuffix(" of a group")].value
            held[name] += one.low <= expected <= one.high  # type: ignore[operator]
    shares = {name: count / SIMULATIONS for name, count in held.items()}
    assert set(METRICS[task]) <= set(shares)
    assert {name: s for name, s in shares.items() if not LEAST <= s <= MOST} == {}


def test_the_bound_of_a_gain_holds_the_truth(population: tuple[Task, Labels, Answers]) -> None:
    task, labels, answers = population
    nothing = answers.mean(axis=0)
    worse = 0.7 * answers + 0.3 * nothing
    truth = paired_difference(task, labels, worse, answers, seed=0, resamples=2).loss
    rng, held = np.random.default_rng(4), 0
    for number in range(SIMULATIONS):
        rows = rng.integers(0, len(labels), ROWS)
        found = paired_difference(
            task, labels[rows], worse[rows], answers[rows], seed=number, resamples=300
        )
        held += found.loss_low <= truth  # type: ignore[operator]
    assert LEAST <= held / SIMULATIONS <= MOST


def test_whole_days_hold_the_truth_where_rows_of_a_day_are_alike() -> None:
    rng, held = np.random.default_rng(5), Counter[bool]()
    days = np.repeat(np.arange(40), 20)
    for number in range(SIMULATIONS):
        errors = rng.normal(size=40)[days] + rng.normal(size=800)
        answers = np.stack([errors, errors - 2.0, errors + 2.0], axis=1)
        for blocks in (None, days):
            found = evaluate(
                "regression", np.zeros(800), answers, seed=number, resamples=2, blocks=blocks
            )
            held[blocks is None] += found["mae"].low <= 1.1284 <= found["mae"].high  # type: ignore[operator]
    assert LEAST <= held[False] / SIMULATIONS <= MOST
    assert held[True] / SIMULATIONS < 0.8
