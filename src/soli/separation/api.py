"""The Python face of separation: what `soli.separate`, `soli.load` and `soli.stream` are."""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from soli.errors import InputError, UsageError
from soli.media.audio import open_audio
from soli.separation.model import Model, check_channels, check_not_empty
from soli.separation.residual import check_stems
from soli.separation.stream import StreamSeparator
from soli.separation.zoo import load
from soli.types import MAX_RATE, MIN_RATE, Array

__all__ = ["load", "separate", "stream"]


def separate(
    source: str | os.PathLike[str] | bytes | BinaryIO | NDArray[Any],
    *,
    sample_rate: int | None = None,
    model: str | os.PathLike[str] = "voice",
    stems: Sequence[str] | None = None,
    threads: int | None = None,
    device: str = "auto",
) -> dict[str, Array]:
    """The stems of a recording, by name, at its own rate, channel count and length; together they are the recording.

    Args:
        source: a path, a file's bytes, a binary file object, or samples (T,) or (C, T) as floats with full scale 1.
        sample_rate: of the samples in Hz; files know their own.
        model, threads, device: as for `load`.
        stems: which stems to return; without it all of them.

    Returns:
        Stem name -> float32 (C, T); (T,) where the samples were given as (T,). Nothing is scaled or clipped.

    Raises:
        InputError: the source cannot be read as sound, is empty, or has NaN or infinite samples.
        UsageError: an unknown stem, a source of another type, or a rate missing or not wanted; and what `load` raises.
    """
    loaded = load(model, threads=threads, device=device)
    chosen = _chosen(stems, loaded.sources)
    if isinstance(source, np.ndarray):
        samples, rate = _as_samples(source), _checked_rate(sample_rate)
        check_not_empty(samples)
        whole = _whole(loaded, [np.atleast_2d(samples)], rate, chosen)
        return {name: stem.reshape(samples.shape) for name, stem in whole.items()}
    if not (isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(source, "read")):
        raise _no_array(source, wanted="a numpy array, a path, bytes or a binary file object")
    if sample_rate is not None:
        raise UsageError("sample_rate was given with a file", wanted="it for samples only", do="leave it out")
    with open_audio(source) as reader:
        return _whole(loaded, reader.blocks(), reader.info.sample_rate, chosen)


def stream(
    blocks: Iterable[NDArray[Any]],
    *,
    sample_rate: int | None = None,
    model: str | os.PathLike[str] = "voice",
    stems: Sequence[str] | None = None,
    chunk_s: float | None = None,
    threads: int | None = None,
    device: str = "auto",
) -> Iterator[dict[str, Array]]:
    """Separates a stream in constant memory: blocks (T,) or (C, T) of any lengths in, blocks of stems by name out.

    The blocks that come out have lengths of their own, about `chunk_s` (by default the model's) behind the input; in
    all they are exactly as long as it. `sample_rate` must be given. For the other arguments and the errors see
    `separate`; errors of the call itself are raised at once, not at the first block.
    """
    _check_blocks(blocks)
    loaded = load(model, threads=threads, device=device)
    chosen = _chosen(stems, loaded.sources)
    streamer = StreamSeparator(loaded.residual, sample_rate=_checked_rate(sample_rate), chunk_s=chunk_s)
    return _streamed(streamer, blocks, chosen)


def _streamed(
    streamer: StreamSeparator, blocks: Iterable[NDArray[Any]], chosen: tuple[str, ...]
) -> Iterator[dict[str, Array]]:
    flat = False

    def checked() -> Iterator[Array]:
        nonlocal flat
        for block in blocks:
            samples = _as_samples(block)
            flat = samples.ndim == 1
            yield np.atleast_2d(samples).copy()  # callers may record into one buffer again and again

    for stems in _picked(streamer.stream(checked()), streamer.sources, chosen):
        yield {name: stem[0] if flat else stem for name, stem in stems.items()}


