"""Objectives: orders of interchangeable sources, the rest, networks that embed, and what does not go together."""

from itertools import permutations
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from soli.errors import UsageError
from soli.metrics.si import si_sdr
from soli.train import features
from soli.train.fit import check_fit
from soli.train.losses.affinity import source_means
from soli.train.losses.ratio import negative_si_sdr, soft_snr
from soli.train.objectives import Batch, ClusterObjective, objective_for
from soli.train.permutation import cheapest_order, reorder
from soli.train.run import check_settings
from soli.types import StftSettings

STFT = StftSettings(n_fft=64, hop=16)
SETTINGS = SimpleNamespace(stft=STFT, sample_rate=8000)


class Given(nn.Module):
    """Gives the estimates (B, S, T) that it was made with, whatever the mixture."""

    def __init__(self, estimates: Tensor) -> None:
        super().__init__()
        self.estimates = nn.Parameter(estimates)

    def forward(self, _: Tensor) -> Tensor:
        return self.estimates


def noises(items: int = 4, sources: int = 3, samples: int = 600) -> Batch:
    targets = torch.randn(items, sources, samples, generator=torch.Generator().manual_seed(3))
    return Batch(targets.sum(dim=1), targets)


def nearly(batch: Batch) -> Tensor:
    """Estimates with an error that differs from source to source."""
    error = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(4))
    return batch.targets + torch.tensor([0.1, 0.2, 0.4])[:, None] * error


TERMS = [{"waveform_snr": 1.0}, {"si_sdr": 1.0}, {"soft_snr": 0.1, "compressed_magnitude": 3.0, "si_sdr": 0.2}]


@pytest.mark.parametrize("terms", TERMS)
def test_no_order_of_the_targets_changes_what_is_interchangeable(terms: dict[str, float]) -> None:
    batch = noises()
    network = Given(nearly(batch))
    rule = objective_for("waveform", terms, SETTINGS, interchangeable=True)
    expected = rule(network, batch)
    for order in permutations(range(3)):
        found = rule(network, Batch(batch.mixture, batch.targets[:, order]))
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value)


def test_masks_are_interchangeable_too() -> None:
    batch = noises(items=2, sources=2)
    frames = features.stft(batch.mixture, STFT).shape[-1]
    network = Given(torch.rand(2, 2, 1, STFT.bins, frames))
    rule = objective_for("mask", {"compressed_magnitude": 1.0}, SETTINGS, interchangeable=True)
    swapped = Batch(batch.mixture, batch.targets.flip(1))
    torch.testing.assert_close(rule(network, batch)["loss"], rule(network, swapped)["loss"])
    strict = objective_for("mask", {"compressed_magnitude": 1.0}, SETTINGS)
    assert not torch.allclose(strict(network, batch)["loss"], strict(network, swapped)["loss"])


def test_each_item_takes_the_order_that_costs_it_least() -> None:
    batch = noises()
    estimates = nearly(batch)
    orders = torch.tensor([[0, 1, 2], [2, 0, 1], [1, 0, 2], [2, 1, 0]])  # another one in every item
    shuffled = Given(reorder(estimates, orders))
    free = objective_for("waveform", {"si_sdr": 1.0}, SETTINGS, interchangeable=True)
    strict = objective_for("waveform", {"si_sdr": 1.0}, SETTINGS)
    right = negative_si_sdr(estimates, batch.targets, mixture=batch.mixture).mean()
    torch.testing.assert_close(free(shuffled, batch)["si_sdr"], right)
    assert strict(shuffled, batch)["si_sdr"] > right + 10

    def cost(order: Tensor) -> Tensor:
        return soft_snr(shuffled.estimates, reorder(batch.targets, order), mixture=batch.mixture)

    assert torch.equal(cheapest_order(cost, shuffled.estimates), orders)


def test_the_order_is_that_of_the_whole_sum_and_not_of_each_loss() -> None:
    """Two losses that want different orders: both are taken in the order of the smaller sum."""
    batch = noises(items=3, sources=2)
    network = Given(torch.randn(3, 2, 600, generator=torch.Generator().manual_seed(5)))
    weights = {"si_sdr": 1.0, "waveform_snr": 0.3, "multi_resolution_stft": 4.0}
    sums = []
    for order in ([0, 1], [1, 0]):
        turned = Batch(batch.mixture, batch.targets[:, order])
        one_by_one = []
        for item in range(3):
            alone = Batch(turned.mixture[[item]], turned.targets[[item]])
            values = objective_for("waveform", weights, SETTINGS)(Given(network.estimates.data[[item]]), alone)
            one_by_one.append(values["loss"])
        sums.append(torch.stack(one_by_one))
    expected = torch.stack(sums).amin(dim=0).mean()
    found = objective_for("waveform", weights, SETTINGS, interchangeable=True)(network, batch)
    torch.testing.assert_close(found["loss"], expected)


