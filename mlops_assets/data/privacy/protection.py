"""What is done about personal data in the cleaned rows, and the risk that remains.

Belongs here: dropping, pseudonymising and generalising a column as the use case decided, and how
easily a row is told apart by what is left. Does not belong here: finding personal data
(``personal_data.py``), counting groups of rows (``group_sizes.py``), or reading the key from the
environment (the assets).
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops_assets.column_declaration import Column
from mlops_assets.data.privacy.group_sizes import GroupSizes

KEY_VARIABLE = "MLOPS_PSEUDONYM_KEY"
PSEUDONYM_LENGTH = 16
"""Hexadecimal digits of a pseudonym: 64 bits. Among a million values two fall together with a
probability of 3e-8 (the birthday bound n² / 2**65)."""


class MissingKeyError(Exception):
    """Columns are to be pseudonymised and there is no key; the message says how to make one."""


def protect(rows: pa.Table, columns: Mapping[str, Column], key: bytes | None) -> pa.Table:
    """Cleaned ``rows`` with every column's ``personal`` decision carried out.

    Number, order and types of the columns and the number of rows stay. drop: all values become
    null. pseudonymise: HMAC-SHA256 (RFC 2104) of the UTF-8 text under ``key``, its first 16
    hexadecimal digits, so that equal values stay equal. generalise: numbers are rounded down to
    tens, times to the first moment of their year, texts cut to two characters. Null stays null.

    Raises ``MissingKeyError`` where a column of ``rows`` is to be pseudonymised and ``key`` is
    ``None`` or empty, and ``ValueError`` where a decision does not fit a column's type.
    """
    hashed = [
        n for n in rows.column_names if n in columns and decision(n, columns) == "pseudonymise"
    ]
    if hashed and not key:
        raise MissingKeyError(
            f"column(s) {hashed} have personal: pseudonymise, which needs a secret key: set the "
            f"environment variable {KEY_VARIABLE} to what `python -c 'import secrets; "
            "print(secrets.token_hex(32))'` prints, and keep it: another key, other pseudonyms"
        )
    for position, name in enumerate(rows.column_names):
        values = rows.column(position)
        match decision(name, columns):
            case "drop":
                protected = pa.chunked_array([pa.nulls(len(values), values.type)])
            case "pseudonymise":
                protected = _pseudonymise(values, name, key or b"")
            case "generalise":
                protected = _generalise(values, name)
            case _:
                continue
        # A column declared to have no nulls could not be dropped.
        field = rows.schema.field(position).with_nullable(True)
        rows = rows.set_column(position, field, protected)
    return rows


def decision(name: str, columns: Mapping[str, Column]) -> str | None:
    """What is declared about a column's personal data; ``None`` where nothing is, as of the target,
    which is no declared column."""
    return columns[name].personal if name in columns else None


def _pseudonymise(values: pa.ChunkedArray, name: str, key: bytes) -> pa.ChunkedArray:
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        raise ValueError(
            f"column {name!r} of type {values.type} cannot be pseudonymised: use drop, or "
            "declare it as type: string"
        )
    encoded = values.combine_chunks().dictionary_encode()
    pseudonyms = [_pseudonym(text, key) for text in encoded.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(pseudonyms, values.type).take(encoded.indices)])


def _pseudonym(text: str, key: bytes) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()[:PSEUDONYM_LENGTH]


def _generalise(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return pc.utf8_slice_codeunits(values, 0, 2)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return pc.floor_temporal(values, unit="year")
    if pa.types.is_floating(values.type):
        return pc.multiply(pc.floor(pc.divide(values, 10.0)), 10.0).cast(values.type)
    if pa.types.is_integer(values.type):
        tens = pc.multiply(pc.divide(values, 10), 10)
        # Arrow divides towards zero, and down is away from it below zero.
        below = pc.if_else(pc.greater(tens, values), pc.subtract(tens, 10), tens)
        return below.cast(values.type)
    raise ValueError(
        f"column {name!r} of type {values.type} cannot be generalised: drop or keep it"
    )


def reidentification_risk(rows: pa.Table, quasi_identifiers: Sequence[str]) -> dict[str, Any]:
    """``remaining_risk`` of one table.

    Raises ``ValueError`` naming the quasi-identifiers that ``rows`` does not have.
    """
    groups = GroupSizes(quasi_identifiers)
    groups.add(rows)
    return remaining_risk(groups)


def remaining_risk(groups: GroupSizes) -> dict[str, Any]:
    """How far the columns that a stranger may know tell the rows apart (k-anonymity, Samarati and
    Sweeney 1998).

    ``rows``; ``groups`` of rows equal in all quasi-identifiers (null is a value like any other);
    ``k``, the rows of the smallest group; ``unique_rows``, those alone in their group, and their
    ``unique_share``. Without quasi-identifiers all but ``rows`` are ``None``; without rows ``k``
    and ``unique_share`` are.
    """
    if not groups.columns:
        undefined = dict.fromkeys(("groups", "k", "unique_rows", "unique_share"))
        return {"rows": groups.rows, **undefined}
    sizes = groups.sizes()
    unique = int((sizes == 1).sum())
    return {
        "rows": groups.rows,
        "groups": len(sizes),
        "k": int(sizes.min()) if len(sizes) else None,
        "unique_rows": unique,
        "unique_share": unique / groups.rows if groups.rows else None,
    }
