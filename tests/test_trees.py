"""The trees are what the sets are: names, rates, lengths and sums."""

import csv
import json
import re
from pathlib import Path

import av
import numpy as np
import pytest

from soli.data.manifest import write_manifest
from soli.data.readers.stems import read_stems
from soli.data.render import render
from soli.data.tracks import rows_of_tracks
from soli.media.audio import probe, read_audio
from trees import BACH10_PIECES, DCASE2013_CLASSES, TREES


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", [name for name in TREES if name != "sound-of-pixels"])
def test_every_tree_is_small_and_made_alike_twice(tmp_path: Path, name: str) -> None:
    for place in ("one", "two"):
        TREES[name](tmp_path / place)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert files
    assert sum((tmp_path / "one" / file).stat().st_size for file in files) < 12_000_000
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_voice_noise(tmp_path: Path) -> None:
    root = TREES["voice-noise"](tmp_path)
    assert names(root) == ["test", "train", "train_small"]
    for folder in (*root.glob("*/0*"), *root.glob("*/1*")):
        (mix,) = folder.glob("mix_snr_*.wav")
        voice, noise = (read_audio(folder / f"{name}.wav") for name in ("voice", "noise"))
        assert (probe(mix).sample_rate, probe(mix).subtype, probe(mix).channels) == (8000, "float32", 1)
        np.testing.assert_array_equal(read_audio(mix).samples, voice.samples + noise.samples)
        snr_db = 10 * np.log10(np.mean(voice.samples**2) / np.mean(noise.samples**2))
        assert snr_db == pytest.approx(int(mix.stem.rpartition("_")[2]), abs=0.01)


def test_bach10(tmp_path: Path) -> None:
    root = TREES["bach10"](tmp_path)
    assert names(root) == [*BACH10_PIECES[:3], "Code"]
    title = BACH10_PIECES[0]
    ends = ("-bassoon", "-clarinet", "-saxphone", "-violin", "")
    assert names(root / title) == [f"{title}{end}.wav" for end in ends]


def test_dcase2013(tmp_path: Path) -> None:
    root = TREES["dcase2013"](tmp_path)
    assert {re.match("[a-z]+", name)[0] for name in names(root)} == set(DCASE2013_CLASSES)
    assert len(names(root)) == 64
    assert probe(root / "doorslam01.wav").channels == 2


def test_dcase2018(tmp_path: Path) -> None:
    scenes, events = TREES["dcase2018"](tmp_path)
    with (scenes / "meta.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert all(probe(scenes / row["filename"]).duration_s == 10.0 for row in rows)
    with (events / "train.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert {row["manually_verified"] for row in listed} == {"0", "1"}
    assert sorted(row["fname"] for row in listed) == names(events / "audio_train")


@pytest.mark.parametrize(("name", "fps"), [("sound-of-pixels", 8), ("thesis", 5)])
def test_sound_of_pixels_and_the_thesis(tmp_path: Path, name: str, fps: int) -> None:
    root = TREES[name](tmp_path)
    lines = (root / "train.csv").read_text().splitlines()
    assert (lines[0] == "AUDIO_PATH,FRAMES_PATH,NUMBER_FRAMES") == (name == "sound-of-pixels")
    audio, frames, count = lines[-1].split(",")
    assert probe(root / audio).sample_rate == 11025
    assert int(count) == len(names(root / frames)) == 21 * fps
    with av.open(str(root / frames / "000001.jpg")) as picture:
        assert next(picture.decode(video=0)).to_ndarray(format="rgb24").shape == (48, 64, 3)


def test_music_lists_more_than_the_disk_holds(tmp_path: Path) -> None:
    root = TREES["music"](tmp_path)
    videos = json.loads((root / "MUSIC_solo_videos.json").read_text())["videos"]
    on_disk = {path.stem for path in (root / "videos").rglob("*.mp4")}
    assert [len(set(ids) & on_disk) for ids in videos.values()] == [2, 2, 2]
    clip = root / "videos/cello" / f"{videos['cello'][0]}.mp4"
    info = probe(clip)
    assert info.has_video
    assert info.duration_s == pytest.approx(3.0, abs=0.1)
    with av.open(str(clip)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 24


@pytest.mark.parametrize(("name", "tracks"), [("musdb", 3), ("librimix", 6)])
def test_stems_sum_to_the_mixtures_on_disk(tmp_path: Path, name: str, tracks: int) -> None:
    root = TREES[name](tmp_path)
    rows = list(rows_of_tracks(read_stems(root), root))
    assert len(rows) == tracks
    write_manifest(root / "m.jsonl", rows)
    for row in rows:
        np.testing.assert_allclose(render(row, root).mixture, read_audio(root / row.mixture).samples, atol=1e-6)
