"""What a model answers as the columns of a Parquet file, and those columns as answers again.

Belongs here: the columns of ``predictions``, written and read. Does not belong here: asking the
model (``scoring.py``), or what the answers come to (``answer_figures.py``).

The columns are ``row_id`` where there is one (text, as the prediction log has it), then ``label``
and a float32 ``probability.<class>`` for each class, or float32 ``prediction``, ``lower`` and
``upper``, then ``outside_envelope``: null where the release has no envelope.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_assets.answers import INTERVAL_ANSWERS, Answers
from mlops_assets.data.parquet_files import read_chunks

ROW_ID, LABEL, OUTSIDE = "row_id", "label", "outside_envelope"
PROBABILITY = "probability."


def answer_schema(bundle: Path, *, with_row_id: bool) -> pa.Schema:
    """The columns in which the release in the folder ``bundle`` answers."""
    outputs = json.loads((bundle / "signature.json").read_bytes())["outputs"]
    fields = [(ROW_ID, pa.string())] if with_row_id else []
    for output in outputs:
        match output["name"]:
            case "label":
                is_text = output["datatype"] == "BYTES"
                fields.append((LABEL, pa.string() if is_text else pa.int64()))
            case "probabilities":
                fields += [(PROBABILITY + name, pa.float32()) for name in output["classes"]]
            case "prediction":
                fields += [(name, pa.float32()) for name in INTERVAL_ANSWERS]
    return pa.schema([*fields, (OUTSIDE, pa.bool_())])


def answer_table(
    outputs: Mapping[str, NDArray[Any]],
    outside: NDArray[np.bool_] | None,
    row_ids: pa.Array | None,
    schema: pa.Schema,
) -> pa.Table:
    """The ``outputs`` of ``n`` rows (as ``Predictor.predict`` gives them) in the columns of
    ``schema``; ``outside`` says which rows are outside the envelope, where that is known."""
    if "probabilities" in outputs:
        numbers = outputs["probabilities"]
        answered: list[Any] = [pa.array(outputs["label"], schema.field(LABEL).type)]
    else:
        numbers = np.column_stack([outputs["prediction"], outputs["interval"]])
        answered = []
    # A column of a matrix is no array to Arrow: its values have to lie side by side.
    answered += [pa.array(np.ascontiguousarray(numbers[:, k])) for k in range(numbers.shape[1])]
    known = pa.nulls(len(numbers), pa.bool_()) if outside is None else pa.array(outside)
    ids = [] if row_ids is None else [row_ids]
    return pa.Table.from_arrays([*ids, *answered, known], schema=schema)


def read_answers(path: Path) -> Answers:
    """The answers ``[n, k]`` (see ``mlops_assets.answers``) in a file of predictions, the same to
    the last digit as the model gave them."""
    return np.concatenate([*answer_chunks(path)])


def answer_chunks(path: Path) -> Iterator[Answers]:
    """The same in chunks of at most 131,072 rows, and at least one, be it empty."""
    names = pq.read_schema(path).names
    found = [name for name in names if name.startswith(PROBABILITY)]
    wanted = found[1:] if len(found) == 2 else found or list(INTERVAL_ANSWERS)
    yield np.empty((0, len(wanted)))
    for chunk in read_chunks(path, wanted):
        columns = [column.to_numpy().astype(np.float64) for column in chunk.select(wanted).columns]
        yield np.stack(columns, axis=1)
