"""What a planner draws from: clips by speaker and noise by class, with weights that let small groups be heard."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soli.data.library import Sound
from soli.errors import DataError


class SpeechPool:
    """The clips of each speaker. A speaker is drawn in proportion to the square root of the speech there is of him."""

    def __init__(self, clips: Sequence[Sound]) -> None:
        by_speaker: dict[str, list[Sound]] = defaultdict(list)
        for clip in clips:
            by_speaker[f"{clip.package}/{clip.speaker}"].append(clip)
        self.speakers = sorted(by_speaker)
        self.clips = dict(by_speaker)
        self._weights = _shares([sum(c.duration_s for c in by_speaker[name]) ** 0.5 for name in self.speakers])

    def draw_speaker(self, rng: np.random.Generator) -> str:
        return self.speakers[int(rng.choice(len(self.speakers), p=self._weights))]


class NoisePool:
    """The sounds of each class of each package, drawn by class first, then by the square root of their length."""

    def __init__(self, sounds: Sequence[Sound], weights: Mapping[str, float]) -> None:
        by_class: dict[str, list[Sound]] = defaultdict(list)
        for sound in sounds:
            if weights.get(sound.class_, 1.0) > 0:
                by_class[f"{sound.package}/{sound.class_}"].append(sound)
        if not by_class:
            raise DataError("the spec's weights leave no class of noise", do="give one of them a weight above 0")
        self.classes = sorted(by_class)
        self.sounds = dict(by_class)
        self._weights = _shares(
            [
                weights.get(key.partition("/")[2], 1.0) * sum(s.duration_s for s in by_class[key]) ** 0.5
                for key in self.classes
            ]
        )
        self._inside = {key: _shares([s.duration_s**0.5 for s in by_class[key]]) for key in self.classes}

    def draw(self, rng: np.random.Generator) -> Sound:
        key = self.classes[int(rng.choice(len(self.classes), p=self._weights))]
        return self.sounds[key][int(rng.choice(len(self.sounds[key]), p=self._inside[key]))]


def _shares(weights: Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(weights, np.float64)
    shares: NDArray[np.float64] = array / array.sum()
    return shares
