"""Training of every family's `small` preset: seconds of audio a second, and the share of time spent waiting for data.

python bench/training.py [--families conv_tasnet,tasnet] [--steps 40] [--repeats 3] [--write]

A real run of each recipe of `compare-voice-noise`, shortened, on files that are made first: voice-like buzzes in noise,
10 s at 8 kHz, as `soli data build voice-noise` writes them.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, parser, report, say, table

from soli.data.manifest import Part, Row, write_manifest
from soli.media.audio import write_audio
from soli.train.log import read_log
from soli.train.run import find_recipe, read_recipe

RATE = 8000
ITEMS, VALID, ITEM_S = 60, 2, 10.0
SETTLING = 10
"""Steps at the start that are not counted: the loader has filled its queue before the first."""

BARS = {"wait_share": 0.10}


def recipes() -> list[str]:
    """The families that have a recipe in the comparison."""
    folder = Path(str(resources.files("soli"))) / "recipes" / "compare-voice-noise"
    return sorted(path.stem for path in folder.glob("*.yaml"))


def write_set(folder: Path) -> Path:
    """The sounds and their manifest."""
    rng = np.random.default_rng(0)
    moment = np.arange(round(ITEM_S * RATE)) / RATE
    rows = []
    for index in range(ITEMS):
        phase = 2 * np.pi * np.cumsum(rng.uniform(90, 250) + 15 * np.sin(2 * np.pi * moment)) / RATE
        buzz = sum(np.sin(k * phase) / k for k in range(1, 15)) * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * moment))
        sounds = {"voice": 0.1 * buzz, "noise": 0.05 * rng.standard_normal(len(moment))}
        for source, samples in sounds.items():
            write_audio(folder / f"{source}{index}.wav", samples[None].astype(np.float32), sample_rate=RATE)
        parts = tuple(Part(source=source, path=f"{source}{index}.wav", duration_s=ITEM_S) for source in sounds)
        split = "train" if index < ITEMS - VALID else "valid"
        rows.append(Row(id=str(index), split=split, sample_rate=RATE, duration_s=ITEM_S, parts=parts))
    write_manifest(folder / "data.jsonl", rows)
    return folder / "data.jsonl"


def trained(recipe: str, data: Path, *, steps: int) -> list[dict[str, Any]]:
    """The log of a run of so many steps, in a process of its own, as users start it."""
    with tempfile.TemporaryDirectory(dir=data.parent) as folder:
        out = Path(folder) / "run"
        changes = {"optim.steps": steps, "optim.warmup": 0, "watch.log_every": 1, "watch.valid_every": steps}
        call = [sys.executable, "-m", "soli.cli.main", "train", recipe, "--data", str(data), "--out", str(out)]
        for key, value in changes.items():
            call += ["--set", f"{key}={value}"]
        done = subprocess.run([*call, "--json"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"soli train {recipe} ended with exit code {done.returncode}: {done.stderr[-500:]}")
        return list(read_log(out / "log.jsonl"))


def speed_of(log: Sequence[dict[str, Any]], *, audio_s: float) -> dict[str, float]:
    """Medians of the settled steps of one run of batches of `audio_s`, and the share of their time spent waiting."""
    steps = [line for line in log if "audio_s_per_s" in line][SETTLING:]
    times = [audio_s / line["audio_s_per_s"] for line in steps]
    waits = [time * line["wait_share"] for time, line in zip(times, steps, strict=True)]
    return {
        "audio_s_per_s": statistics.median(line["audio_s_per_s"] for line in steps),
        "step_s": statistics.median(times),
        "wait_share": sum(waits) / sum(times),
    }


def figures_of(runs: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Medians over the repeats of each family, and the waits of all."""
    return {
        name: {
            **{key: statistics.median(run[key] for run in some) for key in some[0]},
            "wait_shares": [run["wait_share"] for run in some],
        }
        for name, some in runs.items()
    }


def missed_bars(families: dict[str, dict[str, Any]]) -> list[str]:
    """The families that wait longer than they may."""
    most = BARS["wait_share"]
    return [
        f"{name} waits {found['wait_share']:.0%}, wanted below {most:.0%}"
        for name, found in families.items()
        if found["wait_share"] >= most
    ]


def page(figures: dict[str, Any]) -> str:
    """The section of docs/benchmarks.md."""
    rows = [
        [
            f"`{name}`",
            f"{found['audio_s_per_s']:.0f}",
            f"{found['batch']} x {found['item_s']:g} s",
            f"{1000 * found['step_s']:.0f}",
            f"{100 * found['wait_share']:.1f}",
        ]
        for name, found in figures["families"].items()
    ]
    about = (
        "## Training\n\n"
        f"The `small` preset of every family at {RATE // 1000} kHz, as `recipes/compare-voice-noise` trains it, from "
        f"files on disk; {figures['steps']} steps after {SETTLING}, median of {figures['repeats']} runs. Waiting: the "
        f"share of the time in which the network has no data; bar: below {BARS['wait_share']:.0%}. "
        f"`python bench/training.py`. {figures['machine']}."
    )
    head = ["", "audio, s a second", "batch", "step, ms", "waiting, %"]
    return f"{about}\n\n{table(head, rows)}"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--families", default=",".join(recipes()), help="with commas between")
    options.add_argument("--steps", type=int, default=40, help="that are measured, in each run")
    options.add_argument("--repeats", type=int, default=3)
    chosen = options.parse_args()
    runs: dict[str, list[dict[str, float]]] = {}
    batches: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = write_set(Path(folder))
        for name in chosen.families.split(","):
            recipe = f"compare-voice-noise/{name}"
            settings = read_recipe(find_recipe(recipe))
            item_s = settings.data.duration_s or ITEM_S
            batches[name] = {"batch": settings.optim.batch, "item_s": item_s}
            runs[name] = [
                speed_of(trained(recipe, data, steps=chosen.steps + SETTLING), audio_s=settings.optim.batch * item_s)
                for _ in range(chosen.repeats)
            ]
            say(f"{name}: {json.dumps(runs[name])}")
        # A Conv-TasNet of another project belongs here, so that both are timed in one run: a script in bench/peers
        # that takes as many steps of the same size on the same batches in the peer's own environment
        # (`peer_python(chosen.venvs, ...)`), its step time into `figures`, and a bar on the ratio into BARS.
    families = {name: {**batches[name], **found} for name, found in figures_of(runs).items()}
    figures = {
        "families": families,
        "steps": chosen.steps,
        "repeats": chosen.repeats,
        "bars": BARS,
        "machine": machine(),
    }
    report("training", page(figures), figures, write=chosen.write)
    missed = missed_bars(families)
    if missed:
        raise SystemExit(f"below the bar: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
