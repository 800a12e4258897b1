"""The length that an mp3 file promises: the Xing or Info header in its first frame."""

import struct
from typing import BinaryIO

# Encoders disagree on whether the first frame counts; this is the longest one.
_FRAME_MAX = 1441


def mp3_promise(file: BinaryIO, size: int) -> int | None:
    """The size in bytes that the file claims, None where it has no such header or keeps its promise but for a frame."""
    start = _after_tag(file)
    file.seek(start)
    frame = file.read(64)
    if len(frame) < 64 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return None
    version_1, mono = frame[1] & 0x18 == 0x18, frame[3] & 0xC0 == 0xC0
    at = 4 + ((17 if mono else 32) if version_1 else (9 if mono else 17))
    name, flags = struct.unpack_from(">4sI", frame, at)
    if name not in (b"Xing", b"Info") or not flags & 2:
        return None
    promised = start + int(struct.unpack_from(">I", frame, at + (12 if flags & 1 else 8))[0])
    return promised if promised > size + _FRAME_MAX else None


def _after_tag(file: BinaryIO) -> int:
    """Where the sound begins behind an ID3v2 tag."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte & 0x7F
    return 10 + length + (10 if head[5] & 0x10 else 0)
