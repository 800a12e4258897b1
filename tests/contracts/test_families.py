"""One suite over every network family: what each must do to be trained, exported and used.

A new row of the table is tested by being there.
"""

import numpy as np
import onnxruntime
import pytest
import torch
from pydantic import BaseModel
from safetensors.torch import load, save
from torch import nn

from soli.train.export import to_onnx
from soli.train.families import FAMILIES
from soli.train.network import build, example, network_settings
from soli.train.objectives import Batch, Objective, objective_for
from soli.train.run import RunSettings
from soli.train.work import macs, parameter_count

RATE = 8000
STFT = {"n_fft": 256, "hop": 128}


OBJECTIVES = {
    "mask": {"soft_snr": 0.1, "compressed_magnitude": 1.0},
    "waveform": {"waveform_snr": 1.0},
    "cluster": {"deep_clustering": 1.0},
    "events": {"tag_bce": 1.0, "absent_l1": 0.1},
    "pitched": {"band_snr": 0.1, "pitch_entropy": 1.0},
}


# What these look at are decibels of full scale, with a floor.
FIXED_LEVELS = {"blstm_mask", "band_split", "weak_cnn", "weak_crnn", "weak_dnn"}
# Every frame is compared with every other one, so that work grows faster than length.
ATTENTIVE = {"seq2seq"}
# No norm holds the weights of this network in place.
LEARNING_RATES = {"wave_unet": 3e-3}


def small(name: str, outputs: int = 1) -> RunSettings:
    """The family's small preset at 8 kHz; networks that cluster, and those of classes, have no rest."""
    kind = FAMILIES[name].kind
    sources = ("voice", "noise") if outputs == 1 else tuple(f"s{i}" for i in range(outputs))
    spectral = {"stft": STFT} if FAMILIES[name].sees_spectra else {}
    return RunSettings(
        name=f"tiny-{name}",
        family=name,
        preset="small",
        sources=sources,
        rest="noise" if outputs == 1 and kind not in ("cluster", "events") else None,
        network={"sample_rate": RATE, **spectral},
        objective=OBJECTIVES[kind],
    )


def objective(settings: RunSettings) -> Objective:
    return objective_for(FAMILIES[settings.family].kind, settings.objective, network_settings(settings))


