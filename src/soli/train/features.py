"""The torch twins of `soli.dsp`: the same definitions, differentiable."""

import torch
from torch import Tensor
from torch.nn import functional

from soli.dsp import stft as dsp_stft
from soli.dsp.stft import frame_count
from soli.types import StftSettings


def window(settings: StftSettings, like: Tensor) -> Tensor:
    """The analysis and synthesis window, (n_fft,), on the device of `like`."""
    return torch.tensor(dsp_stft.window(settings), device=like.device, dtype=like.dtype)


def stft(audio: Tensor, settings: StftSettings) -> Tensor:
    """Complex spectrum (..., F, N) of audio (..., T), as `soli.dsp.stft.stft` defines it."""
    *batch, length = audio.shape
    frames = frame_count(length, settings.hop)
    half = settings.n_fft // 2
    right = (frames - 1) * settings.hop + settings.n_fft - half - length
    padded = functional.pad(audio.reshape(-1, length), (half, right))
    # Frames by unfold rather than torch.stft: the latter insists on its own padding and needs one more copy.
    framed = padded.unfold(-1, settings.n_fft, settings.hop) * window(settings, audio)
    spectrum = torch.fft.rfft(framed, dim=-1).transpose(-1, -2)
    return spectrum.reshape(*batch, settings.bins, frames)


def istft(spectrum: Tensor, settings: StftSettings, length: int) -> Tensor:
    """Audio (..., T) from a complex spectrum (..., F, N): least-squares overlap-add (Griffin and Lim 1984, eq. 6)."""
    *batch, bins, frames = spectrum.shape
    flat = spectrum.reshape(-1, bins, frames).transpose(-1, -2)
    shape = window(settings, flat.real)
    pieces = torch.fft.irfft(flat, n=settings.n_fft, dim=-1) * shape
    total = (frames - 1) * settings.hop + settings.n_fft
    audio = _overlap_add(pieces, settings.hop, total)
    weight = _overlap_add((shape**2).expand(1, frames, -1), settings.hop, total)
    half = settings.n_fft // 2
    kept = slice(half, half + length)
    return (audio[:, kept] / weight[:, kept]).reshape(*batch, length)


def _overlap_add(pieces: Tensor, hop: int, total: int) -> Tensor:
    """Sums frames (B, N, n_fft) placed `hop` samples apart into (B, total)."""
    n_fft = pieces.shape[-1]
    folded = functional.fold(pieces.transpose(1, 2), (1, total), (1, n_fft), stride=(1, hop))
    return folded.reshape(pieces.shape[0], total)


def as_planes(spectrum: Tensor) -> Tensor:
    """Real and imaginary parts as planes: complex (B, F, N) to real (B, 2, F, N), what a network takes."""
    return torch.stack((spectrum.real, spectrum.imag), dim=1)


def apply_masks(masks: Tensor, spectrum: Tensor) -> Tensor:
    """Masked spectra (B, S, F, N) from masks (B, S, M, F, N), M = 1 real or 2 complex, and a spectrum (B, F, N)."""
    if masks.shape[2] == 1:
        return masks[:, :, 0] * spectrum[:, None]
    return torch.complex(masks[:, :, 0], masks[:, :, 1]) * spectrum[:, None]
