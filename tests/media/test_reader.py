"""Reading in blocks, in excerpts, and from paths, bytes, pipes and file objects: the same samples every way."""

import io
import os
import subprocess
import tempfile
import threading
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import lag, music, snr_db, write_video

from soli.errors import InputError
from soli.media.audio import open_audio, probe, read_audio, write_audio
from soli.media.resample import StreamResampler, resample
from soli.media.writer import AudioWriter

RATE = 44100
SAMPLES = music(2, 30_011, RATE)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sounds")
    for form in ("wav", "flac", "ogg", "mp3", "m4a"):
        write_audio(folder / f"x.{form}", SAMPLES, sample_rate=RATE)
    return {path.suffix[1:]: path for path in folder.iterdir()}


@given(form=st.sampled_from(["wav", "flac", "ogg", "mp3", "m4a"]), size=st.integers(1, 40_000))
@settings(max_examples=60, deadline=None)
def test_blocks_of_any_size_are_the_whole(files: dict[str, Path], form: str, size: int) -> None:
    whole = read_audio(files[form]).samples
    with open_audio(files[form]) as reader:
        blocks = list(reader.blocks(max(size, 50)))
    assert {block.shape[1] for block in blocks[:-1]} <= {max(size, 50)}
    assert all(block.flags.c_contiguous and block.dtype == np.float32 for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)


@pytest.mark.parametrize("form", ["wav", "flac", "ogg", "mp3", "m4a"])
@pytest.mark.parametrize(("start_s", "duration_s"), [(0.0, 0.1), (0.2, 0.3), (0.2, None), (0.6, 9.0), (0.0, 1e-9)])
def test_an_excerpt_is_a_piece_of_the_whole(
    files: dict[str, Path], form: str, start_s: float, duration_s: float | None
) -> None:
    whole = read_audio(files[form]).samples
    start = round(start_s * RATE)
    end = None if duration_s is None else start + max(1, round(duration_s * RATE))
    piece = read_audio(files[form], start_s=start_s, duration_s=duration_s).samples
    # mp3 and Vorbis carry something over from block to block: seeking costs them a rounding error.
    np.testing.assert_allclose(piece, whole[:, start:end], atol=1e-6)


@pytest.mark.parametrize("form", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_every_source_gives_the_same(files: dict[str, Path], form: str, tmp_path: Path) -> None:
    whole = read_audio(files[form]).samples
    data = files[form].read_bytes()
    odd = tmp_path / "näme with spaces: 100% [日本語] 'quoted'"
    odd.write_bytes(data)
    with files[form].open("rb") as file:
        file.seek(10)
        np.testing.assert_array_equal(read_audio(file).samples, whole)
        assert not file.closed
    for source in (str(files[form]), data, io.BytesIO(data), odd):
        np.testing.assert_array_equal(read_audio(source).samples, whole)


def test_pipes_are_read_through(files: dict[str, Path], tmp_path: Path) -> None:
    data = files["flac"].read_bytes()
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    feeder = threading.Thread(target=fifo.write_bytes, args=(data,))
    feeder.start()
    np.testing.assert_array_equal(read_audio(fifo).samples, read_audio(data).samples)
    feeder.join()


@pytest.mark.parametrize("suffix", ["m4a", "mp3", "ogg", "mkv"])
@pytest.mark.parametrize("spool", [1, 16 << 20])
def test_every_format_comes_through_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, spool: int
) -> None:
    """Below the size that is kept in memory, and above it."""
    monkeypatch.setattr("soli.media.source.SPOOL_BYTES", spool)
    path = tmp_path / f"x.{suffix}"
    if suffix == "mkv":
        write_video(path, music(2, 48000, 48000))
    else:
        write_audio(path, music(2, 48000, 48000), sample_rate=48000)
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        got = read_audio(cat.stdout).samples
    np.testing.assert_array_equal(got, read_audio(path).samples)


@pytest.mark.parametrize("suffix", ["m4a", "mp3"])
def test_a_file_that_is_open_for_writing_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    write_audio(path, music(1, 48000, 48000), sample_rate=48000)
    with path.open("r+b") as file:
        np.testing.assert_array_equal(read_audio(file).samples, read_audio(path).samples)


def test_mono_and_another_rate(files: dict[str, Path]) -> None:
    whole = read_audio(files["wav"]).samples
    audio = read_audio(files["wav"], mono=True, sample_rate=16000)
    assert audio.sample_rate == 16000
    np.testing.assert_allclose(audio.samples, resample(whole.mean(axis=0, keepdims=True), RATE, 16000), atol=1e-6)


def test_what_probe_says(files: dict[str, Path]) -> None:
    for form, container, codec, subtype in [
        ("wav", "wav", "pcm", "float32"),
        ("flac", "flac", "flac", "pcm24"),
        ("ogg", "ogg", "vorbis", "vorbis"),
        ("mp3", "mp3", "mp3", "mp3"),
        ("m4a", "mp4", "aac", "aac"),
    ]:
        info = probe(files[form])
        assert (info.container, info.codec, info.subtype) == (container, codec, subtype)
        assert (info.sample_rate, info.channels, info.has_video, info.path) == (RATE, 2, False, str(files[form]))
        assert info.duration_s == pytest.approx(SAMPLES.shape[1] / RATE, abs=1e-3)


