"""The model `voice` against RNNoise on one test manifest, with the noisy input as floor and the ideal mask as ceiling.

python bench/voice.py --data data/test.jsonl [--model voice] [--per-condition N] [--write]

Every clip is rendered once and given to both, whole and at 48 kHz. RNNoise answers late: its output is moved by the lag
at which it fits the true voice best, which favours it. All are scored on the voice with the same references.
"""

import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from common import PEERS, machine, one_thread, parser, peer_python, report, say, table
from peers.rnnoise_format import RATE, TAIL, pack, unpack

from soli.data.manifest import Row, read_manifest
from soli.data.render import render
from soli.evaluation.aggregate import Statistics
from soli.evaluation.aggregate import statistics as averaged
from soli.evaluation.subject import Subject, subject_of
from soli.media.resample import resample
from soli.metrics import bss, si
from soli.types import Array

PACKAGE = "pyrnnoise==0.4.5"
VOICE = "voice"
SYSTEMS = ("noisy", "rnnoise", "soli", "ideal")
NAMES = {"noisy": "noisy input", "rnnoise": "RNNoise", "soli": "soli", "ideal": "ideal mask"}
FULL_BAND, ALL_FULL_BAND = "full-", "all full band"
LEAST_GAIN_DB = 6.0
SCORES = ("si_sdr", "sdr")
"""Of each clip and system; SI-SDR carries the comparison, SDR (BSS eval 3) allows any filter of 512 taps."""


@dataclass(frozen=True)
class Clip:
    """What one clip scored: system -> score -> dB; CPU seconds by system; samples by which RNNoise was late."""

    condition: str
    duration_s: float
    scores: dict[str, dict[str, float | None]]
    cpu_s: dict[str, float]
    late: int


class RNNoise(AbstractContextManager["RNNoise"]):
    """RNNoise in a process of its own environment."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [python, PEERS / "rnnoise.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=one_thread()
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def __call__(self, clip: Array) -> tuple[float, Array]:
        """CPU seconds and the late output (T + TAIL,) of a clip (T,) at 48 kHz."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(pack(clip))
        self._process.stdin.flush()
        return unpack(self._process.stdout, len(clip) + TAIL)


def lag_of(late: Array, voice: Array, *, most: int = TAIL) -> int:
    """By how many samples (0 to `most`) the output is late: where its correlation with the voice is largest."""
    size = 1 << (len(late) + len(voice)).bit_length()
    product = np.fft.rfft(late, size) * np.fft.rfft(voice, size).conj()
    return int(np.argmax(np.fft.irfft(product, size)[: most + 1]))


def judged(row: Row, root: Path, subject: Subject, rnnoise: RNNoise) -> Clip:
    """Renders one row and scores all systems on its voice."""
    rendered = render(row, root)
    mixture = rendered.mixture
    references = subject.references(rendered)
    place = subject.sources.index(VOICE)
    before = time.process_time()
    ours = subject.estimates(rendered, references)[place]
    cpu_s = {"soli": time.process_time() - before}
    cpu_s["rnnoise"], theirs, late = _rnnoise(mixture, references[place], rendered.sample_rate, rnnoise)
    voices = {
        "noisy": mixture,
        "rnnoise": theirs,
        "soli": ours,
        "ideal": subject.ceiling(rendered, references)[place],
    }
    judge = bss.BssEval(references)
    scores: dict[str, dict[str, float | None]] = {}
    for system, voice in voices.items():
        estimates = np.stack([voice if name == VOICE else mixture - voice for name in subject.sources])
        sdr = judge.score(estimates, permute=False).sdr[place]
        scores[system] = {"si_sdr": si.si_sdr(references, estimates)[place], "sdr": sdr}
    return Clip(str(row.meta.get("condition")), row.duration_s, scores, cpu_s, late)


def _rnnoise(mixture: Array, voice: Array, rate: int, rnnoise: RNNoise) -> tuple[float, Array, int]:
    """CPU seconds, the estimate (C, T) in time with the mixture, and how late it was."""
    seconds, channels, lags = 0.0, [], []
    for noisy, true in zip(resample(mixture, rate, RATE), resample(voice, rate, RATE), strict=True):
        took, late = rnnoise(noisy)
        lag = lag_of(late, true)
        seconds += took
        lags.append(lag)
        channels.append(late[lag : lag + len(noisy)])
    return seconds, resample(np.stack(channels), RATE, rate)[:, : mixture.shape[1]], lags[0]


