"""Four instruments out of a quartet: models A to F, a U-Net and `chamber` on one test split, in one run.

python bench/chamber.py --data test.jsonl [--sweep SWEEP] [--entry NAME=FILE ...] [--rows N] [--write]

The manifest holds whole songs; those with all four instruments count. `chamber` is the shipped model, or the file of
`--entry chamber=FILE`. SWEEP is a folder of `soli sweep` over these very songs: each song is separated by the four
networks that were trained without it, and a song that none of them was left without is refused. `--entry` names other
models of all four instruments, such as a U-Net: `--entry unet=unet.soli.onnx`. Every song is rendered once and given to
all, whole; time is that of one thread.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from common import machine, parser, report, say, table

from soli.data.folds import song_number
from soli.data.manifest import Manifest, Row, read_manifest
from soli.data.render import render
from soli.errors import SoliError
from soli.evaluation.aggregate import Statistics
from soli.evaluation.aggregate import statistics as averaged
from soli.evaluation.oracle import FALLBACK_RATE, FALLBACK_STFT, at_rate, ideal_ratio_estimates
from soli.evaluation.sweep_folder import folder_of, is_sweep, model_file
from soli.media.hashing import sha256_file
from soli.metrics import si
from soli.report.published import bach10
from soli.separation import zoo
from soli.separation.api import separate
from soli.types import Array, StftSettings

CHAMBER = "chamber"
INSTRUMENTS = tuple(bach10().targets)
MARKS = ("mixture", "ideal mask")
MARK_MS = 1000 * FALLBACK_STFT.n_fft / FALLBACK_RATE
# The bars of the shipped model: mean SI-SDR over the instruments, CPU seconds a second of sound, size of the file.
LEAST_DB, MOST_RTF, MOST_MB = 5.0, 0.15, 12.0
Scores = dict[str, float | None]


@dataclass(frozen=True)
class Entry:
    """One way to take a song apart: the model file of each instrument, by song where the models differ by song."""

    name: str
    one: Path | None = None
    sweep: Path | None = None

    def files(self, row: Row) -> dict[str, Path]:
        """The model file of each instrument for a row. Raises SoliError where no network was left without its song."""
        if self.one is not None:
            return dict.fromkeys(INSTRUMENTS, self.one)
        assert self.sweep is not None
        number = song_number(row)
        if number is None:
            raise SoliError(f"row {row.id} is of no numbered song", wanted="the songs of the sweep")
        files = {each: model_file(folder_of(self.sweep, self.name, each, number)) for each in INSTRUMENTS}
        for file in files.values():
            if not file.is_file():
                raise SoliError(f"{file} is not there", do=f"sweep on with {self.name} and song {number}")
            _check_unheard(file, row)
        return files

    def size_mb(self, files: Mapping[str, Path]) -> float:
        """What one song's instruments take, each file once."""
        return sum(file.stat().st_size for file in set(files.values())) / 1e6


def _check_unheard(file: Path, row: Row) -> None:
    """Raises SoliError where the song of the cell is another one than the row's, under the same number."""
    left_out = {part.sha256 for each in _rows(file.parent / "test.jsonl") for part in each.parts}
    if not {part.sha256 for part in row.parts} <= left_out:
        raise SoliError(f"{file} was not left without {row.id}", wanted="the manifest that was swept")


@cache
def _rows(path: Path) -> tuple[Row, ...]:
    return read_manifest(path).rows


@dataclass(frozen=True)
class Song:
    """What one song scored: entry or mark -> instrument -> SI-SDR in dB; CPU seconds and size by entry."""

    duration_s: float
    scores: dict[str, Scores]
    cpu_s: dict[str, float]
    size_mb: dict[str, float]


