"""`speech-noise`: speech in some thirty languages and everyday, game and musical noise out of Debian packages.

Every file becomes a mono 16-bit WAV at its native rate, so that training reads excerpts by seeking; `library.jsonl`
says what each is and `licences.json` under what terms. Which files: `sounds.py`; which split: `splits.py`.
"""

import dataclasses
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from soli.atomic import write_atomically
from soli.data.corpora.clean import Cleaned, Unusable, clean
from soli.data.corpora.packages import Licence, Package, download_packages, find_packages, read_licence
from soli.data.corpora.sounds import Candidate, candidates, package_names, short_name
from soli.data.corpora.splits import fraction, noise_group, noise_split, speech_split
from soli.data.library import LIBRARY_NAME, Sound, write_library
from soli.data.origins import LICENCES_NAME
from soli.errors import DataError, InputError, UsageError, near
from soli.media.audio import probe, read_audio, write_audio
from soli.media.hashing import sha256_file
from soli.types import Array


@dataclass
class Summary:
    """What was built: files kept, files left out and why, and minutes by split, kind and group."""

    root: str
    sounds: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    minutes: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"root": self.root, "sounds": self.sounds, "left_out": dict(self.left_out), "minutes": self.minutes}


def build(
    out: Path,
    *,
    names: Sequence[str] | None = None,
    packages_root: Path | None = None,
    download: bool = False,
    watch: Callable[[int, None], None] = lambda done, total: None,
) -> Summary:
    """Builds the library in the folder `out`, afresh. Deterministic: the same packages give the same bytes.

    Until it is whole the folder is no library; sounds of an earlier build that this one leaves out stay, unlisted.
    `names`: only these packages. `watch` is called with the files read, and None for how many there are. Raises
    UsageError for a package that is none of this set's, DataError with the apt line when a package is missing, or when
    nothing usable was found.
    """
    chosen = _chosen(names)
    if download:
        packages_root = out / ".packages"
        download_packages(chosen, packages_root)
    packages = find_packages(chosen, packages_root=packages_root)
    licences = {package.name: read_licence(package) for package in packages}
    (out / LIBRARY_NAME).unlink(missing_ok=True)
    summary = Summary(root=str(out))
    seen: set[str] = set()
    sounds = []
    looked = count(1)
    for package in packages:
        for sound in _sounds_of(
            package, licences[package.name], out, seen, summary.left_out, lambda: watch(next(looked), None)
        ):
            sounds.append(sound)
    if not sounds:
        raise DataError(f"no usable sound in {len(packages)} packages", do="see whether the packages are whole")
    write_library(out / LIBRARY_NAME, sounds)
    _write_licences(out / LICENCES_NAME, licences)
    summary.sounds = len(sounds)
    summary.minutes = minutes(sounds)
    return summary


def _chosen(names: Sequence[str] | None) -> list[str]:
    """The packages to take, in the order of the set, whatever the order they were named in."""
    known = package_names()
    for name in names or ():
        if name not in known:
            raise UsageError(f"{name} is no package of speech-noise", do=near(name, known))
    return [name for name in known if names is None or name in names]


def minutes(sounds: list[Sound]) -> dict[str, dict[str, dict[str, float]]]:
    """Minutes by kind, split and language (speech) or package (noise)."""
    table: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    for sound in sounds:
        table[sound.kind][sound.split][sound.language or sound.package] += sound.duration_s / 60
    return {
        kind: {split: {key: round(value, 2) for key, value in sorted(row.items())} for split, row in by_split.items()}
        for kind, by_split in table.items()
    }


def _sounds_of(
    package: Package,
    licence: Licence,
    out: Path,
    seen: set[str],
    left_out: Counter[str],
    progress: Callable[[], None],
) -> Iterator[Sound]:
    for candidate in candidates(package):
        progress()
        if fraction(candidate.origin) >= candidate.rule.share:
            left_out["beyond the share of its kind"] += 1
            continue
        try:
            samples, sample_rate = _decode(candidate)
            cleaned = clean(samples, sample_rate, trim=candidate.kind == "speech")
        except (Unusable, InputError) as error:
            left_out[str(error) if isinstance(error, Unusable) else "unreadable"] += 1
            continue
        fingerprint = hashlib.sha256(np.round(cleaned.samples * 8191).astype("<i2").tobytes()).hexdigest()
        if fingerprint in seen:
            left_out["copy of another file"] += 1
            continue
        seen.add(fingerprint)
        yield _store(candidate, cleaned, sample_rate, licence, out)


def _decode(candidate: Candidate) -> tuple[Array, int]:
    rule = candidate.rule
    source = candidate.read() if candidate.archive else candidate.package.root / rule.under / candidate.member
    length_s = probe(source).duration_s if rule.start_s else None
    start_s = rule.start_s if length_s and length_s >= rule.start_s + rule.max_s else 0.0
    audio = read_audio(source, start_s=start_s, duration_s=rule.max_s)
    return audio.samples, audio.sample_rate


def _store(candidate: Candidate, cleaned: Cleaned, sample_rate: int, licence: Licence, out: Path) -> Sound:
    name = short_name(candidate.member)
    package = candidate.package.name
    speaker = f"{candidate.language}-{candidate.speaker}" if candidate.kind == "speech" else None
    folder = Path(candidate.kind) / package / (speaker or candidate.class_)
    (out / folder).mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.wav"
    write_audio(out / path, cleaned.samples[None], sample_rate=sample_rate, subtype="pcm16")
    group = f"{package}/{speaker}" if speaker else noise_group(package, name)
    return Sound(
        kind=candidate.kind,
        path=path.as_posix(),
        sha256=sha256_file(out / path),
        sample_rate=sample_rate,
        frames=len(cleaned.samples),
        bandwidth_hz=cleaned.bandwidth_hz,
        level_rms_dbfs=cleaned.level_rms_dbfs,
        active=cleaned.active,
        floor_db=cleaned.floor_db,
        gain_db=cleaned.gain_db,
        language=candidate.language or None,
        speaker=speaker,
        package=package,
        **{"class": candidate.class_},
        group=group,
        licence=licence.licences[0],
        split=speech_split(candidate.language) if speaker else noise_split(package, group),
        origin=candidate.origin,
    )


def _write_licences(path: Path, licences: dict[str, Licence]) -> None:
    text = json.dumps({name: dataclasses.asdict(licence) for name, licence in sorted(licences.items())}, indent=1)
    write_atomically(path, text + "\n")
