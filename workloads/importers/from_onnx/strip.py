"""Drop the weights of an ONNX file before it is parsed: only shapes are needed, and files run to gigabytes.

Works on protobuf's wire format: a message is a list of (key, value), key = field number * 8 + wire type, and a value
of wire type 2 is a length and as many bytes. Field numbers are those of onnx.proto.
"""

from collections.abc import Mapping

KEPT_BYTES = 1 << 16  # of one tensor: shapes, scales, short indices
DEEPEST = 24

FIELDS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "tensor": {},
}
"""Kind of message -> fields that are messages worth looking into."""

DROPPED: Mapping[str, frozenset[int]] = {
    "model": frozenset({20}),  # training
    "node": frozenset({6, 9}),  # documentation (stack traces), metadata
}
METADATA, MOST_METADATA_BYTES = 14, 1 << 20  # of a model, each entry
PAYLOAD = frozenset({4, 5, 6, 7, 9, 10, 11})  # of a tensor: values of each type, raw ones


class MalformedError(ValueError):
    """The bytes are no protobuf message."""


def strip(message: memoryview, kind: str = "model", depth: int = 0) -> bytes:
    """Return the message without large tensors' values, training data and documentation."""
    if depth > DEEPEST:
        raise MalformedError("nested too deeply")
    kept = bytearray()
    inner, dropped = FIELDS[kind], DROPPED.get(kind, frozenset())
    at, end = 0, len(message)
    while at < end:
        key, start = _varint(message, at)
        field, wire = key >> 3, key & 7
        if wire != 2:
            stop = _skip(message, start, wire)
            kept += message[at:stop]
            at = stop
            continue
        length, start = _varint(message, start)
        stop = start + length
        if stop > end:
            raise MalformedError("cut off")
        if field in inner:
            part = strip(message[start:stop], inner[field], depth + 1)
            kept += _encoded(key) + _encoded(len(part)) + part
        elif field not in dropped and not _is_bulk(kind, field, length):
            kept += message[at:stop]
        at = stop
    return bytes(kept)


def _is_bulk(kind: str, field: int, length: int) -> bool:
    """Return whether a field is a large tensor's values, or large metadata."""
    if kind == "model":
        return field == METADATA and length > MOST_METADATA_BYTES
    return kind == "tensor" and field in PAYLOAD and length > KEPT_BYTES


def _skip(message: memoryview, at: int, wire: int) -> int:
    if wire == 0:
        return _varint(message, at)[1]
    stop = at + {1: 8, 5: 4}.get(wire, len(message) + 1)
    if stop > len(message):
        raise MalformedError("cut off, or not protobuf")
    return stop


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise MalformedError("cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise MalformedError("a number of more than 64 bits")


def _encoded(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
