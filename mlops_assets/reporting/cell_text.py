"""How one value of a report is written out, the same in every format.

Belongs here: the text of numbers, booleans and what is missing. Does not belong here: escaping and
layout (``html.py``, ``markdown.py``).
"""

import math

from mlops_assets.reporting.page import Cell

MISSING = "MISSING"
SIGNIFICANT_DIGITS = 4
LARGEST_POSITIONAL = 1e9
SMALLEST_POSITIONAL = 1e-4


def cell_text(value: Cell) -> str:
    """A value as text: ``None`` and what is not finite as MISSING, booleans as yes or no, integers
    with thousands separators, floats with four significant digits, strings as they are."""
    match value:
        case None:
            return MISSING
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return number_text(value)
        case _:
            return value


def number_text(value: float) -> str:
    """A float with four significant digits and no trailing zeros; in scientific notation below
    0.0001 and from a billion on; MISSING where it is not finite."""
    if not math.isfinite(value):
        return MISSING
    rounded = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if rounded == 0:
        return "0"
    if not SMALLEST_POSITIONAL <= abs(rounded) < LARGEST_POSITIONAL:
        return f"{rounded:.{SIGNIFICANT_DIGITS}g}"
    decimals = max(0, SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def is_number(value: Cell) -> bool:
    """Whether a value is set as a number: flush right, with digits of one width."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_missing(value: Cell) -> bool:
    """Whether a value is unknown: ``None``, NaN or infinite."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))
