"""Batches with a column as another source would deliver it."""

from typing import Any

import pyarrow as pa


def with_column(batch: pa.Table, name: str, values: list[Any], kind: pa.DataType) -> pa.Table:
    position = batch.column_names.index(name)
    return batch.set_column(position, name, pa.array(values, kind))
