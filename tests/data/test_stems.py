"""Isolated stems are found in every shape that people keep them in, and what is wrong with a tree is said."""

from pathlib import Path

import numpy as np
import pytest

from made_sounds import noise
from soli.data.manifest import excerpt, read_manifest, write_manifest
from soli.data.readers.stems import read_stems
from soli.data.render import render
from soli.data.tracks import rows_of_tracks
from soli.errors import DataError
from soli.media.audio import read_audio, write_audio

RATE = 8000


def put(
    path: Path, *, seed: int = 0, duration_s: float = 0.5, sample_rate: int = RATE, channels: int = 1
) -> np.ndarray:
    samples = np.stack([noise(duration_s, sample_rate, seed=seed + 100 * c) for c in range(channels)])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, samples, sample_rate=sample_rate)
    return samples


def musdb(root: Path) -> None:
    for split in ("train", "test"):
        for number in range(2):
            folder = root / split / f"Artist - Söng {number}"
            stems = [
                put(folder / f"{name}.wav", seed=i, channels=2) for i, name in enumerate(("bass", "drums", "vocals"))
            ]
            write_audio(folder / "mixture.wav", sum(stems), sample_rate=RATE)


def librimix(root: Path) -> None:
    for split in ("train-100", "dev", "test"):
        for number, folder in enumerate(("mix_both", "mix_clean", "s1", "s2", "noise")):
            for take in range(2):
                put(root / "wav8k/min" / split / folder / f"84-12_{take}.wav", seed=10 * number + take)


def test_a_folder_a_track(tmp_path: Path) -> None:
    musdb(tmp_path)
    tracks = read_stems(tmp_path)
    assert [track.id for track in tracks] == [f"{s}/Artist - Söng {n}" for s in ("test", "train") for n in range(2)]
    assert [track.split for track in tracks] == ["test", "test", "train", "train"]
    assert tracks[0].stems["bass"] == ("test/Artist - Söng 0/bass.wav",)
    assert tracks[0].mixture == "test/Artist - Söng 0/mixture.wav"
    assert list(tracks[0].stems) == ["bass", "drums", "vocals"]


def test_a_folder_a_source(tmp_path: Path) -> None:
    librimix(tmp_path)
    tracks = read_stems(tmp_path)
    assert len(tracks) == 6
    assert {track.split for track in tracks} == {"train", "valid", "test"}
    assert list(tracks[0].stems) == ["noise", "s1", "s2"]
    assert tracks[0].mixture == "wav8k/min/dev/mix_both/84-12_0.wav"
    clean = read_stems(tmp_path, mixture="mix_clean")
    assert list(clean[0].stems) == ["s1", "s2"]
    assert clean[0].mixture == "wav8k/min/dev/mix_clean/84-12_0.wav"
    with pytest.raises(DataError, match="has no folder mix_single; wanted one of mix_both, mix_clean"):
        read_stems(tmp_path, mixture="mix_single")


def test_rows_of_tracks_render_to_the_files_samples(tmp_path: Path) -> None:
    musdb(tmp_path)
    write_manifest(tmp_path / "m.jsonl", rows_of_tracks(read_stems(tmp_path), tmp_path))
    manifest = read_manifest(tmp_path / "m.jsonl")
    row = manifest.rows[0]
    assert (row.sample_rate, row.duration_s, row.labels) == (RATE, 0.5, ("bass", "drums", "vocals"))
    rendered = render(row, tmp_path)
    for name, stem in rendered.stems.items():
        np.testing.assert_array_equal(stem, read_audio(tmp_path / row.id / f"{name}.wav").samples)
    np.testing.assert_allclose(rendered.mixture, read_audio(tmp_path / row.mixture).samples, atol=1e-6)


def test_an_excerpt_of_a_row_is_a_cut_of_its_rendering(tmp_path: Path) -> None:
    musdb(tmp_path)
    row = next(rows_of_tracks(read_stems(tmp_path), tmp_path))
    whole, cut = render(row, tmp_path), render(excerpt(row, start_s=0.125, duration_s=0.25), tmp_path)
    np.testing.assert_array_equal(cut.mixture, whole.mixture[:, 1000:3000])
    np.testing.assert_array_equal(cut.stems["bass"], whole.stems["bass"][:, 1000:3000])


def test_one_track_alone_is_a_set(tmp_path: Path) -> None:
    put(tmp_path / "voice.wav")
    put(tmp_path / "noise.wav")
    (track,) = read_stems(tmp_path)
    assert (track.id, track.split, track.mixture) == (tmp_path.name, "all", None)


def test_what_is_wrong_with_a_tree_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        read_stems(tmp_path / "none")
    with pytest.raises(DataError, match="no tracks in"):
        read_stems(tmp_path)
    put(tmp_path / "a" / "mixture.wav")
    with pytest.raises(DataError, match="holds a mixture but no stems"):
        read_stems(tmp_path)
    put(tmp_path / "a" / "voice.wav")
    put(tmp_path / "a" / "voice.flac")
    with pytest.raises(DataError, match="holds voice in two formats"):
        read_stems(tmp_path)
    (tmp_path / "a" / "voice.flac").unlink()
    put(tmp_path / "b" / "vocal.wav")
    put(tmp_path / "c" / "voice.wav")
    with pytest.raises(DataError, match="track b has the sources vocal where 2 others have voice"):
        read_stems(tmp_path)


def test_a_name_missing_in_one_folder_is_named(tmp_path: Path) -> None:
    librimix(tmp_path)
    (tmp_path / "wav8k/min/dev/s2/84-12_1.wav").unlink()
    with pytest.raises(DataError, match="84-12_1 is missing in s2"):
        read_stems(tmp_path)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sample_rate": 16000}, "different rates: t/a.wav 8000 Hz, t/b.wav 16000 Hz"),
        ({"duration_s": 1.0}, "different lengths: a 0.50 s, b 1.00 s"),
    ],
)
def test_stems_that_do_not_fit_together_are_refused(tmp_path: Path, fields: dict[str, float], said: str) -> None:
    put(tmp_path / "t" / "a.wav")
    put(tmp_path / "t" / "b.wav", **fields)
    with pytest.raises(DataError) as caught:
        list(rows_of_tracks(read_stems(tmp_path), tmp_path))
    assert said in str(caught.value)
