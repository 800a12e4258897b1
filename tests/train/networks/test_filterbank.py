"""A bank of cosines and its inverse: nothing is lost, in segments side by side and in frames that overlap."""

import pytest
import torch

from soli.train.networks.conv_tasnet import ConvTasNet, ConvTasNetSettings
from soli.train.networks.filterbank import fades, filterbank
from soli.train.networks.tasnet import TasNet, TasNetSettings


@pytest.mark.parametrize(("filters", "length"), [(128, 40), (90, 40), (64, 16)])
def test_the_decoder_undoes_the_encoder(filters: int, length: int) -> None:
    analysis, synthesis = filterbank(filters, length)
    assert analysis.shape == synthesis.shape == (filters, length)
    x = torch.randn(length, 7)
    torch.testing.assert_close(synthesis.T @ (analysis @ x).relu(), x, rtol=1e-4, atol=1e-4)


def test_each_filter_answers_to_its_own_frequency() -> None:
    analysis, _ = filterbank(128, 40)
    spectra = torch.fft.rfft(analysis, n=1024).abs()
    peaks = spectra.argmax(dim=1) / 1024
    # 32 frequencies, each as cosine and sine, with both signs
    expected = (torch.arange(32) + 0.5) / 64
    torch.testing.assert_close(peaks[:64].reshape(32, 2)[1:-1].mean(dim=1), expected[1:-1], rtol=0, atol=0.01)


def test_faded_frames_sum_to_what_they_are_of() -> None:
    squares = fades(16).square()
    torch.testing.assert_close(squares[:8] + squares[8:], torch.ones(8))


@torch.no_grad()
def test_with_open_masks_the_networks_start_as_the_identity() -> None:
    waveform = torch.randn(1, 1, 400)
    conv = ConvTasNet(ConvTasNetSettings(filters=64, length=16, start="filterbank", mask="relu"))
    conv.separator.masks.weight.zero_()
    conv.separator.masks.bias.fill_(1.0)
    torch.testing.assert_close(conv(waveform), waveform, rtol=1e-4, atol=1e-4)
    tasnet = TasNet(TasNetSettings(filters=96, segment=40, hidden=8, layers=2, start="filterbank"))
    tasnet.masks.weight.zero_()
    tasnet.masks.bias.zero_()
    torch.testing.assert_close(2 * tasnet(waveform), waveform, rtol=1e-4, atol=1e-4)
