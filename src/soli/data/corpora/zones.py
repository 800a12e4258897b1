"""What the sampler plays: recorded notes as they lie on the keyboard of one instrument, whatever file they are from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from soli.errors import DataError
from soli.types import Array


@dataclass(frozen=True)
class Envelope:
    """The course of the level that the font itself asks for; what follows the end of a note is the player's."""

    attack_s: float = 0.0
    hold_s: float = 0.0
    decay_s: float = 0.0
    sustain_db: float = 0.0


@dataclass(frozen=True)
class Zone:
    """A recorded note for a range of keys and velocities, both inclusive.

    `read` gives its samples (T,), full scale 1, which sound at MIDI pitch `root` where played at `sample_rate`.
    `loop` is the part [start, end) of them that goes on for as long as the note does; None: the recording ends.
    `cutoff_hz` is the font's low-pass of 12 dB an octave. `side` is that of a stereo pair.
    """

    keys: tuple[int, int]
    velocities: tuple[int, int]
    read: Callable[[], Array]
    sample_rate: int
    root: float
    loop: tuple[int, int] | None
    gain_db: float = 0.0
    cutoff_hz: float | None = None
    envelope: Envelope = Envelope()
    side: Literal["left", "right"] | None = None


@dataclass(frozen=True)
class Instrument:
    """One program of a font."""

    name: str
    zones: tuple[Zone, ...]

    def at(self, key: float, velocity: int, *, side: Literal["left", "right"] = "left") -> list[Zone]:
        """The zones that sound together for a key; the nearest where the font leaves that key out.

        Of a stereo pair only one `side`, as one microphone hears it: two summed would comb.
        """
        chosen = self._nearest(key, velocity)
        return [zone for zone in chosen if zone.side in (None, side)] or chosen

    def _nearest(self, key: float, velocity: int) -> list[Zone]:
        chosen = self._within(round(key), velocity)
        if not chosen:
            nearest = min(self.zones, key=lambda zone: _distance(zone.keys, key) + _distance(zone.velocities, velocity))
            chosen = self._within(_inside(nearest.keys, key), _inside(nearest.velocities, velocity))
        return chosen

    def _within(self, key: int, velocity: int) -> list[Zone]:
        return [
            zone
            for zone in self.zones
            if zone.keys[0] <= key <= zone.keys[1] and zone.velocities[0] <= velocity <= zone.velocities[1]
        ]


def _inside(bounds: tuple[int, int], value: float) -> int:
    return min(max(round(value), bounds[0]), bounds[1])


def _distance(bounds: tuple[int, int], value: float) -> float:
    return abs(_inside(bounds, value) - value)


def cut_off(path: object, wanted: str) -> DataError:
    """What to raise where a font ends before it should."""
    return DataError(f"{path} is cut off: {wanted}", do="copy it again, or install its package again")
