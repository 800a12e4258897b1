"""One file in, a file for every stem out: whole and under their names all together, or not at all."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soli.atomic import cannot_write, part_of
from soli.dsp.levels import amplitude_db
from soli.errors import InputError, UsageError
from soli.media.audio import AudioInfo, AudioReader, Source, open_audio
from soli.media.formats import PCM_BITS, VIDEO_FORMATS, choose_subtype, known_format
from soli.media.wav import as_integers
from soli.media.writer import AudioWriter
from soli.separation.chunks import check_chunk_s
from soli.separation.meters import Meter
from soli.separation.residual import Residual, check_stems
from soli.separation.stream import StreamSeparator
from soli.types import Array

VIDEO = ":video"  # stands among the outputs for the video with its tracks; no source can have this name

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True)
class Settings:
    """How a file is taken apart and written: the same for every file of a batch.

    `stems`: the sources to write, None for all. `subtype` None: the format's best. `chunk_s` None: the model's own.
    `remux`: write a video back with one audio track a stem.
    """

    stems: tuple[str, ...] | None = None
    format: str = "wav"
    subtype: str | None = None
    chunk_s: float | None = None
    batch: int = 1
    remux: bool = False

    def check(self, sources: tuple[str, ...]) -> None:
        """Raises UsageError for an unknown format, subtype, or stem of a model with these `sources`."""
        if self.chunk_s is not None:
            check_chunk_s(self.chunk_s)
        choose_subtype(self.format, self.subtype)
        check_stems(self.stems or (), sources)


@dataclass(frozen=True)
class Made:
    """What a recording became: files that are whole on the disk, under temporary names until `commit`.

    `outputs` are the final paths of all that was asked for: stems by source, the video under VIDEO. `parts` are the
    temporary paths of those that there is something to put into. `null_db` and `absent` are of the stems.
    """

    parts: dict[str, Path]
    outputs: dict[str, Path]
    duration_s: float
    null_db: float | None
    absent: tuple[str, ...]
    warnings: tuple[str, ...]

    def commit(self) -> None:
        """Gives all files their final names, and removes what had the name of one that is not there any more.

        Raises OutputError where the system refuses.
        """
        for name, final in self.outputs.items():
            try:
                if name in self.parts:
                    self.parts[name].replace(final)
                else:
                    final.unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(final, error) from error


def output_paths(info: AudioInfo, folder: Path, sources: Sequence[str], settings: Settings) -> dict[str, Path]:
    """The final path of every stem by source, and of the video under VIDEO.

    Raises InputError where a video is wanted of an input without a picture, UsageError where it would replace a stem.
    """
    suffix = known_format(settings.format).suffix
    paths = {source: folder / f"{source}{suffix}" for source in sources if source in (settings.stems or sources)}
    if settings.remux:
        if not info.has_video:
            raise InputError(
                f"{info.path} has no picture", wanted="a video, to put the stems into", do="leave --remux away"
            )
        name = Path(info.path)
        # Videos of other sorts than soli writes become Matroska.
        video = folder / (name.name if name.suffix.lower() in VIDEO_FORMATS else f"{name.stem}.mkv")
        if video in paths.values():
            raise UsageError(f"the video and a stem would both be {video}", do="choose another format of the stems")
        paths[VIDEO] = video
    return paths


def temporary_paths(name: str, final: Path) -> list[Path]:
    """The names that one of the outputs has, or may have, until it is whole."""
    part = _part(name, final)
    return [part, part_of(part)] if name == VIDEO else [part]


def _part(name: str, final: Path) -> Path:
    # The container of a video is chosen by its suffix, so a temporary name has to keep it.
    return final.with_name(f".{final.stem}.part{final.suffix}") if name == VIDEO else part_of(final)


@contextmanager
def separated(
    source: Source, outputs: dict[str, Path], separator: Residual, settings: Settings, progress: Progress
) -> Iterator[Made]:
    """Takes one file apart into temporary files, which are removed at the end unless they were committed.

    `progress(done_s, total_s)` is called as it goes on. Raises InputError and OutputError.
    """
    with ExitStack() as undo:
        # Before they are made: Ctrl-C may come when a file exists and no object knows of it yet.
        for name, final in outputs.items():
            for part in temporary_paths(name, final):
                undo.callback(part.unlink, missing_ok=True)
        reader = undo.enter_context(open_audio(source))
        writers = {
            name: _writer(final, reader.info, settings, undo) for name, final in outputs.items() if name != VIDEO
        }
        meter, frames = _run(reader, separator, writers, settings, progress)
        for writer in writers.values():
            writer.finish()
        parts = {name: writer.part for name, writer in writers.items()}
        warnings = [*reader.info.warnings, *_unheard(separator, reader.info.sample_rate)]
        warnings += [_limited(writer) for writer in writers.values() if writer.clipped]
        if VIDEO in outputs:
            warnings += _remux(source, parts, outputs[VIDEO], undo)
            parts[VIDEO] = _part(VIDEO, outputs[VIDEO])
        yield Made(
            parts=parts,
            outputs=outputs,
            duration_s=frames / reader.info.sample_rate,
            null_db=meter.null_db,
            absent=meter.absent,
            warnings=tuple(warnings),
        )


def _writer(path: Path, info: AudioInfo, settings: Settings, undo: ExitStack) -> AudioWriter:
    writer = AudioWriter(
        path,
        sample_rate=info.sample_rate,
        channels=info.channels,
        format=settings.format,
        subtype=settings.subtype,
        frames=info.frames,
    )
    undo.callback(writer.abort)
    return writer


def _run(
    reader: AudioReader,
    separator: Residual,
    writers: dict[str, AudioWriter],
    settings: Settings,
    progress: Progress,
) -> tuple[Meter, int]:
    """Reads, separates, measures and writes, block by block; gives what was measured, and the number of frames."""
    rate, total_s = reader.info.sample_rate, reader.info.duration_s
    stream = StreamSeparator(separator, sample_rate=rate, chunk_s=settings.chunk_s, batch=settings.batch)
    bits = PCM_BITS.get(choose_subtype(settings.format, settings.subtype) or "")
    meter, frames = Meter(stream.sources), 0
    progress(0.0, total_s)
    for mixture, stems in stream.pairs(reader.blocks()):
        meter.add(mixture, stems if bits is None else _rounded(stems, bits))
        for source, stem in zip(stream.sources, stems, strict=True):
            if source in writers:
                writers[source].write(stem)
        frames += stems.shape[-1]
        progress(frames / rate, total_s)
    return meter, frames


def _rounded(stems: Array, bits: int) -> Array:
    """The stems as a pcm file holds them, so that the null test speaks of the file."""
    return (as_integers(stems, bits) / 2.0 ** (bits - 1)).astype(np.float32)


def _limited(writer: AudioWriter) -> str:
    return (
        f"{writer.path}: {_limited_count(writer.clipped)} (peak {amplitude_db(writer.peak):+.1f} dBFS);"
        " wav with the subtype float32 keeps them"
    )


def _limited_count(samples: int) -> str:
    return (
        "1 sample beyond full scale was limited"
        if samples == 1
        else f"{samples} samples beyond full scale were limited"
    )


def _unheard(separator: Residual, rate: int) -> list[str]:
    """Says where a part of the recording lies above all that a model without a rest can take apart."""
    if separator.rest is not None or rate <= separator.sample_rate:
        return []
    return [f"sound above {separator.sample_rate // 2} Hz, which the model does not hear, is in all stems alike"]


def _remux(source: Source, stems: dict[str, Path], video: Path, undo: ExitStack) -> list[str]:
    """Writes the video under its temporary name; what there is to warn of."""
    from soli.media.video import remux

    part = _part(VIDEO, video)
    undo.callback(part.unlink, missing_ok=True)
    limited = remux(source, stems, part)
    return [f"{video}: {_limited_count(limited)} in its sound tracks"] if limited else []
