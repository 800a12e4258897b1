"""From a manifest row to samples: a pure function, whose stems sum to the mixture exactly.

Decides nothing: the same row and the same files give the same samples on any machine with the same libraries.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soli.data.effects import apply
from soli.data.levels import active_power
from soli.data.manifest import Mix, Part, Row
from soli.data.synth import coloured_noise
from soli.dsp.stretch import stretch
from soli.errors import DataError
from soli.media.audio import read_audio
from soli.media.excerpt import read_excerpt, resample_excerpt
from soli.types import Array

# Where a resampled excerpt is cut, the filter still needs what lies beyond: this much more is read on both sides.
_MARGIN_S = 0.01
_Excerpts = dict[tuple[object, ...], Array]


@dataclass(frozen=True)
class Rendered:
    """One mixture (C, T) and its stems by name, each (C, T); mixture = the sum of the stems, in float32."""

    mixture: Array
    stems: dict[str, Array]
    sample_rate: int


def render(row: Row, root: Path) -> Rendered:
    """Renders one row; paths start from `root`. Raises InputError where a file is missing or no sound.

    A row without parts is its recording: a mixture, and no stems.
    Several parts that share a source and effects are laid on one track, so each distinct chain costs one transform.
    Channels: one, or as many as the widest file of the row; files with fewer are copied to all.
    """
    if not row.parts and row.mixture is not None:
        return Rendered(_recording(row, root / row.mixture), {}, row.sample_rate)
    excerpts: _Excerpts = {}
    stems = {name: _stem(row, name, root, excerpts) for name in row.stems}
    channels = max((stem.shape[0] for stem in stems.values()), default=1)
    stems = {name: np.ascontiguousarray(np.broadcast_to(s, (channels, s.shape[1]))) for name, s in stems.items()}
    if row.mix is not None:
        stems = mixed(stems, row.mix, sample_rate=row.sample_rate)
    mixture = np.zeros((channels, row.frames), np.float32)
    for stem in stems.values():
        mixture += stem
    return Rendered(mixture, stems, row.sample_rate)


def _recording(row: Row, path: Path) -> Array:
    """The row's recording (C, T) at the row's rate."""
    samples = read_audio(path, duration_s=row.duration_s, sample_rate=row.sample_rate, mono=row.mono).samples
    return samples[:, : row.frames]


def _stem(row: Row, source: str, root: Path, excerpts: _Excerpts) -> Array:
    """One stem (C, T). Stretched, it goes on from wave to wave by itself: the mixture is the sum of such stems."""
    chains: dict[tuple[object, ...], list[Part]] = defaultdict(list)
    for part in row.parts:
        if part.source == source:
            chains[part.effects].append(part)
    stem = np.zeros((1, row.laid_frames), np.float32)
    for parts in chains.values():
        track = np.zeros((1, row.laid_frames), np.float32)
        for part in parts:
            track = _lay(track, part, row, root, excerpts)
        chain = [*parts[0].effects, *row.effects]
        track = np.stack([apply(channel, chain, sample_rate=row.sample_rate) for channel in track])
        stem = stem + track if len(chains) > 1 else track
    return stem if row.stretch == 1.0 else stretch(stem, length=row.frames, sample_rate=row.sample_rate)


def _lay(track: Array, part: Part, row: Row, root: Path, excerpts: _Excerpts) -> Array:
    """Adds one part to a track (C, T), cut to the track; the track grows to the part's channels."""
    key = (part.path, part.start_s, part.duration_s, part.speed, part.fade_s, part.synth)
    if key not in excerpts:
        excerpts[key] = _excerpt(part, row, root)
    samples = excerpts[key]
    onset = round(part.onset_s * row.sample_rate)
    begin, end = max(0, onset), min(track.shape[1], onset + samples.shape[1])
    if end <= begin:
        return track
    if samples.shape[0] > track.shape[0]:
        track = np.repeat(track, samples.shape[0], axis=0)
    gain = np.float32(10 ** (part.gain_db / 20))
    track[:, begin:end] += gain * samples[:, begin - onset : end - onset]
    return track


def _excerpt(part: Part, row: Row, root: Path) -> Array:
    frames = round(part.duration_s * row.sample_rate)
    if part.synth is not None:
        samples = coloured_noise(part.synth, frames, sample_rate=row.sample_rate)[None]
    else:
        samples = _from_file(part, frames, row, root)
    fade = min(round(part.fade_s * row.sample_rate), samples.shape[1] // 2)
    if fade:
        ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
        samples[:, :fade] *= ramp
        samples[:, -fade:] *= ramp[::-1]
    return samples


def _from_file(part: Part, frames: int, row: Row, root: Path) -> Array:
    """The excerpt (C, T) at the row's rate and `speed`: one read and one resampling; T <= frames at the file's end."""
    samples, start, file_rate = read_excerpt(
        root / part.path, start_s=part.start_s, duration_s=part.duration_s * part.speed, margin_s=_MARGIN_S
    )
    if samples.shape[1] == 0:
        raise DataError(
            f"{part.path} ends before {part.start_s:.3f} s, where a part of it should begin",
            do="plan the manifest again: the file is not the one it was made from",
        )
    if row.mono:
        samples = samples.mean(axis=0, keepdims=True, dtype=np.float32)
    # Rounded, because speed is a quotient in floating point and soxr is fast at ratios of whole numbers.
    return resample_excerpt(samples, round(file_rate * part.speed, 6), row.sample_rate, skip=start, frames=frames)


def mixed(stems: dict[str, Array], mix: Mix, *, sample_rate: int) -> dict[str, Array]:
    """The stems at the levels that `mix` asks for (see `manifest.Mix`); a silent stem has no SNR and is left alone."""
    gains = dict.fromkeys(stems, 1.0)
    if mix.target not in stems:
        raise DataError(f"the mix's target {mix.target} is no stem", wanted=f"one of {', '.join(stems)}")
    if mix.snr_db is not None:
        target = _target_power(stems[mix.target], mix, sample_rate)
        others = [stem for name, stem in stems.items() if name != mix.target]
        noise = float(np.mean(np.square(sum(others), dtype=np.float64))) if others else 0.0
        if target > 0 and noise > 0:
            gain = np.sqrt(target / noise * 10 ** (-mix.snr_db / 10))
            gains = {name: 1.0 if name == mix.target else float(gain) for name in stems}
    mixture = sum(np.float32(gains[name]) * stem for name, stem in stems.items())
    level = _level_gain(np.asarray(mixture), stems[mix.target] * np.float32(gains[mix.target]), mix)
    return {name: stem * np.float32(gains[name] * level) for name, stem in stems.items()}


def _target_power(stem: Array, mix: Mix, sample_rate: int) -> float:
    if mix.measured == "whole":
        return float(np.mean(np.square(stem, dtype=np.float64)))
    return active_power(stem, sample_rate=sample_rate)[0]


def _level_gain(mixture: Array, target: Array, mix: Mix) -> float:
    peak = float(np.max(np.abs(mixture), initial=0.0))
    if mix.peak_of == "sides":
        peak = max(float(np.max(np.abs(side), initial=0.0)) for side in (target, mixture - target))
    if peak == 0.0:
        return 1.0
    if mix.peak_of is not None and mix.peak is not None:
        return mix.peak / peak
    gain = 1.0
    if mix.level_dbfs is not None:
        gain = 10 ** (mix.level_dbfs / 20) / float(np.sqrt(np.mean(np.square(mixture, dtype=np.float64))))
    return gain if mix.peak is None else min(gain, mix.peak / peak)
