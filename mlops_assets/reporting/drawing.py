"""What each kind of plot looks like: markers, line styles and hatches, one function a kind.

Belongs here: marks on a pair of axes. Does not belong here: the swarm (``swarm.py``), what the
plots share (``axes_style.py``), files and bytes (``plots.py``). Every colour comes with a marker, a
line style or a hatch, so that a print in grey says the same. Import it lazily: it pulls in
matplotlib.
"""

import math
from itertools import cycle
from typing import assert_never

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mlops_assets.reporting.axes_style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    NumberTicks,
    known,
    label_rows,
    legend_above,
    shorten,
)
from mlops_assets.reporting.number_text import MISSING
from mlops_assets.reporting.page import (
    BarPlot,
    HistogramPlot,
    IntervalPlot,
    Line,
    LinePlot,
    Plot,
    SwarmPlot,
    Words,
)
from mlops_assets.reporting.swarm import draw_swarm
from mlops_assets.reporting.text import Text, in_language, say

Dashes = str | tuple[float, tuple[float, ...]]

STROKES: tuple[tuple[str, Dashes, str], ...] = (
    (BLUE, "-", "o"),
    (VERMILLION, "--", "s"),
    (GREEN, "-.", "^"),
    (PURPLE, (0, (1, 1.2)), "D"),
    (ORANGE, (0, (5, 1, 1, 1, 1, 1)), "v"),
    (SKY, (0, (8, 2)), "P"),
)
ROW_HEIGHT = 0.27
SWARM_ROW_HEIGHT = 0.4
FRAME_HEIGHT = 0.75
CURVE_HEIGHT = 3.6
MOST_BIN_LABELS = 24
MOST_MARKERS = 30


def height(plot: Plot) -> float:
    """Height of the figure in inches."""
    match plot:
        case IntervalPlot():
            return FRAME_HEIGHT + ROW_HEIGHT * max(1, len(plot.intervals))
        case BarPlot():
            return FRAME_HEIGHT + ROW_HEIGHT * max(1, len(plot.labels))
        case SwarmPlot():
            return FRAME_HEIGHT + 0.3 + SWARM_ROW_HEIGHT * max(1, len(plot.labels))
        case LinePlot() | HistogramPlot():
            return CURVE_HEIGHT
        case _:
            assert_never(plot)


