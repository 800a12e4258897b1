"""The small room that a quartet sits in: impulse responses from each player to one microphone.

Image sources in a box (Allen and Berkley 1979) in two bands. As no real room is a bare box, each image is moved by a
few centimetres, all but the first have a random sign, and what is lost depends on the length of the way alone: images
of a perfect box line up into sweeping echoes, sum up at low frequencies, and ring on between the farthest two walls.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from soli.types import Array

SPEED_OF_SOUND = 343.0
Point = tuple[float, float, float]

_SPLIT_HZ = 1500.0
_SPREAD_M = 0.04
_MARGIN_M = 0.4


class Room(BaseModel):
    """A room, its microphone and how long it rings (60 dB) below and above 1.5 kHz; metres and seconds.

    `direct_db`: how much louder the direct sound is than in the open, as a microphone near the player has it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_m: Point
    microphone_m: Point
    ring_s: tuple[float, float]
    direct_db: float
    seed: int


def draw_room(rng: np.random.Generator) -> Room:
    """A room of 30 to 250 m3, from dry to as live as a small hall."""
    size = (rng.uniform(4, 9), rng.uniform(3.5, 7.5), rng.uniform(2.5, 4.0))
    low_s = float(np.exp(rng.uniform(np.log(0.18), np.log(0.8))))
    microphone = tuple(round(float(side * rng.uniform(0.35, 0.65)), 3) for side in size[:2])
    return Room(
        size_m=tuple(round(float(side), 3) for side in size),
        microphone_m=(*microphone, round(float(rng.uniform(1.2, 1.8)), 3)),
        ring_s=(round(low_s, 3), round(low_s * float(rng.uniform(0.45, 0.9)), 3)),
        direct_db=round(float(rng.uniform(0, 10)), 2),
        seed=int(rng.integers(2**31)),
    )


def draw_seats(room: Room, count: int, rng: np.random.Generator) -> list[Point]:
    """Seats in an arc before the microphone, each a little off, none in a wall."""
    angles = np.linspace(-0.35, 0.35, count) * np.pi + rng.uniform(-0.1, 0.1, count)
    distances = rng.uniform(0.8, 2.2) * rng.uniform(0.85, 1.15, count)
    turned = rng.uniform(0, 2 * np.pi)
    seats = []
    for angle, distance in zip(angles + turned, distances, strict=True):
        wanted = (
            room.microphone_m[0] + distance * np.cos(angle),
            room.microphone_m[1] + distance * np.sin(angle),
            rng.uniform(0.9, 1.4),
        )
        inside = [min(max(at, _MARGIN_M), side - _MARGIN_M) for at, side in zip(wanted, room.size_m, strict=True)]
        seats.append((round(float(inside[0]), 3), round(float(inside[1]), 3), round(float(inside[2]), 3)))
    return seats


def responses(room: Room, seats: list[Point], *, sample_rate: int) -> list[Array]:
    """The impulse response (T,) from each seat; the nearest player's direct sound comes at once and has a gain of 1."""
    nearest_m = min(_distance(seat, room.microphone_m) for seat in seats)
    return [_response(room, seat, nearest_m, sample_rate) for seat in seats]


def _response(room: Room, seat: Point, nearest_m: float, sample_rate: int) -> Array:
    longest_m = max(room.ring_s) * SPEED_OF_SOUND
    distances, signs = _images(room, seat, longest_m)
    length = int((distances.max() - nearest_m) / SPEED_OF_SOUND * sample_rate) + 2
    places = np.maximum(distances - nearest_m, 0) / SPEED_OF_SOUND * sample_rate
    gains = signs * nearest_m / np.maximum(distances, nearest_m)
    own = int(np.argmin(distances))
    direct = 10 ** (room.direct_db / 20)
    bands = []
    for ring_s in room.ring_s:
        weights = gains * 10 ** (-3 * (places - places[own]) / sample_rate / ring_s) / direct
        weights[own] *= direct
        bands.append(_placed(places, weights, length))
    return _joined(bands[0], bands[1], sample_rate).astype(np.float32)


def _images(room: Room, seat: Point, longest_m: float) -> tuple[np.ndarray, np.ndarray]:
    """The distance of the player and of every image from the microphone, and their signs."""
    axes = []
    for side, at in zip(room.size_m, seat, strict=True):
        number = np.arange(-int(longest_m / (2 * side)) - 1, int(longest_m / (2 * side)) + 2)
        places = np.concatenate([2 * number * side + at, 2 * number * side - at])
        axes.append((places, np.concatenate([abs(2 * number), abs(2 * number - 1)])))
    grid = np.stack(np.meshgrid(*(places for places, _ in axes), indexing="ij"), axis=-1).reshape(-1, 3)
    bounces = np.stack(np.meshgrid(*(count for _, count in axes), indexing="ij")).sum(axis=0).reshape(-1)
    rng = np.random.default_rng(room.seed)
    moved = rng.uniform(-_SPREAD_M, _SPREAD_M, grid.shape) * (bounces > 0)[:, None]
    signs = np.where(bounces < 2, 1.0, rng.choice([-1.0, 1.0], len(grid)))
    distances = np.linalg.norm(grid + moved - np.array(room.microphone_m), axis=1)
    near = distances < longest_m
    return distances[near], signs[near]


def _placed(places: np.ndarray, weights: np.ndarray, length: int) -> np.ndarray:
    """Impulses between samples, as far as a straight line between two of them can be one."""
    whole = places.astype(np.int64)
    rest = places - whole
    early = np.bincount(whole, weights * (1 - rest), length)
    return early + np.bincount(np.minimum(whole + 1, length - 1), weights * rest, length)


def _joined(low: np.ndarray, high: np.ndarray, sample_rate: int) -> np.ndarray:
    """One response out of two: below and above the frequency where the bands meet, one pole each."""
    from scipy.signal import lfilter

    pole = float(np.exp(-2 * np.pi * _SPLIT_HZ / sample_rate))
    return np.asarray(high + lfilter([1 - pole], [1, -pole], low - high))


def _distance(first: Point, second: Point) -> float:
    return float(np.linalg.norm(np.subtract(first, second)))