def judged(row: Row, root: Path, entries: Sequence[Entry]) -> Song:
    """Renders one song and scores all entries and marks on it."""
    rendered = render(row, root)
    references = np.stack([rendered.stems[each] for each in INSTRUMENTS])
    mixture, rate = rendered.mixture, rendered.sample_rate
    scores = {
        "mixture": _scores(references, np.broadcast_to(mixture, references.shape)),
        "ideal mask": _scores(references, ideal_ratio_estimates(references, mixture, mark_stft(rate))),
    }
    cpu_s, size_mb = {}, {}
    for entry in entries:
        files = entry.files(row)
        for file in files.values():
            zoo.load(file, threads=1)  # kept for the call below: what is timed is the work on the sound
        before = time.process_time()
        estimates = _estimates(mixture, rate, files)
        cpu_s[entry.name] = time.process_time() - before
        scores[entry.name] = _scores(references, estimates)
        size_mb[entry.name] = entry.size_mb(files)
    return Song(row.duration_s, scores, cpu_s, size_mb)


def mark_stft(rate: int) -> StftSettings:
    """The transform of the ideal mask: that of `soli evaluate` for what has none of its own."""
    return at_rate(FALLBACK_STFT, sample_rate=FALLBACK_RATE, wanted_rate=rate)


def _estimates(mixture: Array, rate: int, files: Mapping[str, Path]) -> Array:
    """The four instruments (4, C, T), each model run once."""
    stems: dict[str, Array] = {}
    for file in dict.fromkeys(files.values()):
        mine = [each for each in INSTRUMENTS if files[each] == file]
        found = separate(mixture, sample_rate=rate, model=file, threads=1)
        stems |= {each: found[each] for each in mine}
    return np.stack([stems[each] for each in INSTRUMENTS])


def _scores(references: Array, estimates: Array) -> Scores:
    return dict(zip(INSTRUMENTS, si.si_sdr(references, estimates), strict=True))


def quartets(manifest: Manifest, count: int | None) -> list[Row]:
    """The first rows that hold all four instruments; ends the run where there are none."""
    rows = [row for row in manifest.rows if set(INSTRUMENTS) <= set(row.stems)][:count]
    if not rows:
        raise SystemExit(f"the manifest holds no song of {', '.join(INSTRUMENTS)}")
    return rows


def entries_of(sweep: Path | None, named: Sequence[str]) -> list[Entry]:
    """The models of the sweep, those that were named, and `chamber` last; ends the run where one is not there."""
    found = {name: Path(file) for name, _, file in (each.partition("=") for each in named)}
    for name, file in found.items():
        if not file.is_file():
            raise SystemExit(f"--entry {name}: no file {file}")
    if CHAMBER not in found and CHAMBER in zoo.names():
        found[CHAMBER] = zoo.path(CHAMBER)
    if CHAMBER in found:
        found[CHAMBER] = found.pop(CHAMBER)
    return [*_swept(sweep), *(Entry(name, one=file) for name, file in found.items())]


def _swept(sweep: Path | None) -> Iterator[Entry]:
    if sweep is None:
        return
    if not is_sweep(sweep):
        raise SystemExit(f"{sweep} holds no sweep")
    for folder in sorted(sweep.iterdir()):
        if any(folder.glob("*/song-*")):
            yield Entry(folder.name, sweep=sweep)


def check_all_there(entries: Sequence[Entry], rows: Sequence[Row]) -> None:
    """Ends the run, before any work, where an entry has no model for a song."""
    try:
        for entry in entries:
            for row in rows:
                entry.files(row)
    except SoliError as error:
        raise SystemExit(str(error)) from error


def summary(songs: Sequence[Song], name: str) -> dict[str, Any]:
    """What one entry or mark came to over all songs: instrument -> statistics, the mean of the means, and its cost."""
    by_instrument = {each: averaged([song.scores[name][each] for song in songs]) for each in INSTRUMENTS}
    means = [found.mean for found in by_instrument.values() if found.mean is not None]
    figures: dict[str, Any] = {
        "si_sdr": {each: _said(found) for each, found in by_instrument.items()},
        "mean_si_sdr": fmean(means) if len(means) == len(INSTRUMENTS) else None,
    }
    if name not in MARKS:
        seconds = sum(song.duration_s for song in songs)
        figures["cpu_s_per_s"] = sum(song.cpu_s[name] for song in songs) / seconds
        figures["size_mb"] = max(song.size_mb[name] for song in songs)
    return figures


