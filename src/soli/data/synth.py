"""Noise that is computed: coloured noise and the hum of the mains, pure functions of what a manifest stores."""

import functools

import numpy as np
import scipy.fft

from soli.data.manifest import Synth
from soli.types import Array


def coloured_noise(synth: Synth, frames: int, *, sample_rate: int) -> Array:
    """Noise (T,) of RMS 1 whose power falls by `slope_db` an octave above 20 Hz, plus the hum, on top of it."""
    rng = np.random.default_rng(synth.seed)
    n_fft = int(scipy.fft.next_fast_len(max(frames, 2), real=True))
    octaves = _octaves(n_fft, sample_rate)
    white = rng.standard_normal(2 * len(octaves), dtype=np.float32).view(np.complex64)
    white *= np.exp(octaves * np.float32(-synth.slope_db * np.log(10) / 20))
    noise: Array = scipy.fft.irfft(white, n_fft)[:frames]
    noise /= np.sqrt(np.mean(np.square(noise)))
    if synth.hum_hz and synth.harmonics:
        noise += np.float32(10 ** (synth.hum_db / 20)) * _hum(synth, rng, frames, sample_rate)
    return noise


def _hum(synth: Synth, rng: np.random.Generator, frames: int, sample_rate: int) -> Array:
    """Partials of the mains (T,), RMS 1, each 1 / number as strong, with phases of their own."""
    numbers = np.arange(1, synth.harmonics + 1)
    numbers = numbers[numbers * synth.hum_hz < sample_rate / 2]
    weights = rng.uniform(0.3, 1.0, len(numbers)) / numbers
    phases = rng.uniform(0.0, 2 * np.pi, len(numbers))
    # Whole turns are taken off in float64; what is left keeps its precision in float32, where the sine is fast.
    turns = (np.arange(frames) * (synth.hum_hz / sample_rate) % 1.0).astype(np.float32)
    hum = np.zeros(frames, np.float32)
    for number, weight, phase in zip(numbers, weights, phases, strict=True):
        hum += np.float32(weight) * np.sin(turns * np.float32(2 * np.pi * number) + np.float32(phase))
    hum /= np.sqrt(np.mean(np.square(hum)))
    return hum


@functools.lru_cache(maxsize=8)
def _octaves(n_fft: int, sample_rate: int) -> Array:
    """Octaves above 20 Hz of every bin, 0 below."""
    ratios = np.maximum(np.arange(n_fft // 2 + 1) * (sample_rate / n_fft / 20.0), 1.0)
    octaves: Array = np.log2(ratios).astype(np.float32)
    return octaves
