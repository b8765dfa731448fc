"""Which rows of a chunk are outside a release's input envelope, each distinct category judged once.

Belongs here: the verdict of ``serving/envelope.py`` on columns of a Parquet file, where a category
has few values and many rows: taken row by row, its values would hold up all threads. Does not
belong here: what an envelope is, and the verdict on rows that were sent (``serving/envelope.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.prediction.input_columns import ModelInput, distinct_values
from mlops_assets.serving.envelope import Envelope, outside_alone, positions


def outside_rows(
    envelope: Envelope,
    chunk: pa.Table | pa.RecordBatch,
    tensors: Mapping[str, NDArray[Any]],
    inputs: Sequence[ModelInput],
) -> NDArray[np.bool_]:
    """Which of the ``n`` rows of ``chunk`` are outside, bool ``[n]``, as
    ``serving.envelope.outside_envelope`` says of their ``tensors``."""
    by_name = {given.name: given for given in inputs}
    outside = np.zeros(chunk.num_rows, np.bool_)
    places = np.zeros((chunk.num_rows, len(envelope["columns"])))
    for position, one in enumerate(envelope["columns"]):
        alone: dict[str, Any] = {"columns": [one]}
        if one["kind"] == "category":
            values, codes = distinct_values(chunk, by_name[one["name"]])
        else:
            values, codes = tensors[one["name"]], None
        column = {one["name"]: values}
        found, place = outside_alone(alone, column), positions(alone, column)[:, 0]
        outside |= found if codes is None else found[codes]
        places[:, position] = place if codes is None else place[codes]
    joint = envelope["joint"]
    if joint["limit"] is None:
        return outside
    apart = places - np.array(joint["mean"])
    squares = ((apart @ np.array(joint["precision"])) * apart).sum(axis=1)
    return np.asarray(outside | (np.sqrt(np.maximum(squares, 0.0)) > joint["limit"]))
