"""Sounds and videos made on the spot, and the measures that their copies are held to."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from soli.types import Array


def music(channels: int, frames: int, sample_rate: int, seed: int = 0) -> Array:
    """Tones under a moving envelope with a little low noise (C, T): what lossy codecs are made for."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / sample_rate
    out = np.zeros((channels, frames))
    for channel in out:
        for hz in rng.uniform(80, 2500, 12):
            swell = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.5, 4) * t + rng.uniform(0, 6))
            channel += 0.03 * swell * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6))
    spectrum = np.fft.rfft(rng.standard_normal((channels, frames)), axis=1)
    spectrum[:, np.fft.rfftfreq(frames, 1 / sample_rate) > 1500] = 0
    return (out + 0.02 * np.fft.irfft(spectrum, frames, axis=1)).astype(np.float32)


def lag(reference: Array, estimate: Array) -> int:
    """By how many samples `estimate` (T,) comes later than `reference` (T,): the peak of their cross-correlation."""
    size = len(reference) + len(estimate)
    product = np.fft.rfft(estimate, size) * np.conj(np.fft.rfft(reference, size))
    peak = int(np.argmax(np.fft.irfft(product, size)))
    return peak if peak < size // 2 else peak - size


def snr_db(reference: Array, estimate: Array) -> float:
    error = reference.astype(np.float64) - estimate
    return float(10 * np.log10(np.sum(reference.astype(np.float64) ** 2) / np.sum(error**2)))


LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def write_video(
    path: Path,
    samples: Array | None,
    *,
    sample_rate: int = 48000,
    picture: str | None = "mpeg4",
    sound: str = "aac",
    start_s: float = 0.0,
) -> Path:
    """A video with a little moving picture at 25 frames a second, and its sound (C, T) from `start_s` on."""
    with av.open(str(path), "w") as container:
        video = None if picture is None else container.add_stream(picture, rate=25)
        track = None if samples is None else container.add_stream(sound, rate=sample_rate)
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if track is not None:
            track.codec_context.layout = LAYOUTS[len(samples)]
            track.codec_context.bit_rate = 192_000
        container.start_encoding()
        if video is not None:
            _encode_picture(container, video)
        if track is not None:
            _encode_sound(container, track, samples, round(start_s * sample_rate))
    return path


def _encode_picture(container: Any, video: Any) -> None:
    for index in range(75):
        frame = av.VideoFrame.from_ndarray(np.full((72, 64), index, np.uint8), format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, 25)
        container.mux(video.encode(frame))
    container.mux(video.encode(None))


def _encode_sound(container: Any, track: Any, samples: Array, start: int) -> None:
    rate, layout = track.codec_context.sample_rate, LAYOUTS[len(samples)]
    convert = av.AudioResampler(format=track.codec_context.format, layout=layout, rate=rate)
    for at in range(0, samples.shape[1], 4800):
        block = np.ascontiguousarray(samples[:, at : at + 4800])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), start + at
        for part in convert.resample(frame):
            container.mux(track.encode(part))
    for part in convert.resample(None):
        container.mux(track.encode(part))
    container.mux(track.encode(None))
