"""How often the 95% intervals of the evaluation hold the truth, by simulation.

Run with ``python benchmarks/interval_coverage.py [--simulations 1000]``. Samples are drawn, at
fixed class counts, from a population of 200,000 rows whose metrics are the truth. The chance of an
entry of the table is about 0.7 points at 1,000 simulations. Does not belong here: a test that holds
the same for fewer simulations (``tests/evidence/test_coverage.py``).
"""

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels
from mlops_assets.evidence.metrics.calibration_error import calibration_error
from mlops_assets.evidence.metrics.comparison import paired_difference
from mlops_assets.evidence.metrics.group_metrics import by_group
from mlops_assets.evidence.metrics.metrics import evaluate
from mlops_assets.target_declaration import Task

POPULATION = 200_000
RATES = {"binary 10%": 0.1, "binary 30%": 0.3, "binary 50%": 0.5}
SHARES = (0.4, 0.3, 0.2, 0.1)
Rows = tuple[Labels, Answers, Answers]
"""Labels, and the answers of a model and of a worse one."""


def populations() -> Iterator[tuple[str, Task, Rows]]:
    """Each population: its name, task and rows."""
    rng = np.random.default_rng(0)
    for name, rate in RATES.items():
        labels = (np.arange(POPULATION) < POPULATION * rate).astype(np.int64)
        signal = 1.2 * labels + rng.normal(size=POPULATION)
        odds = 1.2 * signal - 0.72 + np.log(rate / (1.0 - rate))
        worse = 0.8 * odds + 0.6 * rng.normal(size=POPULATION)
        yield name, "binary", (labels, _chances(odds), _chances(worse))
    labels = np.repeat(np.arange(4), [int(POPULATION * share) for share in SHARES])
    scores = rng.normal(size=(POPULATION, 4)) + 1.2 * np.eye(4)[labels]
    worse = 0.8 * scores + 0.6 * rng.normal(size=scores.shape)
    yield "four classes", "multiclass", (labels, _shares(scores), _shares(worse))
    for name, noise in (
        ("normal errors", rng.normal(size=POPULATION)),
        ("skewed errors", rng.gamma(2.0, 1.0, POPULATION) - 2.0),
    ):
        truth = 3.0 * rng.normal(size=POPULATION)
        worse = truth + 1.1 * noise + 0.3 * rng.normal(size=POPULATION)
        yield name, "regression", (truth, _around(truth + noise), _around(worse))


def sampled(task: Task, rows: Rows, size: int, rng: np.random.Generator) -> Rows:
    """``size`` rows of a population, with its shares of the classes."""
    labels = rows[0]
    if task == "regression":
        chosen = rng.integers(0, len(labels), size)
    else:
        parts = []
        for code, count in enumerate(np.bincount(labels.astype(np.int64))):
            wanted = round(count * size / len(labels))
            parts.append(np.argmax(labels == code) + rng.integers(0, count, wanted))
        chosen = np.concatenate(parts)
    return rows[0][chosen], rows[1][chosen], rows[2][chosen]


def _chances(odds: NDArray[np.float64]) -> Answers:
    return (1.0 / (1.0 + np.exp(-odds)))[:, None]


def _shares(scores: NDArray[np.float64]) -> Answers:
    weights = np.exp(scores)
    return weights / weights.sum(axis=1, keepdims=True)


def _around(predicted: NDArray[np.float64]) -> Answers:
    wide = 1.5 + 0.3 * np.abs(predicted)
    return np.stack([predicted, predicted - wide, predicted + 1.2 * wide], axis=1)


def coverage(task: Task, rows: Rows, size: int, simulations: int, seed: int) -> dict[str, float]:
    """The share of simulations in which each interval holds the truth."""
    rng, held = np.random.default_rng(seed), Counter[str]()
    truth = {n: e.value for n, e in evaluate(task, rows[0], rows[1], seed=0, resamples=2).items()}
    full = paired_difference(task, rows[0], rows[2], rows[1], seed=0, resamples=2)
    for number in range(simulations):
        labels, answers, worse = sampled(task, rows, size, rng)
        found = evaluate(task, labels, answers, seed=number)
        for name, one in found.items():
            held[name] += _holds(one.low, one.high, truth[name])
        (group,) = by_group(task, labels, answers, {"all": np.ones(size, bool)})
        for name, one in group.metrics.items():
            held[f"{name}, of a group"] += _holds(one.low, one.high, truth[name])
        if task != "regression":
            # Its interval allows for the chance in the class counts, which are fixed above.
            free = rng.integers(0, len(rows[0]), size)
            one = calibration_error(task, rows[0][free], rows[1][free])
            inside = _holds(one.low, one.high, truth["calibration_error"])
            held["calibration_error, any class counts"] += inside
        gain = paired_difference(task, labels, worse, answers, seed=number, resamples=500)
        held["gain over another model, one-sided"] += _holds(gain.loss_low, np.inf, full.loss)
        if task == "binary":
            held["ROC AUC gain, one-sided"] += _holds(gain.roc_auc_low, np.inf, full.roc_auc)
    return {name: count / simulations for name, count in held.items()}


def _holds(low: float | None, high: float | None, truth: float | None) -> bool:
    return low is not None and high is not None and truth is not None and low <= truth <= high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--rows", type=int, nargs="*", default=[200, 2000])
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    print("| population | rows | metric | intervals that hold the truth |")
    print("|---|---|---|---|")
    for name, task, rows in populations():
        if given.only not in name:
            continue
        for size in given.rows:
            found = coverage(task, rows, size, given.simulations, seed=size)
            for metric, share in found.items():
                print(f"| {name} | {size:,} | {metric} | {share:.1%} |")


if __name__ == "__main__":
    main()
