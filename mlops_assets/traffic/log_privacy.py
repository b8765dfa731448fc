"""Whether a day's log holds personal data that was decided not to be kept.

Belongs here: looking through the log's columns for what their ``personal`` decision forbids. Does
not belong here: carrying the decision out (``serving/prediction_log/protection.py``), or how
personal data is recognised (``data/privacy/``).
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mlops_assets.column_declaration import Column
from mlops_assets.data.parquet_files import open_parquet, read_chunks
from mlops_assets.data.privacy.personal_data import PersonalDataScan
from mlops_assets.data.privacy.protection import PSEUDONYM_LENGTH

INPUT = "input."
ROW_ID = "row_id"
PSEUDONYM = f"^[0-9a-f]{{{PSEUDONYM_LENGTH}}}$"
LONGEST_PREFIX = 2
SCANNED_ROWS = 500_000
"""Rows of each release that are searched for undeclared personal data: the first of the day."""


def personal_data_problems(
    files: Iterable[Path], columns: Mapping[str, Column], row_id: str | None
) -> list[str]:
    """What a day's ``files`` hold and should not, in words without any value; nothing where all is
    as decided. ``row_id`` is the column that names a row.

    A column that is dropped is not there; pseudonyms have their form, and generalised texts their
    length; undecided columns hold nothing that is recognised as personal, as far as the first
    500,000 rows of a release tell.
    """
    problems: dict[str, None] = {}
    for path in files:
        declared = _declared(path, columns, row_id)
        problems.update(
            (f"column {name!r} has personal: drop, and is in the log of release {path.stem}", None)
            for name, column in declared.items()
            if column.personal == "drop"
        )
        scan, scanned = PersonalDataScan(columns), 0
        texts = [name for name, type in _types(path) if name in declared and _is_text(type)]
        for chunk in read_chunks(path, texts) if texts else ():
            problems.update((one, None) for one in _malformed(chunk, declared))
            if scanned < SCANNED_ROWS:
                scan.look(_undecided(chunk, declared))
                scanned += chunk.num_rows
        problems.update(
            (
                f"column {found.column!r} looks like {found.kind} (by {found.by}), and nothing is "
                "decided about it: give it personal: drop, pseudonymise, generalise or keep",
                None,
            )
            for found in scan.findings()
        )
    return list(problems)


def _types(path: Path) -> list[tuple[str, pa.DataType]]:
    with open_parquet(path) as file:
        return [(field.name, field.type) for field in file.schema_arrow]


def _declared(path: Path, columns: Mapping[str, Column], row_id: str | None) -> dict[str, Column]:
    """The declaration of each column of the log that holds values of a declared one."""
    named = {INPUT + name: column for name, column in columns.items()}
    if row_id is not None:
        named[ROW_ID] = columns[row_id]
    return {name: named[name] for name, _ in _types(path) if name in named}


def _is_text(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type))


def _malformed(chunk: pa.Table, declared: Mapping[str, Column]) -> Iterable[str]:
    for name in chunk.column_names:
        values = chunk.column(name).drop_null()
        values = values.filter(pc.not_equal(values, ""))
        how = declared[name].personal
        if how == "pseudonymise" and not _all(pc.match_substring_regex(values, PSEUDONYM)):
            yield f"column {name!r} is to be pseudonymised, and holds what is no pseudonym"
        is_cut = how == "generalise" and declared[name].type == "string"
        if is_cut and not _all(pc.less_equal(pc.utf8_length(values), LONGEST_PREFIX)):
            yield f"column {name!r} is to be generalised, and holds more than two characters"


def _all(mask: pa.ChunkedArray) -> bool:
    return bool(pc.all(mask, min_count=0).as_py())


def _undecided(chunk: pa.Table, declared: Mapping[str, Column]) -> pa.Table:
    names = [name for name in chunk.column_names if declared[name].personal is None]
    return chunk.select(names).rename_columns([re.sub(f"^{INPUT}", "", name) for name in names])
