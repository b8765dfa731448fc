"""An ONNX model as bytes with its lists of numbers packed.

Belongs here: the wire format. Does not belong here: what a model contains.

ONNX is defined in proto2, whose writers give every number of a list a tag of its own. Its readers
must accept the packed form as well, in which a list has one tag ("Protocol Buffers: Encoding",
section on packed repeated fields), and the numbers read are the same. The attributes of trees are
such lists: unpacked, every second byte is a tag.
"""

import numpy as np
import onnx

VARINT_END = 0x80
LENGTH_DELIMITED = 2
FIELDS = {"graph": 7, "node": 1, "attribute": 5, "floats": 7, "ints": 8}


def packed_bytes(model: onnx.ModelProto) -> bytes:
    """The model's bytes, the same for the same model; what reads them sees an equal model.

    Whoever writes the model again with protobuf's own serializer unpacks it. Lists inside the
    subgraphs of a node stay as they are.
    """
    graph = b"".join(_field("node", _packed_node(node)) for node in model.graph.node)
    rest = onnx.GraphProto()
    rest.CopyFrom(model.graph)
    rest.ClearField("node")
    outer = onnx.ModelProto()
    outer.CopyFrom(model)
    outer.ClearField("graph")
    return _bytes(outer) + _field("graph", graph + _bytes(rest))


def _packed_node(node: onnx.NodeProto) -> bytes:
    rest = onnx.NodeProto()
    rest.CopyFrom(node)
    rest.ClearField("attribute")
    return _bytes(rest) + b"".join(_field("attribute", _packed(a)) for a in node.attribute)


def _packed(attribute: onnx.AttributeProto) -> bytes:
    rest = onnx.AttributeProto()
    rest.CopyFrom(attribute)
    rest.ClearField("ints")
    rest.ClearField("floats")
    lists = b""
    if attribute.floats:
        lists += _field("floats", np.array(attribute.floats, dtype="<f4").tobytes())
    if attribute.ints:
        lists += _field("ints", b"".join(map(_varint, attribute.ints)))
    return _bytes(rest) + lists


def _field(name: str, content: bytes) -> bytes:
    return _varint(FIELDS[name] << 3 | LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number as its 64-bit complement."""
    rest, digits = number & (2**64 - 1), bytearray()
    while rest >= VARINT_END:
        digits.append(rest % VARINT_END | VARINT_END)
        rest //= VARINT_END
    digits.append(rest)
    return bytes(digits)


def _bytes(
    message: onnx.ModelProto | onnx.GraphProto | onnx.NodeProto | onnx.AttributeProto,
) -> bytes:
    serialized: bytes = message.SerializeToString(deterministic=True)
    return serialized
