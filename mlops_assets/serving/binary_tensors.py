"""The data of tensors in binary, as the binary tensor data extension of the Open Inference Protocol
has it.

Belongs here: bytes to an array and back, and the bytes that follow a message's JSON. Does not
belong here: that JSON (``protocol.py``, ``json_tensors.py``). The extension:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md

Numbers are little-endian, in the order of their rows. A BOOL is a byte, 0 or 1. A string is its
length in bytes as a 4-byte unsigned integer, then its UTF-8. Nothing is reserved on the word of a
size: what is read is at most what was sent. No message holds a value of the data.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.serving.json_tensors import DTYPES, ProtocolError, parameters_of

LITTLE_ENDIAN = {
    datatype: np.dtype(dtype).newbyteorder("<")
    for datatype, dtype in DTYPES.items()
    if datatype != "BYTES"
}
LENGTH = Struct("<I")


class BinaryData:
    """What follows the JSON of a message, given out tensor by tensor; ``None`` where the message is
    JSON alone."""

    def __init__(self, data: memoryview | None) -> None:
        self._data = data
        self._place = 0

    def of(self, name: str, tensor: Mapping[str, Any]) -> memoryview | None:
        """The next tensor's data, ``None`` where that is in the JSON. Raises ``ProtocolError``
        naming the tensor where its size is none, or more than there is."""
        parameters = parameters_of(tensor, repr(name))
        if "shared_memory_region" in parameters:
            raise ProtocolError(f"{name!r}: 'shared_memory_region' is not spoken here")
        if "binary_data_size" not in parameters:
            return None
        size = parameters["binary_data_size"]
        if type(size) is not int or size < 0:
            raise ProtocolError(f"{name!r}: 'binary_data_size' is no number of bytes")
        if tensor.get("data") is not None:
            raise ProtocolError(f"{name!r}: has both 'data' and 'binary_data_size'")
        if self._data is None:
            raise ProtocolError(
                f"{name!r}: has a 'binary_data_size', and the message no header field "
                "Inference-Header-Content-Length"
            )
        left = len(self._data) - self._place
        if size > left:
            raise ProtocolError(
                f"{name!r}: 'binary_data_size' is {size}, and the body has {left} bytes left"
            )
        self._place += size
        return self._data[self._place - size : self._place]

    def check_end(self) -> None:
        """Raises ``ProtocolError`` where data is left over."""
        left = 0 if self._data is None else len(self._data) - self._place
        if left:
            raise ProtocolError(f"the body goes on for {left} bytes after the last tensor's data")


def read_binary(name: str, datatype: str, count: int, data: memoryview) -> NDArray[Any]:
    """``[count]`` values of ``datatype``: numbers as a view of ``data``, texts as objects.

    Raises ``ProtocolError`` naming the tensor where ``data`` is not that many values.
    """
    if datatype == "BYTES":
        array = np.empty(count if count * LENGTH.size <= len(data) else 0, np.object_)
        array[:] = _texts(name, count, data)
        return array
    dtype = LITTLE_ENDIAN[datatype]
    if len(data) != count * dtype.itemsize:
        raise ProtocolError(
            f"{name!r}: has {len(data)} bytes of data, and {count} values of {datatype} are "
            f"{count * dtype.itemsize}"
        )
    if datatype == "BOOL" and (np.frombuffer(data, np.uint8) > 1).any():
        raise ProtocolError(f"{name!r}: holds a BOOL that is neither 0 nor 1", "invalid_input")
    return np.frombuffer(data, dtype)


def write_binary(values: NDArray[Any]) -> bytes:
    """The bytes of an array of texts or of a dtype that the protocol names."""
    if values.dtype.kind in "OUT":
        texts = [text.encode() for text in values.ravel().tolist()]
        return b"".join(part for text in texts for part in (LENGTH.pack(len(text)), text))
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _texts(name: str, count: int, data: memoryview) -> list[str]:
    if len(data) < count * LENGTH.size:
        raise ProtocolError(
            f"{name!r}: has {len(data)} bytes of data, too few for the lengths of {count} strings"
        )
    texts: list[str] = []
    place, end = 0, len(data)
    for row in range(count):
        start = place + LENGTH.size
        if start > end:
            raise ProtocolError(f"{name!r}: its data ends within the length of a string")
        place = start + LENGTH.unpack_from(data, place)[0]
        if place > end:
            raise ProtocolError(f"{name!r}: row {row} is a string that goes on beyond its data")
        text = _decoded(data[start:place])
        if text is None:
            raise ProtocolError(f"{name!r}: row {row} is no UTF-8", "invalid_input")
        texts.append(text)
    if place != end:
        raise ProtocolError(f"{name!r}: has {end - place} bytes after the last of {count} strings")
    return texts


def _decoded(text: memoryview) -> str | None:
    # The exception holds the bytes: it goes no further.
    try:
        return str(text, "utf-8")
    except UnicodeDecodeError:
        return None
