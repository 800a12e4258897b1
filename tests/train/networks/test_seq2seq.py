"""The sequence-to-sequence network against Luong et al. (2015): sizes, states handed over, attention by its formula."""

import torch

from soli.train.families import FAMILIES
from soli.train.networks.seq2seq import Attention, Seq2Seq, Seq2SeqSettings
from soli.train.work import macs, parameter_count
from soli.types import StftSettings

TINY = {"stft": StftSettings(n_fft=32, hop=16), "hidden": 8, "layers": 2, "dropout": 0.0}


def test_encoder_and_decoder_have_the_published_layers() -> None:
    with torch.device("meta"):
        network = Seq2Seq(Seq2SeqSettings(**FAMILIES["seq2seq"].presets["paper"]))
    encoder, decoder = network.encoder.lstm, network.decoder
    assert (encoder.num_layers, decoder.num_layers) == (4, 4)
    assert (encoder.hidden_size, encoder.bidirectional) == (500, True)  # 1000 cells a layer
    assert (decoder.hidden_size, decoder.bidirectional) == (1000, False)
    assert encoder.dropout == decoder.dropout == 0.2
    # 4 gates, each over 1000 inputs, 1000 states and two biases, in 4 layers.
    assert parameter_count(decoder) == 4 * 4 * 1000 * (1000 + 1000 + 2)


def test_attention_is_the_formula_of_the_paper() -> None:
    attention = Attention(6).double()
    decoded, encoded = torch.randn(2, 5, 6).double(), torch.randn(2, 7, 6).double()
    found = attention(decoded, encoded)
    for item in range(2):
        for n in range(5):
            d = decoded[item, n]
            scores = torch.stack([d @ attention.score.weight.T @ e for e in encoded[item]])
            context = sum(w * e for w, e in zip(scores.softmax(0), encoded[item], strict=True))
            expected = (attention.combine.weight @ torch.cat([context, d])).tanh()
            torch.testing.assert_close(found[item, n], expected)


@torch.no_grad()
def test_the_decoder_starts_where_the_encoder_ended() -> None:
    network = Seq2Seq(Seq2SeqSettings(**TINY)).eval()
    frames = torch.randn(3, 11, 17)
    encoded, (hidden, cell) = network.encoder(frames)
    assert hidden.shape == cell.shape == (2, 3, 8)
    # The top layer's state after the last frame of the way forth, and after the first frame of the way back.
    torch.testing.assert_close(hidden[-1], torch.cat([encoded[:, -1, :4], encoded[:, 0, 4:]], dim=-1))


@torch.no_grad()
def test_masks_at_the_start_know_the_end() -> None:
    network = Seq2Seq(Seq2SeqSettings(**TINY, outputs=2)).eval()
    spectrum = torch.randn(1, 2, 17, 20)
    changed = spectrum.clone()
    changed[..., -1] = changed[..., -1].flip(2)  # of the same power
    masks, other = network(spectrum), network(changed)
    assert masks.shape == (1, 2, 1, 17, 20)
    assert (masks[..., 0] != other[..., 0]).any()


def test_attention_counts_as_work_and_grows_with_the_square_of_the_length() -> None:
    """Every frame with every other one, twice: what so many frames cost beyond twice the half of them."""
    network = Seq2Seq(Seq2SeqSettings(**TINY))
    short, long = (macs(network, torch.zeros(1, 2, network.norm.num_features, frames)) for frames in (50, 100))
    assert long - 2 * short == 2 * TINY["hidden"] * (100**2 - 2 * 50**2)
