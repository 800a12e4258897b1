"""From a recording to its sound events: windows, their masks and tags, one line of frames a class, and events."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from soli.detection.detected import Detected
from soli.detection.fading import Faded
from soli.detection.listening import Listener, Window
from soli.detection.postprocess import Hysteresis, events_of
from soli.dsp.frames import frame_rate
from soli.errors import InputError
from soli.media.audio import Source, open_audio
from soli.modelfile import DetectionInfo
from soli.separation.model import Model, check_channels
from soli.separation.zoo import load
from soli.types import Array, Audio

__all__ = ["Detected", "Detection", "detect", "with_thresholds"]

Visit = Callable[[Window], None]


def detect(
    source: Source | Audio,
    model: Model | str | os.PathLike[str],
    *,
    thresholds: DetectionInfo | None = None,
    threads: int | None = None,
    visit: Visit | None = None,
) -> Detected:
    """The sound events of a recording of any rate, channels and length; memory grows by its frames (K, N) alone.

    The network hears windows of the length that its file names, and says of each which classes are there. A class is in
    the recording where it is in one of its windows: a recording's tag is the highest of its windows', the assumption
    that weak labels are learnt by, and the one way to find a bark in an hour of something else. Outside the windows
    that a class is tagged in it has no events. Each channel is heard on its own, and the highest of all counts.

    Args:
        source: a path, a file's bytes, a binary file object, or samples in memory.
        model: a model of sound events that is loaded, a shipped model's name, or a path.
        thresholds: those to decide by; without them the model file's.
        threads: as for `soli.load`, where the model is not loaded yet.
        visit: is shown each window, masks and all, as it goes by.

    Raises:
        InputError: the source cannot be read as sound, is empty, or has NaN or infinite samples.
        UsageError: the model is of another kind; and what `soli.load` raises.
    """
    loaded = model if isinstance(model, Model) else load(model, threads=threads)
    listener = Listener(loaded if thresholds is None else with_thresholds(loaded, thresholds))
    found = Detection(listener)
    with _opened(source) as (blocks, rate):
        for window in listener.windows(found.counting(blocks), sample_rate=rate):
            found.add(window)
            if visit is not None:
                visit(window)
    return found.result(sample_rate=rate)


def with_thresholds(model: Model, thresholds: DetectionInfo) -> Model:
    """The model with other thresholds than its file names: for what is there, and for what its stems hold.

    Raises UsageError where it is no model of sound events, InputError where the classes are not as many.
    """
    listener = Listener(model)
    return replace(model, network=listener.windowed.with_network(listener.network.with_thresholds(thresholds)))


class Detection:
    """Collects what is heard in the windows of one recording, given in order."""

    def __init__(self, listener: Listener) -> None:
        network = listener.network
        self._detection, self._hop = network.detection, network.hop
        self._labels, self._rate = network.sources, network.sample_rate
        self._thresholds = network.thresholds
        self._tags = np.zeros(len(network.sources), dtype=np.float32)
        step, overlap = listener.frames
        self._faded = Faded(step=step, overlap=overlap)
        self._frames: list[Array] = []  # (K, N')
        self._tagged: list[NDArray[np.bool_]] = []  # (K, N'), whether a window that the frame is in is tagged
        self._samples = 0

    def counting(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Hands on the blocks of the recording as it is read, whose length is that of the result."""
        for block in blocks:
            self._samples += block.shape[-1]
            yield block

    def add(self, window: Window) -> None:
        """Takes the next window."""
        tags = window.heard.tags.max(axis=0)  # (K,)
        frames = window.heard.masks.mean(axis=2).max(axis=0)  # (K, N)
        tagged = np.broadcast_to((tags > self._thresholds)[:, None], frames.shape)
        self._tags = np.maximum(self._tags, tags)
        self._keep(self._faded.push(np.stack([frames, tagged])))

    def result(self, *, sample_rate: int) -> Detected:
        """What was found in a recording of this rate. Raises InputError where there was no sample in it."""
        last = self._faded.flush()
        if last is not None:
            self._keep(last)
        if not self._frames:
            raise InputError("no samples", wanted="one at least")
        frames, tagged = np.concatenate(self._frames, axis=-1), np.concatenate(self._tagged, axis=-1)
        rate_hz, duration_s = frame_rate(self._rate, self._hop), self._samples / sample_rate
        detection = self._detection
        rule = Hysteresis.in_seconds(
            rate_hz=rate_hz,
            high=detection.high,
            low=detection.low,
            gap_s=detection.gap_s,
            shortest_s=detection.shortest_s,
        )
        gated = np.where(tagged, frames, np.float32(0))
        events = events_of(gated, classes=self._labels, rate_hz=rate_hz, hysteresis=rule, duration_s=duration_s)
        return Detected(
            labels=self._labels,
            tags=dict(zip(self._labels, self._tags.tolist(), strict=True)),
            thresholds=dict(zip(self._labels, self._thresholds.tolist(), strict=True)),
            frames=frames,
            hop_s=1 / rate_hz,
            events=tuple(events),
            duration_s=duration_s,
        )

    def _keep(self, joined: Array) -> None:
        frames, tagged = joined
        self._frames.append(frames.copy())  # not the whole that it is a part of
        self._tagged.append(tagged > 0)


@contextmanager
def _opened(source: Source | Audio) -> Iterator[tuple[Iterable[Array], int]]:
    """The blocks (C, T) of a recording, and their rate."""
    if isinstance(source, Audio):
        samples = np.atleast_2d(source.samples)
        check_channels(samples)
        yield ([samples] if samples.shape[-1] else []), source.sample_rate
        return
    with open_audio(source) as reader:
        yield reader.blocks(), reader.info.sample_rate
