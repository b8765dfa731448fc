"""Tables as files: Parquet with nothing in it that depends on when or where it was written."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def write_parquet(table: pa.Table | pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet (zstd), without an index and without writer metadata."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd")
