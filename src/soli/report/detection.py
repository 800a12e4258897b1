"""The picture of what was found in one recording: its waveform, its spectrum, the masks and events of its classes."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from soli.detection.detected import Detected
from soli.detection.seen import Seen
from soli.report.theme import LIGHT, drawn_in
from soli.types import Event

_WIDE = 12.0
# Decibels below the loudest that the spectrum shows.
_DEPTH_DB = 80.0
# A picture of more classes than this is too long to look at; the surest are shown.
MOST_CLASSES = 12


def write_picture(path: Path, seen: Seen, found: Detected) -> None:
    """Draws a PNG: a row for the waveform, one for the spectrum, one a present class for its mask, and the timeline."""
    classes = sorted(found.present, key=lambda label: -found.tags[label])[:MOST_CLASSES]
    heights = [1.2, 2.0, *[1.2] * len(classes), 0.5 + 0.32 * max(len(classes), 1)]
    with drawn_in(LIGHT):
        figure, rows = plt.subplots(
            len(heights),
            figsize=(_WIDE, sum(heights) + 1.2),
            sharex=True,
            height_ratios=heights,
            layout="constrained",
            squeeze=False,
        )
        axes: list[Axes] = list(rows[:, 0])
        _waveform(axes[0], seen)
        _spectrum(axes[1], seen)
        for axis, label in zip(axes[2:-1], classes, strict=True):
            _mask(axis, seen, label=label, mask=seen.masks[found.labels.index(label)], tag=found.tags[label])
        _timeline(axes[-1], classes, found.events)
        axes[-1].set_xlim(0, max(found.duration_s, 1e-3))
        axes[-1].xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 2.5, 5, 6, 10]))
        axes[-1].xaxis.set_major_formatter(FuncFormatter(_clock))
        axes[-1].set_xlabel("time (s)" if found.duration_s < 60 else "time")
        figure.savefig(path, format="png", dpi=100)
        plt.close(figure)


def _waveform(axis: Axes, seen: Seen) -> None:
    times_s = np.arange(len(seen.highest)) * seen.peak_s
    axis.fill_between(times_s, seen.lowest, seen.highest, color=LIGHT.other, linewidth=0.5, step="post")
    axis.set_ylabel("waveform")
    peak = max(float(np.abs([seen.highest, seen.lowest]).max()), 1e-6)
    axis.set_ylim(-1.05 * peak, 1.05 * peak)


def _spectrum(axis: Axes, seen: Seen) -> None:
    loudest = max(float(seen.levels.max()), 1e-9)
    levels_db = 20 * np.log10(np.maximum(seen.levels / loudest, 10 ** (-_DEPTH_DB / 20)))
    _picture(axis, levels_db, seen.frame_s, lowest=-_DEPTH_DB, highest=0.0, colours="magma")
    axis.set_ylabel("mel bands")


def _mask(axis: Axes, seen: Seen, *, label: str, mask: np.ndarray, tag: float) -> None:
    _picture(axis, mask, seen.frame_s, lowest=0.0, highest=1.0, colours="magma")
    axis.set_ylabel(label.replace("_", " "), rotation=0, ha="right", va="center")
    axis.text(0.995, 0.93, f"{tag:.2f}", transform=axis.transAxes, ha="right", va="top", color="white", fontsize=10)


def _picture(axis: Axes, values: np.ndarray, frame_s: float, *, lowest: float, highest: float, colours: str) -> None:
    bands, columns = values.shape
    # Frames are centred on multiples of the hop.
    extent = (-frame_s / 2, (columns - 0.5) * frame_s, 0, bands)
    axis.imshow(
        values,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=extent,
        cmap=colours,
        vmin=lowest,
        vmax=highest,
    )
    axis.set_yticks([])


def _timeline(axis: Axes, classes: list[str], events: tuple[Event, ...]) -> None:
    for row, label in enumerate(classes):
        spans = [(event.onset_s, event.offset_s - event.onset_s) for event in events if event.label == label]
        axis.broken_barh(spans, (row - 0.35, 0.7), color=LIGHT.best)
    axis.set_yticks(range(len(classes)), [label.replace("_", " ") for label in classes])
    axis.set_ylim(max(len(classes), 1) - 0.5, -0.5)
    if not classes:
        axis.text(0.5, 0.5, "none of the classes was found", transform=axis.transAxes, ha="center", va="center")


def _clock(value: float, position: object) -> str:
    if abs(value) < 60 and value == round(value):
        return f"{value:.0f}"
    if value < 60:
        return f"{value:g}"
    return f"{int(value) // 60}:{value % 60:04.1f}".removesuffix(".0")
