"""Losses against values that can be worked out by hand, and the torch twins against the numpy originals."""

import math

import numpy as np
import pytest
import torch

from soli.dsp import stft as numpy_stft
from soli.train import features
from soli.train.losses.affinity import deep_clustering, deep_clustering_weighted, source_means
from soli.train.losses.multires import multi_resolution_stft, resolutions
from soli.train.losses.ratio import negative_si_sdr, soft_snr
from soli.train.losses.spectral import compressed_magnitude, l1_magnitude
from soli.train.losses.table import EMBEDDING, RATED, SPECTRAL, WAVEFORM
from soli.train.run import OptimSettings
from soli.types import StftSettings


@pytest.mark.parametrize("window", ["sqrt_hann", "hann", "hamming"])
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (1536, 768), (256, 64)])
@pytest.mark.parametrize("length", [1, 300, 5000])
def test_twins_agree(n_fft: int, hop: int, window: str, length: int) -> None:
    settings = StftSettings(n_fft=n_fft, hop=hop, window=window)  # type: ignore[arg-type]
    audio = np.random.default_rng(1).standard_normal((2, length)).astype(np.float32)
    ours = features.stft(torch.from_numpy(audio), settings)
    theirs = numpy_stft.stft(audio, settings)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-4)
    back = features.istft(ours, settings, length)
    np.testing.assert_allclose(back.numpy(), numpy_stft.istft(theirs, settings, length), atol=1e-5)
    np.testing.assert_allclose(back.numpy(), audio, atol=1e-5)


def sources(items: int = 3, samples: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(items, 2, samples, generator=generator)
    return target, target.sum(dim=1)


def test_soft_snr_is_the_error_relative_to_the_mixture() -> None:
    target, mixture = sources()
    wrong = target * 0.9  # the error is a tenth of the target
    expected = 10 * torch.log10((0.01 * target.square().sum(-1)).mean(1) / mixture.square().sum(-1) + 1e-4)
    torch.testing.assert_close(soft_snr(wrong, target, mixture=mixture), expected)


def test_soft_snr_stops_at_its_floor() -> None:
    target, mixture = sources()
    torch.testing.assert_close(soft_snr(target, target, mixture=mixture), torch.full((3,), -40.0))


def test_si_sdr_loss_ignores_gain_and_gives_the_ratio() -> None:
    time = torch.arange(8000) / 8000
    target = torch.sin(2 * math.pi * 100 * time)[None, None]
    noise = 0.1 * torch.sin(2 * math.pi * 200 * time)[None, None]  # orthogonal, 20 dB below
    for gain in (0.01, 1.0, 7.0):
        value = negative_si_sdr(gain * (target + noise), target, mixture=target[:, 0])
        assert value.item() == pytest.approx(-20, abs=0.05)


def test_nothing_costs_more_si_sdr_than_silence() -> None:
    target, mixture = sources()
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(3))
    silent = negative_si_sdr(torch.zeros_like(target), target, mixture=mixture)
    torch.testing.assert_close(silent, torch.full((3,), 80.0))
    for estimate in (noise, 100 * noise, target.flip(1), 1e-9 * noise, 1e-30 * target):
        assert (negative_si_sdr(estimate, target, mixture=mixture) <= silent).all()
    one_muted = target * torch.tensor([1.0, 0.0])[:, None]
    torch.testing.assert_close(negative_si_sdr(one_muted, target, mixture=mixture), torch.full((3,), 20.0))


@pytest.mark.parametrize("level", [1.0, 1e-3])
def test_si_sdr_loss_is_the_same_at_any_level_of_the_estimate(level: float) -> None:
    target, mixture = (level * x for x in sources())
    noise = level * torch.randn(target.shape, generator=torch.Generator().manual_seed(3))
    for snr_db in (-30, -10, 0, 10, 30):
        estimate = target + 10 ** (-snr_db / 20) * noise
        exact = negative_si_sdr(estimate, target, mixture=mixture)
        # The definition, in double precision.
        e, t = (x.double() - x.double().mean(dim=-1, keepdim=True) for x in (estimate, target))
        scaled = (e * t).sum(-1, keepdim=True) / t.square().sum(-1, keepdim=True) * t
        ratio = (e - scaled).square().sum(-1) / scaled.square().sum(-1)
        defined = (10 * (ratio + 1e-4).log10()).mean(dim=1).float()
        torch.testing.assert_close(exact, defined, rtol=0, atol=2e-4)
        for gain in (1e-2, 1e-4, 1e-6):
            quiet = negative_si_sdr(gain * estimate, target, mixture=mixture)
            torch.testing.assert_close(quiet, exact, rtol=0, atol=1e-3)


def test_silent_targets_give_no_si_sdr_and_no_nan() -> None:
    _, mixture = sources()
    estimate = torch.randn(3, 1, 4000, requires_grad=True)
    value = negative_si_sdr(estimate, torch.zeros(3, 1, 4000), mixture=mixture)
    value.sum().backward()
    assert torch.equal(value.detach(), torch.zeros(3))
    assert torch.isfinite(estimate.grad).all()


