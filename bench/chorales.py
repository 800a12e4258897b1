"""Rendering chorales with the fonts of each split: how many times faster than real time a stem is made, on one core.

python bench/chorales.py --packages-root FOLDER [--pieces 2] [--write]
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import ONE_THREAD, machine, parser, report, say, table

if TYPE_CHECKING:
    from soli.data.corpora.fonts import Source

BAR_RATIO = 20.0


def measured(split: str, sources: "tuple[Source, ...]", pieces: int) -> dict[str, Any]:
    """CPU seconds of drawing and rendering `pieces` of a split, and of reading the instruments they need."""
    from soli.data.corpora.chorale_scores import read_scores, splits_of
    from soli.data.corpora.fonts import ensemble
    from soli.data.corpora.performing import perform
    from soli.data.corpora.playing import render
    from soli.data.corpora.sampler import RATE

    instruments = ensemble(sources)
    programs = [each.keys() for each in instruments]
    with tempfile.TemporaryDirectory() as folder:
        scores = splits_of(read_scores(Path(folder) / "scores.json"))[split]  # type: ignore[index]
    ratios = []
    for number in range(pieces):
        start = time.process_time()
        performance = perform(scores[number], split=split, number=number + 1, seed=0, fonts=programs)
        quartet = render(performance, instruments)
        ratios.append(len(quartet.stems) * len(quartet.mixture) / RATE / (time.process_time() - start))
        say(f"{split} {performance.folder}: {ratios[-1]:.0f} x")
    return {
        "split": split,
        "font": ", ".join(source.name for source in sources),
        "ratios": ratios,
        "ratio": statistics.median(ratios),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--packages-root", type=Path, help="where the fonts' packages are unpacked, if not installed")
    options.add_argument("--pieces", type=int, default=2, help="of each font")
    chosen = options.parse_args()
    os.environ.update(ONE_THREAD)
    from soli.data.corpora.fonts import font_sources

    fonts = font_sources({}, ["train", "valid", "test"], packages_root=chosen.packages_root)
    found = [measured(split, sources, chosen.pieces) for split, sources in fonts.items()]
    figures = {"fonts": found, "bar": BAR_RATIO, "machine": machine()}
    report("chorales", page(figures), figures, write=chosen.write)
    if min(each["ratio"] for each in found) < BAR_RATIO:
        raise SystemExit(f"below the bar: {BAR_RATIO:g} x real time")


def page(figures: dict[str, Any]) -> str:
    rows = [[each["font"], f"{each['ratio']:.0f}", f"{min(each['ratios']):.0f}"] for each in figures["fonts"]]
    head = ["sound fonts", "stems, x real time (median)", "slowest piece"]
    return f"""## Rendering chorales

`soli data build chorales`, drawing and rendering without writing, in CPU time of one thread. {figures["machine"]}.

{table(head, rows)}
"""


if __name__ == "__main__":
    main()
