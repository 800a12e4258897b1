"""What soli promises of every model, tried on one: each promise is a check with a figure."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from soli.dsp.levels import difference_db, peak_db, rms_db
from soli.errors import SoliError
from soli.separation.chunks import Chunked
from soli.separation.meters import ABSENT_DB
from soli.separation.model import Model
from soli.separation.orders import continued
from soli.separation.stream import StreamSeparator
from soli.types import Array

_SEED = 2
_SHORT_CHUNK_S = 0.5


@dataclass(frozen=True)
class Check:
    """One promise: `value` in `unit`, and `limit`, which it must not exceed."""

    name: str
    value: float
    limit: float
    unit: str
    detail: str

    @property
    def passed(self) -> bool:
        return self.value <= self.limit


def selftest(model: Model) -> list[Check]:
    """Runs every check on a model.

    Most of the work is in `chunks`, which takes two chunks and some apart twice, and in `chunk_batch`, which does four
    short chunks with all of their context twice.

    A check that one of soli's own errors interrupts has the value +inf and the error as its detail.
    """
    return [result for check in CHECKS for result in _guarded(check, model)]


def chunks(model: Model) -> Iterator[Check]:
    """How far the network's estimates change when the recording is cut into chunks: over all of it, and at seams."""
    rate, chunker = model.sample_rate, Chunked(model.network)
    # Long enough for a second seam: the chunk before it is not the last.
    duration_s = (2 * chunker.core + model.network.context.future) / rate + 1
    mixture = probe_signal(rate, duration_s=duration_s)
    whole, chunked = model.network.separate(mixture), chunker.separate(mixture)
    if model.info.interchangeable:  # without windows nothing but its first chunk decides which source comes first
        chunked = chunked[continued(whole, chunked)]
    detail = f"chunks of {chunker.core / rate:.4g} s, error re estimates"
    yield _decibels("chunked against whole", difference_db(whole, chunked), -60, detail)
    half = rate // 20
    near = [slice(max(0, seam - half), seam + half) for seam in (chunker.core, 2 * chunker.core)]
    worst = max(rms_db(chunked[..., part] - whole[..., part]) for part in near) - rms_db(mixture)
    yield _decibels("seams", worst, -60, "the worst 100 ms around a seam, error re mixture")


