"""The transform against a direct evaluation of its definition, and against physical truths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from soli.dsp.stft import frame_count, istft, stft, window
from soli.types import StftSettings

VOICE = StftSettings(n_fft=1536, hop=768)
ODD = [
    VOICE,
    StftSettings(n_fft=512, hop=128, window="hann"),
    StftSettings(n_fft=1000, hop=300, window="hamming"),
    StftSettings(n_fft=7, hop=3),
    StftSettings(n_fft=2, hop=1, window="hann"),
]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("settings", ODD, ids=str)
def test_a_frame_is_the_fourier_sum_around_its_centre(settings: StftSettings) -> None:
    audio = noise(700).astype(np.float64)
    half = settings.n_fft // 2
    spectrum = stft(audio.astype(np.float32), settings)
    kernel = np.exp(-2j * np.pi * np.outer(np.arange(settings.bins), np.arange(settings.n_fft)) / settings.n_fft)
    for n in (0, 1, spectrum.shape[1] - 1):
        around = n * settings.hop - half + np.arange(settings.n_fft)
        inside = (around >= 0) & (around < len(audio))
        frame = np.where(inside, audio[np.clip(around, 0, len(audio) - 1)], 0) * window(settings)
        assert np.allclose(spectrum[:, n], kernel @ frame, atol=1e-3)


@how(deadline=None)
@given(
    settings=st.sampled_from(ODD),
    length=st.integers(0, 4000),
    batch=st.lists(st.integers(1, 3), max_size=2),
)
def test_the_inverse_gives_the_signal_back(settings: StftSettings, length: int, batch: list[int]) -> None:
    audio = noise(*batch, length, seed=length)
    spectrum = stft(audio, settings)
    assert spectrum.shape == (*batch, settings.bins, frame_count(length, settings.hop))
    back = istft(spectrum, settings, length)
    assert spectrum.dtype == np.complex64
    assert back.dtype == np.float32
    assert back.shape == audio.shape
    assert np.allclose(back, audio, atol=3e-6)


@pytest.mark.parametrize("settings", ODD[:4], ids=str)
def test_the_inverse_is_the_least_squares_one(settings: StftSettings) -> None:
    """No signal's spectrum is closer to a spectrum that no signal has: the error is orthogonal to every signal's."""
    rng = np.random.default_rng(1)
    length = 5 * settings.n_fft
    shape = stft(np.zeros(length, np.float32), settings).shape
    wanted = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
    wanted[0].imag = 0  # a real signal's first bin is real, and its last one where n_fft is even
    if settings.n_fft % 2 == 0:
        wanted[-1].imag = 0
    error = wanted - stft(istft(wanted, settings, length), settings)
    weights = np.full((settings.bins, 1), 2.0)  # each bin but the first and last stands for its mirror image too
    weights[0] = 1
    if settings.n_fft % 2 == 0:
        weights[-1] = 1
    for seed in range(3):
        direction = stft(noise(length, seed=seed), settings)
        product = np.sum(weights * (error * direction.conj()).real)
        size = np.linalg.norm(error) * np.linalg.norm(direction)
        assert abs(product) < 1e-4 * size


def test_a_sine_lies_in_its_bin() -> None:
    settings = StftSettings(n_fft=512, hop=256, window="hann")
    sine = np.sin(2 * np.pi * 37 * np.arange(8192) / 512).astype(np.float32)
    magnitude = np.abs(stft(sine, settings))[:, 4:-4]
    assert (magnitude.argmax(axis=0) == 37).all()
    assert magnitude[37] == pytest.approx(128, rel=1e-4)  # half the window's sum of n_fft / 2
    assert (magnitude[[30, 44]] < 1e-2).all()


def test_silence_stays_silence() -> None:
    spectrum = stft(np.zeros((2, 5000), np.float32), VOICE)
    assert not spectrum.any()
    assert not istft(spectrum, VOICE, 5000).any()


def test_frames_do_not_depend_on_what_lies_elsewhere() -> None:
    """A recording cut at a multiple of the hop has the same frames as the whole: what chunks rest upon."""
    audio = noise(20 * 768)
    whole = stft(audio, VOICE)
    cut = stft(audio[5 * 768 :], VOICE)
    assert np.abs(whole[:, 6:] - cut[:, 1:]).max() < 1e-4


@pytest.mark.parametrize("length", [999, 1536 * 3 + 1])
def test_a_spectrum_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="frames"):
        istft(stft(noise(3072), VOICE), VOICE, length)


def test_the_window_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        window(VOICE)[0] = 1
