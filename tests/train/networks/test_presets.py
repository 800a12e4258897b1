"""Presets: the published networks have the published sizes, and the small ones are small."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from soli.train.families import FAMILIES, read_settings
from soli.train.work import parameter_count


def lstm(inputs: int, hidden: int, *, directions: int = 2) -> int:
    """Four gates, each with weights of the input and of the state, and two biases."""
    return directions * 4 * (hidden * (inputs + hidden) + 2 * hidden)


def unet() -> int:
    """Jansson et al. 2017, figure 1: channels by level; kernels of 5 x 5, a scale and a shift a channel, skips."""
    down = [1, 16, 32, 64, 128, 256, 512]
    up = [(512, 256), (512, 128), (256, 64), (128, 32), (64, 16)]
    pairs = [*pairwise(down), *up]
    return sum(25 * a * b + 2 * b for a, b in pairs) + 25 * 32 * 1 + 1


def wave_unet() -> int:
    """Stoller et al. 2018, table 1, 12 levels of 24 channels more each, kernels 15 and 5; without its biases."""
    levels = [24 * level for level in range(14)]
    down = 15 * 24 + sum(15 * a * b for a, b in pairwise(levels))
    up = sum(5 * (a + b) * a for a, b in pairwise(levels))
    return down + up + (24 + 1)


def tasnet() -> int:
    """Luo and Mesgarani 2018, section 3.2: L 40, N 500, 4 layers of 500 cells in two directions, two sources."""
    recurrent = lstm(500, 500) + 3 * lstm(1000, 500)
    return 2 * 40 * 500 + 2 * 500 + recurrent + (1000 * 1000 + 1000) + 500 * 40


def deep_clustering() -> int:
    """Isik et al. 2016, section 4: 4 layers of 300 cells in two directions, 129 bins of 40 dimensions."""
    return 2 * 129 + lstm(129, 300) + 3 * lstm(600, 300) + (600 + 1) * 129 * 40


def band_split() -> int:
    """Luo and Yu 2023, section III: 41 bands of a 2048 window at 44.1 kHz, 128 features, 12 blocks of two LSTMs of 256.

    A bin has four planes here (two in the paper) and a batch norm; layer norms, the published decoder, one source.
    """
    d, bins, bands = 128, 1025, 41
    encoder = 2 * bins + 4 * bins * d + bands * d
    recurrence = 2 * d + lstm(d, 256) + (512 + 1) * d
    decoder = bands * (2 * d + (d + 1) * 4 * d) + 2 * 2 * (4 * d + 1) * bins
    return encoder + 12 * 2 * recurrence + decoder


# Counted by hand from the papers' tables; one output, or two for the networks of speakers.
COUNTED = {
    "unet": (unet(), 1),
    "wave_unet": (wave_unet(), 1),
    "tasnet": (tasnet(), 2),
    "deep_clustering": (deep_clustering(), 2),
    "band_split": (band_split(), 1),
}
PUBLISHED = (
    "blstm_mask",
    "band_split",
    "unet",
    "seq2seq",
    "deep_clustering",
    "tasnet",
    "conv_tasnet",
    "wave_unet",
)
# The rows that come with soli; one's own need neither a paper nor a line in the documents.
OURS = (*PUBLISHED, "pitch_mask")


def size(name: str, preset: str, outputs: int) -> int:
    row = FAMILIES[name]
    settings = read_settings(name, {**row.presets[preset], "outputs": outputs})
    with torch.device("meta"):  # shapes without numbers: the largest has 57 million
        return parameter_count(row.network(settings))


@pytest.mark.parametrize("name", COUNTED)
def test_paper_presets_have_the_size_of_the_published_layers(name: str) -> None:
    count, outputs = COUNTED[name]
    assert size(name, "paper", outputs) == count


def test_conv_tasnet_has_the_printed_size() -> None:
    """Luo and Mesgarani 2019, table II: 5.1 million."""
    assert round(size("conv_tasnet", "paper", 2) / 1e6, 1) == 5.1


def test_band_split_has_the_published_bands() -> None:
    """10 of 100 Hz, 12 of 250, 8 of 500, 8 of 1000, 2 of 2000 and the rest, rounded to bins of 21.5 Hz."""
    settings = read_settings("band_split", FAMILIES["band_split"].presets["paper"])
    edges_hz = [edge * 44100 / 2048 for edge in settings.edges]
    published = [*range(0, 1000, 100), *range(1000, 4000, 250), *range(4000, 8000, 500), *range(8000, 16000, 1000)]
    published += [16000, 18000, 20000]
    assert len(edges_hz) == 42
    assert all(abs(a - b) < 11 for a, b in zip(edges_hz, published, strict=False))
    assert settings.edges[-1] == 1025


def test_the_causal_network_has_the_size_of_the_other() -> None:
    assert size("conv_tasnet", "paper_causal", 2) == size("conv_tasnet", "paper", 2)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_family_has_a_paper_and_a_small_preset(name: str) -> None:
    assert size(name, "small", 2) <= 1.5e6
    assert size(name, "small", 2) < size(name, "paper", 2) / 4


@pytest.mark.parametrize("name", OURS)
def test_small_presets_are_for_8_khz(name: str) -> None:
    assert getattr(read_settings(name, FAMILIES[name].presets["small"]), "sample_rate", None) == 8000


def test_the_page_of_shapes_lists_every_family() -> None:
    page = (Path(__file__).parents[3] / "docs" / "shapes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:spectrum|waveform|masks) ", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted(FAMILIES)
