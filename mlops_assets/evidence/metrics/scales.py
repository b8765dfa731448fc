"""On which scale a metric is about normal, so that its interval is symmetric there.

Belongs here: the scales, their inverses, and what a share of 0 or 1 allows to be said. Does not
belong here: the standard error on the scale (``bootstrap.py``, ``spread.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Scale = Literal["share", "positive", "below one", "number"]
"""share: 0 to 1, by its log odds. positive: by its logarithm. below one: one minus it is positive
(R2). number: as it is."""


@dataclass(frozen=True)
class Transformation:
    """A scale and the way back; ``slope`` is its derivative."""

    forward: Callable[[Values], Values]
    back: Callable[[Values], Values]
    slope: Callable[[float], float]
    is_share: bool = False

    def beyond_edges(
        self, value: float, low: float, high: float, units: int, confidence: float
    ) -> tuple[float, float]:
        """The bounds; of a share of 0 or 1, which varies in no resample, those of Jeffreys' prior
        for as many ``units`` that all agree."""
        if not self.is_share or 0.0 < value < 1.0:
            return low, high
        reach = jeffreys(0, units, confidence)[1]
        return (0.0, reach) if value <= 0.0 else (1.0 - reach, 1.0)


def jeffreys(hits: int, rows: int, confidence: float) -> tuple[float, float]:
    """The interval of a share of ``hits`` in ``rows`` independent rows, by Jeffreys' prior; to the
    edge where there is no hit or nothing else (L. Brown, T. Cai and A. DasGupta, "Interval
    estimation for a binomial proportion", Statistical Science 16, 2001)."""
    from scipy.special import betaincinv

    tail = (1.0 - confidence) / 2.0
    low = 0.0 if hits == 0 else float(betaincinv(hits + 0.5, rows - hits + 0.5, tail))
    high = 1.0 if hits == rows else float(betaincinv(hits + 0.5, rows - hits + 0.5, 1.0 - tail))
    return low, high


def on_scale(scale: Scale, values: Values, units: int) -> Transformation:
    """The transformation of ``scale``; that of a plain number where one of ``values`` is off it.
    Shares are kept a quarter of a unit away from 0 and 1."""
    if scale == "share":
        return _log_odds(0.25 / units)
    if scale == "positive" and (values > 0.0).all():
        return Transformation(np.log, np.exp, lambda value: 1.0 / value)
    if scale == "below one" and (values < 1.0).all():
        return Transformation(
            lambda some: -np.log1p(-some),
            lambda some: -np.expm1(-some),
            lambda value: 1.0 / (1.0 - value),
        )
    return Transformation(lambda some: some, lambda some: some, lambda _: 1.0)


def _log_odds(edge: float) -> Transformation:
    def forward(shares: Values) -> Values:
        inside = np.clip(shares, edge, 1.0 - edge)
        odds: Values = np.log(inside / (1.0 - inside))
        return odds

    def back(odds: Values) -> Values:
        shares: Values = 1.0 / (1.0 + np.exp(-odds))
        return shares

    def slope(share: float) -> float:
        inside = min(max(share, edge), 1.0 - edge)
        return 1.0 / (inside * (1.0 - inside))

    return Transformation(forward, back, slope, is_share=True)
