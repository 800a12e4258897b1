"""The comparison of families on voice and noise: every recipe of `compare-voice-noise` in the same time, then judged.

python bench/families.py --data voice-noise.jsonl --out comparison [--write]
python bench/families.py --data DATA --runs runs --out comparison [--minutes 20] [--at-once 2] [--write]

The first reports what `soli compare ... --out comparison` left in its folder; the manifest tells on how much was
trained. The second trains each family first, as `soli train` does, and compares. DATA is the manifest, or the folder of
the set, whose manifest is then made in the folder of the runs. Runs that are finished are kept and those that were
stopped go on, so the same call goes on where the last one ended.
"""

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import parser, report, say, table
from training import recipes

from soli.data.manifest import Manifest, read_manifest
from soli.errors import SoliError, UsageError
from soli.evaluation.comparison import Comparison, Entrant, Figure
from soli.evaluation.results import as_json
from soli.media.hashing import sha256_file
from soli.report.page import DATA
from soli.report.tables import NOTHING, gain, interval_text, significant, with_interval
from soli.train.log import steps_taken
from soli.train.run import RunFolder

BASELINES = ("kmeans2", "mixture", "oracle")
UNTRAINED = "kmeans2"
BARS = {"each_db": 4.0, "best_db": 8.0}
"""SI-SDR improvement of the voice: of every trained family, which must be above the untrained one and the mixture, too;
of the best. Means are measured against them; their intervals are printed beside."""

SCORES = ("sdr", "sir", "sar")
LEFT_OUT = {"items", "worst", "origin"}
"""Of an entrant, what docs/benchmarks/families.json does without: scores item by item, and paths."""


@dataclass(frozen=True)
class Trainer:
    """How the families are trained: the manifest, the folder of the runs, minutes each, and how many side by side."""

    data: Path
    runs: Path
    minutes: float
    at_once: int

    @property
    def threads(self) -> int:
        """CPU threads of each: the cores are shared out."""
        return max(1, len(os.sched_getaffinity(0)) // self.at_once)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": str(self.threads)}

    def call(self, family: str) -> list[str] | None:
        """The words after `soli` that begin this family's run or go on with it; None where it is finished.

        Raises UsageError where the run was trained on other data.
        """
        folder = RunFolder(self.runs / family)
        call = ["train", f"compare-voice-noise/{family}", "--data", str(self.data), "--out", str(folder.path)]
        call += ["--minutes", f"{self.minutes:g}"]
        if not folder.record.is_file():
            return call
        settings, record = folder.read()
        if record.get("sha256") != sha256_file(self.data):
            raise UsageError(f"{folder.path} was trained on other data than {self.data}", do="name other --runs")
        taken = steps_taken(folder.log, steps=settings.optim.steps, patience=settings.watch.patience)
        return None if taken is None else [*call, "--resume"]

    def train(self, family: str) -> str | None:
        """Trains one family to its end, its lines in RUNS/FAMILY.txt; what went wrong, or None."""
        try:
            call = self.call(family)
        except SoliError as error:
            return f"{family}: {error}"
        if call is None:
            say(f"{family}: is trained")
            return None
        say(f"soli {' '.join(call)}")
        lines = self.runs / f"{family}.txt"
        with lines.open("a", encoding="utf-8") as file:
            done = subprocess.run(soli(call), stdout=file, stderr=file, env=self.environment, check=False)
        return f"{family}: soli train ended with exit code {done.returncode}, see {lines}" if done.returncode else None


def soli(call: Sequence[str]) -> list[str]:
    """The command line of this Python's soli."""
    return [sys.executable, "-m", "soli.cli.main", *call]


def run_all(chosen: Namespace, families: Sequence[str]) -> tuple[Path, Trainer]:
    """Trains what is not trained and compares it: the manifest, and how it was trained. SystemExit where that fails."""
    chosen.runs.mkdir(parents=True, exist_ok=True)
    data = manifest_of(chosen.data, chosen.runs)
    trainer = Trainer(data, chosen.runs, chosen.minutes, chosen.at_once)
    with ThreadPoolExecutor(trainer.at_once) as pool:
        wrong = [error for error in pool.map(trainer.train, families) if error]
    if wrong:
        raise SystemExit("; ".join(wrong))
    runs = [str(trainer.runs / family) for family in families]
    call = ["compare", *runs, *BASELINES, "--data", str(data), "--out", str(chosen.out), "--json"]
    say(f"soli {' '.join(call)}")
    done = subprocess.run(soli(call), stdout=subprocess.DEVNULL, check=False)
    # Exit code 1: some could not be judged; the page names them.
    if done.returncode not in (0, 1) or not (chosen.out / DATA).is_file():
        raise SystemExit(f"soli compare ended with exit code {done.returncode}")
    return data, trainer


def manifest_of(data: Path, runs: Path) -> Path:
    """The manifest itself, or that of a set's folder, made if it is not there yet."""
    if not data.is_dir():
        return data
    manifest = runs / f"{data.resolve().name}.jsonl"
    if not manifest.exists():
        done = subprocess.run(
            soli(["data", "voice-noise", str(data), "--out", str(manifest), "--json"]),
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"soli data voice-noise ended with exit code {done.returncode}")
    return manifest


def read_comparison(folder: Path) -> tuple[Comparison, str]:
    """What `soli compare` found, and the day on which it did. SystemExit where the folder holds no comparison."""
    path = folder / DATA
    try:
        found = Comparison.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path} cannot be read: {error}; wanted the --out of a finished soli compare") from error
    return found, f"{datetime.fromtimestamp(path.stat().st_mtime, UTC):%Y-%m-%d}"


