"""The bench of fonts: a copy is found whatever was done to it, and what only sounds alike is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soli.data.corpora.fonts import Source
from soli.types import Array

RATE = 44100


def reed(seed: int, *, hz: float = 440.0, rate: int = RATE, late_s: float = 0.0) -> Array:
    """Fifteen partials with a seed's own gains, phases and slow swells; what the same seed gives is one recording."""
    rng = np.random.default_rng(seed)
    times_s = late_s + np.arange(round(0.5 * rate)) / rate
    sound = np.zeros(len(times_s))
    for partial in range(1, 16):
        gain, phase, swell_hz, swell = rng.uniform((0.1, 0, 2, 0), (1, 2 * np.pi, 30, 2 * np.pi))
        cents = rng.uniform(-3, 3)
        wave = np.sin(2 * np.pi * hz * partial * 2 ** (cents / 1200) * times_s + phase)
        sound += gain / partial * (1 + 0.8 * np.sin(2 * np.pi * swell_hz * times_s + swell)) * wave
    return (0.1 * sound).astype(np.float32)


def font(path: Path, programs: tuple[int, ...] = (40, 70), **made: Any) -> Source:
    """A font with one recording; `made`: what is to be said of it."""
    from made_fonts import Made, plain_zone, sf2

    return Source.of(sf2(path, {program: [plain_zone()] for program in programs}, [Made(**made)]))


COPIES: dict[str, dict[str, Any]] = {
    "itself": {"samples": reed(1)},
    "softer and upside down": {"samples": -0.3 * reed(1)},
    "begun later": {"samples": reed(1, late_s=0.03)},
    "at half the rate": {"samples": reed(1, rate=22050), "rate": 22050, "loop": (8000, 11000)},
    "a fourth higher, and said to be": {"samples": reed(1), "root": 74, "rate": 58866, "loop": (8000, 11000)},
    "out of tune by 16 cents": {"samples": reed(1), "rate": 43694},
}


@pytest.mark.parametrize("how", list(COPIES))
def test_a_copy_is_found(how: str, tmp_path: Path) -> None:
    from fonts import likeness, recordings

    (own,) = recordings(font(tmp_path / "a.sf2", samples=reed(1)), 40)
    (copy,) = recordings(font(tmp_path / "b.sf2", **COPIES[how]), 40)
    assert likeness(own, copy) > 0.95
    assert likeness(copy, own) > 0.95


def test_another_recording_of_the_same_pitch_is_none(tmp_path: Path) -> None:
    from fonts import MOST, likeness, recordings

    (own,) = recordings(font(tmp_path / "a.sf2", samples=reed(1)), 40)
    for seed in (2, 3, 4):
        (other,) = recordings(font(tmp_path / f"{seed}.sf2", samples=reed(seed)), 40)
        assert likeness(own, other) < MOST


def test_a_copy_that_trains_is_refused_and_one_that_is_left_out_is_told(tmp_path: Path) -> None:
    from fonts import compared, page, too_alike

    judge = font(tmp_path / "judge.sf2", (70,), samples=reed(1))
    train = font(tmp_path / "train.sf2", (70, 71), samples=0.5 * reed(1))
    (pair,) = compared(train, judge)
    assert too_alike([pair]) == ["program 70 of train.sf2 is that of judge.sf2: 1.00"]
    assert "| bassoon (70) | 1.00 |" in page([pair])
    (pair,) = compared(Source(train.path, train.name, train.licence, frozenset({70})), judge)
    assert too_alike([pair]) == []
    assert "| bassoon (70) | (1.00) |" in page([pair])
