"""The pictures of sound events: scores a class; of a clip its masks, when each class sounds, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from soli.dsp.frames import FrameGrid
from soli.dsp.stft import stft
from soli.evaluation.events_scores import CELLS, EVENTS, FRAMES, SEPARATION, TAGGING, TITLES, Section
from soli.evaluation.events_view import Shown
from soli.metrics.sed import frame_truth
from soli.report.plots import DPI
from soli.report.theme import LIGHT, Theme, drawn_in
from soli.types import Array, Event

_COLUMNS = 4
_DEPTH_DB = 80.0
_BARS = {TAGGING: "#0072b2", FRAMES: "#e69f00", EVENTS: "#d55e00", CELLS: "#009e73"}
_GAIN = "si_sdr_improvement"


def save(figure: Any, path: Path) -> None:
    """Writes a picture as PNG and forgets it."""
    with drawn_in(LIGHT):
        figure.savefig(path, dpi=DPI)
    plt.close(figure)


def by_class(sections: Mapping[str, Section], theme: Theme = LIGHT) -> Any:
    """F1 of each class, a bar a kind of scores, and below how much separation gains."""
    kinds = [kind for kind in _BARS if kind in sections]
    classes = list(sections[TAGGING].classes)
    gains = sections[SEPARATION].classes if SEPARATION in sections else None
    rows = 2 if gains else 1
    with drawn_in(theme):
        figure, panels = plt.subplots(
            rows,
            1,
            figsize=(max(7.0, 0.9 * len(classes) + 2), 3.4 * rows),
            sharex=True,
            layout="constrained",
            squeeze=False,
        )
        axes = panels[0, 0]
        places, width = np.arange(len(classes)), 0.8 / len(kinds)
        for place, kind in enumerate(kinds):
            values = [sections[kind].classes[name].get("f1") or 0.0 for name in classes]
            axes.bar(
                places + (place - (len(kinds) - 1) / 2) * width, values, width, color=_BARS[kind], label=TITLES[kind]
            )
        axes.set(ylabel="F1", ylim=(0, 1))
        axes.legend(frameon=False, fontsize=9, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
        if gains:
            values = [gains.get(name, {}).get(_GAIN) or 0.0 for name in classes]
            panels[1, 0].bar(places, values, 0.5, color=theme.other)
            panels[1, 0].axhline(0, color=theme.faint, linewidth=1)
            panels[1, 0].set(ylabel="SI-SDR improvement (dB)")
        for panel in panels[:, 0]:
            panel.grid(True, axis="y")
        panels[-1, 0].set_xticks(places, classes, rotation=40, ha="right")
    return figure


def masks(clip: Shown, theme: Theme = LIGHT) -> Any:
    """Waveform and spectrogram, then the mask of every class; those that the clip is labelled with are marked.

    Where it is known when they sound, the ideal mask of each of them stands below.
    """
    ideal = [name for name in clip.classes if clip.ideal is not None and name in clip.labels]
    columns = min(_COLUMNS, max(2, len(clip.classes)))
    count = math.ceil(len(clip.classes) / columns) + math.ceil(len(ideal) / columns)
    with drawn_in(theme):
        figure = plt.figure(figsize=(3.1 * columns, 2.4 + 2.0 * (count + 1)), layout="constrained")
        grid = figure.add_gridspec(count + 2, columns)
        _wave(figure.add_subplot(grid[0, :]), clip, theme)
        _spectrogram(figure.add_subplot(grid[1, :]), clip)
        panels = [(name, clip.masks[clip.classes.index(name)], False) for name in clip.classes]
        panels += [("", np.zeros((1, 1), np.float32), True)] * (-len(panels) % columns)
        if clip.ideal is not None:
            panels += [(name, clip.ideal[clip.classes.index(name)].astype(np.float32), True) for name in ideal]
        for place, (name, mask, is_ideal) in enumerate(panels):
            if name:
                axes = figure.add_subplot(grid[2 + place // columns, place % columns])
                _mask(axes, clip, mask, f"ideal: {name}" if is_ideal else name, theme, marked=name in clip.labels)
        figure.suptitle(f"{clip.id}: the mask of each class, those of its labels in colour")
    return figure


def rolls(clip: Shown, theme: Theme = LIGHT) -> Any:
    """When each class sounds: the truth where it is known, the probability of each frame, and the events found."""
    grid = FrameGrid(clip.sample_rate / clip.stft.hop, clip.frames.shape[1])
    panels: list[tuple[str, Array]] = [] if clip.true is None else [("truth", _active(clip.true, clip, grid))]
    panels += [("frame-wise: probability", clip.frames), ("event-wise: found", _active(clip.found, clip, grid))]
    with drawn_in(theme):
        height = len(panels) * (0.22 * len(clip.classes) + 0.7) + 0.6
        figure, axes = plt.subplots(len(panels), 1, figsize=(9, height), sharex=True, layout="constrained")
        for each, (title, values) in zip(axes, panels, strict=True):
            picture = each.imshow(
                values, aspect="auto", vmin=0, vmax=1, cmap="magma", interpolation="nearest",
                extent=(0, grid.seconds(0, grid.count)[1], len(clip.classes) - 0.5, -0.5),
            )  # fmt: skip
            each.set_yticks(range(len(clip.classes)), clip.classes, fontsize=9)
            each.set_title(f"{clip.id}, {title}", loc="left")
        axes[-1].set(xlabel="time (s)", xlim=(0, clip.duration_s))
        figure.colorbar(picture, ax=list(axes), label="probability")
    return figure


def curves(clip: Shown, theme: Theme = LIGHT) -> Any:
    """The probability of each class frame by frame over its target, a panel a class."""
    grid = FrameGrid(clip.sample_rate / clip.stft.hop, clip.frames.shape[1])
    times = np.arange(grid.count) / grid.rate_hz
    target = None if clip.true is None else _active(clip.true, clip, grid)
    with drawn_in(theme):
        figure, panels = plt.subplots(
            len(clip.classes), 1, figsize=(9, 0.75 * len(clip.classes) + 1.2), sharex=True, layout="constrained",
            squeeze=False,
        )  # fmt: skip
        for place, (axes, name) in enumerate(zip(panels[:, 0], clip.classes, strict=True)):
            if target is not None:
                axes.fill_between(times, target[place], step="mid", color=theme.faint, alpha=0.35, label="target")
            axes.plot(times, clip.frames[place], color=theme.best, linewidth=1.4, label="output")
            axes.set(ylim=(0, 1.05), yticks=(0, 1))
            axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        panels[0, 0].legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), fontsize=9)
        panels[-1, 0].set(xlabel="time (s)", xlim=(0, clip.duration_s))
        figure.suptitle(f"{clip.id}: output and target, frame by frame")
    return figure


def _active(events: Sequence[Event], clip: Shown, grid: FrameGrid) -> Array:
    found: Array = frame_truth(events, classes=clip.classes, grid=grid).astype(np.float32)
    return found


def _wave(axes: Axes, clip: Shown, theme: Theme) -> None:
    step = max(1, len(clip.mixture) // 1600)
    pieces = clip.mixture[: len(clip.mixture) // step * step].reshape(-1, step)
    times = np.arange(len(pieces)) * step / clip.sample_rate
    axes.fill_between(times, pieces.min(axis=1), pieces.max(axis=1), color=theme.other, linewidth=0)
    axes.set(xlim=(0, clip.duration_s), ylabel="waveform", xticklabels=[])


def _spectrogram(axes: Axes, clip: Shown) -> None:
    level = 20 * np.log10(np.abs(stft(clip.mixture, clip.stft)) + 1e-10)
    top = float(level.max())
    axes.imshow(
        level, origin="lower", aspect="auto", cmap="magma", vmin=top - _DEPTH_DB, vmax=top,
        extent=(0, _length_s(clip), 0, clip.sample_rate / 2000),
    )  # fmt: skip
    axes.set(xlim=(0, clip.duration_s), ylabel="frequency (kHz)")


def _mask(axes: Axes, clip: Shown, mask: Array, title: str, theme: Theme, *, marked: bool) -> None:
    axes.imshow(
        mask, origin="lower", aspect="auto", vmin=0, vmax=1, cmap="magma", interpolation="nearest",
        extent=(0, _length_s(clip), 0, len(mask)),
    )  # fmt: skip
    look: dict[str, Any] = {"fontweight": "bold", "color": theme.best} if marked else {}
    axes.set_title(title, loc="left", fontsize=10, **look)
    axes.set(xlim=(0, clip.duration_s), xlabel="time (s)", ylabel="mel band")
    axes.label_outer()


def _length_s(clip: Shown) -> float:
    return float(clip.masks.shape[-1] * clip.stft.hop / clip.sample_rate)
