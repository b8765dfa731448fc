"""The two attacks are what their papers define."""

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from mlops_assets.answers import row_losses
from mlops_assets.evidence.privacy.likelihood_ratios import (
    SIGNAL_FLOOR,
    Inside,
    Signals,
    lira,
    rmia,
    row_signals,
)

MODELS, ROWS = 8, 300


def watched(seed: int = 0) -> tuple[Signals, Signals, Inside]:
    """Signals of an attacked model and of the attacker's, which say more of rows they learned."""
    rng = np.random.default_rng(seed)
    inside = np.argsort(rng.random((MODELS, ROWS)), axis=0) < MODELS // 2
    hardness = rng.normal(size=ROWS)
    shadows = hardness + 0.8 * inside + 0.5 * rng.normal(size=(MODELS, ROWS))
    return hardness + 0.5 * rng.normal(size=ROWS), shadows, inside


def test_the_signal_is_the_logit_of_the_true_class() -> None:
    labels, answers = np.array([1, 0, 1]), np.array([[0.8], [0.3], [1.0]])
    signals = row_signals("binary", labels, answers, 1.0)
    assert signals[:2] == pytest.approx([np.log(0.8 / 0.2), np.log(0.7 / 0.3)])
    assert signals[2] == pytest.approx(-np.log(SIGNAL_FLOOR), abs=1e-5)
    chances = np.exp(-row_losses("binary", labels, answers))
    assert (1.0 / (1.0 + np.exp(-signals)))[:2] == pytest.approx(chances[:2])


def test_the_signal_of_several_classes_and_of_a_number() -> None:
    answers = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    signals = row_signals("multiclass", np.array([1, 0]), answers, 1.0)
    assert signals == pytest.approx([0.0, np.log(0.1 / 0.9)])
    numbers = np.array([[5.0, 4.0, 6.0], [1.0, 0.0, 2.0]])
    errors = row_signals("regression", np.array([3.0, 2.0]), numbers, 4.0)
    assert errors == pytest.approx([1.0, -0.5])


def test_lira_is_the_logarithm_of_two_normal_densities() -> None:
    signals, shadows, inside = watched()
    by_row = []
    spreads = []
    for learned in (inside, ~inside):
        rests = [shadows[learned[:, row], row] for row in range(ROWS)]
        variances = [rest.var(ddof=1) for rest in rests]
        spreads.append(np.sqrt(np.mean(variances)))
        by_row.append([rest.mean() for rest in rests])
    expected = norm.logpdf(signals, by_row[0], spreads[0]) - norm.logpdf(
        signals, by_row[1], spreads[1]
    )
    assert lira("binary", signals, shadows, inside) == pytest.approx(expected)


def test_rmia_puts_rows_in_the_order_of_pairwise_quotients() -> None:
    signals, shadows, inside = watched()
    asked, usual = 1.0 / (1.0 + np.exp(-signals)), 1.0 / (1.0 + np.exp(-shadows))
    quotients = asked / usual.mean(axis=0)
    others = quotients[: ROWS // 2]
    shares = (quotients[:, None] > others[None, :]).mean(axis=1)
    scores = rmia("binary", signals, shadows, inside)
    assert scores == pytest.approx(np.log(quotients))
    assert spearmanr(scores, shares).statistic > 0.999


def test_rmia_gives_models_that_learned_half_of_the_weight_however_many_they_are() -> None:
    signals, shadows, inside = watched()
    again = np.concatenate([shadows, shadows[inside[:, 0]]])
    more = np.concatenate([inside, inside[inside[:, 0]]])
    first = rmia("binary", signals, shadows, inside)[0]
    assert rmia("binary", signals, again, more)[0] == pytest.approx(first)


def test_rmia_of_a_number_compares_normal_densities_of_its_error() -> None:
    signals, shadows, inside = watched()
    spread = np.sqrt((shadows[~inside] ** 2).mean())
    usual = norm.pdf(shadows, 0.0, spread)
    halves = [
        np.array([usual[learned[:, row], row].mean() for row in range(ROWS)])
        for learned in (inside, ~inside)
    ]
    expected = norm.logpdf(signals, 0.0, spread) - np.log((halves[0] + halves[1]) / 2.0)
    assert rmia("regression", signals, shadows, inside) == pytest.approx(expected)


@pytest.mark.parametrize("attack", [lira, rmia])
def test_equal_shadow_models_do_not_break_an_attack(attack: object) -> None:
    signals, shadows, inside = watched()
    scores = attack("binary", signals, np.zeros_like(shadows), inside)  # type: ignore[operator]
    assert np.isfinite(scores).all()
