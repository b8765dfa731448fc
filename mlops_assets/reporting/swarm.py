"""Single contributions as a swarm: one row of points a label.

Belongs here: where the points stand and how they show the column's own value, by lightness and by
marker, so that a print in grey says the same. Does not belong here: the other plots
(``drawing.py``). Import it lazily: it pulls in matplotlib.
"""

import math
from collections.abc import Iterator

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mlops_assets.reporting.axes_style import (
    BLUE,
    MUTED,
    ORANGE,
    PURPLE,
    known,
    label_rows,
    legend_above,
)
from mlops_assets.reporting.page import SwarmPlot
from mlops_assets.reporting.text import Text, in_language, mark, say

LOW_TO_HIGH = LinearSegmentedColormap.from_list("low_to_high", [BLUE, "#9aa4ad", ORANGE])
LEVEL_MARKERS = ((1 / 3, "v", mark("low")), (2 / 3, "o", mark("middle")), (1.01, "^", mark("high")))
EDGE = "#3a3d44"
SWARM_BINS = 90
ROW_REACH = 0.42
SPARSE_STACK = 6
"""A bin with fewer points above the row than this does not fill it."""
LAYERS = 3
"""Points are drawn in as many layers, so that no kind of marker hides all others beneath it."""


def draw_swarm(plot: SwarmPlot, axes: Axes, language: str) -> None:
    everything = [value for values in plot.values for value in values]
    low, high = (min(everything), max(everything)) if everything else (0.0, 1.0)
    for row, (values, levels) in enumerate(zip(plot.values, plot.levels, strict=True)):
        x = np.array(values, dtype=np.float64)
        level = np.array([known(one) for one in levels], dtype=np.float64)
        y = row + swarm_offsets(x, low, high)
        for layer in range(LAYERS):
            _draw_layer(axes, x[layer::LAYERS], y[layer::LAYERS], level[layer::LAYERS])
    axes.axvline(0, color=MUTED, linewidth=0.9)
    label_rows(axes, plot.labels, plot.x_label)
    title = in_language(say("the column's own value: "), language)
    legend_above(axes, _legend(language), title=title)


def _draw_layer(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], level: NDArray[np.float64]
) -> None:
    for chosen, marker, colours in _level_groups(level):
        if not chosen.any():
            continue
        axes.scatter(
            x[chosen],
            y[chosen],
            s=11,
            marker=marker,
            c=colours,
            linewidths=0.25,
            edgecolors=EDGE,
            rasterized=True,
            zorder=3,
        )


def _legend(language: str) -> list[Artist]:
    kinds = [(marker, LOW_TO_HIGH(bound - 1 / 6), name) for bound, marker, name in LEVEL_MARKERS]
    kinds.append(("D", to_rgba(PURPLE), mark("without order")))
    return [
        Line2D(
            [],
            [],
            ls="none",
            marker=marker,
            color=colour,
            mec=EDGE,
            mew=0.4,
            label=in_language(Text(name), language),
        )
        for marker, colour, name in kinds
    ]


def _level_groups(
    level: NDArray[np.float64],
) -> Iterator[tuple[NDArray[np.bool_], str, NDArray[np.float64]]]:
    """Points by marker, with their colours: thirds of the level, and those without an order."""
    floor = -math.inf
    for bound, marker, _ in LEVEL_MARKERS:
        chosen = (level >= floor) & (level < bound)
        yield chosen, marker, np.asarray(LOW_TO_HIGH(level[chosen])).reshape(-1, 4)
        floor = bound
    without = np.isnan(level)
    yield without, "D", np.tile(to_rgba(PURPLE), (int(without.sum()), 1))


def swarm_offsets(x: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Vertical offsets in -0.42..0.42 that spread points of nearly equal ``x`` around their row,
    float64 ``[n]``: points of one bin of the range are stacked outwards in a fixed random order,
    above and below in turn, and the fullest bin fills the row."""
    if len(x) == 0 or high <= low:
        return np.zeros(len(x))
    bins = np.floor((x - low) / (high - low) * SWARM_BINS).astype(np.int64)
    rank = np.zeros(len(x), dtype=np.int64)
    shuffled = np.random.default_rng(0).permutation(len(x))
    for one in np.unique(bins):
        inside = shuffled[bins[shuffled] == one]
        rank[inside] = np.arange(len(inside))
    signed = np.where(rank % 2 == 0, 1, -1) * ((rank + 1) // 2)
    offsets: NDArray[np.float64] = ROW_REACH * signed / max(SPARSE_STACK, np.abs(signed).max())
    return offsets
