"""Names beside points, each where it covers nothing: the first free of several places around its point."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

_Place = tuple[float, float, str, str]

_NEAR, _FAR = 9, 20
_PLACES: tuple[_Place, ...] = tuple(
    (x * distance, y * distance, across, up)
    for distance in (_NEAR, _FAR, 2 * _FAR)
    for x, y, across, up in (
        (1, 0, "left", "center"),
        (-1, 0, "right", "center"),
        (0.5, 1.1, "left", "bottom"),
        (-0.5, 1.1, "right", "bottom"),
        (0.5, -1.1, "left", "top"),
        (-0.5, -1.1, "right", "top"),
        (0, 1.3, "center", "bottom"),
        (0, -1.3, "center", "top"),
    )
)


def label_points(
    axes: Axes, points: Sequence[tuple[float, float, str]], *, obstacles: Sequence[Bbox], **text: Any
) -> None:
    """Writes the name of each (x, y, name), data coordinates, beside it.

    `obstacles`: boxes in display coordinates that no name may cover. The axes must have their final limits. Where every
    place is taken, the one that covers least is used; a name far from its point gets a line to it.
    """
    taken = list(obstacles)
    for x, y, name in sorted(points, key=lambda point: (point[1], point[0])):
        size = _size(axes, name, text)
        boxes = {place: _box(axes, (x, y), size, place) for place in _PLACES}
        place = min(_PLACES, key=lambda each: _covered(axes, boxes[each], taken))
        taken.append(boxes[place])
        _write(axes, (x, y), name, place, text)


def _size(axes: Axes, name: str, text: dict[str, Any]) -> tuple[float, float]:
    """Width and height of the text in display units."""
    trial = axes.text(0.5, 0.5, name, transform=axes.transAxes, **text)
    extent = trial.get_window_extent()
    trial.remove()
    return (extent.width, extent.height)


def _box(axes: Axes, point: tuple[float, float], size: tuple[float, float], place: _Place) -> Bbox:
    """Where the text would stand, in display coordinates."""
    x, y, across, up = place
    unit = axes.figure.dpi / 72
    at_x, at_y = axes.transData.transform(point)
    left = at_x + x * unit - size[0] * {"left": 0.0, "center": 0.5, "right": 1.0}[across]
    bottom = at_y + y * unit - size[1] * {"bottom": 0.0, "center": 0.5, "top": 1.0}[up]
    return Bbox.from_bounds(left, bottom, *size).padded(1)


def _write(axes: Axes, point: tuple[float, float], name: str, place: _Place, text: dict[str, Any]) -> None:
    x, y, across, up = place
    far = max(abs(x), abs(y)) > 1.4 * _NEAR
    line = {"arrowstyle": "-", "linewidth": 0.8, "color": text.get("color"), "shrinkA": 0, "shrinkB": 4}
    axes.annotate(
        name,
        point,
        xytext=(x, y),
        textcoords="offset points",
        ha=across,
        va=up,
        arrowprops=line if far else None,
        **text,
    )


def _covered(axes: Axes, box: Bbox, taken: Sequence[Bbox]) -> float:
    """The area of `box` that lies on something, or outside the axes, which counts more."""
    inside = _overlap(box, axes.get_window_extent())
    outside = box.width * box.height - inside
    return 10 * outside + sum(_overlap(box, other) for other in taken)


def _overlap(one: Bbox, two: Bbox) -> float:
    both = Bbox.intersection(one, two)
    return 0.0 if both is None else float(both.width * both.height)
