"""Networks of sound events: what they hear in a window, and the stems of the classes that this makes.

The letters: K classes, M mel bands. A network gives each class a mask over bands and frames, and a tag: how sure it is
that the class is there at all. Its masks and tags are those of a window of the length that it was trained on.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from soli.dsp.masks import as_planes
from soli.dsp.mel import mel_matrix, mel_to_bins
from soli.dsp.stft import frame_count, istft, stft
from soli.errors import InputError, ModelFileError
from soli.modelfile import DetectionInfo, ModelInfo
from soli.separation.runtime import Session
from soli.separation.separators import BatchedSeparator
from soli.types import Array, ComplexArray, StftSettings


@dataclass(frozen=True)
class Heard:
    """What a network says of B items: masks (B, K, M, N) and tags (B, K), from 0 to 1, and the spectra (B, F, N).

    The masks of several classes may sum to more than 1. Those of an item of silence are 0, and so are its tags.
    """

    masks: Array
    tags: Array
    spectrum: ComplexArray


class EventsSeparator(BatchedSeparator):
    """A network that finds classes of sounds; its sources are the classes.

    Graph: `spectrum` float32 (B, 2, F, N), real and imaginary part, to `masks` float32 (B, K, M, N) and `tags` (B, K).
    A class whose tag is not above its threshold, (K,) `thresholds`, is absent: its estimate is silent. The others'
    masks are brought from bands to bins (`soli.dsp.mel`). Where they sum to more than 1 they share the bin, so that no
    more of the mixture is given away than is there.
    """

    def __init__(self, info: ModelInfo, model: bytes, *, threads: int | None = None, device: str = "auto") -> None:
        self._stft, self.detection = _settings(info)
        if info.window_s is None:
            raise ModelFileError(
                f"{info.name}: an events network without windows; its tags are those of a window",
                wanted="window_s and overlap_s",
                do="export it with both",
            )
        try:
            matrix = mel_matrix(self._stft, self.detection.mel, sample_rate=info.sample_rate)
        except ValueError as error:
            raise ModelFileError(f"{info.name}: {error}", do="export it again") from error
        self.bands = matrix  # (M, F)
        self._to_bins = mel_to_bins(matrix)
        self.thresholds = np.array(self.detection.tag, dtype=np.float64)
        self._estimated = list(range(len(self.thresholds)))
        session = Session(
            model, name=info.name, input="spectrum", outputs=("masks", "tags"), threads=threads, device=device
        )
        super().__init__(info, session, hop=self._stft.hop, reach=self._stft.n_fft)

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return self._stft.hop

    def with_thresholds(self, detection: DetectionInfo) -> Self:
        """The same network with other thresholds than its file's. Raises InputError where these are not one a class."""
        if len(detection.tag) != len(self.thresholds):
            found = f"{len(detection.tag)} thresholds for {len(self.thresholds)} classes"
            raise InputError(found, wanted="one a class")
        twin = copy.copy(self)
        twin.detection, twin.thresholds = detection, np.array(detection.tag, dtype=np.float64)
        return twin

    def only(self, classes: Sequence[str]) -> Self:
        """The same network as a separator of these classes alone, for which there is memory to be had.

        Of what it says of a mixture nothing is left out: masks and tags are those of all K classes.
        """
        twin = copy.copy(self)
        twin._estimated = [self.info.estimated.index(name) for name in classes]
        twin.sources = tuple(classes)
        return twin

    def hear(self, mixtures: Array) -> Heard:
        """What the network says of mixtures (B, T) at `sample_rate`, all of each at once.

        Raises InputError where a mixture holds NaN or infinite samples, ModelFileError where the network gives numbers
        that are no probabilities, or of another shape than its file says.
        """
        items, length = mixtures.shape
        frames = frame_count(length, self.hop)
        classes = len(self.thresholds)
        masks = np.zeros((items, classes, len(self.bands), frames), dtype=np.float32)
        tags = np.zeros((items, classes), dtype=np.float32)
        spectrum = np.zeros((items, self._stft.bins, frames), dtype=np.complex64)
        sounding = np.flatnonzero(mixtures.any(axis=-1))
        step = self.items_at_once(length)
        for start in range(0, len(sounding), step):
            some = sounding[start : start + step]
            with np.errstate(over="ignore", invalid="ignore"):  # told with its cause by the check of numbers
                heard = self._hear(mixtures[some])
            masks[some], tags[some], spectrum[some] = heard.masks, heard.tags, heard.spectrum
        return Heard(masks, tags, spectrum)

    def stems(self, heard: Heard, length: int) -> Array:
        """The estimates (B, S, T) of the sources, which are all K classes or some, in items of T = `length` samples."""
        estimates = np.zeros((len(heard.tags), len(self.sources), length), dtype=np.float32)
        for item, there in enumerate(heard.tags > self.thresholds):
            present: list[int] = np.flatnonzero(there).tolist()
            masks = heard.masks[item, present]  # (K', M, N)
            masks = masks / np.maximum(masks.sum(axis=0), 1)
            for place, mask in zip(present, masks, strict=True):  # one by one: spectra of all would be large
                if place in self._estimated:
                    stem = istft((self._to_bins @ mask) * heard.spectrum[item], self._stft, length)
                    estimates[item, self._estimated.index(place)] = stem
        return estimates

    def _hear(self, mixtures: Array) -> Heard:
        spectrum = stft(mixtures, self._stft)  # (B, F, N)
        masks, tags = self._session.run(as_planes(spectrum))
        items, classes, frames = len(mixtures), len(self.thresholds), spectrum.shape[-1]
        self._check_shape(masks, (items, classes, len(self.bands), frames))
        self._check_shape(tags, (items, classes))
        for found in (masks, tags):
            self._check_numbers(found, mixtures)
            if found.min() < 0 or found.max() > 1:
                raise ModelFileError(
                    f"{self.info.name}: its network gave values from {found.min():.3g} to {found.max():.3g}",
                    wanted="masks and tags from 0 to 1",
                    do="export it again",
                )
        return Heard(masks, tags, spectrum)

    def _estimate(self, mixtures: Array) -> Array:
        return self.stems(self._hear(mixtures), mixtures.shape[-1])


def _settings(info: ModelInfo) -> tuple[StftSettings, DetectionInfo]:
    if info.stft is None or info.detection is None:
        raise ModelFileError(f"{info.name}: a {info.kind} network without settings of its transform and of events")
    return info.stft, info.detection
