"""One artifact of a model's life, as the catalog describes it.

Belongs here: what can be said of an artifact. Does not belong here: which there are
(``catalog.py``).
"""

from dataclasses import dataclass
from typing import Literal

Stage = Literal[
    "data",
    "training",
    "export",
    "evidence",
    "release",
    "prediction",
    "traffic",
    "ab_test",
    "monitoring",
]


@dataclass(frozen=True)
class DvcPlot:
    """A plot of DVC over a JSON list of records in an artifact's folder."""

    title: str
    file: str
    x: str
    y: str
    template: str


@dataclass(frozen=True)
class Artifact:
    """One artifact of a model's life.

    ``files`` are what its folder holds at least. ``per_batch`` artifacts have one folder a batch.
    ``reads_champion`` marks predictions and monitors, which read the release that predicted a
    batch as an input named by hash: it orders DVC's stages, and is no edge of the asset graph, for
    a later release does not outdate what an earlier one was seen to do. ``fields`` are the fields
    of the use case that decide the content. Batches of an artifact that is made ``one_at_a_time``
    are compared with those that came before. ``code`` is what makes it beside the code of its
    stage.

    A ``measured`` artifact is made of what was measured or served, at some hour on some machine: it
    is no stage of DVC. What another ``looks_at`` of them, where there is any, is an edge of the
    asset graph and not of DVC's. ``per_day`` artifacts have one folder a day (UTC) on which the use
    case was served.
    """

    name: str
    stage: Stage
    upstream: tuple[str, ...]
    files: tuple[str, ...]
    description: str
    kinds: tuple[str, ...]
    fields: tuple[str, ...]
    per_batch: bool = False
    reads_champion: bool = False
    one_at_a_time: bool = False
    per_day: bool = False
    measured: bool = False
    looks_at: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[DvcPlot, ...] = ()

    @property
    def is_partitioned(self) -> bool:
        """Whether there is one folder a batch or a day."""
        return self.per_batch or self.per_day

    @property
    def is_report(self) -> bool:
        return "report.html" in self.files
