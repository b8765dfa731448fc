"""What the messages of both doors have in common: JSON, the sender's name, what was asked.

Belongs here: what is neither of the Open Inference Protocol (``protocol.py``) nor of rows for
people (``row_objects.py``). Does not belong here: either of them. No error holds a value of the
data.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from numpy.typing import NDArray

from mlops_assets.serving.json_tensors import ProtocolError

LONGEST_ID = 256
MOST_BRACKETS = 500_000
"""Lists and objects in one body: each takes twenty times the bytes that write it."""
NO_JSON = "the body is no JSON in UTF-8 that can be read, with numbers that a double holds"


class WantedOutput(NamedTuple):
    """An output that is asked for, and whether its data shall be binary."""

    name: str
    binary: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks: the model's inputs as it takes them (``[n, 1]``), how many rows, the
    sender's name for the request, the rows' own ids and those of the entities they are about where
    they were sent, and the outputs wanted, in order."""

    columns: dict[str, NDArray[Any]]
    rows: int
    id: str | None
    row_ids: list[str] | None
    entity_ids: list[str] | None
    outputs: tuple[WantedOutput, ...]


def read_json(text: bytes | memoryview) -> Any:
    """What JSON in UTF-8 says. Raises ``ProtocolError`` where it cannot be read, or holds so many
    lists and objects that they would take much more memory than the text.

    The tokens NaN and Infinity, which JSON does not have and many clients write (Python's own among
    them), are read by the standard library: the first is missing, the other can then be refused by
    the column's name. Nothing else that is no JSON is read.
    """
    if len(text) > MOST_BRACKETS:
        written = bytes(text)
        if written.count(b"[") + written.count(b"{") > MOST_BRACKETS:
            raise ProtocolError(
                f"the body holds more than {MOST_BRACKETS} lists and objects: send the data of "
                "a tensor flat, or fewer rows at once",
                "too_large",
            )
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    written = bytes(text)
    if b"NaN" in written or b"Infinity" in written:
        try:
            return json.loads(written.decode("utf-8"))
        # Nesting a million deep, and integers of a million digits.
        except (ValueError, RecursionError):
            pass
    raise ProtocolError(NO_JSON)


def request_id(message: Mapping[str, Any]) -> str | None:
    """The sender's name for a request; an empty one is none. Raises ``ProtocolError`` where it is
    no text, or a long one."""
    id_ = message.get("id")
    if id_ is None or id_ == "":
        return None
    if type(id_) is not str or len(id_) > LONGEST_ID:
        raise ProtocolError(f"'id' is no string of at most {LONGEST_ID} characters")
    # What the standard library reads may hold half a surrogate pair, which no answer can repeat.
    if not id_.isascii() and any("\ud800" <= character <= "\udfff" for character in id_):
        raise ProtocolError("'id' holds half a surrogate pair, which is no text")
    return id_


def ids_of(
    name: str | None, columns: Mapping[str, NDArray[Any]], beside: Mapping[str, list[str]]
) -> list[str] | None:
    """What column ``name`` says of each row as text, whether it was sent ``beside`` the inputs or
    is one of them; missing is the empty string. ``None`` where it was not sent."""
    if name is None:
        return None
    if name in beside:
        return beside[name]
    column = columns.get(name)
    return None if column is None else [id_text(value) for value in column[:, 0].tolist()]


def id_text(value: str | int | float | bool) -> str:
    """An id as text, the same for an integer whether its column can be missing (float) or not."""
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() else repr(value)
    return str(value)
