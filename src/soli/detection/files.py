"""One recording in, its events, tags, labels, picture and stems out: what `soli detect` does to each of its files."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from soli.atomic import cannot_write, part_of
from soli.detection.detect import Detected, Detection, with_thresholds
from soli.detection.labels import audacity_track, events_table
from soli.detection.listening import Listener
from soli.detection.overview import Overview
from soli.detection.seen import Seen
from soli.detection.tag_table import tags_table
from soli.media.audio import AudioInfo, Source, open_audio
from soli.media.writer import AudioWriter
from soli.modelfile import DetectionInfo
from soli.separation.files import Made, Progress
from soli.separation.meters import Meter
from soli.separation.model import Model
from soli.separation.residual import Residual
from soli.separation.stream import StreamSeparator

# The names of outputs that are no stems; those are called as their classes, and no class has a dot in its name.
EVENTS, TAGS, LABELS, PICTURE = "events.csv", "tags.csv", "labels.txt", "picture.png"

# Draws what was seen, and found, to a path.
Draw = Callable[[Path, Seen, Detected], None]


@dataclass(frozen=True)
class Wanted:
    """What to write beside the tables of events and tags. `draw` None: no picture."""

    stems: bool = False
    labels: bool = False
    draw: Draw | None = None


class Detecting:
    """A `soli.separation.work.Work`: the events of recordings, decided by the thresholds given or the model file's.

    Raises UsageError where the model is of another kind than sound events.
    """

    def __init__(self, model: Model, wanted: Wanted, *, thresholds: DetectionInfo | None = None) -> None:
        self.model = model if thresholds is None else with_thresholds(model, thresholds)
        self.wanted = wanted
        self._listener = Listener(self.model)

    def outputs(self, info: AudioInfo, folder: Path) -> dict[str, Path]:
        """All that may come of a recording: stems of every class, though only those of present ones are written."""
        names = [EVENTS, TAGS]
        names += [LABELS] if self.wanted.labels else []
        names += [PICTURE] if self.wanted.draw is not None else []
        paths = {name: folder / name for name in names}
        stems = self.model.sources if self.wanted.stems else ()
        return paths | {stem: folder / f"{stem}.wav" for stem in stems}

    def options(self) -> dict[str, Any]:
        """Everything is decided by the thresholds."""
        return {"detect": self._listener.network.detection.model_dump(mode="json")}

    @contextmanager
    def made(self, source: Source, outputs: dict[str, Path], progress: Progress) -> Iterator[Made]:
        """Makes temporary files, which are removed at the end unless they were committed.

        Of the stems those of the classes that are there, and the rest. Raises InputError and OutputError.
        """
        with ExitStack() as undo:
            for final in outputs.values():  # before they are made: Ctrl-C may come between a file and a note of it
                undo.callback(part_of(final).unlink, missing_ok=True)
            stems = [name for name in outputs if name in self.model.sources]
            found, seen, warnings = self._heard(source, _share(progress, 0, 2 if stems else 1), PICTURE in outputs)
            texts = {
                EVENTS: events_table(found.events),
                TAGS: tags_table(found.tags, found.thresholds),
                LABELS: audacity_track(found.events),
            }
            for name in outputs.keys() & texts.keys():
                _write(outputs[name], partial(Path.write_text, data=texts[name], encoding="utf-8"))
            if seen is not None and self.wanted.draw is not None:
                draw = self.wanted.draw
                _write(outputs[PICTURE], lambda part: draw(part, seen, found))
            absent = [stem for stem in self.model.info.estimated if stem not in found.present]
            written = {stem: outputs[stem] for stem in stems if stem not in absent}
            null_db = None
            if written:
                residual = self._listener.residual(found.present)
                null_db = _separated(source, written, residual, _share(progress, 1, 2), undo)
            parts = [name for name in outputs if name not in stems or name in written]
            yield Made(
                parts={name: part_of(outputs[name]) for name in parts},
                outputs=outputs,
                duration_s=found.duration_s,
                null_db=null_db,
                absent=tuple(absent),
                warnings=warnings,
            )

    def _heard(
        self, source: Source, progress: Progress, picture: bool
    ) -> tuple[Detected, Seen | None, tuple[str, ...]]:
        """What is found in a recording, what of it is drawn, and what its reader warns of."""
        listener, found = self._listener, Detection(self._listener)
        network = listener.network
        step, overlap = listener.frames
        overview = Overview(network.bands, step=step, overlap=overlap, hop=network.hop) if picture else None
        with open_audio(source) as reader:
            rate, total_s = reader.info.sample_rate, reader.info.duration_s
            progress(0.0, total_s)
            for window in listener.windows(found.counting(reader.blocks()), sample_rate=rate):
                found.add(window)
                if overview is not None:
                    overview.add(window)
                progress((window.start + window.step) / network.sample_rate, total_s)
            result = found.result(sample_rate=rate)
            seen = None if overview is None else overview.seen(sample_rate=network.sample_rate)
            return result, seen, tuple(reader.info.warnings)


def _separated(
    source: Source, outputs: dict[str, Path], residual: Residual, progress: Progress, undo: ExitStack
) -> float | None:
    """Writes the stems under their temporary names; gives the null test of them all."""
    with open_audio(source) as reader:
        info = reader.info
        writers = {name: _writer(path, info, undo) for name, path in outputs.items()}
        stream = StreamSeparator(residual, sample_rate=info.sample_rate)
        meter, frames = Meter(stream.sources), 0
        for mixture, stems in stream.pairs(reader.blocks()):
            meter.add(mixture, stems)
            for name, stem in zip(stream.sources, stems, strict=True):
                if name in writers:
                    writers[name].write(stem)
            frames += mixture.shape[-1]
            progress(frames / info.sample_rate, info.duration_s)
        for writer in writers.values():
            writer.finish()
        return meter.null_db


def _writer(path: Path, info: AudioInfo, undo: ExitStack) -> AudioWriter:
    writer = AudioWriter(path, sample_rate=info.sample_rate, channels=info.channels, frames=info.frames)
    undo.callback(writer.abort)
    return writer


def _write(final: Path, write: Callable[[Path], object]) -> None:
    """Writes the temporary file of `final`, down to the disk. Raises OutputError."""
    part = part_of(final)
    try:
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(final, error) from error


def _share(progress: Progress, done: int, of: int) -> Progress:
    """Progress of one of several passes over a recording, as that of a part of it."""

    def share(done_s: float, total_s: float | None) -> None:
        progress(done_s / of if total_s is None else (done * total_s + min(done_s, total_s)) / of, total_s)

    return share
