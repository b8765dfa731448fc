"""A release's answers for every row of a Parquet file, as a Parquet file.

Belongs here: reading, asking and writing side by side, in bounded memory. Does not belong here: how
columns become tensors (``input_columns.py``) and answers columns (``answer_columns.py``), or which
release is asked about which file (``assets.py``, ``cli_predict.py``).
"""

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.parquet_files import GROUP_ROWS, ChunkWriter
from mlops_assets.prediction.answer_columns import answer_schema, answer_table
from mlops_assets.prediction.answer_figures import AnswerFigures
from mlops_assets.prediction.envelope_chunks import outside_rows
from mlops_assets.prediction.input_columns import (
    ModelInput,
    is_text,
    model_inputs,
    require_inputs,
    to_tensors,
)
from mlops_assets.prediction.progress import Progress
from mlops_assets.serving.columns import InputError, checked_column
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.release import released_model

CHUNK_ROWS = 16_384
"""Rows that are read, asked about and written at a time."""
MOST_THREADS = 4
"""Each needs memory of its own."""
READ_BUFFER = 1 << 18
"""Bytes of each column that are read at a time."""


def score_parquet(
    bundle: Path,
    source: Path,
    target: Path,
    *,
    row_id: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Ask the release in the folder ``bundle`` about every row of the Parquet file ``source``, and
    write its answers to ``target`` in the order of the rows, in the columns of
    ``answer_columns.py``. Returns their figures (see ``AnswerFigures.to_dict``).

    ``source`` has a column for each input of the model, as the cleaned dataset does; others are
    not read, but for the one that ``row_id`` names. ``threads`` chunks are asked about side by
    side (by default one a processor, at most ``MOST_THREADS``), and the bytes are the same whatever
    their number. Memory is bounded by a few chunks and
    two row groups of the target. The file appears once it is whole; ``progress`` is called a chunk
    at a time.

    Raises ``BatchError`` naming the file and the column where the file cannot be read, a column is
    missing or of another type, or holds what the model cannot be asked about.
    """
    inputs = model_inputs(bundle)
    scorer = _Scorer(bundle, inputs, row_id, source.name)
    scorer.require(_schema(source))
    at_once = threads or min(os.cpu_count() or 1, MOST_THREADS)
    unfinished = target.with_name(f".{target.name}.part")
    try:
        with (
            threadpool_limits(1, "blas"),
            _opened(source, inputs) as file,
            ChunkWriter(scorer.schema, unfinished) as writer,
        ):
            rows = file.metadata.num_rows
            figures, done = AnswerFigures(scorer.schema), 0
            for answers in _side_by_side(scorer.answer, scorer.chunks(file), at_once):
                writer.write(answers)
                figures.add(answers)
                done += answers.num_rows
                if progress is not None:
                    progress(done, rows)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return figures.to_dict()


def column_names(source: Path) -> tuple[str, ...]:
    """The columns of a Parquet file. Raises ``BatchError`` where it cannot be read."""
    return tuple(_schema(source).names)


def _schema(source: Path) -> pa.Schema:
    try:
        return pq.read_schema(source)
    except (pa.ArrowException, OSError) as problem:
        raise BatchError(_unreadable(source.name, problem)) from None


class _Scorer:
    """What a chunk of rows becomes, in whatever thread."""

    def __init__(
        self, bundle: Path, inputs: tuple[ModelInput, ...], row_id: str | None, file: str
    ) -> None:
        self._inputs, self._row_id, self._file = inputs, row_id, file
        self._predictor = Predictor(released_model(bundle))
        envelope = bundle / "envelope.json"
        self._envelope = json.loads(envelope.read_bytes()) if envelope.is_file() else None
        self.schema = answer_schema(bundle, with_row_id=row_id is not None)

    def require(self, schema: pa.Schema) -> None:
        require_inputs(schema, self._inputs, self._file)
        if self._row_id is None:
            return
        found = [schema.field(place).type for place in schema.get_all_field_indices(self._row_id)]
        if len(found) != 1 or not (is_text(found[0]) or pa.types.is_integer(found[0])):
            raise BatchError(
                f"{self._file}: column {self._row_id!r}, which serving.row_id names, has to be "
                "there once, as text or integers: add it, or declare another"
            )

    def chunks(self, file: Any) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Each chunk with the number of the rows before it."""
        names = dict.fromkeys([*(given.name for given in self._inputs), self._row_id or ""])
        first = 0
        try:
            for groups in _row_groups(file.metadata):
                for chunk in file.iter_batches(CHUNK_ROWS, groups, [n for n in names if n]):
                    yield first, chunk
                    first += chunk.num_rows
        except (pa.ArrowException, OSError) as problem:
            raise BatchError(_unreadable(self._file, problem)) from None

    def answer(self, numbered: tuple[int, pa.RecordBatch]) -> pa.Table:
        first, chunk = numbered
        try:
            tensors = to_tensors(chunk, self._inputs)
            outputs = self._predictor.score(self._checked(tensors))
        except InputError as problem:
            last = first + chunk.num_rows
            raise BatchError(f"{self._file}, rows {first} to {last - 1}: {problem}") from None
        outside = None
        if self._envelope is not None:
            outside = outside_rows(self._envelope, chunk, tensors, self._inputs)
        ids = None if self._row_id is None else chunk.column(self._row_id).cast(pa.string())
        return answer_table(outputs, outside, ids, self.schema)

    def _checked(self, tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The tensors as ``[n, 1]``; texts that Arrow decoded need no further check."""
        kinds = self._predictor.signature
        return {
            name: values[:, None]
            if kinds[name] == "string"
            else checked_column(name, kinds[name], values)
            for name, values in tensors.items()
        }


def _opened(source: Path, inputs: Iterable[ModelInput]) -> Any:
    return pq.ParquetFile(
        source,
        read_dictionary=[given.name for given in inputs if given.is_text],
        buffer_size=READ_BUFFER,
        page_checksum_verification=True,
    )


def _row_groups(metadata: pq.FileMetaData) -> Iterator[list[int]]:
    """The row groups to be read in one go: one, or as many small ones as come to as many rows. What
    pyarrow has decoded it lets go of at the end of a go, not at that of a group."""
    together: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        together.append(group)
        rows += metadata.row_group(group).num_rows
        if rows >= GROUP_ROWS:
            yield together
            together, rows = [], 0
    if together:
        yield together


def _unreadable(file: str, problem: Exception) -> str:
    return f"{file}: cannot be read as Parquet ({type(problem).__name__}): write it again"


def _side_by_side(
    answer: Callable[[Any], pa.Table], chunks: Iterable[Any], threads: int
) -> Iterator[pa.Table]:
    """The answers in the order of the chunks; as many wait as there are threads, and one more."""
    waiting: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for chunk in chunks:
            waiting.append(pool.submit(answer, chunk))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
