"""Networks of sound events from weak labels: the poolings, the baseline and a light network on one manifest.

python bench/events.py --data scenes/snr-0-fold-1.jsonl --out scores --entry kong-gwrp=gwrp.soli.onnx ... [--write]
python bench/events.py --data scenes/snr-0-fold-1.jsonl --out scores --runs runs [--train 60] [--write]

The first judges model files, in the order of their names, and the shipped `events` where there is one. The second
takes the runs RUNS/NAME of the recipes `weak/NAME`; with --train each that is not finished is trained for so many
minutes first, or goes on where it was stopped. All are judged on the same clips in one run, with thresholds tuned on
the manifest's split valid, by `soli evaluate`, whose folders OUT/NAME keep what is done. Real-time factors are CPU
seconds of `soli detect` as a whole process, one thread, start-up and picture included, over the seconds of sound.
"""

import os
import resource
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, one_thread, parser, report, say, table

from soli.cli.entrants import train_minutes
from soli.data.manifest import Row, read_manifest
from soli.data.render import render
from soli.errors import SoliError, UsageError
from soli.evaluation.events_run import evaluate_events, plan_events
from soli.evaluation.events_summary import EventsSummary
from soli.evaluation.selection import TEST
from soli.media.hashing import sha256_file
from soli.media.writer import AudioWriter
from soli.modelfile import SUFFIX, read_model
from soli.separation import zoo
from soli.train.log import steps_taken
from soli.train.run import RunFolder

RECIPES = ("kong-gmp", "kong-gap", "kong-gwrp", "dnn", "crnn")
SHIPPED, BEST, LOWER = "events", "kong-gwrp", ("kong-gmp", "kong-gap", "dnn")
F1 = {"tagging": 0.75, "frame_based": 0.55, "event_based": 0.30, "segmentation": 0.35}
"""The bars of the shipped model: macro F1. Of the first three BEST has to be above LOWER."""
LEAST_GAIN_DB, MOST_RTF = 6.0, 0.03
PUBLISHED = {"tagging": 0.534, "frame_based": 0.398, "event_based": 0.167, "segmentation": 0.218}
"""Kong et al. 2018, GWRP at 0 dB: other data, 41 classes."""
SPOKEN = {"tagging": "tagging", "frame_based": "frame-wise", "event_based": "event-wise", "segmentation": "T-F"}
RECORDING_S = 600.0


def entries_of(named: Sequence[str], runs: Path | None) -> dict[str, Path]:
    """The model files by name: runs, those that were named, and the shipped one last. SystemExit where one is missing.

    Runs are exported anew: their best weights may have changed.
    """
    found = {} if runs is None else {name: exported(runs / name, name) for name in RECIPES if has_weights(runs / name)}
    found |= {name: Path(file) for name, _, file in (each.partition("=") for each in named)}
    if SHIPPED not in found and SHIPPED in zoo.names():
        found[SHIPPED] = zoo.path(SHIPPED)
    for name, file in found.items():
        if not file.is_file():
            raise SystemExit(f"{name}: no file {file}")
    if not found:
        raise SystemExit("nothing to judge: give --entry NAME=FILE, or --runs with finished runs or --train MINUTES")
    return found


def has_weights(run: Path) -> bool:
    """Whether a folder holds a run that has validated once."""
    return RunFolder(run).weights.is_file()


def exported(run: Path, name: str) -> Path:
    """The model file of a run's best weights."""
    from soli.train.export import export

    file = run / f"{name}{SUFFIX}"
    export(run, file)
    return file


def training_call(name: str, data: Path, runs: Path, minutes: float) -> list[str] | None:
    """The words after `soli` that begin a recipe's run or go on with it; None where it is finished.

    Raises UsageError where the run was trained on other data.
    """
    folder = RunFolder(runs / name)
    call = ["train", f"weak/{name}", "--data", str(data), "--out", str(folder.path), "--minutes", f"{minutes:g}"]
    if not folder.record.is_file():
        return call
    settings, record = folder.read()
    if record.get("sha256") != sha256_file(data):
        raise UsageError(f"{folder.path} was trained on other data than {data}", do="name other --runs")
    taken = steps_taken(folder.log, steps=settings.optim.steps, patience=settings.watch.patience)
    return None if taken is None else [*call, "--resume"]


