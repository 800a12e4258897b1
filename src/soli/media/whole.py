"""Is the file whole? What its header promises against the bytes that are there, before anything is decoded.

Decoders take what they get, so a file cut off in a copy would give stems of the wrong length without a word. Streamed
files, whose header was never completed (0 or a value near 2^31 or 2^32), promise nothing and are read to their end.
"""

import struct
from collections.abc import Callable
from typing import BinaryIO

from soli.errors import InputError
from soli.media.mp3 import mp3_promise
from soli.media.ogg import check_ogg, ogg_promise
from soli.media.source import OpenSource

# Known by their name only; libsndfile could take their bytes for something else.
_RAW_SUFFIXES = {".g722", ".g726", ".g729", ".sln", ".al", ".ul", ".gsm"}

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")


def check_whole(source: OpenSource, *, checksums: bool = True) -> tuple[str, ...]:
    """Raises InputError, with how much was found, where the header promises more bytes than there are.

    Ogg files have checksums, and are read through if these are wanted. Returns warnings about what cannot be told for
    certain.
    """
    promised = _promised_size(source.file, source.size)
    if promised is not None and promised > source.size:
        raise InputError(
            f"{source.name} is cut off: its header promises {promised} bytes, {source.size} are there"
            f" ({100 * source.size / promised:.1f} %)",
            do="copy it again, or cut it there",
        )
    source.file.seek(0)
    is_ogg = checksums and source.file.read(4) == b"OggS"
    warnings = check_ogg(source.file, source.name, source.size) if is_ogg else ()
    source.file.seek(0)
    return warnings


def prefers_ffmpeg(source: OpenSource) -> bool:
    """Whether libsndfile should not be asked: raw formats, mp3 (it prints to the terminal), unstated lengths."""
    source.file.seek(0)
    head = source.file.read(12)
    if (
        source.suffix in _RAW_SUFFIXES
        or head[:3] == b"ID3"
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)
    ):
        return True
    if head[:4] == b"fLaC":
        return _flac_frames(source.file) == 0
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE" and _riff_data(source.file, source.size)[1] == 0


def _promised_size(file: BinaryIO, size: int) -> int | None:
    """The size in bytes that the file claims, None where it makes no claim."""
    file.seek(0)
    head = file.read(16)
    for start, claim in _CLAIMS.items():
        if head.startswith(start):
            return claim(file, size)
    return _mp4(file, size) if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free") else None


def _open_ended(size: int) -> bool:
    """Whether a size of 32 bits is what writers put where they do not know it."""
    return size == 0 or min(abs(size - 2**31), abs(size - 2**32)) <= 65536


def _riff_data(file: BinaryIO, size: int) -> tuple[int, int | None]:
    """Where a RIFF file's data chunk begins and the size it states (None: no such chunk)."""
    position, wide = 12, 0
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            wide = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
        if name == b"data":
            return position + 8, wide if wide and length == 0xFFFFFFFF else length
        position += 8 + length + length % 2
    return size, None


def _riff(file: BinaryIO, size: int) -> int | None:
    file.seek(0)
    kind, whole, form = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
    if form != b"WAVE":
        return None if _open_ended(whole) else 8 + whole
    start, length = _riff_data(file, size)
    if length is None or _open_ended(length):
        return None
    # The outer size agrees with the file: then it is the data size that is wrong, and nothing is missing.
    return None if kind == b"RIFF" and 8 + whole <= size + 1 else start + length


def _w64(file: BinaryIO, size: int) -> int | None:
    file.seek(16)
    return int(struct.unpack("<Q", file.read(8).ljust(8, b"\0"))[0])


def _aiff(file: BinaryIO, size: int) -> int | None:
    file.seek(4)
    whole = struct.unpack(">I", file.read(4).ljust(4, b"\0"))[0]
    return None if _open_ended(whole) else 8 + whole


def _au(file: BinaryIO, size: int) -> int | None:
    file.seek(4)
    start, length = struct.unpack(">II", file.read(8).ljust(8, b"\0"))
    return None if _open_ended(length) else start + length


def _caf(file: BinaryIO, size: int) -> int | None:
    """The end of the last chunk; -1 for data that go on to the end."""
    position = 8
    while position + 12 <= size:
        file.seek(position)
        length = struct.unpack(">4xq", file.read(12))[0]
        if length < 0:
            return None
        position += 12 + length
    return position


def _flac_frames(file: BinaryIO) -> int:
    """The length in STREAMINFO, 0 where it is not stated."""
    file.seek(18)
    return int.from_bytes(file.read(8), "big") & (2**36 - 1)


def _mp4(file: BinaryIO, size: int) -> int | None:
    """The end of the last box at the top level."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0]
        if length < 8 or not name.isascii():
            return None
        position += length
    return position


def _matroska(file: BinaryIO, size: int) -> int | None:
    """The end of the Segment that follows the EBML header, None where it was written without a known size."""
    file.seek(4)
    header, _ = _ebml_size(file)
    file.seek(header, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return None
    length, known = _ebml_size(file)
    return file.tell() + length if known else None


def _ebml_size(file: BinaryIO) -> tuple[int, bool]:
    """A size in EBML's variable length, and whether it is known (not all ones)."""
    first = file.read(1)
    if not first or first == b"\0":
        return 0, False
    width = 9 - first[0].bit_length()
    bits = 7 * width
    value = int.from_bytes(first + file.read(width - 1), "big") & ((1 << bits) - 1)
    return value, value != (1 << bits) - 1


def _asf(file: BinaryIO, size: int) -> int | None:
    """The file size that the properties of wma and wmv state; broadcasts state none."""
    file.seek(0)
    head = file.read(8192)
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0 or len(head) < at + 92:
        return None
    broadcast = struct.unpack_from("<I", head, at + 88)[0] & 1
    return None if broadcast else int(struct.unpack_from("<Q", head, at + 40)[0])


_CLAIMS: dict[bytes, Callable[[BinaryIO, int], int | None]] = {
    b"RIFF": _riff,
    b"RF64": _riff,
    _W64: _w64,
    b"FORM": _aiff,
    b".snd": _au,
    b"caff": _caf,
    b"ID3": mp3_promise,
    b"\xff": mp3_promise,
    b"OggS": ogg_promise,
    b"\x1a\x45\xdf\xa3": _matroska,
    _ASF: _asf,
}
