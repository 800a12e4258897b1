"""Everything that is not a sound, or not a sound one: an InputError of one clear line, and nothing on the terminal."""

import errno
import io
import os
import shlex
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import music, write_video

from soli.errors import InputError
from soli.media.audio import Source, open_audio, probe, read_audio, write_audio
from soli.media.sndfile import Callbacks


def refusal(source: Source) -> str:
    """What reading the whole of it is refused with."""
    with pytest.raises(InputError) as caught:
        read_audio(source)
    message = str(caught.value)
    assert "\n" not in message
    return message


def wav(samples: np.ndarray, rate: int = 48000, subtype: str = "FLOAT") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.T, rate, format="WAV", subtype=subtype)
    return buffer.getvalue()


def test_missing_folder_and_empty(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "no such.wav")
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "empty.wav").touch()
    assert "is empty (0 bytes)" in refusal(tmp_path / "empty.wav")
    assert "is empty (0 bytes)" in refusal(b"")
    assert "there is no such file" not in refusal("a\0b.wav")


def test_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    write_audio(path, music(1, 100, 8000), sample_rate=8000)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        message = refusal(path)
    finally:
        os.seteuid(user)
    assert "permission denied" in message


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".mp4", ".flac", ".txt", ""])
def test_text_under_any_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_text("Dear diary,\ntoday I recorded nothing.\n" * 50)
    assert "cannot be read as sound or video" in refusal(path)


