"""Video in: its sound is taken apart, and with `--remux` the picture comes back with one track a stem."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from cli_call import files_below, inside
from cli_sounds import HIGH_HZ, LOW_HZ, two_tones, write_good

import models

RATE = 48000


def write_clip(path: Path, codec: str, sound: str, seconds: int = 2, tracks: int = 1) -> Path:
    """A grey picture that gets lighter, with the two tones as its sound, ever softer from track to track."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream(codec, rate=10, width=64, height=48, pix_fmt="yuv420p")
        sounds = [container.add_stream(sound, rate=RATE, layout="stereo") for _ in range(tracks)]
        for number, track in enumerate(sounds):
            track.metadata["language"] = ("eng", "ita", "fra")[number]
        for index in range(10 * seconds):
            grey = np.full((48, 64, 3), 10 * index, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(picture.encode(None))
        samples = two_tones(RATE, 2, RATE * seconds).T
        for start in range(0, samples.shape[1], 960):
            for number, track in enumerate(sounds):
                part = np.ascontiguousarray(samples[:, start : start + 960]) / 10**number
                frame = av.AudioFrame.from_ndarray(part, "fltp", "stereo")
                frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
                container.mux(track.encode(frame))
        for track in sounds:
            container.mux(track.encode(None))
    return path


def tone_level(samples: np.ndarray, hz: float) -> float:
    part = samples[len(samples) // 4 : -len(samples) // 4] * np.hanning(len(samples) - 2 * (len(samples) // 4))
    return float(abs(np.sum(part * np.exp(-2j * np.pi * hz * np.arange(len(part)) / RATE))))


@pytest.mark.parametrize(
    ("name", "codec", "sound", "written"),
    [
        ("clip.mp4", "mpeg4", "aac", "clip.mp4"),
        ("clip.mkv", "mpeg4", "pcm_s16le", "clip.mkv"),
        ("clip.avi", "mpeg4", "mp2", "clip.mkv"),
    ],
)
def test_a_video_comes_back_with_a_track_for_every_stem(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], name: str, codec: str, sound: str, written: str
) -> None:
    write_clip(here / name, codec, sound)
    result = inside(capsys, "separate", name, "-m", model, "--remux", "--json")
    assert (result.code, result.err) == (0, "")
    (file,) = result.json["files"]
    assert file["video"] == f"separated/clip/{written}"
    assert list(file["outputs"]) == ["voice", "noise"]
    assert files_below(here / "separated") == {"clip/voice.wav", "clip/noise.wav", f"clip/{written}"}
    with av.open(file["video"]) as container:
        assert len(container.streams.video) == 1
        assert sum(1 for _ in container.decode(video=0)) == 20
    for track, kept, gone in ((0, LOW_HZ, HIGH_HZ), (1, HIGH_HZ, LOW_HZ)):
        with av.open(file["video"]) as container:
            planar = av.AudioResampler("fltp", "stereo", RATE)
            frames = [each for frame in container.decode(audio=track) for each in planar.resample(frame)]
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        assert tone_level(samples, kept) > 20 * tone_level(samples, gone)
    again = inside(capsys, "separate", name, "-m", model, "--remux", "--json")
    assert again.json["files"] == [{**file, "kept": True}]


def test_without_remux_a_video_gives_its_stems_alone(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(here / "clip.mp4", "mpeg4", "aac")
    assert inside(capsys, "separate", ".", "-m", model).code == 0
    assert files_below(here / "separated") == {"clip/voice.wav", "clip/noise.wav"}


def test_remux_of_a_sound_file_is_an_error_of_that_file(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_good(here / "x.wav")
    write_clip(here / "clip.mp4", "mpeg4", "aac")
    result = inside(capsys, "separate", "x.wav", "clip.mp4", "-m", model, "--remux", "--json")
    assert result.code == 1
    assert result.errors == result.err.splitlines()
    (error,) = result.errors
    assert "x.wav" in error
    assert "no picture" in error
    assert [file["input"] for file in result.json["files"]] == ["clip.mp4"]


def test_what_the_video_had_to_limit_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loud = models.save(here, models.gain_model([[40.0]]), "loud")
    write_clip(here / "clip.mkv", "mpeg4", "pcm_s16le")
    result = inside(capsys, "separate", "clip.mkv", "-m", loud, "--remux", "--json")
    (warning,) = result.json["files"][0]["warnings"]
    assert "clip.mkv" in warning
    assert "beyond full scale were limited" in warning
    assert result.code == 0
    assert warning in result.err


@pytest.mark.parametrize("more", [(), ("--remux",)])
def test_a_video_of_several_sound_tracks_says_which_one_was_taken(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    write_clip(here / "clip.mkv", "mpeg4", "pcm_s16le", tracks=3)
    result = inside(capsys, "separate", "clip.mkv", "-m", model, "--json", *more)
    (warning,) = result.json["files"][0]["warnings"]
    assert result.err == f"soli: warning: {warning}\n"
    assert "clip.mkv has 3 sound tracks, and only number 1 (eng) is read" in warning
    assert "ffmpeg -i INPUT -map 0:a:1 track2.wav" in warning
    assert result.code == 0
    assert np.max(soundfile.read("separated/clip/voice.wav")[0]) == pytest.approx(0.3, rel=0.1)
