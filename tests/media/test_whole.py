"""Cut-off files are refused before a stem is made of them; unfinished headers are read for what is there."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import music, write_video

from soli.errors import InputError
from soli.media.audio import probe, read_audio, write_audio

RATE = 44100
SAMPLES = music(2, RATE, RATE)


def sound(form: str, subtype: str | None = None, seconds: int = 1) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.tile(SAMPLES, seconds).T, RATE, format=form, subtype=subtype)
    return buffer.getvalue()


FORMATS = ["WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_file_is_refused_with_what_is_there(form: str, part: float) -> None:
    data = sound(form, seconds=20 if form == "MP3" else 1)  # mp3 is held to its word but for one frame
    read_audio(data)
    with pytest.raises(InputError, match=r"cut off.*(are there|can be read to)"):
        read_audio(data[: int(len(data) * part)])


@pytest.mark.parametrize("name", ["x.m4a", "x.mp4", "x.mov", "x.mkv", "x.webm", "x.avi"])
@pytest.mark.parametrize("part", [0.3, 0.9, 0.99])
def test_a_cut_video_is_refused(tmp_path: Path, name: str, part: float) -> None:
    path = tmp_path / name
    if name == "x.m4a":
        write_audio(path, SAMPLES, sample_rate=RATE)
    else:
        kinds = {"x.webm": ("libvpx", "libopus"), "x.avi": ("mpeg4", "pcm_s16le")}
        picture, codec = kinds.get(name, ("mpeg4", "aac"))
        write_video(path, music(2, 48000, 48000), picture=picture, sound=codec)
    read_audio(path)
    data = path.read_bytes()
    with pytest.raises(InputError, match=r"cut off|cannot be read"):
        read_audio(data[: int(len(data) * part)])


@pytest.mark.parametrize("cut", [1, 5, 11, 12, 20, 30, 43])
def test_a_wav_cut_within_its_header(cut: int) -> None:
    with pytest.raises(InputError):
        read_audio(sound("WAV", "PCM_16")[:cut])


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x7FFFF000, 0xFFFFFFFF - 44])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_streamed_wav_is_read_to_its_end(stated: int, subtype: str) -> None:
    data = bytearray(sound("WAV", subtype))
    at = data.index(b"data") + 4
    # libsndfile ends float files with a PEAK chunk before the data, and nothing behind it.
    data[4:8] = data[at : at + 4] = struct.pack("<I", stated)
    wanted = soundfile.read(io.BytesIO(sound("WAV", subtype)), dtype="float32")[0].T
    np.testing.assert_array_equal(read_audio(bytes(data)).samples, wanted)


def test_a_wrong_data_length_in_a_whole_file_is_read_to_its_end() -> None:
    data = bytearray(sound("WAV", "PCM_16"))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 12_345_678)
    assert read_audio(bytes(data)).samples.shape == SAMPLES.shape


def test_a_flac_of_unknown_length_is_read_to_its_end() -> None:
    data = bytearray(sound("FLAC", "PCM_16"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert probe(bytes(data)).frames is None
    assert read_audio(bytes(data)).samples.shape == SAMPLES.shape
    assert read_audio(bytes(data), start_s=0.5).samples.shape == (2, RATE - RATE // 2)


@pytest.mark.parametrize("form", ["WAV", "MP3", "OGG"])
def test_tags_behind_the_sound_do_no_harm(form: str) -> None:
    data = sound(form) + b"TAG" + bytes(125)
    assert read_audio(data).samples.shape == SAMPLES.shape


def test_chunks_around_the_sound_do_no_harm() -> None:
    data = sound("WAV", "PCM_16")
    at = data.index(b"data")
    listed = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"
    odd = data[:at] + listed + data[at:] + listed
    odd = odd[:4] + struct.pack("<I", len(odd) - 8) + odd[8:]
    np.testing.assert_array_equal(read_audio(odd).samples, read_audio(data).samples)
