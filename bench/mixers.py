"""The mixers of sound events: seconds of mixture a second, written to disk by two processes, and as training renders.

python bench/mixers.py [--mixtures 400] [--folder FOLDER] [--write]

Scenes and events are made in the forms that DCASE 2018 has them in (48 kHz, 24 bits, two channels, 10 s; 44.1 kHz, 16
bits, one channel), a scene a mixture. The command is timed as a whole: reading and measuring every file, planning,
mixing, writing.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import machine, one_thread, parser, report, say, table

from soli.data.manifest import read_manifest
from soli.data.render import render
from soli.media.audio import write_audio

BAR = 100.0
PROCESSES = 2
CLASSES, TAKES = 41, 16


def make_scenes(folder: Path, count: int) -> Path:
    """Scenes as those of task 1: noise, another one each, cut from one long one."""
    folder.mkdir(parents=True)
    both = 0.05 * np.random.default_rng(0).standard_normal((2, 480_000 + 480 * count), dtype=np.float32)
    for number in range(count):
        excerpt = both[:, 480 * number : 480 * number + 480_000]
        write_audio(folder / f"park-{number:05d}.wav", excerpt, sample_rate=48000, subtype="pcm24")
    return folder


def make_events(folder: Path, *, takes: int = TAKES) -> Path:
    """Events as those of task 2: a few hundred sounds of 0.3 s to 10 s."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for label in range(CLASSES):
        for take in range(takes):
            frames = round(44100 * rng.uniform(0.3, 10.0))
            samples = 0.3 * np.sin(np.arange(frames) * (0.02 + 0.001 * label)).astype(np.float32)
            name = f"class{chr(97 + label % 26)}{chr(97 + label // 26)}{take:03d}.wav"
            write_audio(folder / name, samples[None], sample_rate=44100, subtype="pcm16")
    return folder


def timed(words: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a call of soli and its processes, start-up included."""
    begin, spent = time.perf_counter(), children_s()
    subprocess.run([sys.executable, "-m", "soli.cli.main", *words], env=one_thread(), check=True, stdout=sys.stderr)
    return time.perf_counter() - begin, children_s() - spent


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(folder: Path, mixtures: int, *, takes: int = TAKES) -> dict[str, tuple[float, float]]:
    """Wall and CPU seconds of each way to make the mixtures."""
    say(f"making {mixtures} scenes in {folder}")
    scenes, events = make_scenes(folder / "scenes", mixtures), make_events(folder / "events", takes=takes)
    workers = ["--workers", str(PROCESSES)]
    given = ["--dcase2018-task2-dataset-dir", str(events), "--dcase2018-task1-dataset-dir", str(scenes)]
    kong = ["data", "dcase2018", *given, "--per-fold", str(mixtures // 4), *workers]
    single = ["data", "dcase2013", "--dcase-2013-stereo-data-folder", str(events), "--n-files", str(mixtures), *workers]
    found = {
        "dcase2018": timed([*kong, "--workspace", str(folder / "kong")]),
        "dcase2018, plan alone": timed([*kong, "--workspace", str(folder / "plan"), "--no-audio"]),
        "dcase2013": timed([*single, "--output-folder", str(folder / "thesis")]),
    }
    manifest = read_manifest(folder / "plan" / "manifest.jsonl")
    begin, spent = time.perf_counter(), time.process_time()
    for row in manifest.rows:
        render(row, manifest.root)
    took = (time.perf_counter() - begin, time.process_time() - spent)
    found["rows of dcase2018, as training renders them"] = took
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--mixtures", type=int, default=400, help="of 10 s; a multiple of four")
    options.add_argument("--folder", type=Path, help="where to work, on the disk to be measured; emptied at the end")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        found = measured(Path(folder), chosen.mixtures)
    seconds = 10.0 * chosen.mixtures
    figures = {
        name: {"wall_s": round(wall_s, 2), "cpu_s": round(cpu_s, 2), "ratio": round(seconds / wall_s, 1)}
        for name, (wall_s, cpu_s) in found.items()
    }
    rows = [
        [name, "1" if name.startswith("rows") else str(PROCESSES), *(f"{value:.1f}" for value in each.values())]
        for name, each in figures.items()
    ]
    told = table(["mixer", "processes", "wall s", "CPU s", "x real time"], rows)
    reached = figures["dcase2018"]["ratio"] >= BAR
    verdict = f"Bar: {BAR:g} x real time for dcase2018, written to disk: {'reached' if reached else 'missed'}."
    markdown = f"## Mixers of sound events\n\n{chosen.mixtures} mixtures of 10 s. {machine()}\n\n{told}\n\n{verdict}"
    report(
        "mixers", markdown, {"mixtures": chosen.mixtures, "machine": machine(), "results": figures}, write=chosen.write
    )


if __name__ == "__main__":
    main()
