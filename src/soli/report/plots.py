"""The plots of a comparison as PNG files: quality against work, and quality by SNR."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from soli.evaluation.comparison import Comparison, Entrant, Figure
from soli.report.labels import label_points
from soli.report.theme import Theme, drawn_in

DPI = 150
COLUMNS = 3


def quality_against_work(comparison: Comparison, theme: Theme, path: Path) -> None:
    """SI-SDR improvement over multiply-accumulates a second; what has no known work is a line across."""
    with drawn_in(theme):
        drawing, axes = plt.subplots(figsize=(8, 5.2), layout="constrained")
        axes.set(
            xlabel="work: million multiply-accumulates of the network a second of audio (MMAC/s)",
            ylabel=_improvement(comparison),
        )
        axes.grid(True, which="major")
        points = [
            each for each in comparison.entrants if each.cost.macs_per_s and _gain(each, comparison).mean is not None
        ]
        lines = [
            each for each in comparison.entrants if each not in points and _gain(each, comparison).mean is not None
        ]
        _set_work_axis(axes, [each.cost.macs_per_s or 1.0 for each in points])
        for entrant in points:
            _point(axes, entrant, _gain(entrant, comparison), _colour(entrant, comparison, theme))
        for entrant in lines:
            axes.axhline(_gain(entrant, comparison).mean or 0.0, color=theme.faint, linestyle=(0, (5, 4)), linewidth=1)
        axes.margins(y=0.12)
        drawing.draw_without_rendering()
        obstacles = _line_names(axes, lines, comparison, theme) + [
            _bar_box(axes, each, _gain(each, comparison)) for each in points
        ]
        drawing.set_layout_engine("none")
        named = [(_work(each), _gain(each, comparison).mean or 0.0, each.name) for each in points]
        label_points(axes, named, obstacles=obstacles, color=theme.ink, fontsize=11)
        drawing.savefig(path, dpi=DPI)
        plt.close(drawing)


def boxes_by_snr(comparison: Comparison, theme: Theme, path: Path) -> None:
    """A panel an entrant, a box a group of SNR: quartiles, the median, whiskers to 1.5 of their distance."""
    methods = [each for each in comparison.methods if any(_gains(each, group.ids) for group in comparison.groups)]
    columns = min(COLUMNS, max(1, len(methods)))
    rows = max(1, math.ceil(len(methods) / columns))
    with drawn_in(theme):
        width = 4.2 if columns > 1 else 7.0
        drawing, grid = plt.subplots(
            rows, columns, figsize=(width * columns, 3.3 * rows + 0.3), sharey=True, layout="constrained", squeeze=False
        )
        panels = list(grid.flat)
        for axes, entrant in zip(panels, methods, strict=False):
            _box_panel(axes, entrant, comparison, theme)
        for axes in panels[len(methods) :]:
            axes.set_axis_off()
        drawing.supxlabel(f"{comparison.grouped_by} of {comparison.lead} (dB)")
        drawing.supylabel(_improvement(comparison))
        drawing.savefig(path, dpi=DPI)
        plt.close(drawing)


def _box_panel(axes: Axes, entrant: Entrant, comparison: Comparison, theme: Theme) -> None:
    colour = _colour(entrant, comparison, theme)
    line: dict[str, Any] = {"color": colour, "linewidth": 1.3}
    axes.boxplot(
        [_gains(entrant, group.ids) for group in comparison.groups],
        widths=0.6,
        patch_artist=True,
        boxprops={"edgecolor": colour, "facecolor": f"{colour}33", "linewidth": 1.3},
        whiskerprops=line,
        capprops=line,
        medianprops={"color": theme.ink, "linewidth": 1.8},
        flierprops={"marker": ".", "markersize": 5, "markerfacecolor": colour, "markeredgecolor": "none"},
    )
    labels = [group.label for group in comparison.groups]
    slanted = max(map(len, labels), default=0) * len(labels) > 30
    axes.set_xticks(
        range(1, len(labels) + 1), labels, rotation=40 if slanted else 0, ha="right" if slanted else "center"
    )
    axes.set_title(titled(entrant), color=colour, fontweight="bold", loc="left")
    axes.axhline(0, color=theme.faint, linewidth=1)
    axes.grid(True, axis="y")


def titled(entrant: Entrant) -> str:
    """The name, with the family where the name does not say it."""
    return entrant.name if entrant.family in entrant.name else f"{entrant.name} ({entrant.family})"


def _improvement(comparison: Comparison) -> str:
    return f"SI-SDR improvement of {comparison.lead} (dB)"


def _gain(entrant: Entrant, comparison: Comparison) -> Figure:
    return entrant.quality[comparison.lead].improvements["si_sdr"]


def _work(entrant: Entrant) -> float:
    return (entrant.cost.macs_per_s or 0.0) / 1e6


def _gains(entrant: Entrant, ids: Sequence[str]) -> list[float]:
    """Those of the items, silent estimates as what they count as."""
    return [entrant.items[item] for item in ids if item in entrant.items]


def _colour(entrant: Entrant, comparison: Comparison, theme: Theme) -> str:
    return theme.best if entrant.name == comparison.best else theme.other


def _set_work_axis(axes: Axes, macs: Sequence[float]) -> None:
    """Logarithmic, with numbers that are written out, and room for names at both ends."""
    low, high = (min(macs, default=1e6) / 1e6, max(macs, default=1e8) / 1e6)
    axes.set_xscale("log")
    axes.set_xlim(low / 2.5, high * 2.5)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 30 else (1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _point(axes: Axes, entrant: Entrant, gain: Figure, colour: str) -> None:
    low, mean, high = _span(gain)
    ends = [[mean - low], [high - mean]]
    axes.errorbar([_work(entrant)], [mean], yerr=ends, fmt="o", markersize=8, color=colour, capsize=4, linewidth=1.8)


def _span(gain: Figure) -> tuple[float, float, float]:
    """Lower end, mean, upper end; all the mean where there is no interval. Only of figures that have a mean."""
    assert gain.mean is not None, "points without a mean are not drawn"
    return (
        gain.mean if gain.low is None else gain.low,
        gain.mean,
        gain.mean if gain.high is None else gain.high,
    )


def _bar_box(axes: Axes, entrant: Entrant, gain: Figure) -> Bbox:
    """Where the point and its interval are drawn, in display coordinates."""
    low, _, high = _span(gain)
    corners = axes.transData.transform([(_work(entrant), low), (_work(entrant), high)])
    return Bbox([corners[0] - 6, corners[1] + 6])


def _line_names(axes: Axes, lines: Sequence[Entrant], comparison: Comparison, theme: Theme) -> list[Bbox]:
    """Names the lines at the left end, above them; lines of nearly one height share a text. Returns what is taken."""
    heights: dict[float, list[str]] = {}
    limits = axes.get_ylim()
    close = (limits[1] - limits[0]) * 0.05
    for entrant in lines:
        mean = _gain(entrant, comparison).mean or 0.0
        height = next((each for each in heights if abs(each - mean) < close), mean)
        heights.setdefault(height, []).append(entrant.name)
    boxes = []
    for height, names in heights.items():
        note = axes.annotate(
            ", ".join(names),
            (0.01, height),
            xycoords=axes.get_yaxis_transform(),
            xytext=(0, 3),
            textcoords="offset points",
            color=theme.ink,
            fontsize=11,
        )
        boxes.append(Bbox(note.get_window_extent()))
        line = float(axes.transData.transform((1.0, height))[1])
        extent = axes.get_window_extent()
        boxes.append(Bbox([[extent.x0, line - 2], [extent.x1, line + 2]]))
    return boxes