def silence(model: Model) -> Iterator[Check]:
    """A silent channel, which soli keeps from the network, is silent to the last bit; so nearly is a silent stretch.

    The stretch does go through the network, with the sound on both sides of it, and is looked at half a second inside.
    """
    rate = model.sample_rate
    mixture = probe_signal(rate, duration_s=2, channels=2)
    mixture[1] = 0
    detail = "peak of the stems of a silent channel beside a sounding one"
    yield _decibels("silence", peak_db(model.separate(mixture)[:, 1]), -np.inf, detail)
    mixture = probe_signal(rate, duration_s=6)
    mixture[:, 2 * rate : 4 * rate] = 0
    inside = model.network.separate(mixture)[..., 5 * rate // 2 : 7 * rate // 2]
    yield _decibels(
        "silent stretch", peak_db(inside), ABSENT_DB, "dBFS, peak of the estimates within two silent seconds"
    )


def null_test(model: Model) -> Iterator[Check]:
    """How well the stems sum to the mixture, at another rate than the model's and in two channels."""
    rate = 44100 if model.sample_rate != 44100 else 48000
    mixture = probe_signal(rate, duration_s=5, channels=2)
    stems = _streamed(model, mixture, rate)
    if stems.shape[1:] != mixture.shape:
        yield _decibels("null test", np.inf, -100, f"stems of shape {stems.shape[1:]} for a mixture of {mixture.shape}")
        return
    yield _decibels("null test", difference_db(mixture, stems.sum(axis=0)), -100, f"stereo at {rate} Hz")


def exact_length(model: Model) -> Iterator[Check]:
    """Samples too many or too few, for recordings from one sample on: of the network itself, and of soli's stems.

    Of the estimates resampling may take or add `StreamSeparator.slack` samples before soli cuts and fills.
    """
    own = model.sample_rate
    wrong = sum(abs(model.network.separate(each).shape[-1] - each.shape[-1]) for each in _short_ones(own))
    yield Check("exact length", wrong, 0, "samples", "the network's own estimates of 1 to some thousand samples")
    wrong = 0
    for rate in (8000, 44100, own):
        streamer = StreamSeparator(model.residual, sample_rate=rate)
        for mixture in _short_ones(rate):
            length = mixture.shape[-1]
            estimated = sum(part.shape[-1] for part in streamer.estimates(iter([mixture])))
            wrong += max(0, abs(estimated - length) - streamer.slack)
            wrong += abs(_streamed(model, mixture, rate).shape[-1] - length)
    yield Check("length at any rate", wrong, 0, "samples", "estimates and stems at three rates")


def determinism(model: Model) -> Iterator[Check]:
    """Two runs give the same bits."""
    mixture = probe_signal(model.sample_rate, duration_s=3)
    first, second = model.separate(mixture), model.separate(mixture)
    yield Check("determinism", int(np.count_nonzero(first != second)), 0, "samples", "that differ between two runs")


def chunk_batch(model: Model) -> Iterator[Check]:
    """Two chunks at a time give what single chunks give; fails too where a call could hold several and none did.

    Only windows of one length go together: those with all of their context, of which the probe has room for two. Chunks
    of interchangeable sources go one by one, and have no such check.
    """
    if model.info.interchangeable:
        return
    calls: list[tuple[int, int]] = []
    watched = model.network.watched(lambda items, length: calls.append((items, length)))
    single, batched = (Chunked(watched, chunk_s=_SHORT_CHUNK_S, batch=batch) for batch in (1, 2))
    core, context = single.core, model.network.context
    before = -(-context.past // core) * core  # chunks with less past than the context
    mixture = probe_signal(model.sample_rate, duration_s=(before + 3 * core + context.future) / model.sample_rate)
    one_by_one = single.separate(mixture)
    calls.clear()
    error = difference_db(one_by_one, batched.separate(mixture))
    most, longest = max(items for items, _ in calls), max(length for _, length in calls)
    if most > 1:
        detail = f"up to {most} items in a call"
    else:
        detail = f"a call on this {model.device} never holds more than one"
        if model.network.items_at_once(longest) > 1:
            error = np.inf  # it could have held more, and nothing was tried
    yield _decibels("chunk batch", error, -100, detail)


def threads(model: Model) -> Iterator[Check]:
    """Calls at the same time give what calls one after the other give."""
    mixtures = [probe_signal(model.sample_rate, duration_s=2, seed=seed) for seed in range(4)]
    alone = [model.separate(mixture) for mixture in mixtures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model.separate, mixtures))
    wrong = sum(int(np.count_nonzero(a != b)) for a, b in zip(alone, together, strict=True))
    yield Check("threads", wrong, 0, "samples", "that differ when four threads share the model")


def extremes(model: Model) -> Iterator[Check]:
    """Signals at the edge of what a recording can be give finite numbers."""
    length = 2 * model.sample_rate
    square = np.sign(np.sin(np.arange(length) * 0.05, dtype=np.float32) + np.float32(1e-6))
    impulse = np.zeros(length, np.float32)
    impulse[length // 2] = 1
    cases = {"DC": np.ones(length), "full-scale square": square, "impulse": impulse, "-120 dBFS noise": square * 1e-6}
    bad = [
        name for name, signal in cases.items() if not np.isfinite(model.separate(signal[None].astype(np.float32))).all()
    ]
    yield Check("extremes", len(bad), 0, "signals", f"without finite stems: {', '.join(bad) or 'none'}")


CHECKS: tuple[Callable[[Model], Iterator[Check]], ...] = (
    chunks,
    silence,
    null_test,
    exact_length,
    determinism,
    chunk_batch,
    threads,
    extremes,
)


def probe_signal(sample_rate: int, *, duration_s: float, channels: int = 1, seed: int = _SEED) -> Array:
    """A test mixture (C, T): syllables of a gliding harmonic tone, in noise that rises and falls, about -20 dBFS.

    Every few seconds its level steps by 30 dB, and now and then there is digital silence: recordings have both, and
    recurrent layers remember them for longer than they remember steady sound.
    """
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    pitch_hz = 140 + 40 * np.sin(2 * np.pi * 0.7 * time_s + seed)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / sample_rate
    syllables = np.clip(np.sin(2 * np.pi * 2.3 * time_s + seed), 0, None)
    partials = [n for n in range(1, 13) if n * 180 < sample_rate / 2]
    voice = 0.2 * syllables * sum(np.sin(n * phase) / n for n in partials)
    swell = 0.03 * (1.2 + np.sin(2 * np.pi * 0.31 * time_s))
    noise = swell * rng.standard_normal((channels, len(time_s)))
    level = np.where(np.sin(2 * np.pi * time_s / 7.1 + 2) > -0.4, 1.0, 0.03)
    level[np.sin(2 * np.pi * time_s / 4.3 + seed) > 0.97] = 0
    mixture: Array = (level * (voice + noise)).astype(np.float32)
    return mixture


def _short_ones(sample_rate: int) -> list[Array]:
    """Mixtures (1, T) from one sample to half a second."""
    probe = probe_signal(sample_rate, duration_s=1)
    return [probe[:, :length] for length in (1, 2, 777, sample_rate // 2 + 1)]


def _streamed(model: Model, mixture: Array, sample_rate: int) -> Array:
    streamer = StreamSeparator(model.residual, sample_rate=sample_rate)
    return np.concatenate(list(streamer.stream([mixture])), axis=-1)


def _decibels(name: str, value: float, limit: float, detail: str) -> Check:
    return Check(name, value, limit, "dB", detail)


def _guarded(check: Callable[[Model], Iterator[Check]], model: Model) -> list[Check]:
    found: list[Check] = []
    try:
        found.extend(check(model))
    except SoliError as error:
        found.append(Check(check.__name__.replace("_", " "), np.inf, 0, "", str(error)))
    return found
