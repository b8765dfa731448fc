"""What the two variants of a test answered, in arrays that fit in memory.

Belongs here: reading a variant's answers from the log of many days, and finding them by the id of a
row. Does not belong here: how the log is taken in (``traffic/day_log.py``), labels
(``joining.py``), or what is concluded.

Of an answer about 50 bytes are kept (more with many classes): hashes of row id and entity (64 bits:
two ids share one with probability 2**-64), the time, the share of that time, and the answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_assets.ab_test.experiments import Experiment
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.parquet_files import read_chunks
from mlops_assets.data.row_hashes import text_hashes
from mlops_assets.serving.answered import Variant
from mlops_assets.target_declaration import Target

UNKNOWN = np.uint64(0)
Arrays = tuple[NDArray[Any], ...]
"""Of some answers: keys, times, shares, latencies, outside, entities and answers."""
INSIDE, OUTSIDE, NOT_KNOWN = 0, 1, -1


@dataclass
class Answered:
    """A variant's answers, the first of each row id, sorted by ``keys`` (the hash of the id).

    ``[n]``: ``times`` in microseconds since 1970, ``shares`` of the challenger at that time,
    ``latencies`` in ms, ``outside`` the envelope (1, 0, or -1 where not known), ``entities``
    (hashes, 0 where not known), ``joined`` to a cleaned row, ``labelled`` with an outcome.
    ``answers`` ``[n, k]`` as in ``mlops_assets.answers``.
    """

    keys: NDArray[np.uint64]
    times: NDArray[np.int64]
    shares: NDArray[np.float32]
    latencies: NDArray[np.float32]
    outside: NDArray[np.int8]
    entities: NDArray[np.uint64]
    answers: NDArray[np.float32]
    without_id: int
    repeated: int
    outside_test: int
    """Rows without an id; more answers to the same id; answers before, after or while a change of
    the share was settling."""
    joined: NDArray[np.bool_] = field(init=False)
    labelled: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.joined = np.zeros(len(self.keys), np.bool_)
        self.labelled = np.zeros(len(self.keys), np.bool_)

    def __len__(self) -> int:
        return len(self.keys)

    def places(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where each of ``keys`` is, int64 ``[m]``; -1 where it is not."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1).astype(np.int64)


def read_variant(
    files: Iterable[Path],
    experiment: Experiment,
    variant: Variant,
    target: Target,
    entity_column: str | None,
) -> Answered:
    """The answers of ``variant`` in the test, from the days' ``files`` of its release.

    ``entity_column`` is the logged column that holds the entity, ``None`` where each row is one. A
    file that has no such column leaves the entities unknown. Raises ``BatchError`` for answers that
    are not of ``target``.
    """
    parts: list[Arrays] = []
    without_id = outside_test = 0
    for path in files:
        for chunk in _chunks(path, target, entity_column):
            own = pc.and_(
                pc.equal(chunk.column("experiment"), experiment.id),
                pc.equal(chunk.column("variant"), variant),
            )
            chunk = chunk.filter(own)
            named = chunk.filter(pc.is_valid(chunk.column("row_id")))
            without_id += chunk.num_rows - named.num_rows
            part = _arrays(named, experiment, target, entity_column, path)
            under_way = part[2] > 0.0
            outside_test += int((~under_way).sum())
            parts.append(tuple(array[under_way] for array in part))
    widths = {"binary": 1, "multiclass": len(target.class_names), "regression": 3}
    parts.append(_no_arrays(widths[target.task]))
    columns = concatenated(parts)
    order = np.lexsort((columns[1], columns[0]))
    keys = columns[0][order]
    is_first = np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]
    order = order[is_first]
    repeated = len(keys) - len(order)
    del keys, is_first
    fields = ("keys", "times", "shares", "latencies", "outside", "entities", "answers")
    # The first one is taken and let go, so that no more than one is there twice.
    kept = {name: columns.pop(0)[order] for name in fields}
    counts = {"without_id": without_id, "repeated": repeated, "outside_test": outside_test}
    return Answered(**kept, **counts)  # type: ignore[arg-type]


def concatenated(parts: list[Arrays]) -> list[NDArray[Any]]:
    """Each array of all ``parts`` joined, and ``parts`` emptied: one array is held twice at a time,
    and not all of them."""
    columns = [[part[place] for part in parts] for place in range(len(parts[0]))]
    parts.clear()
    return [np.concatenate(columns.pop(0)) for _ in range(len(columns))]


def id_hashes(ids: pa.ChunkedArray | pa.Array) -> NDArray[np.uint64]:
    """A hash of each id, which has no null, as the log has it: as text."""
    chunks = ids.chunks if isinstance(ids, pa.ChunkedArray) else [ids]
    parts = [text_hashes(chunk.cast(pa.string())) for chunk in chunks]
    return np.concatenate([np.empty(0, np.uint64), *parts])


def _chunks(path: Path, target: Target, entity_column: str | None) -> Iterable[pa.Table]:
    regression = ("output.prediction", "output.interval")
    outputs = regression if target.task == "regression" else ("output.probabilities",)
    present = pq.read_schema(path).names
    wanted = ["time", "row_id", "variant", "experiment", "latency_ms", "outside_envelope", *outputs]
    missing = [name for name in wanted if name not in present]
    if missing:
        raise BatchError(
            f"{path.parent.name}/{path.name}: the log lacks {missing}, so that it is no log of "
            f"answers to a {target.task} task"
        )
    entity = f"input.{entity_column}"
    return read_chunks(path, [*wanted, *([entity] if entity in present else [])])


def _arrays(
    rows: pa.Table, experiment: Experiment, target: Target, entity_column: str | None, path: Path
) -> Arrays:
    keys = id_hashes(rows.column("row_id"))
    times = rows.column("time").cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    outside = pc.fill_null(rows.column("outside_envelope").cast(pa.int8()), NOT_KNOWN)
    entities = keys if entity_column is None else np.full(len(keys), UNKNOWN)
    name = f"input.{entity_column}"
    if entity_column is not None and name in rows.column_names:
        column = rows.column(name).cast(pa.string())
        known = np.asarray(pc.is_valid(column))
        entities[known] = id_hashes(column.drop_null())
    return (
        keys,
        times.astype(np.int64),
        experiment.shares_at(times).astype(np.float32),
        rows.column("latency_ms").to_numpy().astype(np.float32),
        outside.to_numpy().astype(np.int8),
        entities,
        _answers(rows, target, path),
    )


def _answers(rows: pa.Table, target: Target, path: Path) -> NDArray[np.float32]:
    if target.task == "regression":
        prediction: NDArray[np.float32] = rows.column("output.prediction").to_numpy()
        interval = _lists(rows, "output.interval", 2, path)
        return np.concatenate([prediction.astype(np.float32)[:, None], interval], axis=1)
    answers = _lists(rows, "output.probabilities", len(target.class_names), path)
    return answers[:, 1:] if target.task == "binary" else answers


def _lists(rows: pa.Table, column: str, width: int, path: Path) -> NDArray[np.float32]:
    listed = rows.column(column).combine_chunks()
    flat: NDArray[np.float32] = listed.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    if listed.null_count or len(flat) != width * rows.num_rows:
        raise BatchError(
            f"{path.parent.name}/{path.name}: column {column!r} does not hold the {width} numbers "
            "of an answer to the target that is declared now"
        )
    return flat.reshape(-1, width)


def _no_arrays(width: int) -> Arrays:
    kinds = (np.uint64, np.int64, np.float32, np.float32, np.int8, np.uint64)
    return (*(np.empty(0, kind) for kind in kinds), np.empty((0, width), np.float32))
