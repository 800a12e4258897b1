"""Presets: the published networks have the published sizes, and the small ones are small."""

import re
from pathlib import Path

import pytest
import torch

from soli.train.families import FAMILIES, read_settings
from soli.train.work import parameter_count

# Millions of parameters, as printed, and of how many sources the printed network was.
PUBLISHED = {
    "unet": (9.8, 1),  # counted from Jansson et al. 2017, figure 1
    "wave_unet": (10.3, 1),  # counted from Stoller et al. 2018, table 1
    "conv_tasnet": (5.1, 2),  # Luo and Mesgarani 2019, table II
    "tasnet": (23.1, 2),  # counted from Luo and Mesgarani 2018, section 3.2
    "deep_clustering": (10.6, 2),  # counted from Isik et al. 2016, section 4
}
# The rows that come with soli; one's own need neither a paper nor a line in the documents.
OURS = (
    "blstm_mask",
    "band_split",
    "unet",
    "seq2seq",
    "deep_clustering",
    "tasnet",
    "conv_tasnet",
    "wave_unet",
)


def size(name: str, preset: str, outputs: int) -> int:
    row = FAMILIES[name]
    settings = read_settings(name, {**row.presets[preset], "outputs": outputs})
    with torch.device("meta"):  # shapes without numbers: the largest has 57 million
        return parameter_count(row.network(settings))


@pytest.mark.parametrize("name", PUBLISHED)
def test_paper_presets_have_the_published_size(name: str) -> None:
    millions, outputs = PUBLISHED[name]
    assert round(size(name, "paper", outputs) / 1e6, 1) == millions


def test_the_causal_network_has_the_size_of_the_other() -> None:
    assert size("conv_tasnet", "paper_causal", 2) == size("conv_tasnet", "paper", 2)


@pytest.mark.parametrize("name", OURS)
def test_every_family_has_a_paper_and_a_small_preset(name: str) -> None:
    assert size(name, "small", 2) <= 1.5e6
    assert size(name, "small", 2) < size(name, "paper", 2) / 4


@pytest.mark.parametrize("name", OURS)
def test_small_presets_are_for_8_khz(name: str) -> None:
    assert getattr(read_settings(name, FAMILIES[name].presets["small"]), "sample_rate", None) == 8000


def test_the_page_of_shapes_lists_every_family() -> None:
    page = (Path(__file__).parents[3] / "docs" / "shapes.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \| (?:spectrum|waveform) ", page, flags=re.MULTILINE)) == set(OURS)
