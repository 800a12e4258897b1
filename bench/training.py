"""Training of every family's `small` preset: seconds of audio a second, and the share of time spent waiting for data.

python bench/training.py [--families conv_tasnet,tasnet] [--steps 40] [--repeats 3] [--peer-steps 12] [--write]

A real run of each recipe of `compare-voice-noise`, shortened, on files that are made first: voice-like buzzes in noise,
10 s at 8 kHz, as `soli data build voice-noise` writes them. Besides, how much a loader delivers, and Conv-TasNet's step
beside that of Asteroid's network of the same size: both in one process, in turns.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from common import PEERS, machine, parser, report, say, table

from soli.data.manifest import Part, Row, read_manifest, write_manifest
from soli.media.audio import write_audio
from soli.train.dataset import Excerpts, Mixtures
from soli.train.log import read_log
from soli.train.run import find_recipe, read_recipe

RATE = 8000
ITEMS, VALID, ITEM_S = 60, 2, 10.0
SETTLING = 10
"""Steps at the start that are not counted: the loader has filled its queue before the first."""

LOG_EVERY = 2
"""Every second step is logged and counted: writing a line would be waiting for data in the step after it."""

PEER = "asteroid"
PACKAGES = (
    "asteroid==0.7.0",
    "asteroid-filterbanks==0.4.0",
    "requests==2.34.2",
    "urllib3==2.8.0",
    "certifi==2026.10.18",
    "charset-normalizer==3.5.2",
    "idna==3.20",
)
"""What Asteroid's Conv-TasNet imports, but for what soli's training brings: so both run on the same torch."""

PAPER_SIZE = (1, 2.0)
"""Items a step of the paper's network, and their seconds: few, so that it fits into the memory of any machine."""

BARS = {"wait_share": 0.10, "loader_audio_s_per_cpu_s": 1000.0, "step_to_peer": 1.0}


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
        changes = {"optim.steps": steps, "optim.warmup": 0, "watch.log_every": LOG_EVERY, "watch.valid_every": steps}
        call = [sys.executable, "-m", "soli.cli.main", "train", recipe, "--data", str(data), "--out", str(out)]
        for key, value in changes.items():
            call += ["--set", f"{key}={value}"]
        done = subprocess.run([*call, "--json"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"soli train {recipe} ended with exit code {done.returncode}: {done.stderr[-500:]}")
        return list(read_log(out / "log.jsonl"))


def speed_of(log: Sequence[dict[str, Any]], *, audio_s: float) -> dict[str, float]:
    """Medians of the settled steps of one run of batches of `audio_s`, and the share of their time spent waiting."""
    steps = [line for line in log if "audio_s_per_s" in line and line["step"] > SETTLING]
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


def loader_speed(data: Path, *, item_s: float, items: int = 400) -> float:
    """Seconds of audio rendered from files in a CPU second, in this process as in a loader's."""
    excerpts = Excerpts(read_manifest(data), split="train", duration_s=item_s, seed=0)
    mixtures = Mixtures(excerpts, ("voice", "noise"))
    for index in range(ITEMS):
        mixtures[index]
    start = time.process_time()
    for index in range(items):
        mixtures[index]
    return items * item_s / (time.process_time() - start)


def peer_folder(home: Path) -> Path:
    """A folder with the peer's packages and nothing else, made on the first call and kept for the next."""
    folder, stamp = home / PEER, home / f"{PEER}.txt"
    wanted = "\n".join(PACKAGES)
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"fetching {', '.join(PACKAGES)}")
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *PACKAGES]
        subprocess.run(pip, check=True)
        stamp.write_text(wanted)
    return folder


def peer_sizes() -> dict[str, tuple[int, float]]:
    """Preset -> items a step and their seconds; of the small one as its recipe has them."""
    recipe = read_recipe(find_recipe("compare-voice-noise/conv_tasnet"))
    return {"small": (recipe.optim.batch, recipe.data.duration_s or ITEM_S), "paper": PAPER_SIZE}