def draw(plot: Plot, axes: Axes, language: str) -> None:
    """Draw a localised plot; the words and numbers that it brings itself are said in
    ``language``."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(NumberTicks(language))
    match plot:
        case IntervalPlot():
            _draw_intervals(plot, axes, language)
        case BarPlot():
            _draw_bars(plot, axes, language)
        case LinePlot():
            _draw_lines(plot, axes, language)
        case HistogramPlot():
            _draw_histogram(plot, axes, language)
        case SwarmPlot():
            draw_swarm(plot, axes, language)
        case _:
            assert_never(plot)


def _beside(axes: Axes, row: int, words: Text, language: str) -> None:
    """The number itself in a column to the right of the axes."""
    text = in_language(words, language)
    axes.text(
        1.015,
        row,
        text,
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=8.5,
        weight="bold" if text == in_language(Text(MISSING), language) else "normal",
    )


def _draw_intervals(plot: IntervalPlot, axes: Axes, language: str) -> None:
    for row, one in enumerate(plot.intervals):
        value, low, high = known(one.value), known(one.low), known(one.high)
        axes.plot([low, high], [row, row], color=BLUE, linewidth=1.6, marker="|", markersize=7)
        axes.plot([value], [row], color=BLUE, marker="o", markersize=5, linestyle="none")
        if math.isnan(low):
            number = say("{value}", value=value)
        else:
            number = say("{value}  [{low}, {high}]", value=value, low=low, high=high)
        _beside(axes, row, number, language)
    if plot.limit is not None:
        name = say("{name} {limit}", name=plot.limit_name, limit=float(plot.limit))
        label = in_language(name, language)
        axes.axvline(plot.limit, color=VERMILLION, linestyle="--", linewidth=1.2, label=label)
        legend_above(axes)
    label_rows(axes, tuple(one.label for one in plot.intervals), plot.x_label)


def _draw_bars(plot: BarPlot, axes: Axes, language: str) -> None:
    values = [known(value) for value in plot.values]
    axes.barh(range(len(values)), values, height=0.62, color=BLUE, edgecolor=INK, linewidth=0.4)
    for row, value in enumerate(values):
        _beside(axes, row, say("{value}", value=value), language)
    if plot.limits is not None:
        limits = [known(limit) for limit in plot.limits]
        axes.plot(
            limits,
            range(len(limits)),
            linestyle="none",
            marker="|",
            markersize=15,
            markeredgewidth=2.2,
            color=VERMILLION,
            label=in_language(say("limit"), language),
        )
        legend_above(axes)
    axes.axvline(0, color=MUTED, linewidth=0.7)
    label_rows(axes, plot.labels, plot.x_label)


def _draw_lines(plot: LinePlot, axes: Axes, language: str) -> None:
    if plot.diagonal:
        ends = _diagonal_ends(plot)
        label = in_language(say("diagonal"), language)
        axes.plot(ends, ends, color=MUTED, linestyle=":", linewidth=1, label=label)
    thin = [line for line in plot.lines if not line.strong]
    for position, line in enumerate(thin):
        label = in_language(line.label) if position == 0 and line.label else "_thin"
        axes.plot(line.x, [known(y) for y in line.y], color=MUTED, alpha=0.4, lw=0.6, label=label)
    strokes = cycle(STROKES)
    for line in plot.lines:
        if line.strong:
            _draw_strong(axes, line, *next(strokes))
    axes.set_xlabel(in_language(plot.x_label))
    axes.set_ylabel(in_language(plot.y_label))
    axes.grid()
    if plot.categories is not None:
        _label_positions(axes, plot.categories)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 3, 4, 5, 6, 10]))
    if len(plot.lines) > 1 or plot.diagonal:
        legend_above(axes)


def _diagonal_ends(plot: LinePlot) -> tuple[float, float]:
    """From 0 to 1, or as far as what is drawn reaches beyond that."""
    drawn = [n for line in plot.lines for n in (*line.x, *line.y) if n is not None]
    if all(0.0 <= number <= 1.0 for number in drawn):
        return 0.0, 1.0
    return min(drawn), max(drawn)


def _draw_strong(axes: Axes, line: Line, colour: str, style: Dashes, marker: str) -> None:
    axes.plot(
        line.x,
        [known(y) for y in line.y],
        color=colour,
        linestyle=style,
        linewidth=1.8,
        marker=marker,
        markersize=4.5,
        markevery=max(1, math.ceil(len(line.x) / MOST_MARKERS)),
        label=_legend_label(line.label),
        zorder=4,
    )


def _legend_label(words: Words) -> str:
    # matplotlib leaves out of the legend what begins with an underscore, and a class may.
    label = shorten(words)
    return f" {label}" if label.startswith("_") else label


def _draw_histogram(plot: HistogramPlot, axes: Axes, language: str) -> None:
    positions = np.arange(len(plot.bins))
    axes.bar(
        positions - 0.2,
        plot.reference,
        0.4,
        label=_legend_label(plot.reference_name),
        color=SKY,
        edgecolor=INK,
        lw=0.5,
    )
    axes.bar(
        positions + 0.2,
        plot.current,
        0.4,
        label=_legend_label(plot.current_name),
        color=ORANGE,
        edgecolor=INK,
        lw=0.5,
        hatch="////",
    )
    axes.set_xlabel(in_language(plot.x_label))
    axes.set_ylabel(in_language(say("share of rows"), language))
    axes.grid(axis="y")
    _label_positions(axes, plot.bins)
    legend_above(axes)


def _label_positions(axes: Axes, labels: tuple[Words, ...]) -> None:
    """Names at the integer positions of the x-axis, thinned out and slanted where they are many."""
    step = max(1, math.ceil(len(labels) / MOST_BIN_LABELS))
    shown = [shorten(label) for label in labels[::step]]
    slanted = sum(len(label) + 2 for label in shown) > 90
    axes.set_xticks(
        range(0, len(labels), step),
        shown,
        rotation=40 if slanted else 0,
        ha="right" if slanted else "center",
        rotation_mode="anchor" if slanted else "default",
    )
