"""A tiny set of labelled clips: classes that any network can tell apart, over soft noise."""

from pathlib import Path

import numpy as np

from soli.data.manifest import Part, Row, write_manifest
from soli.media.audio import write_audio

RATE, SECONDS, EVENT_S = 8000, 1.5, 0.5
CLASSES = ("Hi-hat", "beep", "hum")


def event(name: str, rng: np.random.Generator) -> np.ndarray:
    """An event (T,): hum and beep are tones, the third is noise above both."""
    time_s = np.arange(round(EVENT_S * RATE)) / RATE
    if name == "Hi-hat":
        white = rng.standard_normal(len(time_s))
        return (0.3 * np.diff(white, n=4, append=white[:4]) / 8).astype(np.float32)
    pitch_hz = {"beep": 1500, "hum": 300}[name] * rng.uniform(0.95, 1.05)
    return (0.3 * np.sin(2 * np.pi * pitch_hz * time_s + rng.uniform(0, 6))).astype(np.float32)


def write_clips(root: Path, *, train: int = 24, valid: int = 15, parts: bool = True) -> Path:
    """Writes the set and its manifest clips.jsonl; without `parts` each clip is a recording with labels alone."""
    rng = np.random.default_rng(3)
    rows = []
    for index in range(train + valid):
        split = "train" if index < train else "valid"
        present = [name for k, name in enumerate(CLASSES) if (index % 7) >> k & 1]
        rows.append(_row(root, f"{split}-{index:03}", split, present, rng, parts=parts))
    path = root / "clips.jsonl"
    write_manifest(path, rows)
    return path


def _row(root: Path, name: str, split: str, present: list[str], rng: np.random.Generator, *, parts: bool) -> Row:
    """A clip in which every class of `present` sounds once."""
    samples = round(SECONDS * RATE)
    scene = (0.01 * rng.standard_normal(samples)).astype(np.float32)
    sounds = {"scene": (0.0, scene)}
    for label in present:
        onset = int(rng.integers(samples - round(EVENT_S * RATE)))
        sounds[label] = (onset / RATE, event(label, rng))
    row = Row(id=name, split=split, sample_rate=RATE, duration_s=SECONDS, parts=(), labels=tuple(present))
    if parts:
        made = []
        for source, (onset_s, wave) in sounds.items():
            file = f"{name}-{source}.wav"
            write_audio(root / file, wave[None], sample_rate=RATE)
            made.append(Part(source=source, path=file, onset_s=onset_s, duration_s=len(wave) / RATE))
        return row.model_copy(update={"parts": tuple(made)})
    mixture = np.zeros(samples, np.float32)
    for onset_s, wave in sounds.values():
        onset = round(onset_s * RATE)
        mixture[onset : onset + len(wave)] += wave
    write_audio(root / f"{name}.wav", mixture[None], sample_rate=RATE)
    return row.model_copy(update={"mixture": f"{name}.wav"})
