"""BSS eval of soli against mir_eval: CPU seconds and differences on 4 sources of 30 s at 44.1 kHz, all permutations.

python bench/bss.py [--repeats 3] [--write]
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import PEERS, machine, one_thread, parser, peer_python, report, say, table

RATE = 44100
SOURCES = 4
BAR_RATIO, BAR_DB = 5.0, 0.01


def signals(seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Coloured noises that swell and fall, and estimates of them that leak, are filtered, noisy, and out of order."""
    rng = np.random.default_rng(2)
    total = round(seconds * RATE)
    swell = np.repeat(rng.random((SOURCES, total // 5000 + 1)), 5000, axis=1)[:, :total]
    references = np.stack(
        [np.convolve(rng.standard_normal(total), 0.8 ** np.arange(10 * (i + 1)))[:total] for i in range(SOURCES)]
    )
    references *= swell * np.array([[1.0], [0.3], [0.1], [0.5]])
    mixture = references.sum(0)
    estimates = [
        np.convolve(reference, rng.standard_normal(40) * 0.7 ** np.arange(40))[:total]
        + 0.1 * np.convolve(mixture, rng.standard_normal(20))[:total]
        + 0.01 * rng.standard_normal(total)
        for reference in references
    ]
    return references, np.stack(estimates)[[2, 0, 3, 1]]


def measured(python: Path, script: str, data: Path) -> dict[str, Any]:
    """Runs a script that scores the signals of `data`, in a process of its own on one thread."""
    found = subprocess.run(
        [python, PEERS / script, data], env=one_thread(), check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, Any] = json.loads(found.stdout)
    say(f"{script}: {result['cpu_s']:.2f} CPU s")
    return result


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--repeats", type=int, default=3)
    chosen = options.parse_args()
    peer = peer_python(chosen.venvs, "mir_eval", ["mir_eval==0.8.2"])
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "signals.npz"
        references, estimates = signals(chosen.seconds)
        np.savez(data, references=references, estimates=estimates)
        ours = [measured(Path(sys.executable), "soli_bss.py", data) for _ in range(chosen.repeats)]
        theirs = [measured(peer, "mir_eval_bss.py", data) for _ in range(chosen.repeats)]
    figures = figures_of(ours, theirs)
    report("bss", page(figures, chosen.seconds, chosen.repeats), figures, write=chosen.write)
    if figures["ratio"] < BAR_RATIO or figures["largest_difference_db"] > BAR_DB or not figures["same_permutation"]:
        raise SystemExit(f"below the bar: {BAR_RATIO:g} times faster, equal to {BAR_DB} dB")


def figures_of(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians, their ratio, and how far the scores lie apart."""
    difference = max(
        abs(a - b) for name in ("sdr", "sir", "sar") for a, b in zip(ours[0][name], theirs[0][name], strict=True)
    )
    seconds = [statistics.median(run["cpu_s"] for run in runs) for runs in (ours, theirs)]
    return {
        "soli_cpu_s": seconds[0],
        "mir_eval_cpu_s": seconds[1],
        "ratio": seconds[1] / seconds[0],
        "largest_difference_db": difference,
        "same_permutation": ours[0]["permutation"] == theirs[0]["permutation"],
        "peak_rss_mb": {"soli": ours[0]["peak_rss_mb"], "mir_eval": theirs[0]["peak_rss_mb"]},
        "runs": {"soli": [run["cpu_s"] for run in ours], "mir_eval": [run["cpu_s"] for run in theirs]},
        "bars": {"ratio": BAR_RATIO, "difference_db": BAR_DB},
        "machine": machine(),
    }


def page(figures: dict[str, Any], seconds: float, repeats: int) -> str:
    """The section of docs/benchmarks.md."""
    memory = figures["peak_rss_mb"]
    ours = [f"{figures['soli_cpu_s']:.2f}", f"{figures['ratio']:.0f}", f"{figures['largest_difference_db']:.1e}"]
    rows = [
        ["mir_eval 0.8.2", f"{figures['mir_eval_cpu_s']:.1f}", "1", "", f"{memory['mir_eval']:.0f}"],
        ["soli", *ours, f"{memory['soli']:.0f}"],
    ]
    head = ["", "CPU s", "times faster", "largest difference, dB", "peak memory, MB"]
    about = (
        f"## BSS eval (version 3)\n\n{SOURCES} sources of {seconds:g} s at 44.1 kHz, 512 taps, all orders of "
        f"the estimates; median of {repeats} runs, one thread. `python bench/bss.py`. {figures['machine']}."
    )
    return f"{about}\n\n{table(head, rows)}"


if __name__ == "__main__":
    main()
