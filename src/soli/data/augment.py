"""Random effects: every draw becomes data (`effects.Effect`), and applying them is left to the renderer."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from soli.data.effects import Band, Eq, Reverb

Range = tuple[float, float]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EqSpec(_Spec):
    """A smooth random gain curve: `points` gains within `gain_db` at log-spaced frequencies."""

    probability: float = Field(default=0.8, ge=0, le=1)
    points: int = Field(default=7, ge=2, le=32)
    range_hz: Range = (60.0, 18000.0)
    gain_db: Range = (-6.0, 6.0)


class ReverbSpec(_Spec):
    probability: float = Field(default=0.3, ge=0, le=1)
    rt60_s: Range = (0.1, 0.7)
    direct_db: Range = (0.0, 15.0)
    delay_s: Range = (0.001, 0.02)


class BandSpec(_Spec):
    """A channel narrower than the recording, alike for all stems: a low-pass, now and then a whole telephone line."""

    probability: float = Field(default=0.35, ge=0, le=1)
    high_hz: tuple[float, ...] = (3400.0, 4000.0, 5500.0, 7000.0, 8000.0, 11000.0, 16000.0)
    orders: tuple[int, ...] = (4, 12, 40, 100)
    telephone: float = Field(default=0.15, ge=0, le=1)
    telephone_hz: Range = (300.0, 3400.0)


def draw_eq(spec: EqSpec, rng: np.random.Generator) -> list[Eq]:
    if rng.random() >= spec.probability:
        return []
    points = np.geomspace(*spec.range_hz, spec.points)
    gains = rng.uniform(*spec.gain_db, spec.points)
    # Neighbours are averaged, so that the curve has no teeth.
    gains[1:] = 0.6 * gains[1:] + 0.4 * gains[:-1]
    return [Eq(kind="eq", points_hz=_rounded(points, 1), gains_db=_rounded(gains, 2))]


def draw_reverb(spec: ReverbSpec, rng: np.random.Generator) -> list[Reverb]:
    if rng.random() >= spec.probability:
        return []
    rt60_s, direct_db, delay_s = (round(float(rng.uniform(*r)), 4) for r in (spec.rt60_s, spec.direct_db, spec.delay_s))
    return [Reverb(kind="reverb", rt60_s=rt60_s, direct_db=direct_db, delay_s=delay_s, seed=int(rng.integers(2**31)))]


def draw_band(spec: BandSpec, rng: np.random.Generator) -> list[Band]:
    if rng.random() >= spec.probability:
        return []
    order = int(rng.choice(spec.orders))
    if rng.random() < spec.telephone:
        return [telephone(spec.telephone_hz, order=order)]
    return [Band(kind="band", high_hz=float(rng.choice(spec.high_hz)), order=order)]


def telephone(band_hz: Range, *, order: int = 12) -> Band:
    """What a telephone line leaves."""
    return Band(kind="band", low_hz=band_hz[0], high_hz=band_hz[1], order=order)


def _rounded(values: np.ndarray, digits: int) -> tuple[float, ...]:
    return tuple(round(float(value), digits) for value in values)
