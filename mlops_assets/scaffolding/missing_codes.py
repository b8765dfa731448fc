"""Values that stand for "there is none": words such as ``?`` and numbers such as 999.

Belongs here: recognising them among the values of one column. Does not belong here: taking them
out (``cleaning/cleaning.py`` does, as the YAML says).
"""

import re
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

WORDS = frozenset(
    {"", "?", "#n/a", "-", "--", "n/a", "na", "nan", "not available", "null", "unk", "unknown"}
    | {"missing"}
)
"""In lower case. Among text, where ``none`` and a full stop may well be an answer."""

WORDS_AMONG_NUMBERS = WORDS | {".", "..", "...", "none", "nil", "tbd", "x"}

BELOW = (-1, -9, -99, -999, -9999, -99999)
ABOVE = (99, 999, 9999, 99999, 999999)
UNMISTAKABLE = (*BELOW[2:], *ABOVE)
"""What can hardly be a class."""
FEWEST = 3
"""Times a number must occur before it can be a code."""


def text_codes(levels: Collection[str]) -> tuple[str, ...]:
    """Missing codes among the distinct (stripped) texts of a categorical column, sorted."""
    codes = {level for level in levels if level.lower() in WORDS}
    others = set(levels) - codes
    if others and all(re.fullmatch(r"[A-Z]{2}", level) for level in others):
        codes -= {"NA"}  # Namibia, North America: two letters as all the others
    if any(re.fullmatch(r"[^\w\s]+", level) for level in others):
        codes -= {"-", "--", "?"}  # a minus beside a plus
    return tuple(sorted(codes))


def number_codes(numbers: NDArray[np.float64]) -> tuple[int, ...]:
    """Missing codes among numbers (finite, missing ones left out), ascending.

    A code occurs several times and lies apart: below values that are otherwise never negative, or
    farther from its neighbour than twice the range of all the others. -1 and -9 must besides stand
    beside ten other values, for with few values it may be one of them.
    """
    values, counts = np.unique(numbers, return_counts=True)
    found: list[int] = []
    while len(values) > 2:
        low, high = values[0], values[-1]
        if low in BELOW and counts[0] >= FEWEST and _apart_below(values):
            found, values, counts = [*found, int(low)], values[1:], counts[1:]
        elif high in ABOVE and counts[-1] >= FEWEST and _apart_above(values):
            found, values, counts = [*found, int(high)], values[:-1], counts[:-1]
        else:
            break
    return tuple(sorted(found))


def _apart_below(values: NDArray[np.float64]) -> bool:
    code, rest = values[0], values[1:]
    never_negative = bool(rest[0] >= 0.0) or rest[0] in BELOW
    if code in (-1, -9):
        return never_negative and len(rest) >= 10
    spread = rest[-1] - rest[0]
    return never_negative or bool(rest[0] - code > 2.0 * spread)


def _apart_above(values: NDArray[np.float64]) -> bool:
    code, rest = values[-1], values[:-1]
    # A smaller code, such as -1, is no part of the range either.
    usual = rest[~np.isin(rest, BELOW)] if len(rest) > 2 else rest
    spread = usual[-1] - usual[0]
    return len(usual) >= 3 and bool(code - usual[-1] > 2.0 * spread)