def test_gradients_are_those_of_the_best_order() -> None:
    batch = noises(sources=2)
    estimates = batch.targets.flip(1) + 0.3 * torch.randn(4, 2, 600, generator=torch.Generator().manual_seed(6))
    free, strict = Given(estimates.clone()), Given(estimates.clone())
    objective_for("waveform", {"si_sdr": 1.0}, SETTINGS, interchangeable=True)(free, batch)["loss"].backward()
    swapped = Batch(batch.mixture, batch.targets.flip(1))
    objective_for("waveform", {"si_sdr": 1.0}, SETTINGS)(strict, swapped)["loss"].backward()
    assert free.estimates.grad.any()
    torch.testing.assert_close(free.estimates.grad, strict.estimates.grad)


def test_the_rest_shows_a_loss_that_sees_no_level_how_loud_an_estimate_is() -> None:
    batch = noises(sources=2)

    def loss(gain: float, targets: Tensor) -> float:
        network = Given(gain * (targets[:, :1] + 0.05 * targets[:, 1:]))
        rule = objective_for("waveform", {"si_sdr": 1.0}, SETTINGS)
        return float(rule(network, Batch(batch.mixture, targets))["si_sdr"].detach())

    assert loss(1.0, batch.targets) < loss(0.7, batch.targets) - 3
    assert loss(1.0, batch.targets) < loss(1.5, batch.targets) - 3
    alone = batch.targets[:, :1]
    network = Given(0.7 * alone)
    lone = objective_for("waveform", {"si_sdr": 1.0}, SETTINGS)(network, Batch(batch.mixture, alone))
    assert lone["si_sdr"].item() == pytest.approx(-40, abs=0.1)


class Embedding(nn.Module):
    """The smallest network that embeds: a place on the sphere for each frequency bin. (B, 2, F, N) to (B, D, F, N)."""

    def __init__(self, sources: int = 2, size: int = 4) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.places = nn.Parameter(torch.randn(size, STFT.bins, generator=generator))
        self.register_buffer("anchors", torch.zeros(sources, size))

    def forward(self, spectrum: Tensor) -> Tensor:
        unit = nn.functional.normalize(self.places, dim=0)
        return unit[None, :, :, None].expand(len(spectrum), -1, -1, spectrum.shape[-1])


def tones(items: int = 4, samples: int = 2000, *, swapped: bool = False) -> Batch:
    """A low tone and a high one in each item, another pair in each; every second item the other way round."""
    time_s = torch.arange(samples) / 8000
    rows = []
    for item in range(items):
        low, high = (torch.sin(2 * torch.pi * f * time_s) for f in (400 + 250 * item, 2400 + 300 * item))
        rows.append(torch.stack((high, low) if swapped and item % 2 else (low, 0.5 * high)))
    targets = torch.stack(rows)
    return Batch(targets.sum(dim=1), targets)


def learn(network: Embedding, rule: ClusterObjective, batch: Batch, steps: int = 150) -> list[float]:
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    losses = []
    for _ in range(steps):
        values = rule(network.train(), batch)
        optimizer.zero_grad()
        values["loss"].backward()
        optimizer.step()
        losses.append(float(values["loss"].detach()))
    return losses


@pytest.mark.parametrize("term", ["deep_clustering", "deep_clustering_weighted"])
def test_named_sources_are_found_by_their_anchors(term: str) -> None:
    batch, network = tones(), Embedding()
    rule = objective_for("cluster", {term: 1.0}, SETTINGS)
    losses = learn(network, rule, batch)
    assert losses[-1] < 0.1 * losses[0]
    estimates = rule.estimate(network.eval(), batch.mixture)
    torch.testing.assert_close(estimates.sum(dim=1), batch.mixture, atol=1e-4, rtol=0)
    for item in range(4):
        assert min(si_sdr(batch.targets[item].numpy(), estimates[item].detach().numpy())) > 20


def test_interchangeable_sources_are_found_in_any_order() -> None:
    batch, network = tones(swapped=True), Embedding()
    rule = objective_for("cluster", {"deep_clustering": 1.0}, SETTINGS, interchangeable=True)
    learn(network, rule, batch)
    assert not network.anchors.any()
    estimates = rule.estimate(network.eval(), batch.mixture)
    for item in range(4):
        scores = [
            min(si_sdr(batch.targets[item, order].numpy(), estimates[item].numpy())) for order in ([0, 1], [1, 0])
        ]
        assert max(scores) > 20
    turned = rule(network, Batch(batch.mixture, batch.targets.flip(1)))
    torch.testing.assert_close(turned["loss"], rule(network, batch)["loss"])


def test_what_a_network_embeds_depends_on_no_other_item() -> None:
    network = Embedding().eval()
    for interchangeable in (False, True):
        rule = objective_for("cluster", {"deep_clustering": 1.0}, SETTINGS, interchangeable=interchangeable)
        mixture = tones().mixture
        before = torch.get_rng_state()
        together = rule.estimate(network, mixture)
        assert torch.equal(before, torch.get_rng_state())  # which training draws from
        torch.testing.assert_close(together, torch.cat([rule.estimate(network, item[None]) for item in mixture]))
        assert torch.equal(rule.estimate(network, torch.zeros(1, 500)), torch.zeros(1, 2, 500))


