"""The pages that say how to add something are true: each is followed to the letter."""

from pathlib import Path

import numpy as np
import pytest
from followed import Copy, Page

from soli.data.manifest import Part, Row, write_manifest
from soli.media.audio import write_audio

RATE = 8000


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy.make(tmp_path)


def tone_and_noise(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    time_s = np.arange(2 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * rng.uniform(200, 400) * time_s)
    return tone[None].astype(np.float32), (0.1 * rng.standard_normal((1, 2 * RATE))).astype(np.float32)


def test_a_network_can_be_added(copy: Copy) -> None:
    rows = []
    for index in range(6):
        for source, samples in zip(("voice", "noise"), tone_and_noise(index), strict=True):
            write_audio(copy.root / f"{source}{index}.wav", samples, sample_rate=RATE)
        parts = tuple(Part(source=s, path=f"{s}{index}.wav", duration_s=2.0) for s in ("voice", "noise"))
        split = "valid" if index == 5 else "train"
        rows.append(Row(id=str(index), split=split, sample_rate=RATE, duration_s=2.0, parts=parts))
    write_manifest(copy.root / "manifest.jsonl", rows)
    voice, noise = tone_and_noise(9)
    write_audio(copy.root / "noisy.wav", voice + noise, sample_rate=RATE)

    page = Page.read("add-a-network.md")
    copy.follow_files(page)
    for command in page.commands:
        done = copy.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if command.startswith("pytest"):
            assert " passed" in done.stdout, done.stdout
    assert {path.name for path in (copy.root / "separated" / "noisy").iterdir()} == {"voice.wav", "noise.wav"}


def test_a_data_set_can_be_added(copy: Copy) -> None:
    folder = copy.root / "recordings"
    folder.mkdir()
    for index in range(2):
        for part, samples in zip(("clean", "noise"), tone_and_noise(index), strict=True):
            write_audio(folder / f"take{index}.{part}.wav", samples, sample_rate=RATE)

    page = Page.read("add-a-dataset.md")
    copy.follow_files(page)
    for command in page.commands:
        done = copy.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert (copy.root / "scores" / "results.jsonl").read_text().count("\n") == 4

    (folder / "take1.noise.wav").unlink()
    refused = copy.run(page.commands[0])
    assert refused.returncode == 1
    assert "wanted take1.noise.wav beside it" in refused.stderr
