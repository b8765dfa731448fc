"""How far a long piece of work is, in words and not too often.

Belongs here: when something is said. Does not belong here: where it is said to (``assets.py``,
``cli_predict.py``).
"""

from collections.abc import Callable

STEPS = 10
Progress = Callable[[int, int], None]
"""Told the number of rows that are written, and that of all."""


def in_tenths(say: Callable[[str], None]) -> Progress:
    """Tells ``say`` about every tenth of the rows that is done."""
    told = 0

    def progress(done: int, rows: int) -> None:
        nonlocal told
        step = STEPS * done // rows
        if step > told:
            told = step
            say(f"{done:,} of {rows:,} rows answered ({done / rows:.0%})")

    return progress