def batch(items: int, samples: int, sources: int = 2, seed: int = 0) -> Batch:
    """A tone with a slow swell, over noise: easy to tell apart, so that learning can be seen."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(samples) / RATE
    pitch_hz = rng.uniform(200, 400, (items, 1))
    tone = 0.3 * np.sin(2 * np.pi * pitch_hz * time_s) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * time_s))
    others = [0.1 * rng.standard_normal((items, samples)) for _ in range(sources - 1)]
    targets = torch.tensor(np.stack([tone, *others], axis=1), dtype=torch.float32)
    return Batch(targets.sum(dim=1), targets)


def known(settings: RunSettings, items: Batch) -> Batch:
    """What a network of this kind is told of the items: of sound events, that the first of two sources is in each, and
    the other in every second one, which the mixture is made to be true of."""
    if FAMILIES[settings.family].kind != "events":
        return items
    tags = torch.ones(len(items.mixture), 2)
    tags[1::2, 1] = 0
    return Batch((items.targets * tags[..., None]).sum(dim=1), tags)


@pytest.fixture(params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("samples", [1, 127, 128, 1000, 4001])
def test_estimates_have_the_length_of_the_mixture(name: str, samples: int, outputs: int) -> None:
    settings = small(name, outputs)
    network = build(settings).eval()
    estimate = objective(settings).estimate(network, torch.randn(2, samples))
    assert estimate.shape == (2, settings.outputs, samples)
    assert torch.isfinite(estimate).all()


def test_silence_gives_silence(name: str) -> None:
    settings = small(name)
    estimate = objective(settings).estimate(build(settings).eval(), torch.zeros(1, 3000))
    assert torch.equal(estimate, torch.zeros_like(estimate))


def test_estimates_scale_with_the_mixture(name: str) -> None:
    """From a whisper to full scale, 54 dB."""
    if name in FIXED_LEVELS:
        pytest.skip("its features are absolute levels")
    settings = small(name)
    network, mixture = build(settings).eval(), batch(2, 4000).mixture
    with torch.no_grad():
        loud, quiet = (objective(settings).estimate(network, mixture / scale) for scale in (1, 500))
    torch.testing.assert_close(quiet * 500, loud, rtol=1e-3, atol=1e-3 * float(loud.abs().max()))


def test_an_item_of_silence_leaves_gradients_finite(name: str) -> None:
    settings = small(name)
    network, items = build(settings).train(), batch(2, 4000)
    silent = Batch(items.mixture * torch.tensor([[1.0], [0.0]]), items.targets * torch.tensor([[[1.0]], [[0.0]]]))
    values = objective(settings)(network, known(settings, silent))
    values["loss"].backward()
    for key, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), key


def test_every_parameter_gets_a_gradient(name: str) -> None:
    settings = small(name)
    network = build(settings).train()
    objective(settings)(network, known(settings, batch(2, 4000)))["loss"].backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        # The forward state of the last frame and the backward state of the first are reached like all others;
        # a gradient of exact zero over a whole tensor means that the tensor is not used.
        assert parameter.grad.abs().sum() > 0, key


def test_a_batch_equals_its_items_one_by_one(name: str) -> None:
    settings = small(name)
    network, rule = build(settings).eval(), objective(settings)
    mixture = batch(3, 3001).mixture
    together = rule.estimate(network, mixture)
    alone = torch.cat([rule.estimate(network, item[None]) for item in mixture])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_one_batch_can_be_learnt_by_heart(name: str) -> None:
    settings = small(name)
    network, rule = build(settings).train(), objective(settings)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATES.get(name, 1e-2))
    items = known(settings, batch(2, 4000))
    losses = []
    for _ in range(60):
        values = rule(network, items)
        optimizer.zero_grad()
        values["loss"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        losses.append(float(values[next(iter(settings.objective))].detach()))
    if FAMILIES[name].kind in ("cluster", "events"):  # an error of affinities, a ratio; a cross-entropy
        assert losses[-1] < losses[0] / 4, f"the error fell from {losses[0]:.2f} to {losses[-1]:.2f}"
    else:
        assert losses[-1] < losses[0] - 6, f"the error fell by only {losses[0] - losses[-1]:.1f} dB"


def test_weights_survive_a_file(name: str) -> None:
    settings = small(name)
    network = build(settings).eval()
    stranger = build(settings.model_copy(update={"seed": 99})).eval()
    mixture = batch(1, 2000).mixture
    assert not torch.equal(
        objective(settings).estimate(network, mixture), objective(settings).estimate(stranger, mixture)
    )
    stranger.load_state_dict(load(save(network.state_dict())))
    assert torch.equal(objective(settings).estimate(network, mixture), objective(settings).estimate(stranger, mixture))


@pytest.mark.parametrize("outputs", [1, 3])
def test_onnx_equals_torch_at_lengths_the_export_has_not_seen(name: str, outputs: int) -> None:
    settings = small(name, outputs)
    network = build(settings).eval()
    session = onnxruntime.InferenceSession(
        to_onnx(network, example(settings, seconds=0.5), kind=FAMILIES[name].used_as)
    )
    for seconds, items in ((0.21, 1), (1.7, 3)):
        inputs = example(settings, seconds=seconds, batch=items)
        with torch.no_grad():
            given = network(inputs)
        found = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
        for output, expected in zip(found, given if isinstance(given, tuple) else (given,), strict=True):
            error = np.linalg.norm(output - expected.numpy()) / np.linalg.norm(expected.numpy())
            assert error < 1e-4, f"{seconds} s, batch {items}: relative error {error:.1e}"


def test_the_same_seed_gives_the_same_network(name: str) -> None:
    first, second = build(small(name)).state_dict(), build(small(name)).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_size_and_work_are_counted(name: str) -> None:
    settings = small(name)
    network = build(settings)
    assert parameter_count(network) == sum(value.numel() for value in network.parameters())
    one, two, three = (macs(network, example(settings, seconds=s)) for s in (1, 2, 3))
    # What a network looks at around a recording costs the same for any length: the differences count.
    growth = (three - two) / (two - one)
    assert 0.95 < growth < (1.3 if name in ATTENTIVE else 1.05)


CAUSAL = {"conv_tasnet": {"norm": "cumulative"}, "tasnet": {"loudness": False}}


@pytest.mark.parametrize("name", [name for name, row in FAMILIES.items() if "causal" in row.settings.model_fields])
@pytest.mark.parametrize("causal", [True, False])
@torch.no_grad()
def test_a_causal_network_hears_nothing_of_what_comes_later(name: str, causal: bool) -> None:
    """But for the frame or the segment that it is at; the others hear of it."""
    given = small(name)
    network = build(given.model_copy(update={"network": {**given.network, "causal": causal, **CAUSAL.get(name, {})}}))
    inputs = example(given, seconds=3)
    middle = inputs.shape[-1] // 2
    later = inputs.clone()
    later[..., middle:] = 20 * torch.randn_like(later[..., middle:])  # which moves norms and levels of the whole, too
    before = middle if FAMILIES[name].sees_spectra else middle - 64
    first, second = (network.eval()(each)[..., :before] for each in (inputs, later))
    moved = float((first - second).abs().max() / first.abs().max())
    assert moved < 1e-5 if causal else moved > 1e-4, f"{moved:.1e}"


@torch.no_grad()
def test_building_a_network_leaves_other_random_numbers_alone(name: str) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build(small(name))
    assert torch.equal(torch.rand(3), expected)


class Gain(nn.Module):
    """The smallest waveform network: a gain a source. (B, 1, T) to (B, S, T)."""

    def __init__(self, settings: "GainSettings") -> None:
        super().__init__()
        self.gains = nn.Parameter(torch.full((settings.outputs, 1), 0.1))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        return waveform * self.gains


class GainSettings(BaseModel):
    sample_rate: int = RATE
    outputs: int = 1


@pytest.mark.parametrize("term", ["si_sdr", "waveform_snr", "compressed_magnitude", "l1_magnitude"])
def test_a_waveform_network_is_trained_by_any_loss(term: str) -> None:
    network = Gain(GainSettings(outputs=2))
    rule = objective_for("waveform", {term: 1.0}, GainSettings(outputs=2))
    items = batch(2, 4000)
    assert rule.estimate(network, items.mixture).shape == items.targets.shape
    values = rule(network, items)
    values["loss"].backward()
    assert torch.isfinite(network.gains.grad).all()
    if term != "si_sdr":  # which does not see a gain
        assert (network.gains.grad != 0).all()


def test_presets_fit_their_settings() -> None:
    for name, row in FAMILIES.items():
        for preset in row.presets.values():
            row.settings.model_validate(preset), name
