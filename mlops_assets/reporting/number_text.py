"""How a number is written out, in every language of the reports.

Belongs here: digits, separators and what stands for an unknown number. Does not belong here: other
values of a table cell (``cell_text.py``) or sentences (``text.py``).
"""

import math

MISSING = "MISSING"
"""Stands for what is unknown; it is said in the language of the page."""
SIGNIFICANT_DIGITS = 4
LARGEST_POSITIONAL = 1e9
SMALLEST_POSITIONAL = 1e-4

NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
SEPARATORS = {"fr": str.maketrans({",": NARROW_SPACE, ".": ",", "%": f"{NARROW_SPACE}%"})}
"""What stands for the characters of an English number: French as its Imprimerie nationale sets it
("Lexique des règles typographiques"), where no space inside a number breaks a line."""


def number_text(value: float, language: str = "en") -> str:
    """A float with four significant digits and no trailing zeros; in scientific notation below
    0.0001 and from a billion on; MISSING where it is not finite."""
    return localised_number(_english(value), language)


def localised_number(text: str, language: str) -> str:
    """A number as English writes it, ``12,345.6`` or ``95%``, as ``language`` does."""
    return text.translate(SEPARATORS[language]) if language in SEPARATORS else text


def _english(value: float) -> str:
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
