"""Labels that arrived later, joined to what the variants answered.

Belongs here: one batch of cleaned rows at a time, as losses. Does not belong here: reading the log
(``answered.py``), or which rows of an entity count (``units.py``).

A row counts where it is first found: what is delivered again in another batch joins nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.ab_test.answered import UNKNOWN, Answered, Arrays, concatenated, id_hashes
from mlops_assets.ab_test.units import LabelledRows
from mlops_assets.answers import Answers, Labels, row_losses
from mlops_assets.data.labels import encode_labels
from mlops_assets.serving.traffic_plan import Mode
from mlops_assets.target_declaration import Target

KINDS = (np.uint64, np.int64, np.bool_, np.float64)
SAMPLE_ROWS = 50_000
"""Labelled rows of each variant that its metrics are computed on."""


@dataclass
class Sample:
    """The first labelled rows of a variant, and the sum of all losses."""

    labelled: int = 0
    loss: float = 0.0
    labels: list[Labels] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)
    kept: int = 0

    def add(self, labels: Labels, answers: Answers, losses: NDArray[np.float64]) -> None:
        self.labelled += len(labels)
        self.loss += float(losses.sum())
        more = min(SAMPLE_ROWS - self.kept, len(labels))
        if more > 0:
            self.labels.append(labels[:more])
            self.answers.append(answers[:more])
            self.kept += more


@dataclass(frozen=True)
class Comparison:
    """A test under comparison: the ``target`` and how its rows were divided, the answers of
    ``champion`` and ``challenger``, the columns of row and entity in the cleaned rows, the variance
    of the labels (of a regression), and what is gathered of each variant."""

    mode: Mode
    target: Target
    champion: Answered
    challenger: Answered
    row_id: str
    entity_id: str | None
    variance: float
    samples: tuple[Sample, Sample] = field(default_factory=lambda: (Sample(), Sample()))

    @property
    def columns(self) -> list[str]:
        """Those of the cleaned rows that are needed."""
        names = (self.row_id, self.entity_id, self.target.column)
        return list(dict.fromkeys(name for name in names if name is not None))


def labelled_rows(chunks: Iterable[pa.Table], comparison: Comparison) -> LabelledRows:
    """The rows of a batch that were answered and have a label, once each. ``chunks`` have the
    ``columns`` of the comparison. What is found is marked in its ``Answered``.

    Raises ``BatchError`` for a label that is none of the target's.
    """
    parts: list[Arrays] = [(*(np.empty(0, kind) for kind in KINDS), np.empty((0, 2)))]
    parts += [_of_chunk(chunk, comparison) for chunk in chunks]
    entities, times, by_challenger, shares, losses = concatenated(parts)
    return LabelledRows(entities, times, by_challenger, shares, losses)


def _of_chunk(chunk: pa.Table, comparison: Comparison) -> Arrays:
    """The arrays of ``LabelledRows`` in their order."""
    chunk = chunk.filter(pc.is_valid(chunk.column(comparison.row_id)))
    keys = id_hashes(chunk.column(comparison.row_id))
    # An id twice in a chunk: which row was asked about is not known, and the first is taken.
    first = np.sort(np.unique(keys, return_index=True)[1])
    chunk, keys = chunk.take(pa.array(first)), keys[first]
    champion, challenger = comparison.champion, comparison.challenger
    places = np.stack([champion.places(keys), challenger.places(keys)], axis=1)
    logs = (champion, challenger)
    for variant, log in enumerate(logs):
        found = places[:, variant] >= 0
        seen = np.zeros(len(keys), np.bool_)
        seen[found] = log.joined[places[found, variant]]
        places[seen, variant] = -1
        log.joined[places[places[:, variant] >= 0, variant]] = True
    rows = np.flatnonzero((places >= 0).any(axis=1))
    chunk, places, keys = chunk.take(pa.array(rows)), places[rows], keys[rows]
    entities = _entities(chunk, comparison, keys, places)
    is_labelled = np.asarray(pc.is_valid(chunk.column(comparison.target.column)), np.bool_)
    for variant, log in enumerate(logs):
        log.labelled[places[is_labelled & (places[:, variant] >= 0), variant]] = True
    chunk, places = chunk.filter(pa.array(is_labelled)), places[is_labelled]
    values: pd.Series = chunk.column(comparison.target.column).to_pandas()
    labels = encode_labels(values, comparison.target)
    return _with_losses(labels, entities[is_labelled], places, comparison)


def _entities(
    chunk: pa.Table,
    comparison: Comparison,
    keys: NDArray[np.uint64],
    places: NDArray[np.int64],
) -> NDArray[np.uint64]:
    """The entity of each row: as the log has it, or else as the cleaned rows have it, which is then
    known to the log as well; one of its own where neither says."""
    if comparison.entity_id is None:
        return keys
    column = chunk.column(comparison.entity_id).cast(pa.string())
    entities = keys.copy()
    known = np.asarray(pc.is_valid(column), np.bool_)
    entities[known] = id_hashes(column.drop_null())
    for variant, log in enumerate((comparison.champion, comparison.challenger)):
        found = np.flatnonzero(places[:, variant] >= 0)
        at = places[found, variant]
        unknown = log.entities[at] == UNKNOWN
        log.entities[at[unknown]] = entities[found[unknown]]
        entities[found] = log.entities[at]
    return entities


def _with_losses(
    labels: Labels,
    entities: NDArray[np.uint64],
    places: NDArray[np.int64],
    comparison: Comparison,
) -> Arrays:
    logs = (comparison.champion, comparison.challenger)
    found = places >= 0
    never = np.iinfo(np.int64).max
    times = np.full(places.shape, never)
    shares = np.zeros(places.shape)
    losses = np.full(places.shape, np.nan)
    task = comparison.target.task
    for variant, log in enumerate(logs):
        rows = np.flatnonzero(found[:, variant])
        at = places[rows, variant]
        answers = log.answers[at].astype(np.float64)
        times[rows, variant], shares[rows, variant] = log.times[at], log.shares[at]
        losses[rows, variant] = row_losses(task, labels[rows], answers, comparison.variance)
        comparison.samples[variant].add(labels[rows], answers, losses[rows, variant])
    # Of a row that both answered in turn, the first answer counts.
    by_challenger = times[:, 1] < times[:, 0]
    keep = found.all(axis=1) if comparison.mode == "shadow" else found.any(axis=1)
    if comparison.mode == "shadow":
        by_challenger = np.zeros(len(labels), np.bool_)
    chosen = by_challenger.astype(np.int64)
    lines = np.arange(len(labels))
    return (
        entities[keep],
        times[lines, chosen][keep],
        by_challenger[keep],
        shares[lines, chosen][keep],
        losses[keep],
    )
