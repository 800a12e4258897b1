"""The table of network families: one row a family, read by training, export and the contract tests alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from torch import nn

from soli.errors import UsageError, near
from soli.train.keys import first_wrong, known_keys
from soli.train.networks.band_split import BandSplit, BandSplitSettings
from soli.train.networks.blstm_mask import BlstmMask, BlstmMaskSettings
from soli.train.networks.conv_tasnet import ConvTasNet, ConvTasNetSettings
from soli.train.networks.deep_clustering import DeepClustering, DeepClusteringSettings
from soli.train.networks.pitch_mask import PitchMask, PitchMaskSettings
from soli.train.networks.reach import Reach
from soli.train.networks.seq2seq import Seq2Seq, Seq2SeqSettings
from soli.train.networks.tasnet import TasNet, TasNetSettings
from soli.train.networks.unet import UNet, UNetSettings
from soli.train.networks.wave_unet import WaveUNet, WaveUNetSettings
from soli.train.networks.wave_unet import reach as wave_unet_reach
from soli.train.networks.weak_cnn import WeakCnn, WeakCnnSettings
from soli.train.networks.weak_crnn import WeakCrnn, WeakCrnnSettings
from soli.train.networks.weak_dnn import WeakDnn, WeakDnnSettings


@dataclass(frozen=True)
class Family:
    """A network and its settings: `network(settings)` builds it; `kind` says what it takes and gives.

    `reach(settings)` is there for networks of finite memory, which need no windows at use: their chunks get as much of
    their surroundings as the network looks at. The preset `paper` is what was published (a family's file says where),
    `small` is for one processor core at 8 kHz: a step of 16 items of 2 s takes it about a second at most.
    `shares_all`: the estimates of two sources or more sum to the mixture by the way they are made.
    """

    network: type[nn.Module]
    settings: type[BaseModel]
    kind: Literal["mask", "waveform", "cluster", "events", "pitched"]
    summary: str
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reach: Callable[[Any], Reach] | None = None
    shares_all: bool = False

    @property
    def used_as(self) -> Literal["mask", "waveform", "cluster", "events"]:
        """The kind of its model files: what pitched masks are drawn from is seen in training alone."""
        return "mask" if self.kind == "pitched" else self.kind

    @property
    def sees_spectra(self) -> bool:
        """Whether it takes a spectrum, and so has settings of an STFT; else a waveform."""
        return self.kind != "waveform"


# What the small mask networks look at: 32 ms windows at 8 kHz.
_SMALL = {"sample_rate": 8000, "stft": {"n_fft": 256, "hop": 128}}
# What small networks of sound events hear at 8 kHz.
_SMALL_EVENTS = {**_SMALL, "front_end": {"mel": {"bands": 32, "lowest_hz": 60.0}}}
# Kong et al. 2018: bands of the magnitude from 50 Hz to 16 kHz; and the front end of the EPFL thesis system.
_KONG = {
    "sample_rate": 32000,
    "stft": {"n_fft": 2048, "hop": 1024, "window": "hamming"},
    "front_end": {"mel": {"bands": 64, "lowest_hz": 50.0, "highest_hz": 16000.0}},
}
_THESIS = {
    "sample_rate": 16000,
    "stft": {"n_fft": 1024, "hop": 512, "window": "hamming"},
    "front_end": {"mel": {"bands": 64, "lowest_hz": 0.0, "highest_hz": 8000.0}},
}
# The best network of the Conv-TasNet paper's table II.
_CONV_TASNET = {"filters": 512, "length": 16, "bottleneck": 128, "hidden": 512, "skip": 128, "blocks": 8, "repeats": 3}


FAMILIES: Mapping[str, Family] = {
    "blstm_mask": Family(
        BlstmMask,
        BlstmMaskSettings,
        kind="mask",
        summary="decibels, batch norm, bidirectional LSTM stack, sigmoid mask",
        presets={
            "paper": {"hidden": 200, "layers": 2, "dropout": 0.2},
            "small": {**_SMALL, "hidden": 96, "layers": 2},
        },
    ),
    "band_split": Family(
        BandSplit,
        BandSplitSettings,
        kind="mask",
        summary="bands of the spectrum, recurrent over time and over bands, real or complex mask",
        presets={
            "paper": {
                "stft": {"n_fft": 2048, "hop": 512},
                "sample_rate": 44100,
                "bands": 41,
                "bands_hz": ((10, 100), (12, 250), (8, 500), (8, 1000), (2, 2000)),
                "time_groups": 41,
                "features": 128,
                "blocks": 12,
                "time_hidden": 256,
                "band_hidden": 256,
                "decoder_hidden": 512,
                "decoder": "gated",
                "mask": "complex",
            },
            "small": {**_SMALL, "bands": 24, "features": 12, "blocks": 1, "time_hidden": 64, "band_hidden": 8},
        },
    ),
    "unet": Family(
        UNet,
        UNetSettings,
        kind="mask",
        summary="a picture of log magnitudes, convolutions down and up with skips, sigmoid mask",
        presets={
            "paper": {"stft": {"n_fft": 1024, "hop": 512}, "sample_rate": 8192, "channels": 16, "levels": 6},
            "small": {**_SMALL, "channels": 8, "levels": 5, "dropout": 0.0},
        },
    ),
    "pitch_mask": Family(
        PitchMask,
        PitchMaskSettings,
        kind="pitched",
        summary="pitches on logarithmic frequency by a BLSTM, masks drawn from their partials, that share bins",
        presets={
            "small": {
                "sample_rate": 8000,
                "stft": {"n_fft": 512, "hop": 128},
                "lowest_hz": 80.0,
                "highest_pitch_hz": 500.0,
                "per_octave": 24,
                "channels": 8,
                "hidden": 64,
                "layers": 1,
                "drawing_channels": 8,
            },
        },
        shares_all=True,
    ),
    "seq2seq": Family(
        Seq2Seq,
        Seq2SeqSettings,
        kind="mask",
        summary="bidirectional LSTM encoder, LSTM decoder with attention over all frames, sigmoid mask",
        presets={
            "paper": {"hidden": 1000, "layers": 4, "dropout": 0.2},
            "small": {**_SMALL, "hidden": 192, "layers": 1, "dropout": 0.0},
        },
    ),
    "tasnet": Family(
        TasNet,
        TasNetSettings,
        kind="waveform",
        summary="5 ms segments, gated encoder, LSTM stack, masks on the encoder's weights",
        presets={
            "paper": {"segment": 40, "filters": 500, "hidden": 500, "layers": 4},
            "small": {"filters": 128, "hidden": 128, "layers": 2, "loudness": True, "start": "filterbank"},
        },
    ),
    "conv_tasnet": Family(
        ConvTasNet,
        ConvTasNetSettings,
        kind="waveform",
        summary="learnt frames of a few ms, dilated depth-wise convolutions, masks on the frames' weights",
        presets={
            "paper": _CONV_TASNET,
            "paper_causal": {**_CONV_TASNET, "norm": "cumulative", "causal": True},
            "small": {
                "filters": 192,
                "length": 64,
                "bottleneck": 64,
                "hidden": 128,
                "skip": 64,
                "blocks": 6,
                "repeats": 2,
                "start": "filterbank",
            },
        },
    ),
    "wave_unet": Family(
        WaveUNet,
        WaveUNetSettings,
        kind="waveform",
        summary="convolutions on the waveform, decimated down and interpolated up, with skips and context",
        presets={
            "paper": {"sample_rate": 22050, "levels": 12, "channels": 24, "down_kernel": 15, "up_kernel": 5},
            "small": {"sample_rate": 8000, "levels": 8, "channels": 8},
        },
        reach=wave_unet_reach,
    ),
    "deep_clustering": Family(
        DeepClustering,
        DeepClusteringSettings,
        kind="cluster",
        summary="an embedding of every bin by a bidirectional LSTM stack, sources by k-means",
        presets={
            "paper": {"stft": {"n_fft": 256, "hop": 64}, "hidden": 300, "layers": 4, "dimensions": 40},
            "small": {"stft": {"n_fft": 256, "hop": 128}, "hidden": 128, "layers": 2, "dimensions": 20},
        },
        shares_all=True,
    ),
    "weak_cnn": Family(
        WeakCnn,
        WeakCnnSettings,
        kind="events",
        summary="mel bands, blocks of convolutions, a mask a class at full resolution, tags pooled from the masks",
        presets={
            "paper": _KONG,
            "thesis": {
                **_THESIS,
                "channels": (64, 64),
                "convolutions": 1,
                "kernel": 5,
                "last_kernel": 5,
                "activation": "leaky_relu",
                "pooling": {"kind": "gwrp", "r": 0.999},
            },
            "small": {**_SMALL_EVENTS, "channels": (16, 32), "pooling": {"kind": "gwrp", "r": 0.998}},
        },
    ),
    "weak_dnn": Family(
        WeakDnn,
        WeakDnnSettings,
        kind="events",
        summary="mel bands, a fully connected network frame by frame, tags pooled over frames",
        presets={"paper": _KONG, "small": {**_SMALL_EVENTS, "hidden": 64, "layers": 2, "dropout": 0.0}},
    ),
    "weak_crnn": Family(
        WeakCrnn,
        WeakCrnnSettings,
        kind="events",
        summary="mel bands, convolutions that halve them, a GRU over frames, masks as products of the two",
        presets={
            "full": _KONG,
            "small": {
                **_SMALL_EVENTS,
                "channels": (8, 16, 24),
                "mask_level": 1,
                "hidden": 32,
                "dimensions": 16,
                "pooling": {"kind": "gwrp", "r": 0.998},
            },
        },
    ),
}


def family(name: str) -> Family:
    """The family called `name`; UsageError with near names when there is none."""
    if name not in FAMILIES:
        raise UsageError(f'no network family is called "{name}"', do=near(name, list(FAMILIES)))
    return FAMILIES[name]


def read_settings(name: str, given: Mapping[str, Any]) -> BaseModel:
    """Checks a recipe's network settings; UsageError names the first key that is unknown or wrong."""
    row = family(name)
    try:
        return row.settings.model_validate(dict(given))
    except ValidationError as error:
        first = first_wrong(error.errors())
        path = [str(part) for part in first["loc"]]
        key = ".".join(["network", *path])
        if first["type"] == "extra_forbidden":
            known = known_keys(row.settings, path)
            raise UsageError(f'{name} has no setting "{key}"', do=near(path[-1], known)) from error
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{key}: {reason}", wanted=f"settings of {name}") from error
