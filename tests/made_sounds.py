"""Sounds for tests, and a library of them: levels, bands and pauses are known because they were put there."""

from pathlib import Path

import numpy as np

from soli.data.corpora.clean import clean
from soli.data.library import LIBRARY_NAME, Kind, Sound, Split, write_library
from soli.media.audio import write_audio
from soli.media.hashing import sha256_file
from soli.types import Array


def tone(frequency_hz: float, duration_s: float, sample_rate: int, *, amplitude: float = 0.5) -> Array:
    time = np.arange(round(duration_s * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time)).astype(np.float32)


def noise(duration_s: float, sample_rate: int, *, seed: int, amplitude: float = 0.1) -> Array:
    samples = np.random.default_rng(seed).standard_normal(round(duration_s * sample_rate), dtype=np.float32)
    return amplitude * samples


def syllables(duration_s: float, sample_rate: int, *, pitch_hz: float, seed: int, floor: float = 1e-4) -> Array:
    """Something with the rhythm of speech: harmonics of a pitch, louder and softer four times a second."""
    rng = np.random.default_rng(seed)
    frames = round(duration_s * sample_rate)
    numbers = np.arange(1, int(min(20000, 0.45 * sample_rate) / pitch_hz))
    spectrum = np.zeros(frames // 2 + 1, np.complex64)
    bins = np.round(numbers * pitch_hz * frames / sample_rate).astype(int)
    spectrum[bins] = np.exp(2j * np.pi * rng.random(len(numbers))) / numbers
    envelope = np.maximum(0.0, np.sin(8 * np.pi * np.arange(frames) / sample_rate)) ** 2
    voice = 0.1 * frames * np.fft.irfft(spectrum, frames) * envelope
    return (voice + floor * rng.standard_normal(frames)).astype(np.float32)


def put(root: Path, name: str, samples: Array, sample_rate: int, *, kind: Kind, split: Split, **fields: str) -> Sound:
    """Cleans one sound, writes it into a library's folder and returns its line."""
    cleaned = clean(samples[None], sample_rate, trim=False)
    path = root / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, cleaned.samples[None], sample_rate=sample_rate, subtype="pcm16")
    given = {"package": "made", "class": kind, "group": name, "licence": "CC0-1.0", "origin": f"made:{name}"} | fields
    return Sound(
        kind=kind,
        path=f"{kind}/{name}",
        sha256=sha256_file(path),
        sample_rate=sample_rate,
        frames=len(cleaned.samples),
        bandwidth_hz=cleaned.bandwidth_hz,
        level_rms_dbfs=cleaned.level_rms_dbfs,
        active=cleaned.active,
        floor_db=cleaned.floor_db,
        gain_db=cleaned.gain_db,
        split=split,
        **given,
    )


def tiny_library(root: Path) -> list[Sound]:
    """Six training speakers and one of each other split, two long and one short noise a split."""
    sounds = []
    speakers = [("train", f"l{number}", 90 + 20 * number) for number in range(6)]
    for split, language, pitch in [*speakers, ("valid", "da", 210), ("test", "el", 230)]:
        for take in range(3):
            rate = (44100, 16000)[take % 2]
            clip = syllables(0.7 + 0.4 * take, rate, pitch_hz=pitch, seed=pitch + take)
            fields = {"language": language, "speaker": f"{language}-one"}
            sounds.append(put(root, f"{language}/{take}.wav", clip, rate, kind="speech", split=split, **fields))
    for number, split in enumerate(("train", "valid", "test")):
        rain = noise(9.0, 22050, seed=number)
        hiss = noise(2.5, 44100, seed=10 + number)
        knock = noise(0.3, 48000, seed=20 + number) * np.exp(-np.arange(14400) / 2000).astype(np.float32)
        for name, samples, rate in (("rain", rain, 22050), ("hiss", hiss, 44100), ("knock", knock, 48000)):
            fields = {"class": name, "group": f"{split}-{name}"}
            sounds.append(put(root, f"{split}/{name}.wav", samples, rate, kind="noise", split=split, **fields))
    write_library(root / LIBRARY_NAME, sounds)
    return sounds