def chosen_rows(rows: Iterable[Row], per_condition: int | None) -> list[Row]:
    """The first rows of every condition, or all."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[str(row.meta.get("condition"))].append(row)
    return [row for some in found.values() for row in some[:per_condition]]


def summary(clips: list[Clip]) -> dict[str, Any]:
    """Means, intervals and differences of a set of clips."""
    found: dict[str, Any] = {"clips": len(clips)}
    for score in SCORES:
        values = {system: [clip.scores[system][score] for clip in clips] for system in SYSTEMS}
        gains = {system: _minus(values[system], values["noisy"]) for system in ("rnnoise", "soli")}
        found[score] = {system: _said(averaged(values[system])) for system in SYSTEMS}
        found[f"{score}_improvement"] = {system: _said(averaged(gain)) for system, gain in gains.items()}
        found[f"{score}_soli_minus_rnnoise"] = _said(averaged(_minus(values["soli"], values["rnnoise"])))
        found[f"{score}_clips_made_worse"] = {
            system: sum(1 for gain in gains[system] if gain is not None and gain < 0) for system in gains
        }
    return found


def _minus(left: list[float | None], right: list[float | None]) -> list[float | None]:
    return [None if a is None or b is None else a - b for a, b in zip(left, right, strict=True)]


def _said(found: Statistics) -> dict[str, float | int | None]:
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "median": found.median,
        "count": found.count,
        "undefined": found.undefined,
    }


def page(figures: dict[str, Any]) -> str:
    """The section of docs/benchmarks.md."""
    head = ["SI-SDR, dB", "clips", *NAMES.values(), "RNNoise gain", "soli gain", "made worse by RNNoise", "by soli"]
    head += ["SDR: noisy", "RNNoise", "soli"]
    rows = []
    for name, group in figures["conditions"].items():
        gain, worse = group["si_sdr_improvement"], group["si_sdr_clips_made_worse"]
        rows.append(
            [
                name,
                str(group["clips"]),
                *(f"{group['si_sdr'][system]['mean']:.2f}" for system in SYSTEMS),
                *(f"{gain[system]['mean']:+.2f}" for system in ("rnnoise", "soli")),
                *(str(worse[system]) for system in ("rnnoise", "soli")),
                *(f"{group['sdr'][system]['mean']:.2f}" for system in ("noisy", "rnnoise", "soli")),
            ]
        )
    rtf = figures["cpu_s_per_s"]
    about = (
        f"## Voice against RNNoise\n\n{figures['clips']} clips of speakers and noises never trained on here; "
        f"means. {PACKAGE}, moved by {figures['rnnoise_late_samples']['median']} samples (median) to be in time. CPU "
        f"seconds for a second of sound, one thread: soli {rtf['soli']:.4f}, RNNoise {rtf['rnnoise']:.4f}. "
        f"`python bench/voice.py`, model {figures['model']} ({figures['model_sha256'][:8]}), manifest "
        f"{figures['manifest_sha256'][:8]}. {figures['machine']}."
    )
    return f"{about}\n\n{table(head, rows)}"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the test manifest")
    options.add_argument("--model", default="voice")
    options.add_argument("--per-condition", type=int, help="only the first clips of each condition")
    chosen = options.parse_args()
    manifest = read_manifest(chosen.data)
    subject = subject_of(chosen.model, manifest, threads=1)
    rows = chosen_rows(manifest.rows, chosen.per_condition)
    clips = []
    with RNNoise(peer_python(chosen.venvs, "rnnoise", [PACKAGE])) as rnnoise:
        for index, row in enumerate(rows, start=1):
            clips.append(judged(row, manifest.root, subject, rnnoise))
            if index % 20 == 0:
                say(f"{index} of {len(rows)} clips")
    figures = figures_of(clips, subject, manifest.sha256)
    report("voice", page(figures), figures, write=chosen.write)
    missed = missed_bars(figures["conditions"])
    if missed:
        raise SystemExit(f"below the bar: {'; '.join(missed)}")


def figures_of(clips: list[Clip], subject: Subject, manifest_sha256: str) -> dict[str, Any]:
    """All that is reported: by condition, over the full-band conditions, and over all clips."""
    seconds = sum(clip.duration_s for clip in clips)
    groups = {name: summary([clip for clip in clips if clip.condition == name]) for name in _conditions(clips)}
    full = [clip for clip in clips if clip.condition.startswith(FULL_BAND)]
    if full:
        groups[ALL_FULL_BAND] = summary(full)
    groups["all"] = summary(clips)
    lates = [clip.late for clip in clips]
    return {
        "clips": len(clips),
        "model": subject.name,
        "model_sha256": subject.sha256,
        "manifest_sha256": manifest_sha256,
        "peer": PACKAGE,
        "rnnoise_late_samples": {"median": statistics.median_low(lates), "least": min(lates), "most": max(lates)},
        "cpu_s_per_s": {name: sum(clip.cpu_s[name] for clip in clips) / seconds for name in ("soli", "rnnoise")},
        "conditions": groups,
        "machine": machine(),
    }


def missed_bars(groups: dict[str, dict[str, Any]]) -> list[str]:
    """Where the model is under its marks: 6 dB over the full-band conditions, RNNoise, the input of any condition."""
    missed = []
    gains = {name: group["si_sdr_improvement"] for name, group in groups.items()}
    if ALL_FULL_BAND in gains:
        gain, peer = gains[ALL_FULL_BAND]["soli"]["mean"], gains[ALL_FULL_BAND]["rnnoise"]["mean"]
        if gain < LEAST_GAIN_DB:
            missed.append(f"{gain:.2f} dB over {ALL_FULL_BAND}, wanted {LEAST_GAIN_DB}")
        if gain < peer:
            missed.append(f"{gain:.2f} dB over {ALL_FULL_BAND}, RNNoise {peer:.2f}")
    missed += [f"{name} made worse" for name, gain in gains.items() if gain["soli"]["mean"] <= 0]
    return missed


def _conditions(clips: list[Clip]) -> list[str]:
    return list(dict.fromkeys(clip.condition for clip in clips))


if __name__ == "__main__":
    main()