def clips_of(manifest: Manifest, comparison: Comparison) -> dict[str, Any]:
    """How many clips were trained on, validated on and judged, with the seconds and the rate of the first.

    SystemExit where the manifest has what was judged not in its split test: it may be what was trained on. (The
    comparison may have a manifest of its own, of the test split alone.)
    """
    rows = {name: [row for row in manifest.rows if row.split == name] for name in ("train", "valid", "test")}
    strange = set(comparison.items) - {row.id for row in rows["test"]}
    if strange:
        raise SystemExit(f"{min(strange)} was compared and is not in the manifest's split test: give the right --data")
    if not rows["train"]:
        raise SystemExit("the manifest has no split train: give the one that the families were trained on as --data")
    return {
        "train": len(rows["train"]),
        "valid": len(rows["valid"]),
        "test": len(comparison.items),
        "train_s": sum(row.duration_s for row in rows["train"]),
        "sample_rate": rows["train"][0].sample_rate,
    }


def trained(comparison: Comparison) -> list[Entrant]:
    """The entrants that are networks, best first."""
    return [each for each in comparison.methods if each.cost.parameters is not None]


def mean_gain(entrant: Entrant, source: str) -> float:
    """Mean SI-SDR improvement in dB; minus infinity where nothing could be scored."""
    mean = entrant.quality[source].improvements["si_sdr"].mean
    return float("-inf") if mean is None else mean


def missed_bars(comparison: Comparison, families: Sequence[str]) -> list[str]:
    """Where the comparison is under its marks, or without one of them."""
    lead, networks = comparison.lead, trained(comparison)
    there = {each.name: mean_gain(each, lead) for each in comparison.entrants}
    gains = {each.name: there[each.name] for each in networks}
    missed = [f"{name} is not compared" for name in (*families, UNTRAINED) if name not in there]
    missed += [f"{name} {db:.2f} dB, wanted {BARS['each_db']:g}" for name, db in gains.items() if db < BARS["each_db"]]
    floors = {UNTRAINED: there.get(UNTRAINED, float("-inf")), "mixture": 0.0}
    floor = max(floors, key=floors.__getitem__)
    missed += [f"{name} {db:.2f} dB, {floor} {floors[floor]:.2f}" for name, db in gains.items() if db <= floors[floor]]
    best = max(gains.values(), default=float("-inf"))
    if best < BARS["best_db"]:
        missed.append(f"the best {best:.2f} dB, wanted {BARS['best_db']:g}")
    return missed


def bars_text(comparison: Comparison, missed: Sequence[str]) -> str:
    """The bars, what stands nearest to each with its interval, and whether chance may have a hand in it."""
    lead, networks = comparison.lead, trained(comparison)
    text = (
        f"Bars, {lead} SI-SDR improvement: every trained family at least {BARS['each_db']:g} dB and above "
        f"`{UNTRAINED}` and the mixture, the best at least {BARS['best_db']:g} dB. "
    )
    if networks:
        text += f"The lowest is `{networks[-1].name}`, {gain(networks[-1].quality[lead])}; "
        text += f"the best `{networks[0].name}`, {gain(networks[0].quality[lead])}. "
    text += f"Missed: {'; '.join(missed)}." if missed else "All met by the means."
    near = [each.name for each in networks if _reaches_below(each, lead, BARS["each_db"])]
    near += [networks[0].name] if networks and _reaches_below(networks[0], lead, BARS["best_db"]) else []
    return f"{text} Intervals that reach below the bar: {', '.join(near)}." if near else text


def _reaches_below(entrant: Entrant, source: str, bar_db: float) -> bool:
    figure = entrant.quality[source].improvements["si_sdr"]
    return figure.mean is not None and figure.mean >= bar_db and (figure.low is None or figure.low < bar_db)


