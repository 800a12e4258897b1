"""Items cut from a manifest: as the rows are, or with the sources of several rows."""

from pathlib import Path

import numpy as np
import pytest

from soli.data.manifest import Manifest, Part, Row, read_manifest, write_manifest
from soli.media.audio import write_audio
from soli.train.dataset import Excerpts, Mixtures

RATE = 1000
ROWS = 6


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Rows of 1 s in which the voice is a ramp from the row's number on, and the noise the number itself, over 10."""
    rows = []
    for index in range(ROWS):
        sounds = {"voice": 0.1 * index + np.linspace(0, 0.1, RATE), "noise": np.full(RATE, 0.1 * index)}
        for source, samples in sounds.items():
            write_audio(tmp_path / f"{source}{index}.wav", samples[None].astype(np.float32), sample_rate=RATE)
        parts = tuple(Part(source=source, path=f"{source}{index}.wav", duration_s=1.0) for source in sounds)
        rows.append(Row(id=str(index), split="train", sample_rate=RATE, duration_s=1.0, parts=parts))
    write_manifest(tmp_path / "all.jsonl", rows)
    return read_manifest(tmp_path / "all.jsonl")


def origins(items: Excerpts, count: int) -> list[tuple[int, int]]:
    """Which rows voice and noise of each item are from."""
    found = []
    for index in range(count):
        stems = items(index).stems
        found.append((int(10 * stems["voice"].mean() + 1e-3), round(10 * float(stems["noise"].mean()))))
    return found


def test_an_item_is_cut_from_one_row(manifest: Manifest) -> None:
    rows = origins(Excerpts(manifest, split="train", duration_s=0.5, seed=1), 40)
    assert all(voice == noise for voice, noise in rows)
    assert len(set(rows)) == ROWS


def test_a_remixed_item_takes_each_source_from_a_row_of_its_own(manifest: Manifest) -> None:
    items = Excerpts(manifest, split="train", duration_s=0.5, seed=1, remixed=True)
    rows = origins(items, 200)
    assert len(set(rows)) > ROWS * ROWS * 0.9
    assert rows == origins(items, 200)
    item = items(3)
    assert item.mixture.shape == (1, RATE // 2)
    np.testing.assert_allclose(item.mixture, sum(item.stems.values()), atol=1e-6)
    starts = {round(float(items(index).stems["voice"][0, 0] % 0.1), 3) for index in range(20)}
    assert len(starts) > 10


@pytest.mark.parametrize("channels", [1, 2])
def test_of_several_channels_the_first_is_taken_and_the_others_are_counted(tmp_path: Path, channels: int) -> None:
    sound = np.random.default_rng(0).standard_normal((channels, RATE)).astype(np.float32)
    write_audio(tmp_path / "voice.wav", sound, sample_rate=RATE)
    part = Part(source="voice", path="voice.wav", duration_s=1.0)
    row = Row(id="one", split="train", sample_rate=RATE, duration_s=1.0, parts=(part,))
    write_manifest(tmp_path / "stereo.jsonl", [row])
    items = Excerpts(read_manifest(tmp_path / "stereo.jsonl"), split="train", duration_s=None, seed=1)
    mixtures = Mixtures(items, ("voice", "noise"))
    assert mixtures.channels == channels
    mixture, targets = mixtures[0]
    np.testing.assert_array_equal(mixture, sound[0])
    np.testing.assert_array_equal(targets, [sound[0], np.zeros(RATE)])
