"""Which tensor a raw column travels as, and a cleaned frame as such tensors.

Belongs here: the one mapping from column types to tensors, shared by the graph and by everything
that scores a frame. Does not belong here: what the graph does with them (``onnx_graph.py``), nor
checking what a stranger sent (``serving/predictor.py``).
"""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column

TensorType = Literal["string", "double", "int64", "bool"]


def tensor_type(column: Column) -> TensorType:
    """The element type of a column's ``[n, 1]`` tensor.

    Only strings and doubles have a value for missing (the empty string, NaN), so that a nullable
    integer or boolean travels as double. A timestamp is int64 microseconds since 1970.
    """
    match column.type:
        case "string":
            return "string"
        case "number":
            return "double"
        case "integer":
            return "double" if column.nullable else "int64"
        case "boolean":
            return "double" if column.nullable else "bool"
        case "timestamp":
            return "int64"


def to_tensors(rows: pd.DataFrame, columns: dict[str, Column]) -> dict[str, NDArray[Any]]:
    """Every column of ``columns`` as a ``[n, 1]`` tensor of its type.

    ``rows`` is a cleaned frame with at least these columns. Raises ``ValueError`` naming the column
    where one has missing values that its tensor cannot hold.
    """
    return {name: _to_tensor(name, rows[name], columns[name])[:, None] for name in columns}


def _to_tensor(name: str, values: pd.Series, column: Column) -> NDArray[Any]:
    kind = tensor_type(column)
    if kind == "string":
        return values.to_numpy(dtype=object, na_value="")
    if kind == "double":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if values.isna().any():
        raise ValueError(f"column {name!r} has missing values, and is not declared nullable")
    if column.type == "timestamp":
        return values.to_numpy().astype("datetime64[us]").astype(np.int64)
    return values.to_numpy(dtype=np.int64 if kind == "int64" else np.bool_)
