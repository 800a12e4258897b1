"""What makes a stem another one, and what does not: the same call in other words, other versions, other devices."""

import dataclasses
import os
from pathlib import Path

import av
import pytest
from cli_call import inside
from cli_sounds import write_good
from test_cli_video import write_clip

import soli.separation.batch as batch_module
from soli.separation.batch import Batch
from soli.separation.files import Settings
from soli.separation.model import Model, open_model
from soli.separation.plan import Failure, plan
from soli.separation.record import Record
from soli.separation.work import Separation


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((), ("--subtype", "float32")),
        ((), ("--chunk-s", "2")),  # as the model says
        ((), ("--chunk-s", "2.001")),  # the same number of hops
        ((), ("--batch", "3")),
        (("--format", "flac"), ("--format", "FLAC", "--subtype", "pcm24")),
    ],
)
def test_the_same_in_other_words_is_kept(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    write_good(here / "x.wav", frames=4410)
    for words, kept in (first, False), (second, True), (first, True):
        result = inside(capsys, "separate", "x.wav", "-m", model, "--json", *words)
        assert (result.code, result.err) == (0, "")
        assert result.json["files"][0]["kept"] == kept


def test_chunks_of_another_length_give_other_stems(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav", frames=4410)
    assert inside(capsys, "separate", "x.wav", "-m", model).code == 0
    assert "output exists" in inside(capsys, "separate", "x.wav", "-m", model, "--chunk-s", "1").err


def run(model: Model, *, stems: tuple[str, ...] | None = None) -> Record | Failure:
    """One file into the folder `out`, which is there."""
    Path("out").mkdir(exist_ok=True)
    (result,) = Batch(Separation(model, Settings(stems)), Path("out")).run(plan(["x.wav"]), lambda *_: None)
    return result


def test_stems_of_two_versions_of_soli_do_not_stand_side_by_side(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_good(here / "x.wav", frames=4410)
    loaded = open_model(model, threads=1)
    assert isinstance(run(loaded, stems=("voice",)), Record)
    monkeypatch.setattr(batch_module, "__version__", "99.0")
    refused = run(loaded)
    assert isinstance(refused, Failure)
    assert "this soli (99.0 on cpu)" in refused.error
    assert not Path("out/x/noise.wav").exists()


class Elsewhere:
    """A network separator that says it runs on another device."""

    device = "cuda"

    def __init__(self, inner) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def test_stems_of_two_devices_do_not_stand_side_by_side(here: Path, model: Path) -> None:
    write_good(here / "x.wav", frames=4410)
    loaded = open_model(model, threads=1)
    assert isinstance(run(loaded, stems=("voice",)), Record)
    refused = run(dataclasses.replace(loaded, network=Elsewhere(loaded.network)))
    assert isinstance(refused, Failure)
    assert "output exists" in refused.error


def sound_tracks(path: str) -> int:
    with av.open(path) as container:
        return len(container.streams.audio)


def test_a_video_of_some_stems_becomes_one_of_all(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(here / "clip.mkv", "mpeg4", "pcm_s16le")
    call = ("separate", "clip.mkv", "-m", model, "--remux", "--json")
    for more, tracks, kept in (("--stems", "voice"), 1, False), ((), 2, False), ((), 2, True):
        result = inside(capsys, *call, *more)
        assert (result.code, result.err) == (0, "")
        (file,) = result.json["files"]
        assert (sound_tracks(file["video"]), file["kept"]) == (tracks, kept)


@pytest.mark.parametrize("change", ["the video", "the input"])
def test_a_video_that_is_not_known_is_left_alone(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    write_clip(here / "clip.mkv", "mpeg4", "pcm_s16le")
    call = ("separate", "clip.mkv", "-m", model, "--remux")
    assert inside(capsys, *call, "--stems", "voice").code == 0
    if change == "the video":
        Path("separated/clip/clip.mkv").write_bytes(b"mine")
    else:
        os.utime("clip.mkv", ns=(1, 1))
        Path("separated/clip/voice.wav").unlink()
    before = Path("separated/clip/clip.mkv").read_bytes()
    result = inside(capsys, *call)
    assert "output exists: separated/clip/clip.mkv" in result.err
    assert Path("separated/clip/clip.mkv").read_bytes() == before


def test_many_inputs_are_not_compared_each_with_each(here: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in calls of the system: twice as many inputs, about twice as many looks at files."""
    loaded, stat, looks = open_model(model, threads=1), os.stat, 0

    def counted(*args, **options) -> os.stat_result:
        nonlocal looks
        looks += 1
        return stat(*args, **options)

    for number in range(24):
        write_good(here / f"{number}.wav", frames=100)
    Path("out").mkdir()
    names = [f"{number}.wav" for number in range(24)]

    def looks_at(count: int) -> int:
        nonlocal looks
        batch = Batch(Separation(loaded, Settings()), Path("out"))
        looks = 0
        results = list(batch.run(plan(names[:count]), lambda *_: None))
        assert all(isinstance(each, Record) and each.kept for each in results)
        return looks

    list(Batch(Separation(loaded, Settings()), Path("out")).run(plan(names), lambda *_: None))
    monkeypatch.setattr(os, "stat", counted)
    few, many = looks_at(12), looks_at(24)
    assert few > 12
    assert many < 2.2 * few
