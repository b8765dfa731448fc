"""What the log tells of itself while it runs.

Belongs here: the figures and their meaning. Does not belong here: keeping them (``log.py``), or
giving them to Prometheus (``serving/metrics.py``).
"""

from dataclasses import dataclass
from typing import Literal

State = Literal[
    "writing", "stopped: disk full", "stopped: journal full", "stopped: disk error", "closed"
]


@dataclass(frozen=True)
class LogCounters:
    """Rows since the process started, unless said otherwise; ``received`` is at any time the sum of
    ``flushed``, ``lost``, what is ``queued`` and what is journalled and not yet flushed."""

    received: int
    """Handed to the log."""
    journalled: int
    """Written to the journal."""
    flushed: int
    """Durable: they survive the process and the machine."""
    shipped: int
    """In answers, or in the database."""
    adopted: int
    """Of dead instances, shipped by this one; not among ``received``."""
    lost: int
    """Gone for good: the queue was full, the disk was, or they were not what the release's plan
    says. Their numbers are missing in ``sequence``."""
    queued: int
    """Waiting to be written."""
    outside_envelope: int
    """Of the rows journalled, those outside their release's input envelope."""
    journal_bytes: int
    """That all journals of the folder take, as of a second ago."""
    shipping_failures: int
    """In a row, of the process that ships."""
    state: State
