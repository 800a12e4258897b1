"""What several tests of training train on."""

from pathlib import Path

import numpy as np
import pytest

from soli.data.manifest import write_manifest
from soli.data.readers.stems import read_stems
from soli.data.tracks import rows_of_tracks
from soli.media.audio import write_audio

RATE, SECONDS = 8000, 1.5


@pytest.fixture(scope="session")
def librimix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same low and high voice in every track, now one first, now the other; the noise is in mix_both only.

    With the manifests mix_clean.jsonl and mix_both.jsonl.
    """
    root = tmp_path_factory.mktemp("Libri2Mix")
    rng = np.random.default_rng(5)
    time_s = np.arange(round(RATE * SECONDS)) / RATE
    for index in range(9):
        split = "train-100" if index < 6 else "dev"
        low, high = (
            0.2
            * np.sin(2 * np.pi * pitch_hz * time_s + rng.uniform(0, 6))
            * (0.6 + 0.4 * np.sin(7 * time_s + pitch_hz))
            for pitch_hz in (300, 2000)
        )
        noise = 0.01 * rng.standard_normal(len(time_s))
        first, second = (low, high) if index % 2 else (high, low)
        files = {"s1": first, "s2": second, "noise": noise}
        files |= {"mix_clean": low + high, "mix_both": low + high + noise}
        for folder, samples in files.items():
            (root / split / folder).mkdir(parents=True, exist_ok=True)
            path = root / split / folder / f"{index}.wav"
            write_audio(path, samples[None].astype(np.float32), sample_rate=RATE)
    for mixture in ("mix_clean", "mix_both"):
        write_manifest(root / f"{mixture}.jsonl", list(rows_of_tracks(read_stems(root, mixture=mixture), root)))
    return root
