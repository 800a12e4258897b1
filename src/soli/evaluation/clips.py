"""The items that a model did worst, as sound files to listen to: mixture, estimate and reference, at their levels."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from soli.data.manifest import Manifest, Row
from soli.data.render import render
from soli.evaluation.comparison import Clip
from soli.evaluation.line import Line
from soli.evaluation.subject import Subject
from soli.media.audio import write_audio
from soli.metrics.silence import at_floor
from soli.types import Array

WORST = 10


class Clips(BaseModel):
    """The clips of one entrant, the worst first."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    clips: list[Clip]


def worst_lines(lines: Sequence[Line], count: int = WORST) -> list[Line]:
    """Those with the smallest SI-SDR improvement, the worst first: before all others, where the estimate is silent."""
    scored = [line for line in lines if line.state == "scored" and "si_sdr" in line.scores]
    return sorted(scored, key=lambda line: (not at_floor(line.scores["si_sdr"]), _gain(line)))[:count]


def _gain(line: Line) -> float:
    return line.counted_gain("si_sdr") or 0.0


def write_clips(lines: Sequence[Line], subject: Subject, manifest: Manifest, *, out: Path, folder: str) -> Clips:
    """Separates the items of `lines` again and writes their sounds into `out/folder`; paths start from `out`.

    Nothing is scaled. A sound is FLAC of 24 bit, or float WAV where its peak is beyond full scale.
    Raises OutputError, and InputError where an item cannot be rendered any more.
    """
    (out / folder).mkdir(parents=True, exist_ok=True)
    rows = {row.id: row for row in manifest.rows}
    return Clips(
        clips=[
            _clip(line, rows[line.id], subject, manifest.root, out=out, stem=f"{folder}/{number:02}")
            for number, line in enumerate(lines, start=1)
        ]
    )


def _clip(line: Line, row: Row, subject: Subject, root: Path, *, out: Path, stem: str) -> Clip:
    rendered = render(row, root)
    references = subject.references(rendered)
    estimates = subject.in_order(references, subject.estimates(rendered, references))
    place = subject.sources.index(line.source)
    sounds = {"mixture": rendered.mixture, "estimate": estimates[place], "reference": references[place]}
    paths = {
        name: written(samples, out, f"{stem}-{name}", sample_rate=rendered.sample_rate)
        for name, samples in sounds.items()
    }
    return Clip(
        id=line.id,
        condition=condition_of(line),
        score_db=line.scores.get("si_sdr"),
        improvement_db=_gain(line),
        **paths,
    )


def written(samples: Array, out: Path, stem: str, *, sample_rate: int) -> str:
    """Writes `out/stem.flac` (24 bit), or `.wav` (float) beyond full scale; gives the path from `out`."""
    loud = float(np.max(np.abs(samples), initial=0.0)) > 1.0
    format, subtype = ("wav", "float32") if loud else ("flac", "pcm24")
    write_audio(out / f"{stem}.{format}", samples, sample_rate=sample_rate, format=format, subtype=subtype)
    return f"{stem}.{format}"


def condition_of(line: Line) -> str:
    """What the row says of itself in a few words: its condition, or its SNR; else the mixture's SI-SDR."""
    if "condition" in line.meta:
        return str(line.meta["condition"])
    if isinstance(line.meta.get("snr_db"), int | float):
        return f"{line.meta['snr_db']:g} dB SNR"
    level = line.mixture.get("si_sdr")
    return f"mixture {level:.1f} dB" if level is not None and math.isfinite(level) else ""
