"""As much of protobuf as it takes to find an ONNX file's metadata, and any tensor that it keeps elsewhere.

The encoding is protobuf.dev's "Encoding"; the numbers of fields are those of onnx.proto.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

# Which fields of which ONNX message lead to tensors.
MESSAGES: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "TensorProto": {},
}
_GRAPH, _METADATA = 7, 14  # of ModelProto
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of TensorProto
_DEEPEST = 64


class Damaged(Exception):
    """The bytes are not a protobuf message, or not all of one."""


@dataclass(frozen=True)
class Entry:
    """One `metadata_props` entry, and where in the file it lies, its tag included."""

    key: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Onnx:
    """What the walk over an ONNX file finds."""

    has_graph: bool
    tensors_outside: bool
    metadata: list[Entry]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Walks over all of the file.

        Raises:
            Damaged: the bytes are no complete protobuf message, or nest without end.
        """
        top = list(_fields(data, 0, len(data)))
        return cls(
            has_graph=any(field.number == _GRAPH and field.delimited for field in top),
            tensors_outside=_keeps_tensors_outside(data, 0, len(data), "ModelProto", 0),
            metadata=[_decode_entry(data, field) for field in top if field.number == _METADATA and field.delimited],
        )


def encode_entry(key: str, value: str) -> bytes:
    """A `metadata_props` field of ModelProto: protobuf lets it stand anywhere in the message, so also at the end."""
    content = b""
    for number, text in ((1, key.encode()), (2, value.encode())):
        content += bytes([number << 3 | 2]) + _encode_varint(len(text)) + text
    return bytes([_METADATA << 3 | 2]) + _encode_varint(len(content)) + content


def without(data: bytes, entries: list[Entry]) -> bytes:
    """The bytes outside the given entries, which are in the order of the file."""
    kept, position = [], 0
    for entry in entries:
        kept.append(data[position : entry.start])
        position = entry.end
    return b"".join([*kept, data[position:]])


class _Field(NamedTuple):
    number: int
    varint: int  # the value, where the field is a number of variable length; else 0
    delimited: bool  # a string or a message, in content..end
    start: int  # of the tag
    content: int
    end: int


def _fields(data: bytes, start: int, end: int) -> Iterator[_Field]:
    """The fields of the protobuf message in data[start:end]."""
    position = start
    while position < end:
        tag, content = _varint(data, position, end)
        number, wire, varint = tag >> 3, tag & 7, 0
        if wire == 0:
            varint, stop = _varint(data, content, end)
        elif wire == 2:
            size, content = _varint(data, content, end)
            stop = content + size
        elif wire in (1, 5):
            stop = content + (8 if wire == 1 else 4)
        else:
            raise Damaged(f"wire type {wire} at byte {position}")
        if number == 0:
            raise Damaged(f"field 0 at byte {position}")
        if stop > end:
            raise Damaged(f"the field at byte {position} runs past the end")
        yield _Field(number, varint, wire == 2, position, content, stop)
        position = stop


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """An integer of variable length at `position`, and where the next byte lies."""
    value = 0
    for count in range(10):
        if position + count >= end:
            raise Damaged(f"the number at byte {position} runs past the end")
        byte = data[position + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise Damaged(f"a number too long at byte {position}")


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _keeps_tensors_outside(data: bytes, start: int, end: int, message: str, depth: int) -> bool:
    """Whether any tensor in this message names another file as its place, as a TensorProto may."""
    if depth > _DEEPEST:
        raise Damaged(f"messages nested deeper than {_DEEPEST}")
    found = False
    for field in _fields(data, start, end):
        if message == "TensorProto":
            found |= field.number == _EXTERNAL_DATA or (field.number == _DATA_LOCATION and field.varint != 0)
        inner = MESSAGES[message].get(field.number)
        if inner and field.delimited:
            found |= _keeps_tensors_outside(data, field.content, field.end, inner, depth + 1)
    return found


def _decode_entry(data: bytes, field: _Field) -> Entry:
    text = {1: b"", 2: b""}
    for part in _fields(data, field.content, field.end):
        if part.number in text and part.delimited:
            text[part.number] = data[part.content : part.end]
    try:
        return Entry(text[1].decode(), text[2].decode(), field.start, field.end)
    except UnicodeDecodeError as error:
        raise Damaged(f"the metadata at byte {field.start} is not UTF-8") from error
