"""Effects do what their numbers say, are linear, and nothing wraps around the transform's end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from made_sounds import noise, tone
from soli.data.augment import BandSpec, EqSpec, ReverbSpec, draw_band, draw_eq, draw_reverb
from soli.data.effects import Band, Eq, Reverb, _lines, apply, impulse_response

RATE = 48000


def level_db(samples: np.ndarray) -> float:
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def gain_db(effect: Eq | Band | Reverb, frequency_hz: float) -> float:
    """How much a long sine gains, away from its ends."""
    sine = tone(frequency_hz, 1.0, RATE)
    middle = slice(RATE // 4, 3 * RATE // 4)
    return level_db(apply(sine, [effect], sample_rate=RATE)[middle]) - level_db(sine[middle])


def test_equaliser_gives_its_gains_at_its_points_and_beyond_them() -> None:
    effect = Eq(kind="eq", points_hz=(100.0, 1000.0, 8000.0), gains_db=(-6.0, 3.0, 5.0))
    for frequency, wanted in ((100, -6.0), (1000, 3.0), (8000, 5.0), (20, -6.0), (15000, 5.0)):
        assert gain_db(effect, frequency) == pytest.approx(wanted, abs=0.1)
    # Half-way between two points over log frequency lies half of the gain.
    assert gain_db(effect, np.sqrt(100 * 1000)) == pytest.approx(-1.5, abs=0.1)


@pytest.mark.parametrize("order", [2, 12, 100])
def test_band_is_3_db_down_at_its_edges_and_falls_by_6_db_an_octave_and_order(order: int) -> None:
    effect = Band(kind="band", low_hz=300.0, high_hz=3400.0, order=order)
    assert gain_db(effect, 300) == pytest.approx(-3.0, abs=0.2)
    assert gain_db(effect, 3400) == pytest.approx(-3.0, abs=0.2)
    assert gain_db(effect, 1000) == pytest.approx(0.0, abs=0.15)
    assert gain_db(effect, 6800) == pytest.approx(-max(6.02 * order, 0), abs=0.5) or order == 100
    if order == 100:
        assert gain_db(effect, 6800) < -100


def test_reverberation_decays_by_60_db_in_its_time_at_its_level() -> None:
    effect = Reverb(kind="reverb", rt60_s=0.4, direct_db=6.0, delay_s=0.01, seed=3)
    response = impulse_response(effect, RATE).astype(np.float64)
    tail = response[1:]
    assert -10 * np.log10(np.sum(tail**2)) == pytest.approx(6.0, abs=1e-3)
    # Schroeder's backward integral: a straight line of the asked slope, here between -5 and -25 dB.
    decay_db = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))
    first, last = np.argmax(decay_db < -5), np.argmax(decay_db < -25)
    assert 3 * (last - first) / RATE == pytest.approx(0.4, rel=0.1)


def test_reverberation_equals_direct_convolution() -> None:
    effect = Reverb(kind="reverb", rt60_s=0.1, direct_db=0.0, seed=1)
    sound = noise(0.3, RATE, seed=5)
    wanted = np.convolve(sound.astype(np.float64), impulse_response(effect, RATE))[: len(sound)]
    np.testing.assert_allclose(apply(sound, [effect], sample_rate=RATE), wanted, atol=1e-5)


def test_a_chain_equals_its_effects_one_after_the_other() -> None:
    sound = noise(0.5, RATE, seed=2)
    chain = [
        Eq(kind="eq", points_hz=(100.0, 5000.0), gains_db=(-3.0, 4.0)),
        Band(kind="band", high_hz=7000.0, order=8),
    ]
    one_by_one = apply(apply(sound, chain[:1], sample_rate=RATE), chain[1:], sample_rate=RATE)
    # Filters without phase ring to both sides: what the first one rang beyond the ends is lost to the second.
    inside = slice(2400, -2400)
    np.testing.assert_allclose(apply(sound, chain, sample_rate=RATE)[inside], one_by_one[inside], atol=1e-5)


def test_effects_are_linear_so_stems_still_sum() -> None:
    rng = np.random.default_rng(0)
    chain = [*draw_eq(EqSpec(probability=1), rng), *draw_reverb(ReverbSpec(probability=1), rng)]
    a, b = noise(0.5, RATE, seed=3), noise(0.5, RATE, seed=4)
    together = apply(a + b, chain, sample_rate=RATE)
    np.testing.assert_allclose(
        apply(a, chain, sample_rate=RATE) + apply(b, chain, sample_rate=RATE), together, atol=1e-5
    )


def test_nothing_wraps_from_the_end_to_the_start() -> None:
    click = np.zeros(RATE, np.float32)
    click[-1] = 1.0
    for effect in (
        Band(kind="band", high_hz=4000.0, order=100),
        Reverb(kind="reverb", rt60_s=0.5, direct_db=0, seed=1),
    ):
        assert np.max(np.abs(apply(click, [effect], sample_rate=RATE)[: RATE // 2])) < 1e-6


def test_silence_and_no_effects_are_left_alone() -> None:
    silence = np.zeros(1000, np.float32)
    sound = noise(0.1, RATE, seed=1)
    assert apply(silence, [Band(kind="band", high_hz=100.0)], sample_rate=RATE) is silence
    assert apply(sound, [], sample_rate=RATE) is sound


@pytest.mark.parametrize(
    ("points", "gains"), [((100.0, 50.0), (0.0, 0.0)), ((100.0,), (0.0, 1.0)), ((0.0, 10.0), (0.0, 0.0))]
)
def test_an_equaliser_that_makes_no_sense_is_refused(points: tuple[float, ...], gains: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="points_hz must rise"):
        Eq(kind="eq", points_hz=points, gains_db=gains)


@given(
    st.lists(st.floats(-3, 3, allow_subnormal=False), min_size=2, max_size=8, unique_by=lambda x: round(x, 2)).map(
        sorted
    ),
    st.integers(0, 2**16),
)
def test_lines_are_numpys_interpolation(points: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(-2, 2, len(points))
    x = np.sort(rng.uniform(-4, 4, 200)).astype(np.float32)
    # float32 of x and steep segments of 0.01 width bound the agreement.
    np.testing.assert_allclose(_lines(x, np.array(points), values), np.interp(x, points, values), atol=1e-2)


def test_draws_stay_in_their_ranges_and_come_from_the_generator_alone() -> None:
    def draws(seed: int) -> list[object]:
        rng = np.random.default_rng(seed)
        return [
            f(s, rng)
            for _ in range(50)
            for f, s in ((draw_eq, EqSpec()), (draw_reverb, ReverbSpec()), (draw_band, BandSpec()))
        ]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
    effects = [effect for drawn in draws(1) for effect in drawn]
    assert {effect.kind for effect in effects} == {"eq", "reverb", "band"}
    for effect in effects:
        if isinstance(effect, Eq):
            assert all(-6 <= gain <= 6 for gain in effect.gains_db)
        elif isinstance(effect, Reverb):
            assert 0.1 <= effect.rt60_s <= 0.7
            assert 0 <= effect.direct_db <= 15
