"""TasNet against Luo and Mesgarani (2018): sizes, segments, masks that sum to one, and what each sample may know."""

import pytest
import torch

from soli.errors import UsageError
from soli.train.families import FAMILIES, read_settings
from soli.train.networks.tasnet import TasNet, TasNetSettings, loudness
from soli.train.work import parameter_count

TINY = {"segment": 10, "filters": 12, "hidden": 6, "layers": 4}


def test_layers_have_the_published_sizes() -> None:
    with torch.device("meta"):
        network = TasNet(TasNetSettings(**FAMILIES["tasnet"].presets["paper"], outputs=2))
        three = TasNet(TasNetSettings(**FAMILIES["tasnet"].presets["paper"], outputs=3))
    assert [(lstm.input_size, lstm.hidden_size) for lstm in network.lstms] == [(500, 500)] + 3 * [(1000, 500)]
    assert all(lstm.bidirectional for lstm in network.lstms)
    assert (network.encoder.weight.shape, network.decoder.weight.shape) == ((500, 40), (40, 500))
    assert network.masks.out_features == 2 * 500
    # The later paper's figure for its BLSTM-TasNet, 23.6 million, is that of one more source.
    assert round(parameter_count(three) / 1e6, 1) == 23.6


@torch.no_grad()
def test_segments_are_what_the_waveform_holds_in_order() -> None:
    network = TasNet(TasNetSettings(**TINY))
    segments = network.segments(torch.arange(1.0, 26.0)[None, None])
    assert segments.shape == (1, 3, 10)
    assert segments[0, :, 0].tolist() == [1, 11, 21]
    assert segments[0, 2].tolist() == [21, 22, 23, 24, 25, 0, 0, 0, 0, 0]


@torch.no_grad()
def test_masks_of_all_sources_sum_to_one() -> None:
    """So the estimates sum to what the decoder makes of the whole mixture's weights, however they are shared out."""
    network = TasNet(TasNetSettings(**TINY, outputs=3)).eval()
    waveform = torch.randn(2, 1, 95)
    before = network(waveform).sum(dim=1)
    network.masks.weight.mul_(-5)
    torch.testing.assert_close(network(waveform).sum(dim=1), before)


@torch.no_grad()
def test_a_causal_network_knows_no_later_segment() -> None:
    network = TasNet(TasNetSettings(**TINY, causal=True)).eval()
    waveform = torch.randn(1, 1, 100)
    changed = waveform.clone()
    changed[..., 60:] = torch.randn(40)
    assert torch.equal(network(waveform)[..., :60], network(changed)[..., :60])
    both = TasNet(TasNetSettings(**TINY)).eval()
    assert (both(waveform)[..., :10] != both(changed)[..., :10]).any()


def test_a_causal_network_cannot_measure_the_whole_recording() -> None:
    with pytest.raises(UsageError, match="loudness"):
        read_settings("tasnet", {"causal": True, "loudness": True})


def test_loudness_is_relative_to_the_item() -> None:
    norms = torch.tensor([[[1.0], [1.0], [0.0]], [[0.0], [0.0], [0.0]]])
    found = loudness(norms)
    torch.testing.assert_close(loudness(norms * 1e-4), found)
    torch.testing.assert_close(found[0, 0], torch.tensor([1.5]).sqrt().log(), rtol=0, atol=1e-2)
    assert found[0, 2] == found[1, 0] == torch.tensor(1e-3).log()