def peer_steps(folder: Path, *, steps: int) -> dict[str, dict[str, Any]]:
    """Each preset's steps beside the peer's: medians in seconds, their ratio, and what was compared."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), *sys.path]))}
    found = {}
    for preset, (batch, item_s) in peer_sizes().items():
        call = [sys.executable, str(PEERS / "conv_tasnet_steps.py"), preset, str(batch), str(item_s), str(steps)]
        done = subprocess.run(call, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        found[preset] = {"batch": batch, "item_s": item_s, **beside_peer(json.loads(done.stdout))}
        say(f"{preset}: {json.dumps(found[preset])}")
    return found


def beside_peer(run: dict[str, Any]) -> dict[str, Any]:
    """Medians of a run of both, and ours to the peer's. SystemExit where the networks are not of one size."""
    parameters = run["parameters"]
    if parameters["soli"] != parameters[PEER]:
        raise SystemExit(f"networks of different sizes were timed: {parameters}")
    medians = {name: statistics.median(times) for name, times in run["step_s"].items()}
    return {
        "parameters": parameters["soli"],
        "threads": run["threads"],
        "step_s": medians,
        "step_to_peer": medians["soli"] / medians[PEER],
    }


def missed_bars(figures: dict[str, Any]) -> list[str]:
    """The families that wait longer than they may, a loader that is too slow, steps slower than the peer's."""
    most, least = BARS["wait_share"], BARS["loader_audio_s_per_cpu_s"]
    missed = [
        f"{name} waits {found['wait_share']:.0%}, wanted below {most:.0%}"
        for name, found in figures["families"].items()
        if found["wait_share"] >= most
    ]
    if figures["loader_audio_s_per_cpu_s"] < least:
        missed.append(f"a loader delivers {figures['loader_audio_s_per_cpu_s']:.0f} s a second, wanted {least:.0f}")
    missed += [
        f"a step of conv_tasnet {preset} takes {found['step_to_peer']:.2f} times that of {PEER}"
        for preset, found in figures["peer"].items()
        if found["step_to_peer"] > BARS["step_to_peer"]
    ]
    return missed


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
        f"files on disk; every second of {figures['steps']} steps after {SETTLING}, median of {figures['repeats']} "
        "runs. Waiting: the share of the time in which the network has no data; bar: below "
        f"{BARS['wait_share']:.0%}. The loader, one process, delivers {figures['loader_audio_s_per_cpu_s']:.0f} s of "
        f"audio in a CPU second; bar: {BARS['loader_audio_s_per_cpu_s']:.0f}. `python bench/training.py`. "
        f"{figures['machine']}."
    )
    head = ["", "audio, s a second", "batch", "step, ms", "waiting, %"]
    return f"{about}\n\n{table(head, rows)}\n\n{peer_page(figures['peer'])}"


def peer_page(presets: dict[str, dict[str, Any]]) -> str:
    """The lines about Conv-TasNet beside the peer's."""
    rows = [
        [
            f"`{preset}`",
            f"{found['parameters']:,}",
            f"{found['batch']} x {found['item_s']:g} s",
            str(found["threads"]),
            *(f"{1000 * found['step_s'][name]:.0f}" for name in ("soli", PEER)),
            f"{found['step_to_peer']:.2f}",
        ]
        for preset, found in presets.items()
    ]
    about = (
        f"Conv-TasNet beside {PACKAGES[0].replace('==', ' ')}, networks of the same size on the same batch in one "
        "process, in turns: forward, backward and update; medians. Bar: not slower."
    )
    head = ["preset", "parameters", "batch", "threads", "soli, ms", f"{PEER}, ms", "soli to the other"]
    return f"{about}\n\n{table(head, rows)}"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--families", default=",".join(recipes()), help="with commas between")
    options.add_argument("--steps", type=int, default=40, help="after the first ones, in each run")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--peer-steps", type=int, default=12, help="of Conv-TasNet and of its peer")
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
        loader = loader_speed(data, item_s=min(each["item_s"] for each in batches.values()))
    families = {name: {**batches[name], **found} for name, found in figures_of(runs).items()}
    figures = {
        "families": families,
        "steps": chosen.steps,
        "repeats": chosen.repeats,
        "loader_audio_s_per_cpu_s": loader,
        "peer": peer_steps(peer_folder(chosen.venvs), steps=chosen.peer_steps),
        "bars": BARS,
        "machine": machine(),
    }
    report("training", page(figures), figures, write=chosen.write)
    missed = missed_bars(figures)
    if missed:
        raise SystemExit(f"below the bar: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
