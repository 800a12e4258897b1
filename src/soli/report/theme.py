"""How the plots look: one set of colours on white, one on black, and letters large enough for a phone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt


@dataclass(frozen=True)
class Theme:
    """Colours that stay apart for colour-blind eyes (Okabe and Ito 2008)."""

    name: str
    paper: str
    ink: str
    faint: str
    best: str
    other: str


LIGHT = Theme("light", paper="#ffffff", ink="#1a1a1a", faint="#8a8a8a", best="#d55e00", other="#0072b2")
DARK = Theme("dark", paper="#14171a", ink="#e8e8e8", faint="#8f979e", best="#f0a35e", other="#56b4e9")
THEMES = (LIGHT, DARK)


@contextmanager
def drawn_in(theme: Theme) -> Iterator[None]:
    """Everything drawn inside has the theme's colours."""
    settings = {
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "axes.edgecolor": theme.faint,
        "grid.color": theme.faint,
        "grid.alpha": 0.3,
        "font.size": 12,
        "figure.labelsize": 12,
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), theme.ink),
    }
    with plt.rc_context(settings):
        yield