@pytest.mark.parametrize("name", ["x.raw", "a b.PCM"])
@pytest.mark.parametrize("start", [b"", b"\xff\xff"])  # a sample of -1 looks like mp3 for a moment
def test_samples_without_a_header(tmp_path: Path, name: str, start: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(start + (8000 * music(1, 5000, 8000)).astype("<i2").tobytes())
    message = refusal(path)
    assert "headless samples; convert it: ffmpeg -f s16le -ar RATE -ac 1 -i " in message
    assert shlex.split(message)[-2:] == [str(path), str(path.with_suffix(".wav"))]
    with path.open("rb") as file:
        assert "headless samples" in refusal(file)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3"])
def test_a_sound_file_is_known_by_its_bytes_though_it_is_called_raw(tmp_path: Path, form: str) -> None:
    soundfile.write(tmp_path / "x.raw", music(1, 5000, 44100).T, 44100, format=form)
    assert read_audio(tmp_path / "x.raw").samples.shape == (1, 5000)


def test_a_playlist_cannot_make_us_open_other_files(tmp_path: Path) -> None:
    write_audio(tmp_path / "private.wav", music(1, 4800, 48000), sample_rate=48000)
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nprivate.wav\n#EXT-X-ENDLIST\n")
    (tmp_path / "b.ffconcat").write_text("ffconcat version 1.0\nfile private.wav\n")
    for name in ("a.m3u8", "b.ffconcat"):
        assert "cannot be read" in refusal(tmp_path / name)


def test_no_samples(tmp_path: Path) -> None:
    write_audio(tmp_path / "x.wav", np.zeros((1, 0), np.float32), sample_rate=48000)
    assert "holds no samples" in refusal(tmp_path / "x.wav")
    assert "holds no samples" in refusal(wav(np.zeros((1, 0))))


@pytest.mark.parametrize("block", [1, 1000, 65536])
def test_values_that_are_not_numbers_are_counted_and_placed(block: int) -> None:
    samples = music(2, 100_000, 8000)
    samples[1, 70_000] = np.nan
    samples[:, 90_000] = np.inf
    samples[0, 90_001] = -np.inf
    message = "holds 4 samples that are NaN or infinite, the first at 8.750000 s"
    assert message in refusal(wav(samples, 8000))
    with open_audio(wav(samples, 8000)) as reader, pytest.raises(InputError, match=message):
        for _ in reader.blocks(block):
            pass
    assert read_audio(wav(samples, 8000), duration_s=8.75).samples.shape == (2, 70_000)


def test_doubles_too_large_for_float_are_called_so() -> None:
    message = "holds 1 sample that is NaN, infinite or too large for 32-bit float, the first at 0.000021 s"
    data = wav(np.array([[0.0, 1e300]]), subtype="DOUBLE")
    assert message in refusal(data)
    # A data chunk of unstated length is read by FFmpeg.
    at = data.index(b"data") + 4
    streamed = data[:4] + bytes(4) + data[8:at] + bytes(4) + data[at + 4 :]
    assert message in refusal(streamed)
    largest = float(np.finfo(np.float32).max)
    assert read_audio(wav(np.array([[0.0, largest]]), subtype="DOUBLE")).samples[0, 1] == np.float32(largest)


@pytest.mark.parametrize(("rate", "good"), [(1, False), (999, False), (1000, True), (768000, True), (768001, False)])
def test_rates_out_of_bounds(rate: int, good: bool) -> None:
    data = bytearray(wav(music(1, 50, 8000)))
    data[24:28] = struct.pack("<I", rate)
    if good:
        assert read_audio(bytes(data)).sample_rate == rate
    else:
        assert f"claims a sample rate of {rate} Hz; wanted 1000 to 768000 Hz" in refusal(bytes(data))


def test_a_codec_that_nobody_knows() -> None:
    data = bytearray(wav(music(1, 50, 8000)))
    data[20:22] = b"\x99\x99"
    assert "sound in an unknown codec" in refusal(bytes(data))


def test_more_than_eight_channels() -> None:
    assert "has 32 channels; wanted 1 to 8" in refusal(wav(np.zeros((32, 10)), subtype="PCM_16"))


def test_pictures_without_sound(tmp_path: Path) -> None:
    path = write_video(tmp_path / "silent film.mp4", None)
    assert "has a picture but no sound; wanted an audio track" in refusal(path)


def test_a_file_in_text_mode(tmp_path: Path) -> None:
    write_audio(tmp_path / "x.wav", music(1, 10, 8000), sample_rate=8000)
    with (tmp_path / "x.wav").open(encoding="latin-1") as file:
        assert 'open it with "rb"' in refusal(file)  # type: ignore[arg-type]


def test_an_excerpt_behind_the_end() -> None:
    with pytest.raises(InputError, match=r"ends before 5.0 s"):
        read_audio(wav(music(1, 100, 8000)), start_s=5.0)
    with pytest.raises(ValueError, match="excerpt"):
        read_audio(wav(music(1, 100, 8000)), start_s=-1.0)


HEADS = [b"", b"RIFF", b"RF64", b"fLaC", b"OggS\0", b"ID3\x04", b"\xff\xfb\x90", b"\x1aE\xdf\xa3", b"FORM", b".snd"]
HEADS += [b"caff", b"\xff\xf1", b"#!AMR\n", b"wvpk", b"riff", b"\x0b\x77", b"MAC ", b"TTA1", b"0&\xb2u"]
HEADS += [b"\0\0\0\x18ftypmp42"]


def read_or_refuse(data: bytes) -> np.ndarray | None:
    """The samples, None where the bytes were refused; any other exception than InputError goes on."""
    message = ""
    try:
        return read_audio(data).samples
    except InputError as error:
        message = str(error)
    assert "\n" not in message
    return None


@given(head=st.sampled_from(HEADS), tail=st.binary(max_size=3000))
@settings(max_examples=150, deadline=None)
def test_random_bytes_are_sound_or_refused(head: bytes, tail: bytes) -> None:
    samples = read_or_refuse(head + tail)
    assert samples is None or (samples.shape[1] > 0 and np.isfinite(samples).all())


WHOLE = {form: io.BytesIO() for form in ("WAV", "FLAC", "OGG", "MP3", "AIFF")}
for _form, _buffer in WHOLE.items():
    soundfile.write(_buffer, music(2, 6000, 44100).T, 44100, format=_form)


@given(
    form=st.sampled_from(sorted(WHOLE)), changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=8)
)
@settings(max_examples=150, deadline=None)
def test_spoiled_bytes_are_sound_or_refused(form: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE[form].getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    read_or_refuse(bytes(data))


def test_nothing_reaches_the_terminal(tmp_path: Path) -> None:
    spoiled = bytearray(WHOLE["MP3"].getvalue())
    spoiled[600:900] = bytes(300)
    (tmp_path / "spoiled.mp3").write_bytes(spoiled)
    (tmp_path / "longer.mp3").write_bytes(WHOLE["MP3"].getvalue() * 3)
    (tmp_path / "cut.mp3").write_bytes(WHOLE["MP3"].getvalue()[:-1500])
    (tmp_path / "text.mp4").write_text("no film")
    script = """
import sys
from soli.errors import InputError
from soli.media.audio import read_audio
for path in sys.argv[1:]:
    try:
        read_audio(path)
    except InputError:
        pass
"""
    command = [sys.executable, "-c", script, *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_probe_refuses_as_reading_does(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        probe(tmp_path / "none.wav")


class Failing(io.BytesIO):
    """A file on a disk that fails after the first 20 kB."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 20_000:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_is_told_and_not_taken_for_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    whole = io.BytesIO()
    soundfile.write(whole, music(2, 60000, 44100).T, 44100, format="WAV")
    with pytest.raises(InputError, match="Input/output error"):
        read_audio(Failing(whole.getvalue()))
    assert capfd.readouterr().err == ""


def test_a_header_that_points_before_the_file_stays_where_it_is() -> None:
    calls = Callbacks(io.BytesIO(b"abc"))
    assert (calls.seek(2), calls.seek(-1), calls.read(5)) == (2, 2, b"c")