def train(name: str, data: Path, runs: Path, minutes: float) -> None:
    """Trains a recipe to its end, as `soli train` does. SystemExit where that fails."""
    call = training_call(name, data, runs, minutes)
    if call is None:
        say(f"{name}: is trained")
        return
    say(f"soli {' '.join(call)}")
    done = subprocess.run([sys.executable, "-m", "soli.cli.main", *call], stdout=sys.stderr, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: soli train ended with exit code {done.returncode}")


def judged(name: str, model: Path, chosen: Namespace) -> EventsSummary:
    """What `soli evaluate` finds, kept in a folder of its own."""
    plan = plan_events(
        str(model), chosen.data, split=TEST, limit=chosen.rows, workers=chosen.workers, thresholds="valid"
    )
    return evaluate_events(plan, chosen.out / name).summary


def write_recording(path: Path, rows: Sequence[Row], root: Path, *, seconds: float) -> float:
    """Clips one after another, over and over, until there are so many seconds; returns how many there are."""
    written, clips = 0.0, cycle(rows)
    with AudioWriter(path, sample_rate=rows[0].sample_rate, channels=1, format="wav", subtype="pcm16") as writer:
        while written < seconds:
            row = next(clips)
            writer.write(render(row, root).mixture.mean(axis=0, keepdims=True, dtype=np.float32))
            written += row.duration_s
    return written


def real_time_factor(model: Path, recording: Path, seconds: float) -> float:
    """CPU seconds of a whole `soli detect` on one thread, over the seconds of sound. SystemExit where it fails."""
    with tempfile.TemporaryDirectory() as out:
        call = ["detect", str(recording), "--model", str(model), "--out", out, "--threads", "1", "--json"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "soli.cli.main", *call], stdout=subprocess.DEVNULL, env=one_thread(), check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{model}: soli detect ended with exit code {done.returncode}")
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / seconds


def figures_of(summary: EventsSummary, model: Path, *, rtf: float, minutes: float | None) -> dict[str, Any]:
    """What the page says of one network."""
    info = read_model(model)[0]
    separation = summary.sections["separation"]
    psds = summary.sections["psds"].overall
    return {
        "sha256": summary.run.model_sha256,
        "parameters": info.parameters,
        "mmacs_per_s": info.macs_per_s / 1e6,
        "trained_minutes": minutes,
        "f1": {kind: summary.sections[kind].macro["f1"] for kind in F1},
        "average_precision": summary.sections["tagging"].macro["average_precision"],
        "error_rate": summary.sections["event_based"].macro["error_rate"],
        "psds": psds,
        "si_sdr": separation.overall["si_sdr"],
        "si_sdr_improvement": separation.overall["si_sdr_improvement"],
        "sdr": separation.overall["sdr"],
        "rtf": rtf,
        "thresholds": summary.thresholds.model_dump(),
    }


def missed_bars(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Where the networks are under their marks, or one of them is not there."""
    missed = [f"{name} is not compared" for name in (BEST, *LOWER, SHIPPED) if name not in entries]
    for kind in list(F1)[:3]:
        for name in LOWER:
            if {BEST, name} <= entries.keys():
                best, other = entries[BEST]["f1"][kind], entries[name]["f1"][kind]
                if not (best or 0) > (other or 0):
                    missed.append(f"{SPOKEN[kind]} F1: {BEST} {_figure(best)}, {name} {_figure(other)}")
    if SHIPPED in entries:
        shipped = entries[SHIPPED]
        for kind, least in F1.items():
            if (shipped["f1"][kind] or 0) < least:
                missed.append(f"{SPOKEN[kind]} F1 of {SHIPPED} {_figure(shipped['f1'][kind])}, wanted {least:g}")
        gain = shipped["si_sdr_improvement"]
        if gain is None or gain < LEAST_GAIN_DB:
            missed.append(f"SI-SDR improvement of {SHIPPED} {_figure(gain, 2)} dB, wanted {LEAST_GAIN_DB:g}")
        if shipped["rtf"] > MOST_RTF:
            missed.append(f"real-time factor of {SHIPPED} {shipped['rtf']:.4f}, wanted {MOST_RTF:g} at most")
    return missed


def page(figures: Mapping[str, Any], missed: Sequence[str]) -> str:
    """The section of docs/benchmarks.md."""
    head = ["", "parameters", "MMAC/s", "training, min", *(f"{SPOKEN[kind]} F1" for kind in F1)]
    head += ["mAP", "error rate", "PSDS", "SI-SDR gain, dB", "real-time factor"]
    rows = [_row(name, found) for name, found in figures["entries"].items()]
    published = [f"{value:.3f}" for value in PUBLISHED.values()]
    rows.append(["published, other data, 41 classes", "-", "-", "-", *published, *["-"] * 5])
    about = (
        f"## Sound events from weak labels\n\n{figures['clips']} clips of split test, {figures['classes']} classes; "
        "means over the classes, but for the gain of SI-SDR: over all that sounds, separated whether tagged or not. "
        f"Thresholds of each class tuned on {figures['tuned_on']} clips of split valid. Each is one training from one "
        "seed. Real-time factor: CPU seconds of `soli detect`, the whole process on one thread, for a second of "
        f"{figures['recording_s'] / 60:.0f} minutes of sound. `python bench/events.py`, manifest "
        f"{figures['manifest_sha256'][:8]}, soli {figures['soli']}. {figures['machine']}."
    )
    bars = (
        f"Bars: tagging, frame-wise and event-wise F1 of `{BEST}` above those of {', '.join(f'`{e}`' for e in LOWER)}; "
        f"`{SHIPPED}` at least {', '.join(f'{SPOKEN[kind]} {least:g}' for kind, least in F1.items())}, SI-SDR "
        f"improvement {LEAST_GAIN_DB:g} dB, real-time factor {MOST_RTF:g} at most. "
    )
    bars += f"Missed: {'; '.join(missed)}." if missed else "All met."
    return f"{about}\n\n{bars}\n\n{table(head, rows)}"


def _row(name: str, found: Mapping[str, Any]) -> list[str]:
    minutes = found["trained_minutes"]
    return [
        f"`{name}`",
        f"{found['parameters']:,}",
        f"{found['mmacs_per_s']:.0f}",
        "-" if minutes is None else f"{minutes:.0f}",
        *(_figure(found["f1"][kind]) for kind in F1),
        _figure(found["average_precision"]),
        _figure(found["error_rate"], 2),
        _figure(found["psds"]["psds"]),
        _figure(found["si_sdr_improvement"], 2),
        f"{found['rtf']:.4f}",
    ]


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def compared(chosen: Namespace) -> dict[str, Any]:
    """Judges and times every entry."""
    entries = entries_of(chosen.entry, chosen.runs)
    summaries = {name: judged(name, model, chosen) for name, model in entries.items()}
    manifest = read_manifest(chosen.data)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "clips.wav"
        seconds = write_recording(recording, manifest.split(TEST), manifest.root, seconds=chosen.seconds)
        for name, summary in summaries.items():
            run = None if chosen.runs is None else chosen.runs / name
            minutes = train_minutes(run) if run is not None and has_weights(run) else None
            rtf = real_time_factor(entries[name], recording, seconds)
            found[name] = figures_of(summary, entries[name], rtf=rtf, minutes=minutes)
    first = next(iter(summaries.values()))
    return {
        "clips": first.done,
        "classes": len(first.classes),
        "tuned_on": first.thresholds.tuned_on,
        "recording_s": seconds,
        "manifest_sha256": manifest.sha256,
        "soli": first.run.soli,
        "entries": found,
        "machine": machine(),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="a manifest with the splits train, valid and test")
    options.add_argument("--out", type=Path, required=True, help="where scores are kept, a folder a network")
    options.add_argument("--entry", action="append", default=[], metavar="NAME=FILE", help="a model file")
    options.add_argument("--runs", type=Path, help=f"runs of the recipes weak/{{{','.join(RECIPES)}}}, by name")
    options.add_argument("--train", type=float, metavar="MINUTES", help="train what is not finished, so long each")
    options.add_argument("--rows", type=int, help="only the first so many clips, to score and to tune on")
    options.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes that score")
    options.add_argument("--seconds", type=float, default=RECORDING_S, help="of the recording that times are taken of")
    chosen = options.parse_args()
    if chosen.train is not None and chosen.runs is None:
        options.error("--train needs --runs, the folder to train in")
    try:
        for name in RECIPES if chosen.train is not None else ():
            train(name, chosen.data, chosen.runs, chosen.train)
        figures = compared(chosen)
    except SoliError as error:
        raise SystemExit(str(error)) from error
    missed = missed_bars(figures["entries"])
    report("events", page(figures, missed), {**figures, "missed": missed}, write=chosen.write)
    if missed:
        raise SystemExit(f"below the bar: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
