"""A track: one recording of which the stems are known, as a reader finds it, and the manifest row it becomes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from soli.data.manifest import Part, Row
from soli.errors import DataError
from soli.media.audio import probe
from soli.media.hashing import sha256_file
from soli.version import __version__

# Stems of one track may differ in length by this much (encoders pad); more than that is an error.
_LENGTH_TOLERANCE_S = 0.1


@dataclass(frozen=True)
class Track:
    """`stems` maps a source to its file or files, which then follow each other; paths are relative to the root."""

    id: str
    stems: dict[str, tuple[str, ...]]
    split: str = "all"
    mixture: str | None = None
    meta: dict[str, str | float] = field(default_factory=dict)


def rows_of_tracks(tracks: Iterable[Track], root: Path) -> Iterator[Row]:
    """One manifest row a track, whole, at the rate of its files. Raises DataError where rates or lengths disagree."""
    for track in tracks:
        parts: list[Part] = []
        rates: dict[str, int] = {}
        ends: dict[str, float] = {}
        for source, paths in track.stems.items():
            time_s = 0.0
            for path in paths:
                info = probe(root / path)
                if not info.duration_s:
                    raise DataError(f"{root / path} does not say how long it is", wanted="a whole sound file")
                rates[path] = info.sample_rate
                parts.append(
                    Part(
                        source=source,
                        path=path,
                        sha256=sha256_file(root / path),
                        onset_s=time_s,
                        duration_s=info.duration_s,
                    )
                )
                time_s += info.duration_s
            ends[source] = time_s
        yield Row(
            id=track.id,
            split=track.split,
            sample_rate=_one_rate(track, rates),
            duration_s=_one_length(track, ends),
            sources=tuple(track.stems),
            parts=tuple(parts),
            mixture=track.mixture,
            mixture_sha256=sha256_file(root / track.mixture) if track.mixture else "",
            labels=tuple(track.stems),
            meta=dict(track.meta),
            spec="stems",
            soli=__version__,
        )


def _one_rate(track: Track, rates: dict[str, int]) -> int:
    if len(set(rates.values())) > 1:
        listed = ", ".join(f"{path} {rate} Hz" for path, rate in sorted(rates.items()))
        raise DataError(f"the stems of track {track.id} have different rates: {listed}", wanted="one rate a track")
    return next(iter(rates.values()))


def _one_length(track: Track, ends: dict[str, float]) -> float:
    shortest, longest = min(ends, key=ends.__getitem__), max(ends, key=ends.__getitem__)
    if ends[longest] - ends[shortest] > _LENGTH_TOLERANCE_S:
        raise DataError(
            f"the stems of track {track.id} have different lengths: {shortest} {ends[shortest]:.2f} s, "
            f"{longest} {ends[longest]:.2f} s",
            wanted="stems of one length, starting together",
        )
    return ends[longest]
