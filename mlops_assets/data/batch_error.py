"""The error of a batch that cannot be used at all.

Belongs here: that error alone, which every module that reads a batch may raise. Does not belong
here: rows that are bad, which go to the quarantine (``cleaning/cleaning.py``).
"""


class BatchError(Exception):
    """A batch that cannot be used at all; the message names batch, file, row or column and what to
    do, and holds no value of the data."""
