"""A tiny set of scenes: a hum and a hiss that an `models.events_model` cut at 2 kHz tells apart, over soft noise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import models
from soli.data.manifest import Part, Row, write_manifest
from soli.media.audio import write_audio

RATE, SECONDS, EVENT_S = 16000, 1.5, 0.4
CLASSES = ("hum", "hiss")
PRESENT: tuple[tuple[str, ...], ...] = (("hum",), ("hiss",), ("hum", "hiss"), ())
"""What clips hold, in turn."""


def sounds(folder: Path) -> None:
    """Writes the events, hum.wav and hiss.wav, and the background, scene.wav."""
    rng = np.random.default_rng(11)
    time_s = np.arange(round(EVENT_S * RATE)) / RATE
    spectrum = np.fft.rfft(rng.standard_normal(len(time_s)))
    spectrum[np.fft.rfftfreq(len(time_s), 1 / RATE) < 3000] = 0
    hiss = np.fft.irfft(spectrum, len(time_s))
    wavs = {
        "hum": 0.3 * np.sin(2 * np.pi * 400 * time_s),
        "hiss": 0.1 * hiss / np.sqrt(np.mean(hiss**2)),
        "scene": 1e-4 * rng.standard_normal(round(SECONDS * RATE)),
    }
    for name, wave in wavs.items():
        write_audio(folder / f"{name}.wav", wave[None].astype(np.float32), sample_rate=RATE)


def scene(name: str, split: str, present: Sequence[str], *, shift_s: float = 0.0, **changes: object) -> Row:
    """A clip in which the first of `present` sounds at 0.2 s, the next at 0.8 s."""
    parts = [
        Part(source=source, path=f"{source}.wav", onset_s=0.2 + 0.6 * place + shift_s, duration_s=EVENT_S)
        for place, source in enumerate(present)
    ]
    parts.append(Part(source="scene", path="scene.wav", duration_s=SECONDS))
    row = Row(
        id=name,
        split=split,
        sample_rate=RATE,
        duration_s=SECONDS,
        parts=tuple(parts),
        labels=tuple(sorted(set(present))),
    )
    return row.model_copy(update=changes)


def write_scenes(folder: Path, *, test: int = 6, valid: int = 12, name: str = "scenes.jsonl") -> Path:
    """Writes the sounds and a manifest of clips to test and to validate on."""
    folder.mkdir(parents=True, exist_ok=True)
    sounds(folder)
    rows = [
        scene(f"{split}-{number}", split, PRESENT[number % 4], shift_s=0.01 * number)
        for split, count in (("test", test), ("valid", valid))
        for number in range(count)
    ]
    write_manifest(folder / name, rows)
    return folder / name


def write_weak(folder: Path, *, count: int = 4) -> Path:
    """Writes clips of which only the labels are known, all of them to test on."""
    folder.mkdir(parents=True, exist_ok=True)
    sounds(folder)
    from soli.data.render import render

    rows = []
    for number in range(count):
        row = scene(f"weak-{number}", "test", PRESENT[number % 4])
        write_audio(folder / f"{row.id}.wav", render(row, folder).mixture, sample_rate=RATE)
        rows.append(row.model_copy(update={"parts": (), "mixture": f"{row.id}.wav"}))
    write_manifest(folder / "weak.jsonl", rows)
    return folder / "weak.jsonl"


def model(folder: Path, name: str = "tiny") -> Path:
    """Writes a model that finds the hum below 2 kHz and the hiss above."""
    folder.mkdir(parents=True, exist_ok=True)
    return models.save(folder, models.events_model((2000,), sources=CLASSES), name)
