"""Sounds that the tiny network of sound events tells apart: bursts of tones, below 2 kHz and above."""

import numpy as np

from models import RATE
from soli.types import Array

TONES = {"s0": 500.0, "s1": 3000.0}


def bursts(*wanted: tuple[str, float, float], length_s: float, rate: int = RATE, noise: float = 1e-5) -> Array:
    """Tones (1, T) of the classes, each from an onset to an offset in seconds, over soft noise."""
    time_s = np.arange(round(length_s * rate)) / rate
    mixture = noise * np.random.default_rng(0).standard_normal(len(time_s))
    for label, onset_s, offset_s in wanted:
        gate = np.clip(np.minimum(time_s - onset_s, offset_s - time_s) / 0.01, 0, 1)  # no click
        mixture += 0.3 * gate * np.sin(2 * np.pi * TONES[label] * time_s)
    return mixture.astype(np.float32)[None]
