"""Ogg files that are spoiled, have holes, or stop between two pages: refused with how much of them is in order."""

import io
import re

import numpy as np
import pytest
import soundfile
from sounds import music

from soli.errors import InputError
from soli.media.audio import probe, read_audio

RATE = 48000
SAMPLES = music(2, 10 * RATE, RATE)


def ogg(subtype: str, samples: np.ndarray = SAMPLES) -> bytes:
    buffer = io.BytesIO()
    # In pieces: libsndfile's Vorbis encoder overflows its stack on long ones.
    with soundfile.SoundFile(buffer, "w", RATE, len(samples), subtype, format="OGG") as file:
        for at in range(0, samples.shape[1], 4800):
            file.write(samples[:, at : at + 4800].T)
    return buffer.getvalue()


WHOLE = {subtype: ogg(subtype) for subtype in ("VORBIS", "OPUS")}
BOTH = pytest.mark.parametrize("subtype", sorted(WHOLE))


def pages(data: bytes) -> list[bytes]:
    starts = [match.start() for match in re.finditer(rb"OggS\0", data)]
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


def slow_checksum(page: bytes) -> int:
    """RFC 3533's checksum by its definition, bit by bit."""
    remainder = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x104C11DB7 if remainder & 0x80000000 else 0)
    return remainder


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_audio(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@BOTH
def test_whole_files_are_read_to_the_last_sample(subtype: str) -> None:
    assert read_audio(WHOLE[subtype]).samples.shape == SAMPLES.shape
    assert len(pages(WHOLE[subtype])) > 6


@BOTH
@pytest.mark.parametrize("part", [0.2, 0.5, 0.8, 0.95])
def test_flipped_bytes_are_damage(subtype: str, part: float) -> None:
    data = bytearray(WHOLE[subtype])
    data[int(len(data) * part)] ^= 0x10
    message = refusal(bytes(data))
    assert "is damaged: a page is spoiled after" in message
    found = re.search(r"about ([\d.]+) s into", message)
    assert found is not None
    assert 10 * part - 2.5 < float(found[1]) < 10 * part + 1


@BOTH
def test_a_missing_page_is_damage(subtype: str) -> None:
    parts = pages(WHOLE[subtype])
    assert "is damaged: pages are missing after" in refusal(b"".join(parts[:4] + parts[5:]))


@BOTH
@pytest.mark.parametrize("junk", [b"x", bytes(3000)])
def test_junk_between_pages_is_damage(subtype: str, junk: bytes) -> None:
    parts = pages(WHOLE[subtype])
    assert "is damaged: what follows is no page after" in refusal(b"".join([*parts[:4], junk, *parts[4:]]))


def test_an_opus_file_cut_between_pages() -> None:
    parts = pages(WHOLE["OPUS"])
    for count in (4, len(parts) - 1):
        found = re.search(r"is cut off: about ([\d.]+) s are there", refusal(b"".join(parts[:count])))
        assert found is not None
        assert 0 < float(found[1]) < 10


def test_a_vorbis_stream_without_a_last_page_is_read_for_what_is_there() -> None:
    """Encoders that never marked the last page exist, and so do recordings of live streams."""
    cut = b"".join(pages(WHOLE["VORBIS"])[:-1])
    frames = read_audio(cut).samples.shape[1]
    assert 0 < frames < SAMPLES.shape[1]
    (warning,) = probe(cut).warnings
    assert "<bytes> has no end mark: it may have been cut off, after " in warning
    assert float(warning.split()[-2]) == pytest.approx(frames / RATE, abs=1e-3)


@BOTH
def test_of_whole_files_there_is_nothing_to_warn(subtype: str) -> None:
    assert probe(WHOLE[subtype]).warnings == ()


def test_streams_behind_one_another_are_no_gap() -> None:
    """A chain, even where both streams have one serial number."""
    probe(WHOLE["OPUS"] + ogg("OPUS", SAMPLES[:, :RATE]))
    probe(WHOLE["OPUS"] * 2)


@BOTH
def test_checksums_agree_with_their_definition(subtype: str) -> None:
    page = bytearray(pages(WHOLE[subtype])[3])
    page[200] ^= 0xFF
    page[22:26] = slow_checksum(bytes(page)).to_bytes(4, "little")
    parts = pages(WHOLE[subtype])
    probe(b"".join([*parts[:3], bytes(page), *parts[4:]]))
