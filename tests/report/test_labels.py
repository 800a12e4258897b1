import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from soli.report.labels import label_points
from soli.report.theme import THEMES, drawn_in


def _overlap(one: Bbox, two: Bbox) -> float:
    both = Bbox.intersection(one, two)
    return 0.0 if both is None else both.width * both.height


@pytest.mark.parametrize("count", [2, 5, 9])
def test_no_name_lies_on_another_or_outside(count: int) -> None:
    drawing, axes = plt.subplots(figsize=(8, 5))
    axes.set(xlim=(0, 10), ylim=(0, 10))
    points = [(5 + 0.2 * index, 5 + 0.3 * (index % 3), f"network_{index}") for index in range(count)]
    drawing.draw_without_rendering()
    label_points(axes, points, obstacles=[], color="black", fontsize=11)
    drawing.canvas.draw()
    notes = [child for child in axes.get_children() if isinstance(child, Annotation)]
    assert sorted(note.get_text() for note in notes) == sorted(name for _, _, name in points)
    boxes = [Text.get_window_extent(note) for note in notes]  # of the letters, without the line to the point
    inside = axes.get_window_extent()
    for index, box in enumerate(boxes):
        assert _overlap(box, inside) == pytest.approx(box.width * box.height)
        assert all(_overlap(box, other) < 1 for other in boxes[:index])
    plt.close(drawing)


def test_a_name_leaves_what_is_drawn_free() -> None:
    drawing, axes = plt.subplots(figsize=(6, 4))
    axes.set(xlim=(0, 10), ylim=(0, 10))
    drawing.draw_without_rendering()
    x, y = axes.transData.transform((5, 5))
    right = Bbox([[x + 5, y - 100], [x + 300, y + 100]])
    label_points(axes, [(5, 5, "name")], obstacles=[right], color="black", fontsize=11)
    drawing.canvas.draw()
    (note,) = [child for child in axes.get_children() if isinstance(child, Annotation)]
    assert note.get_window_extent().x1 < x
    plt.close(drawing)


def test_letters_stand_out_from_the_paper_in_every_theme() -> None:
    for theme in THEMES:
        paper, *others = (_luminance(colour) for colour in (theme.paper, theme.ink, theme.best, theme.other))
        for other in others:
            assert (max(paper, other) + 0.05) / (min(paper, other) + 0.05) > 3
        with drawn_in(theme):
            assert plt.rcParams["text.color"] == theme.ink
            assert plt.rcParams["font.size"] >= 12


def _luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
