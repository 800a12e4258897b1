"""The shipped model `chamber`: what its card promises, any of its instruments alone or together, silence reported."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_call import inside

import soli
from soli.data.corpora.fonts import PACKAGES
from soli.separation import zoo

RATE = 44100
INSTRUMENTS = ("violin", "clarinet", "saxophone", "bassoon")

pytestmark = pytest.mark.skipif("chamber" not in zoo.names(), reason="the shipped model chamber is not there yet")


def tone(pitch_hz: float, partials: list[float], *, seconds: float = 3.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE)) / RATE
    sound = sum(level * np.sin(2 * np.pi * (h + 1) * pitch_hz * time_s + h) for h, level in enumerate(partials))
    return (0.1 * sound * np.minimum(1, time_s / 0.05)).astype(np.float32)


def test_the_card_keeps_training_and_test_apart_and_the_file_is_small() -> None:
    info = soli.load("chamber").info
    trained_on = {package.name for package in info.data if package.role == "instruments"}
    assert trained_on, "the card says where its data came from"
    for split in ("valid", "test"):
        assert not trained_on & set(PACKAGES[split]), f"sounds of the {split} split were trained on"
    assert trained_on <= set(PACKAGES["train"])
    assert all(package.licence for package in info.data)
    assert zoo.path("chamber").stat().st_size <= 12_000_000
    assert info.sample_rate == RATE
    assert info.sources == INSTRUMENTS
    assert info.complete, "four stems sum to the mixture, there is no fifth"


@pytest.mark.parametrize("rate", [16000, 44100])
def test_stems_sum_to_the_mixture(rate: int) -> None:
    mixture = np.stack([tone(440, [1, 0.5, 0.3]), tone(110, [0.4, 1, 0.6, 0.3])])
    stems = soli.separate(mixture, sample_rate=rate, model="chamber")
    assert tuple(stems) == INSTRUMENTS
    left = mixture - sum(stems.values())
    assert np.abs(left).max() < 1e-5


def test_high_and_low_tones_go_to_violin_and_bassoon() -> None:
    """A saw tooth above all others' range, and reedy tones below: what no timbre has to tell."""
    high = tone(1100, [1 / (h + 1) for h in range(12)])
    low = tone(65.4, [0.3, 0.7, 1, 0.8, 0.6, 0.4, 0.2, 0.1])
    stems = soli.separate((high + low)[None], sample_rate=RATE, model="chamber")
    energies = {name: float(np.square(stem).sum()) for name, stem in stems.items()}
    assert sorted(energies, key=energies.__getitem__)[2:] in (["violin", "bassoon"], ["bassoon", "violin"])
    for name, own in (("violin", high), ("bassoon", low)):
        error = np.square(stems[name][0] - own).sum() / np.square(own).sum()
        assert error < 0.1, f"{name}: error of {10 * np.log10(error):.1f} dB"


def test_an_absent_instrument_is_silent_and_reported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    low = tone(65.4, [0.3, 0.7, 1, 0.8, 0.6, 0.4, 0.2, 0.1])
    soundfile.write("low.wav", low, RATE, subtype="FLOAT")
    result = inside(capsys, "separate", "low.wav", "--model", "chamber", "--json")
    assert (result.code, result.err) == (0, "")
    (told,) = result.json["files"]
    assert "violin" in told["absent"]
    assert np.abs(soundfile.read("separated/low/violin.wav")[0]).max() < 1e-7  # -140 dBFS: rounding
