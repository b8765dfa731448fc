"""Answers that are kept apart read as one, in the order of time, in bounded memory.

Belongs here: that order, and the errors of files that cannot be read. Does not belong here: where
answers are kept (``answer_sources.py``), or what is made of the rows (``day_log.py``).

The order is that of time, then instance and sequence. A row that is there twice, as after a crash
between writing a file and forgetting its journal, comes once. Row groups are read by their earliest
time, a database in the order of time, and what is earlier than all that is yet to be read is
complete: the sweep line of
M. Shamos and D. Hoey ("Geometric intersection problems", 1976) over intervals of time.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.parquet_files import GROUP_ROWS, open_parquet
from mlops_assets.traffic.joining import ORDER

BEFORE_ALL = -(2**63)

Part = tuple[pa.Table, int | None]
"""Rows, and the time (microseconds since 1970) that none of those after them is earlier than;
``None`` where none come after them."""


def in_order(sources: Sequence[Iterator[Part]], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of all sources in the order of the log, each once, with the columns of ``schema``;
    null where a source has not the column."""
    waiting, rows, enough = [schema.empty_table()], 0, GROUP_ROWS
    for part, bound in _swept(sources):
        waiting.append(_as(part, schema))
        rows += part.num_rows
        if rows < enough or bound is None:
            continue
        merged = _sorted(pa.concat_tables(waiting))
        times = merged.column("time").cast(pa.int64()).to_numpy()
        ready = int(np.searchsorted(times, bound, side="left"))
        if ready:
            yield _without_repeats(merged.slice(0, ready))
        waiting, rows = [merged.slice(ready)], merged.num_rows - ready
        # Sorting what waits again and again would not be linear where much overlaps.
        enough = max(GROUP_ROWS, 2 * rows)
    if rows:
        yield _without_repeats(_sorted(pa.concat_tables(waiting)))


def file_parts(paths: Sequence[Path], day: str) -> Iterator[Part]:
    """The row groups of files, by their earliest time."""
    groups = sorted(_row_groups(paths, day))
    following = [*(earliest for earliest, _, _ in groups[1:]), None]
    for (_, path, group), bound in zip(groups, following, strict=False):
        with _readable(path, day), open_parquet(path) as file:
            rows = file.read_row_group(group)
        yield rows, bound


def sorted_parts(tables: Iterable[pa.Table]) -> Iterator[Part]:
    """Tables whose rows are in the order of time."""
    for rows in tables:
        yield rows, pc.max(rows.column("time")).value


def _swept(sources: Sequence[Iterator[Part]]) -> Iterator[Part]:
    """The parts of all sources, always of the one that holds up the others."""
    bounds = dict.fromkeys(range(len(sources)), BEFORE_ALL)
    while bounds:
        behind = min(bounds, key=lambda source: bounds[source])
        rows, bound = next(sources[behind], (None, None))
        if bound is None:
            del bounds[behind]
        else:
            bounds[behind] = bound
        if rows is not None:
            yield rows, min(bounds.values(), default=None)


def common_schema(paths: Sequence[Path], day: str) -> pa.Schema:
    """The columns of all files; raises ``BatchError`` naming a file whose types are others."""
    schema = pa.schema([])
    for path in paths:
        with _readable(path, day):
            found = pq.read_schema(path).remove_metadata()
            schema = pa.unify_schemas([schema, found], promote_options="permissive")
    return schema


@contextmanager
def _readable(path: Path, day: str) -> Iterator[None]:
    """Raises ``BatchError`` in place of what reading the damaged file ``path`` raises."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise BatchError(
            f"served/answers/{day}/{path.parent.name}/{path.name}: cannot be read as answers "
            f"({type(error).__name__}): bring it back from a backup, or move it away, which the "
            "check no_answer_was_lost will then say"
        ) from error


def _row_groups(paths: Sequence[Path], day: str) -> Iterator[tuple[int, Path, int]]:
    """Earliest time (microseconds since 1970), file and position of each row group."""
    for path in paths:
        with _readable(path, day), open_parquet(path) as file:
            leaves = file.metadata.schema
            column = [leaves.column(n).path for n in range(len(leaves))].index("time")
            for group in range(file.num_row_groups):
                statistics = file.metadata.row_group(group).column(column).statistics
                if statistics is not None and statistics.has_min_max:
                    earliest = pa.scalar(statistics.min, pa.timestamp("us", "UTC"))
                else:
                    times = file.read_row_group(group, columns=["time"]).column("time")
                    earliest = pc.min(times)
                if earliest.is_valid:
                    yield earliest.value, path, group


def _as(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table(
        [
            rows.column(field.name).cast(field.type)
            if field.name in rows.column_names
            else pa.nulls(rows.num_rows, field.type)
            for field in schema
        ],
        schema=schema,
    )


def _sorted(rows: pa.Table) -> pa.Table:
    by = [(name, "ascending") for name in ORDER]
    return rows.take(pc.sort_indices(rows, sort_keys=by))


def _without_repeats(rows: pa.Table) -> pa.Table:
    """Sorted rows without those whose instance and sequence are those of the row before: a row
    has one time, so that it stands beside itself."""
    same = np.ones(max(rows.num_rows - 1, 0), np.bool_)
    for name in ORDER:
        values = rows.column(name).combine_chunks()
        same &= pc.equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
    if not same.any():
        return rows
    return rows.filter(pa.array(np.concatenate([[True], ~same])))
