"""The pictures of a sweep: boxes over the models, an estimate laid over its reference, and its mask in colours."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from soli.dsp.stft import stft
from soli.evaluation.sweep import CellScores, Heard, Sweep, over_songs
from soli.media.audio import read_audio
from soli.report.plots import DPI
from soli.report.published import Published
from soli.report.theme import Theme, drawn_in
from soli.types import Array, StftSettings

_CLOSE_S = 0.03
_COLUMNS = 1600
# Below this the mixture is silent, and its mask means nothing.
_FLOOR_DB = -60.0
_MAP, _MOST_KHZ = "magma", 8


def boxes_by_model(sweep: Sweep, target: str, published: Published, theme: Theme, path: Path) -> None:
    """SI-SDR of one target over the songs, a box a model, between the mixture and the ideal mask."""
    cells = {model: sweep.of(model=model, target=target) for model in sweep.models}
    cells = {model: some for model, some in cells.items() if some}
    with drawn_in(theme):
        drawing, axes = plt.subplots(figsize=(max(6.0, 1.1 * len(cells) + 2.6), 4.2), layout="constrained")
        line = {"color": theme.other, "linewidth": 1.3}
        axes.boxplot(
            [_counted(some) for some in cells.values()],
            widths=0.55,
            patch_artist=True,
            boxprops={"edgecolor": theme.other, "facecolor": f"{theme.other}33", "linewidth": 1.3},
            whiskerprops=line,
            capprops=line,
            medianprops={"color": theme.best, "linewidth": 2.0},
            flierprops={"marker": ".", "markersize": 6, "markerfacecolor": theme.other, "markeredgecolor": "none"},
        )
        axes.set_xticks(range(1, len(cells) + 1), list(cells))
        axes.set(ylabel=f"SI-SDR of {target} (dB)", xlim=(0.4, len(cells) + 0.6))
        axes.grid(True, axis="y")
        _marks(axes, sweep, target, published, theme)
        drawing.savefig(path, dpi=DPI)
        plt.close(drawing)


def _counted(cells: list[CellScores]) -> list[float]:
    scores = (cell.counted("estimate", "si_sdr") for cell in cells)
    return [score for score in scores if score is not None]


def _marks(axes: Axes, sweep: Sweep, target: str, published: Published, theme: Theme) -> None:
    """Lines across: the mixture, the ideal mask, and the best that was published."""
    cells = sweep.of(target=target)
    mark = published.targets.get(target)
    heights = {
        "mixture": over_songs(cells, "si_sdr", "mixture").mean,
        "ideal mask": over_songs(cells, "si_sdr", "ceiling").mean,
        "published": None if mark is None else mark.si_sdr[0],
    }
    styles = {"mixture": ":", "ideal mask": "--", "published": "-."}
    for name, height in heights.items():
        if height is not None:
            axes.axhline(height, color=theme.ink, linestyle=styles[name], linewidth=1.1, label=f"{name} {height:.1f}")
    axes.legend(frameon=False, fontsize=10, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def waves(heard: Heard, out: Path, theme: Theme, path: Path) -> None:
    """The estimate over its reference: the whole song, and a moment where the reference is loudest."""
    reference, estimate, rate = *(_first(out / each) for each in (heard.reference, heard.estimate)), _rate(out, heard)
    with drawn_in(theme):
        drawing, (whole, close) = plt.subplots(2, 1, figsize=(9, 5), layout="constrained")
        for samples, colour, name in ((reference, theme.faint, "reference"), (estimate, theme.best, "estimate")):
            _envelope(whole, samples, rate, colour, name)
        start = max(0, int(np.argmax(np.abs(reference))) - round(_CLOSE_S * rate / 2))
        length = round(_CLOSE_S * rate)
        for samples, colour in ((reference, theme.faint), (estimate, theme.best)):
            piece = samples[start : start + length]
            close.plot((start + np.arange(len(piece))) / rate, piece, color=colour, linewidth=1.6)
        whole.legend(frameon=False, loc="upper right", ncols=2)
        whole.set_title(f"{heard.target} in {heard.title}, by {heard.model}", loc="left")
        close.set_xlabel("time (s)")
        for axes in (whole, close):
            axes.grid(True)
        drawing.savefig(path, dpi=DPI)
        plt.close(drawing)


def _envelope(axes: Axes, samples: Array, rate: int, colour: str, name: str) -> None:
    """Lowest and highest sample of each of so many pieces: a line of a million samples would take as long to draw."""
    step = max(1, len(samples) // _COLUMNS)
    pieces = samples[: len(samples) // step * step].reshape(-1, step)
    times = np.arange(len(pieces)) * step / rate
    axes.fill_between(times, pieces.min(axis=1), pieces.max(axis=1), color=colour, alpha=0.65, linewidth=0, label=name)


def masks(heard: Heard, out: Path, theme: Theme, path: Path) -> None:
    """What share of each bin of the mixture was given to the target, and what share is its own, in colours."""
    rate = _rate(out, heard)
    mixture, estimate, reference = (_first(out / each) for each in (heard.mixture, heard.estimate, heard.reference))
    estimated, ideal = shares(mixture, estimate, reference, heard.stft)
    length_s = estimated.shape[1] * heard.stft.hop / rate
    with drawn_in(theme):
        drawing, panels = plt.subplots(2, 1, figsize=(9, 6.4), layout="constrained", sharex=True)
        named = ((f"estimated by {heard.model}", estimated), ("ideal ratio mask", ideal))
        for axes, (name, share) in zip(panels, named, strict=True):
            picture = axes.imshow(
                share,
                origin="lower",
                aspect="auto",
                extent=(0, length_s, 0, rate / 2000),
                vmin=0,
                vmax=1,
                cmap=_MAP,
                interpolation="nearest",
            )
            axes.set_title(f"{heard.target}: {name}", loc="left")
            axes.set(ylabel="frequency (kHz)", ylim=(0, min(rate / 2000, _MOST_KHZ)))
        panels[-1].set_xlabel("time (s)")
        drawing.colorbar(picture, ax=panels, label="share of the mixture")
        drawing.savefig(path, dpi=DPI)
        plt.close(drawing)


def shares(mixture: Array, estimate: Array, reference: Array, settings: StftSettings) -> tuple[Array, Array]:
    """Masks between 0 and 1, (F, N), of sounds (T,): what the estimate has of the mixture, and the ideal ratio mask.

    Both are 0 where the mixture is silent.
    """
    parts = np.stack([mixture, estimate, reference, mixture - reference])
    whole, taken, target, rest = np.abs(stft(parts, settings))
    heard = whole > whole.max(initial=0.0) * 10 ** (_FLOOR_DB / 20)
    estimated = np.divide(taken, whole, out=np.zeros_like(whole), where=heard)
    ideal = np.divide(target, target + rest, out=np.zeros_like(whole), where=heard)
    return np.minimum(estimated, 1.0), ideal


def _first(path: Path) -> Array:
    """The first channel (T,) of a sound."""
    first: Array = read_audio(path).samples[0]
    return first


def _rate(out: Path, heard: Heard) -> int:
    return read_audio(out / heard.mixture, duration_s=0.01).sample_rate
