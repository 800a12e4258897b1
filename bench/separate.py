"""`soli separate` as a whole process: wall time of 10 s and 60 s, memory of a minute against hours, the null test.

python bench/separate.py [--model voice] [--repeats 5] [--hours 3] [--write]

The recordings are computed (a voice-like buzz in noise, 48 kHz mono 16-bit) and streamed to disk; what was written is
deleted. The long run needs some 1.5 GB an hour; `--hours 0` leaves it out.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, one_thread, parser, report, say, table

RATE = 48000
BARS = {"wall_10_s": 1.5, "rtf_60_s": 0.05, "memory_grows_mb": 60.0, "null_db": -100.0}


@dataclass(frozen=True)
class Run:
    """One call: wall and CPU seconds and peak memory of its process, and what it printed about the file."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    null_db: float


def write_recording(path: Path, seconds: float) -> None:
    """A buzz with the pitch and the syllables of a voice, in noise: one second of it, in a new order of noise each."""
    rng = np.random.default_rng(0)
    moment = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * moment)) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 40)) * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * moment))
    noise = rng.standard_normal(4 * RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for _ in range(round(seconds)):
            start = int(rng.integers(3 * RATE))
            samples = 0.1 * voice + 0.03 * noise[start : start + RATE]
            file.writeframesraw(np.round(32767 * samples).astype("<i2").tobytes())


def separated(recording: Path, model: str, threads: int) -> Run:
    """One whole process of `soli separate`; the stems are deleted."""
    with tempfile.TemporaryDirectory(dir=recording.parent) as out:
        call = [sys.executable, "-m", "soli.cli.main", "separate", str(recording), "--model", model, "--out", out]
        started = time.perf_counter()
        process = subprocess.Popen(
            [*call, "--threads", str(threads), "--json"], stdout=subprocess.PIPE, env=one_thread()
        )
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"soli separate ended with exit code {process.returncode}")
    file: dict[str, Any] = json.loads(printed)["files"][0]
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, file["null_db"])


def figures_of(runs: dict[str, list[Run]]) -> dict[str, Any]:
    """Medians of the repeats of each length."""
    return {
        name: {
            "wall_s": statistics.median(run.wall_s for run in some),
            "cpu_s": statistics.median(run.cpu_s for run in some),
            "peak_rss_mb": statistics.median(run.peak_rss_mb for run in some),
            "null_db": max(run.null_db for run in some),
            "walls_s": [run.wall_s for run in some],
        }
        for name, some in runs.items()
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="voice")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--hours", type=float, default=3.0)
    options.add_argument("--folder", type=Path, help="where the recordings and stems are written for the time being")
    chosen = options.parse_args()
    lengths = {"10 s": 10.0, "60 s": 60.0}
    if chosen.hours:
        lengths[f"{chosen.hours:g} h"] = 3600 * chosen.hours
    runs: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        for name, seconds in lengths.items():
            recording = Path(folder) / "recording.wav"
            write_recording(recording, seconds)
            repeats = chosen.repeats if seconds <= 60 else 1
            runs[name] = [separated(recording, chosen.model, chosen.threads) for _ in range(repeats)]
            say(f"{name}: {statistics.median(run.wall_s for run in runs[name]):.2f} s")
    found = figures_of(runs)
    figures: dict[str, Any] = {
        "model": chosen.model,
        "threads": chosen.threads,
        "repeats": chosen.repeats,
        "lengths": found,
        "rtf": {name: found[name]["wall_s"] / seconds for name, seconds in lengths.items()},
        "rtf_beyond_start": (found["60 s"]["wall_s"] - found["10 s"]["wall_s"]) / 50,
        "bars": BARS,
        "machine": machine(),
    }
    memory = [each["peak_rss_mb"] for each in found.values()]
    figures["memory_grows_mb"] = memory[-1] - found["60 s"]["peak_rss_mb"]
    report("separate", page(figures), figures, write=chosen.write)
    missed = missed_bars(figures)
    if missed:
        raise SystemExit(f"below the bar: {', '.join(missed)}")


def missed_bars(figures: dict[str, Any]) -> list[str]:
    """The names of the bars that were not reached."""
    reached = {
        "wall_10_s": figures["lengths"]["10 s"]["wall_s"],
        "rtf_60_s": figures["rtf"]["60 s"],
        "memory_grows_mb": figures["memory_grows_mb"],
        "null_db": max(each["null_db"] for each in figures["lengths"].values()),
    }
    return [f"{name} {reached[name]:.3g}, wanted {bar:g}" for name, bar in BARS.items() if reached[name] > bar]


def page(figures: dict[str, Any]) -> str:
    """The section of docs/benchmarks.md."""
    head = ["recording", "wall, s", "CPU, s", "real-time factor", "peak memory, MB", "null test, dB"]
    rows = [
        [
            name,
            f"{each['wall_s']:.2f}",
            f"{each['cpu_s']:.2f}",
            f"{figures['rtf'][name]:.4f}",
            f"{each['peak_rss_mb']:.0f}",
            f"{each['null_db']:.0f}",
        ]
        for name, each in figures["lengths"].items()
    ]
    about = (
        f"## soli separate, whole process\n\nModel {figures['model']}, {figures['threads']} thread, 48 kHz mono, "
        f"float32 wav out; median of {figures['repeats']} runs (the longest: one). Start-up included; without it the "
        f"real-time factor is {figures['rtf_beyond_start']:.4f}. `python bench/separate.py`. {figures['machine']}."
    )
    return f"{about}\n\n{table(head, rows)}"


if __name__ == "__main__":
    main()
