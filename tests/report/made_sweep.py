"""A sweep as it might have come out, of scores that are easy to check by hand."""

from pathlib import Path

import numpy as np

from soli.evaluation.line import Line
from soli.evaluation.sweep import SCORES, CellScores, Heard, Sweep
from soli.media.audio import write_audio
from soli.types import StftSettings

RATE = 8000
TITLES = {1: "<Ach> & Weh", 2: "Zwei"}
SI_SDR = {("model-a", "bassoon"): (-6.0, -4.0), ("model-b", "bassoon"): (1.0, 2.0), ("model-a", "cello"): (3.0, 7.0)}


def sweep() -> Sweep:
    """Two models of the bassoon, one of the cello, two songs each; one cell was begun and not finished."""
    cells = [
        _cell(model, target, song, si_sdr)
        for (model, target), scores in SI_SDR.items()
        for song, si_sdr in enumerate(scores, start=1)
    ]
    return Sweep(cells=cells, unfinished=["model-b/cello/song-01"])


def _cell(model: str, target: str, song: int, si_sdr: float) -> CellScores:
    """The six scores are a dB apart; the mixture has -5 dB and no artefacts, the ideal mask 9 dB of all."""
    return cell(model, target, song, {score: si_sdr + at for at, score in enumerate(SCORES)})


def cell(model: str, target: str, song: int, scores: dict[str, float | None], *, ideal: float = 9.0) -> CellScores:
    """A finished cell with these scores of its estimate."""
    mixture = {score: float("inf") if score == "si_sar" else -5.0 for score in SCORES}
    improved = {
        score: None if value is None or score == "si_sar" else value - mixture[score] for score, value in scores.items()
    }
    line = Line(
        id=f"{song:02d}-{TITLES[song]}",
        source=target,
        state="scored",
        scores=scores,
        mixture=mixture,
        improvement=improved,
        ceiling=dict.fromkeys(SCORES, ideal),
        duration_s=0.5,
        seconds=0.1,
        meta={"title": TITLES[song], "song": song},
    )
    return CellScores(model=model, target=target, song=song, line=line)


def heard(out: Path) -> list[Heard]:
    """Song 1 of both targets, with sounds in `out/sounds`: the estimate is half the mixture."""
    (out / "sounds").mkdir(parents=True)
    time_s = np.arange(RATE // 2) / RATE
    reference = 0.3 * np.sin(2 * np.pi * 500 * time_s)[None].astype(np.float32)
    mixture = reference + 0.3 * np.sin(2 * np.pi * 2000 * time_s)[None].astype(np.float32)
    write_audio(out / "sounds/mixture.flac", mixture, sample_rate=RATE, subtype="pcm24")
    found = []
    for model, target in (("model-b", "bassoon"), ("model-a", "cello")):
        write_audio(out / f"sounds/{target}-estimate.flac", mixture / 2, sample_rate=RATE, subtype="pcm24")
        write_audio(out / f"sounds/{target}-reference.flac", reference, sample_rate=RATE, subtype="pcm24")
        found.append(
            Heard(
                model=model,
                target=target,
                song=1,
                title=TITLES[1],
                si_sdr=1.0,
                improvement=6.0,
                mixture="sounds/mixture.flac",
                estimate=f"sounds/{target}-estimate.flac",
                reference=f"sounds/{target}-reference.flac",
                stft=StftSettings(n_fft=256, hop=64),
            )
        )
    return found