def test_anchors_move_in_training_only_and_only_where_a_source_sounds() -> None:
    network = Embedding(sources=3)
    nn.init.constant_(network.anchors, 0.5)
    rule = objective_for("cluster", {"deep_clustering": 1.0}, SETTINGS)
    quiet = torch.cat((tones().targets, torch.zeros(4, 1, 2000)), dim=1)
    batch = Batch(quiet.sum(dim=1), quiet)
    rule(network.eval(), batch)
    assert (network.anchors == 0.5).all()
    rule(network.train(), batch)
    assert (network.anchors[:2] != 0.5).any(dim=1).all()
    assert (network.anchors[2] == 0.5).all()
    for _ in range(200):
        rule(network, batch)
    spectrum = features.stft(batch.mixture, STFT)
    assert spectrum.abs().max() > 0
    assert torch.isfinite(network.anchors).all()
    assert (network.anchors[:2].norm(dim=1) < 1).all()  # means of points on the sphere


def test_an_anchor_starts_at_the_first_mean_of_its_source() -> None:
    network, batch = Embedding(), tones()
    objective_for("cluster", {"deep_clustering": 1.0}, SETTINGS)(network.train(), batch)
    mixture, target = (features.stft(x, STFT) for x in (batch.mixture, batch.targets))
    means, _ = source_means(network(features.as_planes(mixture)).detach(), target, mixture=mixture)
    torch.testing.assert_close(network.anchors, means)


def settings(**changes: object) -> dict[str, object]:
    return {
        "name": "x",
        "family": "band_split",
        "sources": ["voice", "noise"],
        "rest": "noise",
        "objective": {"soft_snr": 1.0},
    } | changes


TWO = {"rest": None}
CLUSTER = {"family": "deep_clustering", "objective": {"deep_clustering": 1.0}, **TWO}
PITCHED = {"family": "pitch_mask", "objective": {"band_snr": 0.1, "pitch_entropy": 1.0}, **TWO}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"objective": {"deep_clustering": 1}},
            ["compares an embedding", "kind mask gives masks", "fits: l1_magnitude"],
        ),
        (
            {**CLUSTER, "objective": {"si_sdr": 1}},
            ["gives an embedding", "fits: deep_clustering, deep_clustering_weig"],
        ),
        ({"objective": {"band_snr": 1}}, ["compares pitches or masks of bands", "kind mask gives masks"]),
        ({**PITCHED, "objective": {"soft_snr": 1}}, ["compares separated sources", "fits: band_snr, pitch_entropy"]),
        ({**PITCHED, "consistent": True}, ["sum to one already", "consistent: false"]),
        ({**PITCHED, "interchangeable": True}, ["which pitches are whose", "interchangeable: false"]),
        ({**CLUSTER, "rest": "noise"}, ['rest "noise"', "set rest: null"]),
        ({**CLUSTER, "sources": ["voice"]}, ["one source", "wanted two or more"]),
        ({**CLUSTER, "consistent": True}, ["sum to one already"]),
        ({**TWO, "objective": {"si_sdr": 1}}, ["si_sdr alone leaves the level", "waveform_snr", "consistent: true"]),
        ({**TWO, "objective": {"si_sdr": 1, "soft_snr": 0}}, ["si_sdr alone leaves the level"]),
        (
            {"family": "wave_unet", "export": {"window_s": 3.0, "past_s": 1.0}},
            ["export.past_s: wave_unet knows how far it looks", "leave out export.past_s and export.window_s"],
        ),
        ({"family": "wave_unet", "export": {"window_s": None}}, ["leave out export.window_s"]),
    ],
)
def test_what_does_not_go_together_is_named_with_what_would(changes: dict[str, object], says: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        check_fit(check_settings(settings(**changes), where="here"))
    assert "\n" not in str(caught.value)
    for words in says:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        CLUSTER,
        {**CLUSTER, "interchangeable": True},
        PITCHED,
        {**PITCHED, "objective": {"pitch_entropy": 1}},
        {**PITCHED, "rest": "noise"},
        {"family": "wave_unet", "export": {"chunk_s": 5.0, "storage": "float16"}},
        {"export": {"window_s": 3.0, "overlap_s": 1.0}},
        {"objective": {"si_sdr": 1}},  # the rest shows the level
        {**TWO, "objective": {"si_sdr": 1}, "consistent": True, "interchangeable": True},
        {**TWO, "objective": {"si_sdr": 1, "waveform_snr": 0.1, "multi_resolution_stft": 1}},
    ],
)
def test_what_goes_together_is_let_through(changes: dict[str, object]) -> None:
    check_fit(check_settings(settings(**changes), where="here"))


def test_kinds_without_an_objective_are_refused() -> None:
    with pytest.raises(UsageError, match="no objective is known for networks of kind audio-visual"):
        objective_for("audio-visual", {"soft_snr": 1.0}, SETTINGS)