@pytest.mark.parametrize("loss", [l1_magnitude, compressed_magnitude])
def test_spectral_losses_do_not_see_the_level_and_vanish_at_the_target(loss: object) -> None:
    target, mixture = sources()
    settings = StftSettings(n_fft=256, hop=128)
    spectra, mixed = features.stft(target, settings), features.stft(mixture, settings)
    estimate = 0.5 * spectra
    quiet = loss(0.01 * estimate, 0.01 * spectra, mixture=0.01 * mixed)
    torch.testing.assert_close(loss(estimate, spectra, mixture=mixed), quiet, rtol=1e-3, atol=0)
    assert loss(spectra, spectra, mixture=mixed).max() == 0
    assert (quiet > 0).all()


def test_gradients_stay_finite_in_silence() -> None:
    spectrum = torch.zeros(1, 1, 9, 4, dtype=torch.complex64, requires_grad=True)
    total = sum(
        loss(spectrum, torch.zeros_like(spectrum), mixture=torch.zeros(1, 9, 4, dtype=torch.complex64)).sum()
        for loss in (compressed_magnitude, l1_magnitude, soft_snr)
    )
    total.backward()
    assert torch.isfinite(torch.view_as_real(spectrum.grad)).all()


def test_the_rate_rises_holds_and_falls_to_nothing() -> None:
    from soli.train.loop import learning_rate

    optim = OptimSettings(lr=1.0, steps=100, warmup=9, descent=0.5)
    rates = [learning_rate(step, optim) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[20] == rates[49] == 1.0
    assert rates[75] == pytest.approx(0.5)
    assert 0 < rates[99] < 0.03


def magnitudes(audio: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Frames centred on multiples of the hop, a periodic Hann window, one FFT after the other: (F, N)."""
    frames = -(-len(audio) // hop) + 1
    padded = np.concatenate([np.zeros(n_fft // 2), audio, np.zeros(2 * n_fft)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    pieces = [np.fft.rfft(window * padded[n * hop : n * hop + n_fft]) for n in range(frames)]
    return np.abs(np.array(pieces)).T


def multi_resolution_by_numpy(estimate: np.ndarray, target: np.ndarray, mixture: np.ndarray) -> float:
    """One source of one item, (T,) each."""
    values = []
    for n_fft in (256, 512, 1024):
        level = np.sqrt(np.mean(magnitudes(mixture, n_fft, n_fft // 4) ** 2))
        x, y = (np.hypot(magnitudes(a, n_fft, n_fft // 4) / level, 1e-3) for a in (estimate, target))
        convergence = np.linalg.norm(y - x) / np.sqrt(np.linalg.norm(y) ** 2 + 0.01 * y.size)
        values.append(convergence + np.mean(np.abs(np.log(y) - np.log(x))))
    return float(np.mean(values))


def test_multi_resolution_stft_agrees_with_numpy() -> None:
    target, mixture = sources(items=2, samples=3000)
    estimate = 0.3 * target + 0.1 * target.flip(1) + 0.01
    found = multi_resolution_stft(estimate, target, mixture=mixture, sample_rate=8000)
    for item in range(2):
        arrays = [x[item].double().numpy() for x in (estimate, target)]
        each = [multi_resolution_by_numpy(e, t, mixture[item].double().numpy()) for e, t in zip(*arrays, strict=True)]
        assert found[item].item() == pytest.approx(np.mean(each), rel=1e-4)


def test_multi_resolution_stft_does_not_see_level_or_sign_but_gain() -> None:
    target, mixture = sources()
    estimate = 0.5 * target
    loss = multi_resolution_stft(estimate, target, mixture=mixture, sample_rate=8000)
    quiet = multi_resolution_stft(1e-3 * estimate, 1e-3 * target, mixture=1e-3 * mixture, sample_rate=8000)
    torch.testing.assert_close(loss, quiet, rtol=1e-3, atol=0)
    torch.testing.assert_close(loss, multi_resolution_stft(-estimate, target, mixture=mixture, sample_rate=8000))
    assert (loss > 0.5 * math.log(2)).all()
    assert (multi_resolution_stft(target, target, mixture=mixture, sample_rate=8000) < 1e-5).all()


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_multi_resolution_stft_of_a_gain_is_known(gain: float) -> None:
    """The whole mixture is the target: |1 - g| over the root of 1 and the floor of 1 %, and |log g|."""
    mixture = sources()[1]
    found = multi_resolution_stft(gain * mixture[:, None], mixture[:, None], mixture=mixture, sample_rate=8000)
    known = abs(1 - gain) / math.sqrt(1.01) + abs(math.log(gain))
    torch.testing.assert_close(found, torch.full((3,), known), rtol=1e-3, atol=0)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_resolutions_are_as_long_at_every_rate(rate: int) -> None:
    for settings, length_s in zip(resolutions(rate), (0.032, 0.064, 0.128), strict=True):
        assert settings.n_fft / rate == pytest.approx(length_s, rel=1e-3)
        assert settings.n_fft == 4 * settings.hop


def embedding(items: int = 3, size: int = 4) -> torch.Tensor:
    values = torch.randn(items, size, 5, 7, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.normalize(values, dim=1)


def spectra(items: int = 3, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Sources (B, S, 5, 7) of which many bins lie under the floor, and their sum."""
    generator = torch.Generator().manual_seed(2)
    target = torch.randn(items, count, 5, 7, dtype=torch.complex64, generator=generator)
    target[:, :, :2] *= 1e-4
    return target, target.sum(dim=1)


def every_pair(v: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """The definition: affinities of all pairs of bins, (I, D), (I, S), (I,)."""
    root = np.sqrt(weight / weight.sum())
    return float((np.outer(root, root) ** 2 * (v @ v.T - y @ y.T) ** 2).sum())


def bins_of(item: int, v: torch.Tensor, target: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Embedding (I, D) and loudest source (I, S) of an item's bins."""
    loudest = target[item].abs().flatten(1).numpy().argmax(axis=0)
    return v[item].flatten(1).T.double().numpy(), np.eye(target.shape[1])[loudest]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_deep_clustering_is_the_error_of_all_affinities(weighted: bool, count: int) -> None:
    v, (target, mixture) = embedding(), spectra(count=count)
    magnitude = mixture.abs().flatten(1).double().numpy()
    floor = magnitude > 0.01 * magnitude.max(axis=1, keepdims=True)
    assert 0 < floor.mean() < 1
    weights = magnitude if weighted else floor.astype(float)
    expected = [every_pair(*bins_of(item, v, target), weights[item]) for item in range(3)]
    loss = deep_clustering_weighted if weighted else deep_clustering
    np.testing.assert_allclose(loss(v, target, mixture=mixture).numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_deep_clustering_together_is_one_set_of_all_bins(weighted: bool) -> None:
    v, (target, mixture) = embedding(), spectra()
    mixture[1] *= 100  # a loud item counts as much as others
    magnitude = mixture.abs().flatten(1).double().numpy()
    weights = magnitude if weighted else (magnitude > 0.01 * magnitude.max(axis=1, keepdims=True)).astype(float)
    weights /= weights.sum(axis=1, keepdims=True)
    parts = [bins_of(item, v, target) for item in range(3)]
    expected = every_pair(*(np.concatenate(x) for x in zip(*parts, strict=True)), weights.flatten())
    loss = deep_clustering_weighted if weighted else deep_clustering
    found = loss(v, target, mixture=mixture, together=True)
    assert found.shape == (1,)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_an_embedding_that_tells_the_sources_apart_costs_nothing_whatever_their_order() -> None:
    target, mixture = spectra()
    ruled = torch.nn.functional.one_hot(target.abs().argmax(dim=1), 4).movedim(-1, 1).float()
    for loss in (deep_clustering, deep_clustering_weighted):
        for order in ([0, 1], [1, 0]):
            torch.testing.assert_close(
                loss(ruled, target[:, order], mixture=mixture), torch.zeros(3), atol=1e-5, rtol=0
            )


def test_named_sources_must_be_embedded_alike_in_all_items() -> None:
    """Items whose sources swap their places are right one by one and wrong together."""
    target, mixture = spectra(items=2)
    places = target.abs().argmax(dim=1)
    places[1] = 1 - places[1]
    v = torch.nn.functional.one_hot(places, 4).movedim(-1, 1).float()
    assert (deep_clustering(v, target, mixture=mixture) < 1e-5).all()
    assert deep_clustering(v, target, mixture=mixture, together=True) > 0.4


def test_source_means_are_those_of_the_loud_bins() -> None:
    v, (target, mixture) = embedding(), spectra()
    target[:, 1] = 0
    means, bins = source_means(v, target, mixture=mixture)
    magnitude = mixture.abs()
    loud = magnitude > 0.01 * magnitude.amax(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(means[0], v.movedim(1, -1)[loud].mean(dim=0))
    assert bins.tolist() == [loud.sum(), 0]
    assert not means[1].any()


@pytest.mark.parametrize("name", [*SPECTRAL, *WAVEFORM, *EMBEDDING])
@pytest.mark.parametrize("mixed", ["all silent", "sources silent", "the mixture itself", "the targets"])
def test_every_loss_gives_a_value_an_item_and_finite_gradients(name: str, mixed: str) -> None:
    target, mixture = sources(items=3, samples=1500)
    if mixed == "all silent":
        mixture = torch.zeros_like(mixture)
    if "silent" in mixed:
        target = torch.zeros_like(target)
    estimate = target if mixed == "the targets" else mixture[:, None].expand(-1, 2, -1)
    estimate = estimate.clone().requires_grad_()
    settings = StftSettings(n_fft=64, hop=16)
    looked, wanted, heard = estimate, target, mixture
    if name not in WAVEFORM:
        looked, wanted, heard = (features.stft(x, settings) for x in (estimate, target, mixture))
    if name in EMBEDDING:
        looked = torch.stack((looked.real, looked.imag, looked.abs()), dim=2).flatten(1, 2)
    loss = {**SPECTRAL, **WAVEFORM, **EMBEDDING}[name](
        looked, wanted, mixture=heard, **({"sample_rate": 8000} if name in RATED else {})
    )
    assert loss.shape == (3,)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(estimate.grad).all()
