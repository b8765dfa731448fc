"""Rows that a model did not learn from are not called recognised more often than is said."""

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.privacy.likelihood_ratios import ATTACKS, Attack, Signals, row_signals
from mlops_assets.evidence.privacy.recognition import recognition

RUNS = 200
MEMBERS, NON_MEMBERS, MODELS, COLUMNS = 300, 700, 8, 6

Floats = NDArray[np.float64]


def linear_signals(learned: Floats, outcomes: Floats, rows: Floats, labels: Floats) -> Signals:
    """What a linear model of the outcome, squeezed between 0 and 1, says of rows."""
    weights = np.linalg.lstsq(learned, outcomes - 0.5, rcond=None)[0]
    answers = 1.0 / (1.0 + np.exp(-4.0 * rows @ weights))
    return row_signals("binary", labels, answers[:, None], 1.0)


def clean_run(seed: int) -> dict[Attack, tuple[float, float]]:
    """The interval of each attack at 1%, where no row of the pool was learned from by the attacked
    model, and half of them by each of the attacker's."""
    rng = np.random.default_rng(seed)
    pool = MEMBERS + NON_MEMBERS
    rows = rng.normal(size=(pool + 1500, COLUMNS))
    labels = (rows[:, 0] + 2.0 * rng.normal(size=len(rows)) > 0.0).astype(np.float64)
    asked = rows[:pool], labels[:pool]
    signals = linear_signals(rows[pool:], labels[pool:], *asked)
    inside = np.argsort(rng.random((MODELS, pool)), axis=0) < MODELS // 2
    shadows = np.stack([linear_signals(asked[0][own], asked[1][own], *asked) for own in inside])
    found = {}
    for name, attack in ATTACKS.items():
        scores = attack("binary", signals, shadows, inside)
        one = recognition(scores[:MEMBERS], scores[MEMBERS:], 0.01)
        found[name] = (one.low, one.high)
    return found


def test_clean_runs_hold_the_error_rate_for_both_attacks() -> None:
    runs = [clean_run(seed) for seed in range(RUNS)]
    for name in ATTACKS:
        bounds = [run[name] for run in runs]
        assert sum(low > 0.01 for low, _ in bounds) <= RUNS * 0.025
        assert sum(high < 0.01 for _, high in bounds) <= RUNS * 0.025
