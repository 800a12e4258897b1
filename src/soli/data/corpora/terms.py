"""The words that go with a built set: what it is, what it was made of, and under what terms."""

import json
from collections import defaultdict
from collections.abc import Sequence

from soli.data.corpora.voice_noise_items import LEVEL_DBFS, Settings
from soli.data.library import Library, Sound
from soli.data.origins import LICENCES_NAME
from soli.errors import DataError
from soli.version import __version__

README_NAME, LICENSES_NAME = "README.md", "LICENSES.txt"


def readme_text(library: Library, settings: Settings) -> str:
    """The README of a set: its layout, how levels were chosen, and a table of sources with their licences."""
    low, high = settings.snr_db
    counts = ", ".join(f"{count} {split}" for split, count in settings.counts.items() if count)
    table = "\n".join(_table(library.sounds))
    return f"""# Voice and noise: {counts}

Made by soli {__version__} (`soli data build voice-noise`), seed {settings.seed}.
Each numbered folder holds `mix_snr_XX.wav`, `voice.wav` and `noise.wav`: mono, {settings.sample_rate} Hz, \
{settings.length_s:g} s, float32.

- The mixture is the sum of voice and noise, sample by sample.
- XX is the SNR of the voice in dB, a whole number drawn uniformly from {low} to {high}: the mean power of the voice \
over that of the noise, each over the whole item, pauses included.
- The level of the mixture is drawn uniformly from {LEVEL_DBFS[0]:g} to {LEVEL_DBFS[1]:g} dBFS (RMS), and lowered \
where a peak would pass full scale. Nothing is clipped.
- No speaker, no language and no noise recording is in two splits.
- `items.jsonl` says for each item which recordings it was made of; `voice-noise.json` has the settings.

## Sources

Excerpts of these, cut to one channel, levelled, resampled and mixed. The terms of each stay in force for what was
made of it; their full text, with the names of the authors, is in `{LICENSES_NAME}`.

{table}
"""


def _table(sounds: Sequence[Sound]) -> list[str]:
    minutes: dict[str, dict[str, float]] = defaultdict(lambda: {"speech": 0.0, "noise": 0.0})
    licences: dict[str, set[str]] = defaultdict(set)
    for sound in sounds:
        minutes[sound.package][sound.kind] += sound.duration_s / 60
        licences[sound.package].add(sound.licence)
    lines = ["| source | licence | min of speech | min of noise |", "|---|---|---|---|"]
    for package, found in sorted(minutes.items()):
        named = ", ".join(sorted(licences[package]))
        lines.append(f"| {package} | {named} | {found['speech']:.1f} | {found['noise']:.1f} |")
    return lines


def licenses_text(library: Library) -> str:
    """The terms of every source in full, from the library's own record; without one, the names of the licences."""
    file = library.root / LICENCES_NAME
    packages = sorted({sound.package for sound in library.sounds})
    if not file.is_file():
        named = {sound.package: sound.licence for sound in library.sounds}
        return "".join(f"{package}: {named[package]}\n" for package in packages)
    try:
        terms = json.loads(file.read_text(encoding="utf-8"))
        texts = [f"{'=' * 78}\n{package}\n{'=' * 78}\n\n{terms[package]['text'].strip()}\n" for package in packages]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged: {error!r}", do="build the library again") from error
    return "\n".join(texts)
