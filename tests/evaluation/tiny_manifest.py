"""A tiny manifest of low voices and high noises: a 2 kHz low-pass model takes them apart, so scores are foreseeable."""

from pathlib import Path

import numpy as np
import soundfile

from soli.data.manifest import Part, Row, write_manifest

RATE = 16000


def band(seed: int, low_hz: float, high_hz: float, seconds: float = 3.0) -> np.ndarray:
    """Noise between two frequencies, at an RMS of 0.1."""
    total = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(total))
    hz = np.fft.rfftfreq(total, 1 / RATE)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    signal = np.fft.irfft(spectrum, total)
    return 0.1 * signal / np.sqrt(np.mean(signal**2))


def part(source: str, path: str, gain_db: float = 0.0) -> Part:
    return Part(source=source, path=path, duration_s=1.5, start_s=0.5, gain_db=gain_db)


def row(name: str, parts: list[Part], **meta: object) -> Row:
    return Row(
        id=name,
        split="test",
        sample_rate=RATE,
        duration_s=1.5,
        sources=("voice", "noise"),
        parts=tuple(parts),
        meta=dict(meta),
    )


def make(folder: Path, *, count: int = 6) -> Path:
    """Writes the sounds and a manifest: `count` mixtures at 0 and 10 dB, one clean voice, one noise alone."""
    for name, seed, low, high in (("low.wav", 1, 100, 1500), ("high.wav", 2, 2500, 7000)):
        soundfile.write(folder / name, band(seed, low, high), RATE, subtype="FLOAT")
    rows = [
        row(f"mix-{i}", [part("voice", "low.wav"), part("noise", "high.wav", -10.0 * (i % 2))], snr_db=10 * (i % 2))
        for i in range(count)
    ]
    rows.append(row("clean", [part("voice", "low.wav")]))
    rows.append(row("empty", [part("noise", "high.wav")]))
    path = folder / "test.jsonl"
    write_manifest(path, rows)
    return path
