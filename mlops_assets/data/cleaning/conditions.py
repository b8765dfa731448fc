"""Conditions on rows, as a use case writes them.

Belongs here: evaluating a condition, which columns it names, and what makes one that cannot be
used. Does not belong here: what follows for a row that meets it (``validation.py``,
``cleaning.py``, ``evidence/metrics/groups.py``).
"""

import ast
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.batch_error import BatchError

ROW_WISE = frozenset(
    {"abs", "add", "astype", "between", "div", "eq", "fillna", "floordiv", "ge", "gt", "isin"}
    | {"isna", "isnull", "le", "lt", "mod", "mul", "ne", "notna", "notnull", "pow", "round", "sub"}
)
"""Methods of a column whose answer for a row depends on that row alone."""

ACCESSORS = frozenset({"dt", "str"})
"""What leads to methods of single times and texts."""


def matching_rows(rows: pd.DataFrame, condition: str, field: str) -> NDArray[np.bool_]:
    """Boolean mask of the rows that meet ``condition``; a missing value meets none.

    Raises ``BatchError`` naming ``field`` where the condition cannot be evaluated.
    """
    try:
        matches = rows.eval(condition, engine="python")
    except Exception as error:
        raise BatchError(
            f"{field}: cannot evaluate {condition!r}: {_without_values(rows, condition, error)}"
        ) from None  # the cause may hold a value, and a log shows causes
    if isinstance(matches, bool | np.bool_):
        return np.full(len(rows), bool(matches))
    if not isinstance(matches, pd.Series) or not _is_true_or_false(matches):
        raise BatchError(
            f"{field}: {condition!r} is no condition: write what is true or false of a row, such "
            "as 'distance > 0'"
        )
    mask: NDArray[np.bool_] = matches.reindex(rows.index).fillna(False).to_numpy(bool)
    return mask


def _is_true_or_false(matches: "pd.Series") -> bool:
    if matches.dtype == object:
        return bool(matches.map(lambda value: value is None or isinstance(value, bool)).all())
    return pd.api.types.is_bool_dtype(matches.dtype)


def _without_values(rows: pd.DataFrame, condition: str, error: Exception) -> str:
    """What an error says, where it says it without any row too, and so holds no value of one."""
    try:
        rows.iloc[:0].eval(condition, engine="python")
    except Exception as general:
        return str(general)
    return f"{type(error).__name__}: do the columns' types fit what is done with them?"


def columns_named(condition: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Which of ``columns`` a condition names, in their order; all of them where it cannot be
    told."""
    known = list(columns)
    parsed = _parse(condition)
    if parsed is None:
        return tuple(known)
    tree, quoted = parsed
    named = {quoted.get(node.id, node.id) for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return tuple(name for name in known if name in named)


def require_row_wise(condition: str, field: str) -> None:
    """Raise ``BatchError`` where the answer for a row may depend on other rows, such as on their
    mean: rows are looked at a chunk at a time."""
    parsed = _parse(condition)
    for node in ast.walk(parsed[0]) if parsed else ():
        culprit = _several_rows(node)
        if culprit:
            raise BatchError(
                f"{field}: {culprit!r} in {condition!r} looks at more than one row: compare the "
                "columns of a row with each other or with fixed values"
            )


def _several_rows(node: ast.AST) -> str | None:
    """What in a piece of a condition looks at more than one row."""
    match node:
        case ast.Attribute(value=ast.Attribute(attr=accessor)) if accessor in ACCESSORS:
            return None
        case ast.Attribute(attr=name) if name not in ROW_WISE | ACCESSORS:
            return name
        case ast.Subscript(value=value) if not _is_accessor(value):
            return "[]"
        case ast.Compare(ops=operators, comparators=others):
            pairs = zip(operators, others, strict=True)
            sought = [other for one, other in pairs if isinstance(one, ast.In | ast.NotIn)]
            return "in" if any(_names_any(other) for other in sought) else None
        case ast.Call(func=ast.Attribute(attr="isin"), args=arguments):
            return "isin" if any(_names_any(one) for one in arguments) else None
    return None


def _is_accessor(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ACCESSORS


def _names_any(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Name) for inner in ast.walk(node))


def _parse(condition: str) -> tuple[ast.AST, dict[str, str]] | None:
    """The condition's syntax, and what each stand-in for a name in backticks stands for."""
    quoted: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        name = f"QUOTED_{len(quoted)}_"
        quoted[name] = match.group(1)
        return name

    try:
        pieces = _outside_strings(condition)
        source = "".join(
            piece if is_string else re.sub(r"`([^`]*)`", stand_in, piece)
            for piece, is_string in pieces
        )
        return ast.parse(source.strip(), mode="eval"), quoted
    except (SyntaxError, ValueError):
        return None


def _outside_strings(condition: str) -> list[tuple[str, bool]]:
    """The condition in pieces, and whether each is a string in quotes."""
    pattern = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    # Backticks may hold quotes, and quotes backticks: whichever begins first counts.
    pieces: list[tuple[str, bool]] = []
    rest = condition
    while rest:
        match = re.search(rf"`[^`]*`|{pattern}", rest)
        if match is None:
            pieces.append((rest, False))
            break
        pieces.append((rest[: match.start()], False))
        pieces.append((match.group(), not match.group().startswith("`")))
        rest = rest[match.end() :]
    return pieces