VIDEOS = [
    ("a.mp4", "libx264", "aac", 0),
    ("a.mov", "mpeg4", "alac", 0),
    ("b.mov", "mpeg4", "pcm_s24le", 0),
    ("a.mkv", "libx264", "flac", 0),
    ("b.mkv", "mpeg4", "libopus", 0),
    ("c.mkv", "mpeg4", "aac", 0),
    ("a.webm", "libvpx-vp9", "libopus", 0),
    ("a.avi", "mpeg4", "pcm_s16le", 0),
    # These containers do not say how many samples of priming their codec puts first.
    ("a.ts", "mpeg2video", "mp2", 481),
    ("a.flv", "flv", "aac", 1024),
    ("a.mpg", "mpeg1video", "ac3", 256),
]


@pytest.mark.parametrize(("name", "picture", "codec", "priming"), VIDEOS)
def test_the_sound_of_videos(tmp_path: Path, name: str, picture: str, codec: str, priming: int) -> None:
    samples = music(1, 48_000 + 77, 48000)
    path = write_video(tmp_path / name, samples, picture=picture, sound=codec)
    audio = read_audio(path)
    assert probe(path).has_video
    assert audio.sample_rate == 48000
    assert lag(samples[0], audio.samples[0]) == priming
    assert samples.shape[1] <= audio.samples.shape[1] <= samples.shape[1] + priming + 2048
    length = min(samples.shape[1], audio.samples.shape[1] - priming)
    assert snr_db(samples[:, :length], audio.samples[:, priming : priming + length]) > 15
    if codec in ("pcm_s16le", "pcm_s24le", "alac", "flac", "libopus") or name == "a.mp4":
        assert audio.samples.shape == samples.shape
    if codec == "pcm_s24le":
        np.testing.assert_allclose(audio.samples, samples, atol=2.0**-23)


@pytest.mark.parametrize("name", ["x.m4a", "x.mp4", "x.aac", "x.ac3", "x.wma", "x.aiff", "x.w64", "x.caf"])
def test_sound_files_that_come_from_elsewhere(tmp_path: Path, name: str) -> None:
    codecs = {"aac": "aac", "ac3": "ac3", "wma": "wmav2", "m4a": "aac", "mp4": "aac"}
    codec = codecs.get(name[2:], "pcm_s16be" if name == "x.aiff" else "pcm_s16le")
    samples = music(2, 96_000, 48000)
    path = write_video(tmp_path / name, samples, picture=None, sound=codec)
    audio = read_audio(path)
    assert not probe(path).has_video
    delay = lag(samples[0], audio.samples[0])
    assert abs(delay) <= 2048
    lost, late = max(0, -delay), max(0, delay)  # FFmpeg's wma decoder drops its first block
    length = min(audio.samples.shape[1] - late, samples.shape[1] - lost)
    assert length > samples.shape[1] - 4096
    assert snr_db(samples[:, lost : lost + length], audio.samples[:, late : late + length]) > 10


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    def peak_bytes(seconds: int) -> int:
        block = music(2, 48000, 48000)
        with AudioWriter(tmp_path / "in.wav", sample_rate=48000, channels=2) as writer:
            for _ in range(seconds):
                writer.write(block)
        tracemalloc.start()
        up = StreamResampler(48000, 44100, 2)
        with (
            open_audio(tmp_path / "in.wav") as reader,
            AudioWriter(tmp_path / "out.flac", sample_rate=44100, channels=2, format="flac") as out,
        ):
            for piece in reader.blocks():
                out.write(up.process(piece))
            out.write(up.flush())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert probe(tmp_path / "out.flac").frames == seconds * 44100
        return peak

    assert peak_bytes(120) < 1.1 * peak_bytes(10) + 100_000


class Stream(io.RawIOBase):
    """What a network connection is to a reader: bytes that come once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        return self._data.readinto(buffer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux' devices")
@pytest.mark.parametrize("size", [1000, 2 << 20])  # noticed when it is written to the disk, and before
@pytest.mark.parametrize("named", [True, False])
def test_a_stream_with_more_in_it_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, named: bool
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "w+b"))  # noqa: PTH123, SIM115
    monkeypatch.setattr("soli.media.source.SPOOL_BYTES", 100)
    source: Path | Stream = Stream(bytes(size))
    if named:
        source = tmp_path / "live.wav"
        os.mkfifo(source)
        threading.Thread(target=_feed, args=(source, bytes(size)), daemon=True).start()
    with pytest.raises(InputError, match=r"there is more in .* than .* has room for; free some space .*TMPDIR"):
        probe(source)


def _feed(pipe: Path, data: bytes) -> None:
    with suppress(BrokenPipeError):  # nobody reads on where there is no room
        pipe.write_bytes(data)
