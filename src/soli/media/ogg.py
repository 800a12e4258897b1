"""Is an Ogg file whole? Its pages, one behind the other: each has a checksum, a number, and a mark on the last one.

The decoders skip a page that is spoiled or missing, and give less sound without a word. Source: RFC 3533, section 6
(pages); RFC 7845, sections 4 and 5.1 (Opus); the Vorbis I specification, section 4.2.2.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from soli.errors import InputError

_MARK, _HEADER, _PAGE_MAX = b"OggS\0", 27, 65307
_FIRST, _LAST = 2, 4
_SEARCH = 1 << 20
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Page:
    flags: int
    granule: int
    serial: int
    number: int
    body: bytes
    sound: bool  # the checksum agrees


@dataclass
class _Stream:
    """A stream within the file: the `number` of its last page, and how many samples end there, if its codec says."""

    number: int
    rate: int = 0
    skip: int = 0
    granule: int = 0
    is_opus: bool = False
    ended: bool = False

    @property
    def seconds(self) -> float:
        return max(0, self.granule - self.skip) / self.rate if self.rate else 0.0


def ogg_promise(file: BinaryIO, size: int) -> int | None:
    """The end in bytes of the last page, None where there is no page."""
    start = max(0, size - _PAGE_MAX)
    file.seek(start)
    tail = file.read(_PAGE_MAX)
    page = tail.rfind(_MARK)
    if page < 0:
        return None
    header = tail[page : page + _HEADER]
    table = tail[page + _HEADER : page + _HEADER + header[26]] if len(header) == _HEADER else b""
    if len(header) < _HEADER or len(table) < header[26]:
        return size + 1
    return start + page + _HEADER + len(table) + sum(table)


def check_ogg(file: BinaryIO, name: str, size: int) -> tuple[str, ...]:
    """Raises InputError, with how much is in order, at the first page that is spoiled, missing, or not the last.

    Reads the file once, a page at a time. Only Opus is held to the mark of its last page: Vorbis files exist that were
    never given one, and a live stream of them may stop behind any page. Of those the answer is a warning.
    """
    file.seek(0)
    open_streams: dict[int, _Stream] = {}
    every: list[_Stream] = []
    position = 0
    while (page := _next_page(file)) is not None:
        stream = open_streams.get(page.serial)
        if not page.sound:
            raise _damaged(name, "a page is spoiled", position, size, every)
        if stream is None or page.flags & _FIRST:
            stream = open_streams[page.serial] = _begun(page)
            every.append(stream)
        elif page.number != (stream.number + 1) & 0xFFFFFFFF:
            raise _damaged(name, "pages are missing", position, size, every)
        stream.number = page.number
        stream.granule = max(stream.granule, page.granule)
        stream.ended = bool(page.flags & _LAST)
        position = file.tell()
    unended = [stream for stream in every if not stream.ended]
    if unended and _mark_follows(file, position):
        raise _damaged(name, "what follows is no page", position, size, every)
    if any(stream.is_opus for stream in unended):
        raise InputError(
            f"{name} is cut off: about {_seconds(every):.3f} s are there, and its last page is not",
            do="copy it again, or cut it there",
        )
    if any(stream.rate for stream in unended):
        return (f"{name} has no end mark: it may have been cut off, after {_seconds(every):.3f} s",)
    return ()


def _next_page(file: BinaryIO) -> _Page | None:
    """The page at the file's position, None where there is none; one that is longer than the file is not sound."""
    header = file.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(_MARK):
        return None
    flags, granule, serial, number, checksum, segments = struct.unpack_from("<BqIIIB", header, 5)
    table = file.read(segments)
    body = file.read(sum(table))
    sound = _checksum(header[:22] + bytes(4) + header[26:] + table + body) == checksum
    return _Page(flags, granule, serial, number, body, sound)


def _checksum(page: bytes) -> int:
    """Ogg's CRC-32: zlib's polynomial, but with the bits the other way round, from 0 and not inverted."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


def _begun(page: _Page) -> _Stream:
    """A stream from its first page; sounds of other codecs, and pictures, have no rate here."""
    if page.body.startswith(b"\x01vorbis") and len(page.body) >= 16:
        return _Stream(page.number, rate=struct.unpack_from("<I", page.body, 12)[0])
    if page.body.startswith(b"OpusHead") and len(page.body) >= 12:
        return _Stream(page.number, rate=48000, skip=struct.unpack_from("<H", page.body, 10)[0], is_opus=True)
    return _Stream(page.number)


def _mark_follows(file: BinaryIO, position: int) -> bool:
    """Whether there is a page further on, behind `position`."""
    file.seek(position)
    kept = b""
    while part := file.read(_SEARCH):
        if _MARK in kept + part:
            return True
        kept = part[-len(_MARK) :]
    return False


def _seconds(streams: list[_Stream]) -> float:
    return sum(stream.seconds for stream in streams)


def _damaged(name: str, how: str, position: int, size: int, streams: list[_Stream]) -> InputError:
    return InputError(
        f"{name} is damaged: {how} after {position} of {size} bytes, about {_seconds(streams):.3f} s into the sound",
        do="copy it again, or cut it there",
    )
