"""The mel scale against its own formulas, and masks that come back to the bins."""

import numpy as np
import pytest

from soli.dsp.mel import hz_to_mel, mel_edges, mel_matrix, mel_to_bins, mel_to_hz
from soli.types import MelSettings, StftSettings

KONG_STFT = StftSettings(n_fft=2048, hop=1024, window="hamming")
KONG = MelSettings(bands=64, lowest_hz=50.0, highest_hz=16000.0)


def test_both_scales_have_their_known_points() -> None:
    assert hz_to_mel(0, scale="htk") == 0
    assert hz_to_mel(700, scale="htk") == pytest.approx(2595 * np.log10(2))
    assert hz_to_mel(1000, scale="htk") == pytest.approx(1000, abs=0.02)  # what the constant is made for
    # Slaney: 15 linear filters' worth to 1 kHz, then 27 logarithmic steps to 6.4 kHz.
    np.testing.assert_allclose(hz_to_mel([0, 200, 1000, 6400], scale="slaney"), [0, 3, 15, 42])


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_scales_go_there_and_back_and_never_fall(scale: str) -> None:
    hz = np.linspace(0, 22050, 500)
    mel = hz_to_mel(hz, scale=scale)
    assert (np.diff(mel) > 0).all()
    np.testing.assert_allclose(mel_to_hz(mel, scale=scale), hz, atol=1e-8)


def direct(stft: StftSettings, mel: MelSettings, sample_rate: int) -> np.ndarray:
    """The matrix element by element."""
    edges = mel_edges(mel, sample_rate=sample_rate)
    weights = np.zeros((mel.bands, stft.bins))
    for m in range(mel.bands):
        low, centre, high = edges[m : m + 3]
        for f in range(stft.bins):
            hz = f * sample_rate / stft.n_fft
            if low < hz <= centre:
                weights[m, f] = (hz - low) / (centre - low)
            elif centre < hz < high:
                weights[m, f] = (high - hz) / (high - centre)
        if mel.norm == "area":
            weights[m] *= 2 / (high - low)
        elif mel.norm == "mean":
            weights[m] /= weights[m].sum()
    return weights


@pytest.mark.parametrize("norm", ["none", "area", "mean"])
@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_the_matrix_is_triangles_of_the_scale(scale: str, norm: str) -> None:
    mel = MelSettings(bands=20, lowest_hz=100, scale=scale, norm=norm)  # type: ignore[arg-type]
    stft = StftSettings(n_fft=512, hop=256)
    edges = mel_edges(mel, sample_rate=16000)
    assert (edges[0], edges[-1]) == (pytest.approx(100), pytest.approx(8000))
    np.testing.assert_allclose(np.diff(hz_to_mel(edges, scale=scale)), np.diff(hz_to_mel(edges, scale=scale))[0])
    np.testing.assert_allclose(mel_matrix(stft, mel, sample_rate=16000), direct(stft, mel, 16000), atol=1e-6)


def test_bands_of_equal_area_hear_white_noise_alike() -> None:
    """Wide bands hold many bins, so the sum over a band is flat to within the grain of the bins."""
    totals = mel_matrix(KONG_STFT, KONG, sample_rate=32000).sum(axis=1) * 32000 / 2048
    np.testing.assert_allclose(totals[10:], 1, atol=0.05)


def test_a_tone_is_loudest_in_the_band_around_it() -> None:
    edges = mel_edges(KONG, sample_rate=32000)
    matrix = mel_matrix(KONG_STFT, KONG, sample_rate=32000)
    for f in range(10, 1000, 37):
        loudest = int(np.argmax(matrix[:, f] * (edges[2:] - edges[:-2])))
        assert edges[loudest] < f * 32000 / 2048 < edges[loudest + 2]


def test_masks_come_back_to_the_bins() -> None:
    matrix = mel_matrix(KONG_STFT, KONG, sample_rate=32000)
    back = mel_to_bins(matrix)
    assert back.shape == matrix.T.shape
    held = matrix.sum(axis=0) > 0
    hz = np.arange(1025) * 32000 / 2048
    assert (held == ((hz > 50) & (hz < 16000))).all()
    np.testing.assert_allclose(back.sum(axis=1), held, atol=1e-6)  # a mask of ones is ones, and nothing outside
    rng = np.random.default_rng(0)
    mask = rng.uniform(size=(64, 7)).astype(np.float32)
    expanded = back @ mask
    assert expanded.min() >= 0
    assert expanded.max() <= 1
    # The direct formula: the transposed matrix over its column sums.
    f = 300
    np.testing.assert_allclose(expanded[f], (matrix[:, f] @ mask) / matrix[:, f].sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bands": 900}, "of 900 mel bands would hold no bin of 15.6 Hz"),
        ({"highest_hz": 17000}, "mel bands from 50 to 17000 Hz, at 32000 Hz"),
    ],
)
def test_bands_that_cannot_be_are_named(changes: dict[str, float], message: str) -> None:
    mel = MelSettings.model_validate({**KONG.model_dump(), **changes})
    with pytest.raises(ValueError, match=message):
        mel_matrix(KONG_STFT, mel, sample_rate=32000)


def test_bands_go_upwards() -> None:
    with pytest.raises(ValueError, match="wanted the lower end first"):
        MelSettings(lowest_hz=500, highest_hz=400)
