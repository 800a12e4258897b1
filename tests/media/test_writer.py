"""A file is whole under its final name or not there; what pcm limits is counted; beyond 4 GB there is RF64."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sounds import music

from soli.errors import InputError, OutputError
from soli.media.audio import open_audio, probe, read_audio, write_audio
from soli.media.formats import FORMATS
from soli.media.wav import WavEncoder
from soli.media.writer import AudioWriter

SAMPLES = music(2, 20_000, 48000)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_the_final_name_comes_last(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"x.{form}"
    writer = AudioWriter(path, sample_rate=48000, channels=2, format=form)
    for start in range(0, 20_000, 777):
        writer.write(SAMPLES[:, start : start + 777])
    assert [found.name for found in tmp_path.iterdir()] == [f".x.{form}.part"]
    writer.finish()
    assert not path.exists()
    writer.commit()
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert read_audio(path).samples.shape == SAMPLES.shape


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_given_up_files_leave_nothing(tmp_path: Path, form: str) -> None:
    writer = AudioWriter(tmp_path / f"x.{form}", sample_rate=48000, channels=2, format=form)
    writer.write(SAMPLES)
    writer.abort()
    writer.abort()
    with pytest.raises(KeyError), AudioWriter(tmp_path / "y", sample_rate=48000, channels=2, format=form):
        raise KeyError("the separator failed")
    assert not list(tmp_path.iterdir())


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"old")
    writer = AudioWriter(path, sample_rate=48000, channels=2)
    writer.write(SAMPLES)
    assert path.read_bytes() == b"old"
    writer.commit()
    np.testing.assert_array_equal(read_audio(path).samples, SAMPLES)


def test_what_a_killed_run_left_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".x.wav.part").write_bytes(bytes(10_000_000))
    write_audio(tmp_path / "x.wav", SAMPLES, sample_rate=48000)
    np.testing.assert_array_equal(read_audio(tmp_path / "x.wav").samples, SAMPLES)
    assert [found.name for found in tmp_path.iterdir()] == ["x.wav"]


def test_block_sizes_do_not_matter(tmp_path: Path) -> None:
    for form in ("wav", "flac"):
        for name, size in (("whole", 20_000), ("pieces", 333)):
            with AudioWriter(tmp_path / name, sample_rate=48000, channels=2, format=form, frames=20_000) as writer:
                for start in range(0, 20_000, size):
                    writer.write(SAMPLES[:, start : start + size])
        assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()


def test_peak_and_limited_samples_are_told(tmp_path: Path) -> None:
    samples = np.array([[0.5, -1.0, 1.0, 1.5, -2.0]], np.float32)
    for subtype, clipped in (("float32", 0), ("pcm24", 2), ("pcm16", 2)):
        with AudioWriter(tmp_path / "x.wav", sample_rate=48000, channels=1, subtype=subtype) as writer:
            writer.write(samples[:, :2])
            writer.write(samples[:, 2:])
        assert (writer.peak, writer.clipped, writer.frames) == (2.0, clipped, 5)
    read = read_audio(tmp_path / "x.wav").samples
    np.testing.assert_array_equal(read, np.array([[0.5, -1.0, 32767 / 32768, 32767 / 32768, -1.0]], np.float32))


def test_wrong_blocks_are_refused(tmp_path: Path) -> None:
    writer = AudioWriter(tmp_path / "x.wav", sample_rate=48000, channels=2)
    with pytest.raises(ValueError, match=r"wanted \(2, T\)"):
        writer.write(SAMPLES[:1])
    with pytest.raises(OutputError, match="not numbers"):
        writer.write(np.full((2, 3), np.nan, np.float32))
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path, message in (
        (tmp_path / "none" / "x.wav", "make the folder first"),
        (tmp_path / "file" / "x.wav", "choose another folder"),
        (tmp_path / "folder", "it is a folder; choose another name"),
        (tmp_path / ("n" * 260), "choose a shorter name"),
    ):
        with pytest.raises(OutputError, match=message) as caught:
            write_audio(path, SAMPLES, sample_rate=48000, format="wav")
        assert str(path) in str(caught.value)


def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            write_audio(tmp_path / "x.wav", SAMPLES, sample_rate=48000)
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o755)


FULL = """
import os, resource, signal, sys
import numpy as np
from soli.errors import InputError, OutputError
from soli.media.writer import AudioWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if len(sys.argv) > 3:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 48000)).astype(np.float32)
try:
    with AudioWriter(sys.argv[1], sample_rate=48000, channels=2, format=sys.argv[2]) as writer:
        for _ in range(60):
            writer.write(noise)
except OutputError as error:
    print(error)
"""


def refused(path: Path, form: str, *limit: str) -> str:
    command = [sys.executable, "-c", FULL, str(path), form, *limit]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize("limit", ["100", "50000"])
def test_a_file_size_limit(tmp_path: Path, form: str, limit: str) -> None:
    message = refused(tmp_path / f"x.{form}", form, limit)
    assert f"cannot write {tmp_path / f'x.{form}'}: File too large; choose" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_full_disk(tmp_path: Path, form: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", disk]).returncode:
        pytest.skip("a small disk can only be mounted by root with the right to mount")
    try:
        message = refused(disk / f"x.{form}", form)
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)
    assert f"cannot write {disk / f'x.{form}'}: No space left on device; free some space" in message
    assert not left


class SparseFile(io.FileIO):
    """Leaves holes where zeros are written, so that 4 GB of silence cost nothing."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if len(data) > 1 << 20 and not np.frombuffer(data, np.uint64).any():
            self.seek(len(data), os.SEEK_CUR)
            return len(data)
        return super().write(data) or 0


def test_beyond_4_gb_a_wav_becomes_rf64(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    silence = np.zeros((1 << 23, 8), np.float32)
    end = music(8, 1000, 48000)
    with SparseFile(str(path), "w+") as file:
        encoder = WavEncoder(file, sample_rate=48000, channels=8, subtype="float32", frames=None)
        for _ in range(17):
            encoder.write(silence)
        encoder.write(end.T)
        encoder.finish()
    frames = 17 * (1 << 23) + 1000
    assert path.stat().st_size > 2**32
    with path.open("rb") as file:
        assert file.read(4) == b"RF64"
    info = probe(path)
    assert (info.frames, info.channels, info.container) == (frames, 8, "rf64")
    with open_audio(path) as reader:
        reader.skip(frames - 1000)
        np.testing.assert_array_equal(np.concatenate(list(reader.blocks()), axis=1), end)
    os.truncate(path, path.stat().st_size - 10)
    with pytest.raises(InputError, match="cut off"):
        probe(path)


def test_a_promise_of_few_frames_that_is_broken(tmp_path: Path) -> None:
    """Room for RF64 is only left out where the promised length makes it needless; short lies do no harm."""
    with AudioWriter(tmp_path / "x.wav", sample_rate=48000, channels=2, frames=10) as writer:
        writer.write(SAMPLES)
    np.testing.assert_array_equal(read_audio(tmp_path / "x.wav").samples, SAMPLES)
