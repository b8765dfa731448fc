"""Colours, labels and legends that every kind of plot shares.

Belongs here: the palette and the helpers around a pair of axes. Does not belong here: the plots
themselves (``drawing.py``, ``swarm.py``) or the style of a figure (``plots.py``). The colours are
those of Okabe and Ito ("Color Universal Design", 2008), told apart with every common colour
blindness. Import it lazily: it pulls in matplotlib.
"""

import math
import re

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import ScalarFormatter

from mlops_assets.reporting.number_text import localised_number
from mlops_assets.reporting.page import Number, Words
from mlops_assets.reporting.text import in_language

INK = "#1a1c20"
MUTED = "#6a6e76"
GRID = "#dcdee2"
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
)
LONGEST_LABEL = 42
BREAKING_SPACES = re.compile(r"[^\S\u00a0\u202f]+")


class NumberTicks(ScalarFormatter):
    """Ticks of numbers as a language writes them."""

    def __init__(self, language: str) -> None:
        super().__init__(useLocale=False)
        self.language = language

    def __call__(self, x: float, pos: int | None = None) -> str:
        return localised_number(super().__call__(x, pos), self.language)


def shorten(words: Words) -> str:
    """A label on one line, short enough to stand beside a plot."""
    label = BREAKING_SPACES.sub(" ", in_language(words)).strip()
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def known(value: Number) -> float:
    """The number, or NaN where it is missing: matplotlib leaves a gap there."""
    return value if value is not None and math.isfinite(value) else math.nan


def label_rows(axes: Axes, labels: tuple[Words, ...], x_label: Words) -> None:
    """One row a label, the first on top."""
    axes.set_yticks(range(len(labels)), [shorten(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlabel(in_language(x_label))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def legend_above(axes: Axes, handles: list[Artist] | None = None, title: str | None = None) -> None:
    """A legend on one line over the axes, where it hides nothing."""
    found: list[Artist] = list(handles or axes.get_legend_handles_labels()[0])
    if title is not None:
        found.insert(0, Patch(facecolor="none", edgecolor="none", label=title))
    axes.legend(
        handles=found,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=min(len(found), 5),
        borderaxespad=0.2,
        handlelength=2.6,
        columnspacing=1.4,
    )
