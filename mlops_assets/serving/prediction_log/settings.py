"""How much the prediction log may take of its server's machine.

Belongs here: the limits and their defaults, which fit a server of 150 MB. Does not belong here: how
long answers are kept, which a use case declares (``plan.py``).
"""

from dataclasses import dataclass, field

from mlops_assets.serving.prediction_log.journal import CutSettings


@dataclass(frozen=True)
class LogSettings:
    """Every limit of the log."""

    queue_bytes: int = 40 * 2**20
    """That waiting rows may take, by an estimate; one batch may always. Of more, the newest are
    lost. With 30 columns, 4,700 rows that came one at a time, or 29,000 that came 16 at a time."""
    write_seconds: float = 0.1
    """Between two looks at the queue."""
    flush_seconds: float = 0.25
    """From a row's arrival until it is durable, where processor and disk keep up."""
    cut: CutSettings = field(default_factory=CutSettings)
    """When a segment of the journal ends, and is shipped."""
    journal_bytes: int = 2 * 2**30
    """That the journals of the folder may take while nothing can be shipped; then the log stops."""
    free_bytes: int = 64 * 2**20
    """Left on the disk, for others and for shipping, which makes room; then the log stops."""
    housekeeping_seconds: float = 1.0
    """Between two looks at what is to be cut and shipped, and whether there is room."""
    adoption_seconds: float = 30.0
    """Between two looks for journals of dead instances."""
    expiry_seconds: float = 3600.0
    """Between two deletions of days that are overdue."""
    retry_seconds: float = 5.0
    """After shipping failed; twice as long each time, up to five minutes."""
    calm_seconds: float = 10.0
    """Without a loss, before an incident is said to be over."""
    closing_seconds: float = 20.0
    """That closing the log waits for what is to be shipped; the next server ships the rest."""