def figures_of(
    comparison: Comparison, clips: dict[str, Any], day: str, missed: list[str], trainer: Trainer | None
) -> dict[str, Any]:
    """All that is reported, as plain data: the comparison without its items, what it was made from, and the bars."""
    found = as_json(comparison)
    return {
        "clips": clips,
        "manifest_sha256": comparison.manifest_sha256,
        "lead": comparison.lead,
        "entrants": [{k: v for k, v in each.items() if k not in LEFT_OUT} for each in found["entrants"]],
        "failed": found["failed"],
        "training": trainer and {"minutes": trainer.minutes, "at_once": trainer.at_once, "threads": trainer.threads},
        "measured_s": comparison.measured_s,
        "bars": BARS,
        "missed": missed,
        "machine": comparison.machine,
        "soli": comparison.soli,
        "date": day,
    }


def page(comparison: Comparison, figures: dict[str, Any]) -> str:
    """The section of docs/benchmarks.md."""
    clips, lead, training = figures["clips"], comparison.lead, figures["training"]
    how = f", {training['at_once']} at once, each with {training['threads']} of the cores" if training else ""
    minutes = [each.cost.train_minutes for each in trained(comparison) if each.cost.train_minutes is not None]
    took = f" in {min(minutes):.1f} to {max(minutes):.1f} minutes" if minutes else ""
    about = (
        "## Voice and noise: the families compared\n\n"
        f"The `small` preset of every family, trained on the same {clips['train']} clips "
        f"({clips['train_s'] / 3600:.1f} h at {clips['sample_rate'] / 1000:g} kHz){took}{how}; validated on "
        f"{clips['valid']} others, judged on {clips['test']} of split `test`. Each is one training from one seed: a "
        f"clear difference is one of these models, and a family trained again may come out elsewhere. Means in dB, in "
        f"brackets {interval_text(comparison)} SDR, SIR and SAR are the {lead}'s. MMAC/s: million multiply-accumulates "
        f"of the network alone for a second of sound. Real-time factor and memory: one thread, "
        f"{comparison.measured_s:g} s of sound. `mixture` is the input as it is, `oracle` the ideal mask, `kmeans2` "
        "untrained. Commands: `soli data voice-noise`, `soli train compare-voice-noise/FAMILY`, `soli compare`; "
        f"`python bench/families.py` runs them all. Manifest {comparison.manifest_sha256[:8]}, soli {comparison.soli}. "
        f"{comparison.machine}, {figures['date']}.\n\n"
        f"{bars_text(comparison, figures['missed'])}"
    )
    gains = [f"{source} SI-SDRi" for source in comparison.sources]
    head = ["", "parameters", "MMAC/s", "real-time factor", "memory, MB", "training, min", *gains]
    head += [score.upper() for score in SCORES]
    remarks = [f"\n\nTo know: {'; '.join(comparison.notes)}."] if comparison.notes else []
    remarks += [f"\n\nFailed: {each.name}: {each.error}." for each in comparison.failed]
    return f"{about}\n\n{table(head, [_row(each, comparison) for each in comparison.entrants])}{''.join(remarks)}"


def _row(entrant: Entrant, comparison: Comparison) -> list[str]:
    cost, scores = entrant.cost, entrant.quality[comparison.lead].scores
    return [
        f"`{entrant.name}`",
        NOTHING if cost.parameters is None else f"{cost.parameters:,}",
        NOTHING if cost.macs_per_s is None else significant(cost.macs_per_s / 1e6),
        NOTHING if cost.rtf is None else significant(cost.rtf),
        NOTHING if cost.peak_mb is None else f"{cost.peak_mb:.0f}",
        NOTHING if cost.train_minutes is None else f"{cost.train_minutes:.1f}",
        *(str(gain(entrant.quality[source])) for source in comparison.sources),
        *(_mean(scores[score]) for score in SCORES),
    ]


def _mean(figure: Figure) -> str:
    return with_interval(figure).figure


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the manifest, or with --runs the set's folder")
    options.add_argument("--out", type=Path, required=True, help="the folder of the comparison")
    options.add_argument("--runs", type=Path, help="train and compare first: the folder of the runs")
    options.add_argument("--minutes", type=float, default=20.0, help="of training, for each family")
    options.add_argument("--at-once", type=int, default=1, help="how many are trained side by side")
    options.add_argument("--families", default=",".join(recipes()), help="with commas between")
    chosen = options.parse_args()
    families = chosen.families.split(",")
    data, trainer = run_all(chosen, families) if chosen.runs else (chosen.data, None)
    comparison, day = read_comparison(chosen.out)
    clips = clips_of(read_manifest(data), comparison)
    missed = missed_bars(comparison, families) + [f"{each.name} failed" for each in comparison.failed]
    figures = figures_of(comparison, clips, day, missed, trainer)
    report("families", page(comparison, figures), figures, write=chosen.write)
    if missed:
        raise SystemExit(f"below the bar: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