def _picked(blocks: Iterator[Array], sources: tuple[str, ...], chosen: tuple[str, ...]) -> Iterator[dict[str, Array]]:
    """The chosen stems of each block (S, C, T), copied where others are let go."""
    for block in blocks:
        if len(chosen) == len(sources):
            yield dict(zip(sources, block, strict=True))
        else:
            yield {name: block[sources.index(name)].copy() for name in chosen}


def _whole(model: Model, blocks: Iterable[Array], rate: int, chosen: tuple[str, ...]) -> dict[str, Array]:
    """The chosen stems (C, T) of all blocks; parts lose what is joined, so that memory holds each stem about once."""
    streamer = StreamSeparator(model.residual, sample_rate=rate)
    parts = list(_picked(streamer.stream(blocks), model.sources, chosen))
    return {name: np.concatenate([part.pop(name) for part in parts], axis=-1) for name in chosen}


def _chosen(stems: object, sources: tuple[str, ...]) -> tuple[str, ...]:
    if stems is None:
        return sources
    if isinstance(stems, str):
        raise UsageError(f"stems={stems!r}", wanted="a list of names", do=f"write stems=[{stems!r}]")
    if not isinstance(stems, Collection) or not stems or not all(isinstance(name, str) for name in stems):
        raise UsageError(f"stems={stems!r}", wanted="a list of names", do="leave it out for all stems")
    names = tuple(dict.fromkeys(stems))
    check_stems(names, sources)
    return names


def _checked_rate(sample_rate: object) -> int:
    if sample_rate is None:
        raise UsageError("samples without their rate", wanted="sample_rate in Hz", do="pass sample_rate=...")
    wanted = f"a whole number from {MIN_RATE} to {MAX_RATE}"
    if not isinstance(sample_rate, (int, float, np.integer, np.floating)):
        raise UsageError(f"sample_rate={sample_rate!r}", wanted=wanted)
    if not MIN_RATE <= sample_rate <= MAX_RATE or int(sample_rate) != sample_rate:
        raise UsageError(f"a sample rate of {sample_rate} Hz", wanted=wanted)
    return int(sample_rate)


def _check_blocks(blocks: object) -> None:
    """Raises UsageError for what would give other blocks than meant, or none: a path, one array, no iterable."""
    if isinstance(blocks, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(blocks, "read"):
        raise UsageError(
            f"{type(blocks).__name__} where blocks of samples are wanted",
            wanted="numpy arrays (T,) or (C, T) one after another",
            do="give files to soli.separate, or to: soli separate",
        )
    if isinstance(blocks, np.ndarray):
        raise UsageError("one array where blocks are wanted", wanted="arrays one after another", do="write [samples]")
    if not isinstance(blocks, Iterable):
        raise _no_array(blocks, wanted="numpy arrays (T,) or (C, T) one after another")


def _no_array(found: object, *, wanted: str) -> UsageError:
    is_like_one = isinstance(found, (list, tuple)) or hasattr(found, "__array__")
    do = "make one: np.asarray(samples, np.float32)" if is_like_one else ""
    return UsageError(f"{type(found).__name__} where sound is wanted", wanted=wanted, do=do)


def _as_samples(array: object) -> Array:
    """Samples as float32, unscaled; raises what `separate` says of samples it cannot take."""
    if not isinstance(array, np.ndarray):
        raise _no_array(array, wanted="a numpy array (T,) or (C, T)")
    if not np.issubdtype(array.dtype, np.floating):
        is_whole = np.issubdtype(array.dtype, np.integer)
        raise InputError(
            f"samples of type {array.dtype}",
            wanted="floats with full scale 1",
            do="divide integers by their full scale" if is_whole else "",
        )
    if array.ndim not in (1, 2):
        raise InputError(f"samples of shape {array.shape}", wanted="(T,) or (C, T)")
    check_channels(array)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as that
        return np.asarray(array, dtype=np.float32)