def _said(found: Statistics) -> dict[str, float | int | None]:
    return {"mean": found.mean, "std": found.std, "count": found.count, "undefined": found.undefined}


def missed_bars(chamber: Mapping[str, Any]) -> list[str]:
    """Where the shipped model is under its marks, a line each."""
    missed = []
    mean = chamber["mean_si_sdr"]
    if mean is None or mean < LEAST_DB:
        missed.append(f"mean SI-SDR {_figure(mean)} dB, wanted {LEAST_DB}")
    for instrument, mark in bach10().targets.items():
        found = chamber["si_sdr"][instrument]["mean"]
        if found is None or found <= mark.si_sdr[0]:
            missed.append(f"{instrument} {_figure(found)} dB, published {mark.si_sdr[0]:.2f}")
    if chamber["cpu_s_per_s"] > MOST_RTF:
        missed.append(f"real-time factor {chamber['cpu_s_per_s']:.3f}, wanted {MOST_RTF} at most")
    if chamber["size_mb"] > MOST_MB:
        missed.append(f"{chamber['size_mb']:.1f} MB, wanted {MOST_MB:g} at most")
    return missed


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def page(figures: Mapping[str, Any]) -> str:
    """The section of docs/benchmarks.md."""
    published = bach10()
    head = ["SI-SDR, dB", *INSTRUMENTS, "mean", "real-time factor", "MB"]
    rows = [_row(name, found) for name, found in figures["entries"].items()]
    best = [f"{published.targets[each].si_sdr[0]:.2f} ({published.targets[each].model})" for each in INSTRUMENTS]
    rows.append(["published, on real Bach10", *best, "-", "-", "-"])
    about = (
        f"## Chamber music\n\n{figures['songs']} songs of four parts; means. Of models with one target, each song was "
        "separated by those that were trained without it, and time and size are those of all four. CPU seconds for a "
        f"second of sound, one thread. The ideal mask is the true stems' ratio mask in windows of {MARK_MS:g} ms. "
        f"`python bench/chamber.py`, manifest {figures['manifest_sha256'][:8]}. {figures['machine']}."
    )
    return f"{about}\n\n{table(head, rows)}"


def _row(name: str, found: Mapping[str, Any]) -> list[str]:
    scores = [_figure(found["si_sdr"][each]["mean"]) for each in INSTRUMENTS]
    cost = [f"{found['cpu_s_per_s']:.3f}", f"{found['size_mb']:.1f}"] if "cpu_s_per_s" in found else ["-", "-"]
    return [name, *scores, _figure(found["mean_si_sdr"]), *cost]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the test manifest")
    options.add_argument("--sweep", type=Path, help="a sweep over the same songs: models A to F")
    options.add_argument("--entry", action="append", default=[], metavar="NAME=FILE", help="a model of all four")
    options.add_argument("--rows", type=int, help="only the first so many songs")
    chosen = options.parse_args()
    manifest = read_manifest(chosen.data)
    rows, entries = quartets(manifest, chosen.rows), entries_of(chosen.sweep, chosen.entry)
    check_all_there(entries, rows)
    songs = []
    for index, row in enumerate(rows, start=1):
        songs.append(judged(row, manifest.root, entries))
        say(f"{index} of {len(rows)} songs")
    names = [*(each.name for each in entries), *MARKS]
    figures = {
        "songs": len(songs),
        "manifest_sha256": manifest.sha256,
        "files": {each.name: sha256_file(each.one) for each in entries if each.one is not None},
        "entries": {name: summary(songs, name) for name in names},
        "machine": machine(),
    }
    report("chamber", page(figures), figures, write=chosen.write)
    if CHAMBER in figures["entries"]:
        missed = missed_bars(figures["entries"][CHAMBER])
        if missed:
            raise SystemExit(f"below the bar: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
