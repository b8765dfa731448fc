"""Which columns of a table tell its rows apart.

Belongs here: a guess for a table that has no primary key. Does not belong here: what cuts the rows
into batches (``batch_guess.py``).
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.types as kinds

from mlops_assets.scaffolding.column_names import names_identifier


def identifying_columns(rows: pa.Table, time: str) -> tuple[str, ...]:
    """Few columns whose values together differ from row to row: one, if there is one, or those
    found one by one beside the time; none where no columns do."""
    likely = sorted(_simple(rows), key=lambda name: _likelihood(rows, name))
    for name in likely:
        if _distinct(rows, [name]) == rows.num_rows:
            return (name,)
    chosen: list[str] = [time]
    while (apart := _distinct(rows, chosen)) < rows.num_rows:
        gains = {name: _distinct(rows, [*chosen, name]) for name in likely if name not in chosen}
        best = max(gains, key=lambda name: gains[name], default=None)
        if best is None or gains[best] == apart:
            return ()
        chosen.append(best)
    return tuple(chosen)


def _likelihood(rows: pa.Table, name: str) -> tuple[bool, ...]:
    """Identifiers before counters, and times last: two may happen at once."""
    kind = rows.schema.field(name).type
    return not names_identifier(name), not kinds.is_integer(kind), kinds.is_temporal(kind)


def _simple(rows: pa.Table) -> Sequence[str]:
    """Columns that any database can sort by; fractions are measurements, and no name of a row."""
    tests = (kinds.is_integer, kinds.is_string, kinds.is_large_string, kinds.is_temporal)
    return [field.name for field in rows.schema if any(test(field.type) for test in tests)]


def _distinct(rows: pa.Table, names: list[str]) -> int:
    return int(rows.select(names).group_by(names).aggregate([]).num_rows)
