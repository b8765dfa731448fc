"""What was answered beside what turned out: logged answers joined to cleaned rows by their id.

Belongs here: finding the answers of given rows in the log of many days, and the join. Does not
belong here: which days there are (``logged_days.py``), how a day is taken in (``day_log.py``), or
what is concluded from labels (``monitoring/``, ``ab_test/``).

An id that was asked about more than once counts once: the latest answer (by time, then instance and
sequence) wins, for that is what its caller last acted on.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_assets.data.parquet_files import GROUP_ROWS, read_chunks
from mlops_assets.data.row_hashes import Hashes, text_hashes

ORDER = ("time", "instance", "sequence")
CLEANED = "cleaned."
"""What the columns of cleaned rows are called by when they stand beside those of the log."""

_NO_ANSWERS = pa.schema(
    [
        ("time", pa.timestamp("us", "UTC")),
        ("row_id", pa.string()),
        ("release", pa.string()),
        ("variant", pa.string()),
        ("answered", pa.bool_()),
        ("instance", pa.string()),
        ("sequence", pa.int64()),
    ]
).empty_table()


def joined(answers: pa.Table, cleaned: pa.Table, row_id: str, by: Sequence[str] = ()) -> pa.Table:
    """Each cleaned row that was answered, beside its answer, in the order of ``cleaned``.

    ``answers`` has columns of the log, ``row_id``, ``time``, ``instance`` and ``sequence`` among
    them; ``cleaned`` has the column ``row_id`` names (text or integer). The result has all columns
    of ``answers``, then those of ``cleaned`` as ``cleaned.<column>``. The latest answer of an id
    wins; with ``by``, columns of ``answers`` such as ``("variant",)``, the latest of each of their
    values (at most one row of the result for each). An id that several cleaned rows have joins
    none of them: which one was asked about is not known. Answers without an id join nothing. Where
    the ids are pseudonyms, both sides must have been made with the same key.

    Raises ``KeyError`` for a column that is not there.
    """
    latest = latest_of(answers, by)
    keys = id_texts(cleaned.column(row_id))
    counts = pc.value_counts(keys)
    alone = counts.field("values").filter(pc.equal(counts.field("counts"), 1))
    place = pc.index_in(latest.column("row_id"), value_set=alone.drop_null())
    latest = latest.filter(pc.is_valid(place))
    where = pc.index_in(latest.column("row_id"), value_set=keys).to_numpy()
    order = np.lexsort((np.arange(len(where)), where))
    latest, found = latest.take(pa.array(order)), cleaned.take(pa.array(where[order]))
    for name in cleaned.column_names:
        latest = latest.append_column(CLEANED + name, found.column(name))
    return latest


def latest_answers(
    files: Iterable[Path],
    row_ids: pa.ChunkedArray | pa.Array,
    *,
    columns: Sequence[str] | None = None,
    by: Sequence[str] = (),
    shadows: bool = False,
    releases: Sequence[str] | None = None,
) -> pa.Table:
    """The latest answer of each of ``row_ids`` (text or integer) in the log's ``files``, at most
    one an id, or one an id and value of ``by``; the order is that of the log.

    ``columns`` are those wanted beside ``row_id``, ``time``, ``instance``, ``sequence``,
    ``release``, ``variant``, ``answered`` and ``by``; all where ``None``; null where a file has no
    such column, and absent where none has. ``shadows`` takes in what was scored and never answered.
    ``releases`` keeps the answers of these alone. Memory is bounded by the number of
    ids, and by a chunk of the log.
    """
    wanted = np.unique(_hashes(id_texts(row_ids).drop_null()))
    kept: list[pa.Table] = []
    rows = 0
    for chunk in read_answers(files, columns, by, shadows=shadows, releases=releases):
        found = chunk.filter(pa.array(_among(chunk.column("row_id"), wanted)))
        kept.append(found)
        rows += found.num_rows
        if rows > 2 * GROUP_ROWS:
            kept = [latest_of(_concatenated(kept), by)]
            # Only what comes on top of the ids kept so far is to be looked at again.
            rows = 0
    return latest_of(_concatenated([_NO_ANSWERS, *kept]), by)


def read_answers(
    files: Iterable[Path],
    columns: Sequence[str] | None = None,
    by: Sequence[str] = (),
    *,
    shadows: bool = False,
    releases: Sequence[str] | None = None,
) -> Iterator[pa.Table]:
    """The log's ``files`` in chunks of at most 131,072 rows, rows with an id alone."""
    for path in files:
        present = pq.read_schema(path).names
        wanted = None
        if columns is not None:
            needed = {"row_id", "answered", "release", "variant", *ORDER, *by, *columns}
            wanted = [name for name in present if name in needed]
        for chunk in read_chunks(path, wanted):
            keep = pc.is_valid(chunk.column("row_id"))
            if not shadows:
                keep = pc.and_(keep, chunk.column("answered"))
            if releases is not None:
                keep = pc.and_(
                    keep, pc.is_in(chunk.column("release"), pa.array(releases, pa.string()))
                )
            yield chunk.filter(keep)


def latest_of(answers: pa.Table, by: Sequence[str] = ()) -> pa.Table:
    """The latest row of each id, and of each value of ``by``; in the order of time."""
    answers = answers.filter(pc.is_valid(answers.column("row_id")))
    order = pc.sort_indices(answers, sort_keys=[(name, "ascending") for name in ORDER])
    answers = answers.take(order)
    keys = [answers.column(name) for name in ("row_id", *by)]
    numbered = pa.table([*keys, pa.array(np.arange(answers.num_rows))], _names(len(keys)))
    last = numbered.group_by(_names(len(keys))[:-1], use_threads=False).aggregate([("at", "max")])
    return answers.take(pa.array(np.sort(last.column("at_max").to_numpy())))


def id_texts(ids: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """Ids as the log has them: texts."""
    chunks = ids.chunks if isinstance(ids, pa.ChunkedArray) else [ids]
    return pa.chunked_array([chunk.cast(pa.string()) for chunk in chunks], pa.string())


def _names(keys: int) -> list[str]:
    return [*(f"key {position}" for position in range(keys)), "at"]


def _hashes(ids: pa.ChunkedArray) -> Hashes:
    parts = [
        text_hashes(chunk.slice(start, GROUP_ROWS))
        for chunk in ids.chunks
        for start in range(0, len(chunk), GROUP_ROWS)
    ]
    return np.concatenate([np.empty(0, np.uint64), *parts])


def _among(ids: pa.ChunkedArray, wanted: Hashes) -> NDArray[np.bool_]:
    """Which ids have a hash of ``wanted`` (sorted): a table of ten million texts need not be built
    again for each chunk. Two ids share one with probability 2**-64, and the join compares texts."""
    hashes = _hashes(ids)
    if not len(wanted):
        return np.zeros(len(hashes), np.bool_)
    places = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
    return np.asarray(wanted[places] == hashes)


def _concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """Releases may have other inputs: what one has not is null in its rows."""
    return pa.concat_tables(tables, promote_options="permissive")
