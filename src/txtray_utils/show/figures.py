"""Figures that several chapters draw: films side by side, masks over a film, results with their
intervals, and tables of numbers.

Colours are those of Okabe and Ito, which people who are colour-blind can tell apart; films always
run from 0 (black) to 1 (white), so that two of them can be compared. Explained in
book/01_reading_a_radiograph."""

from collections.abc import Collection, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from PIL import Image as Picture

from txtray_utils.results import Result
from txtray_utils.show.watermark import mark
from txtray_utils.studies.pixels import film_pixels

COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00")
_TITLE = {
    "fontsize": 9,
    "parse_math": False,
}


def films(
    images: Sequence[np.ndarray | Picture.Image],
    titles: Sequence[str] = (),
    columns: int = 4,
    side: float = 2.2,
) -> Figure:
    """Show images (H, W) in [0, 1], or as the study table holds them, in a grid, `columns` wide,
    each `side` inches, with a title each if given."""
    rows = -(-len(images) // columns)
    more = 0  # lines of a title beyond the first, each a sixth of an inch
    for title in titles:
        more = max(more, title.count("\n"))
    height = side * 1.12 + more / 6
    size = (side * columns, height * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image in zip(axes.flat, images, strict=False):
        _film(axis, image)
    for axis, title in zip(axes.flat, titles, strict=False):
        axis.set_title(title, **_TITLE)
    figure.tight_layout()
    return figure


def _film(axis: Axes, image: np.ndarray | Picture.Image) -> None:
    """Draw a film so that two of them can be compared."""
    axis.imshow(film_pixels(image), cmap="gray", vmin=0, vmax=1)
    mark(axis)


def overlay(
    axis: Axes,
    film: np.ndarray | Picture.Image,
    masks: Mapping[str, np.ndarray] | None = None,
    title: str = "",
) -> None:
    """Show a film (H, W) in [0, 1], or as the study table holds it, with bool masks (H, W) by name:
    a tint, an outline and a legend below."""
    _film(axis, film)
    axis.axis("off")
    axis.set_title(title, **_TITLE)
    patches = []
    for number, (name, mask) in enumerate((masks or {}).items()):
        colour = COLOURS[number % len(COLOURS)]
        patches.append(Patch(color=colour, label=name.replace("_", " ")))
        if mask.any():
            axis.contourf(mask, levels=[0.5, 1], colors=[colour], alpha=0.3)
            axis.contour(mask, levels=[0.5], colors=[colour], linewidths=1)
    if patches:
        axis.legend(
            handles=patches,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            fontsize=8,
            frameon=False,
            ncols=2,
        )


def annotated(
    axis: Axes,
    film: np.ndarray | Picture.Image,
    masks: Mapping[str, np.ndarray],
) -> None:
    """Show a film (H, W) in [0, 1], or as the study table holds it, with the names of bool masks
    (H, W) on either side and a line from each to its mask.

    The line ends in the middle of what no other mask covers, where there is such a part. A name
    stands on the side that is nearer, as high as the end of its line or a little lower; an
    underscore becomes a space."""
    _film(axis, film)
    axis.axis("off")
    places = _places(masks)
    height, width = film_pixels(film).shape
    apart = height / 12  # from one name to the next
    free = {"right": -apart, "left": -apart}  # the height of the last name on each side
    for name, place in sorted(places.items(), key=lambda item: item[1][1]):
        at_left = place[0] < width / 2
        align = "right" if at_left else "left"
        free[align] = max(place[1], free[align] + apart)
        beside = -0.04 if at_left else 1.04
        axis.plot(*place, "o", color=COLOURS[0], markersize=3)
        axis.annotate(
            name.replace("_", " "),
            place,
            (beside * width, free[align]),
            ha=align,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": COLOURS[0], "lw": 1},
        )


def _places(masks: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Return the column and row in the middle of each mask that is not empty."""
    covered = np.sum(list(masks.values()), axis=0)
    places = {}
    for name, mask in masks.items():
        alone = mask & (covered == 1)
        rows, columns = np.nonzero(alone if alone.any() else mask)
        if len(rows):
            across = float(columns.mean())
            down = float(rows.mean())
            places[name] = (across, down)
    return places


def gallery(
    pictures: Mapping[str, tuple[np.ndarray | Picture.Image, np.ndarray | None]],
    columns: int = 4,
    side: float = 1.75,
) -> Figure:
    """Show films by name in a grid, each with the outline of its bool mask (H, W), if it has one.

    Films are (H, W) in [0, 1], or as the study table holds them, `side` inches wide; an underscore
    in a name becomes a space."""
    titles = [name.replace("_", " ") for name in pictures]
    images = [film for film, _ in pictures.values()]
    figure = films(images, titles, columns, side)
    for axis, (_, mask) in zip(figure.axes, pictures.values(), strict=False):
        if mask is not None:
            axis.contour(mask, levels=[0.5], colors=COLOURS[:1], linewidths=0.8)
    return figure


def film_and_text(film: np.ndarray | Picture.Image, text: str) -> Figure:
    """Show a film (H, W) in [0, 1], or as the study table holds it, with a text beside it."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
    left, right = axes
    overlay(left, film)
    right.axis("off")
    right.text(0, 1, text, va="top", fontsize=8, parse_math=False)
    return figure


def intervals(
    axis: Axes,
    results: Mapping[str, Result | tuple[float, tuple[float, float]]],
    highlight: Collection[str] | str = (),
    colour: str = COLOURS[5],
) -> None:
    """Draw one row a name, from below: the value as a dot with its interval, if it has one.

    Each is a `Result`, or a value and its interval as `bootstrap` gives them. The names in
    `highlight` have a colour of their own; an underscore in a name becomes a space."""
    marked = {highlight} if isinstance(highlight, str) else set(highlight)
    for row, (name, result) in enumerate(results.items()):
        if isinstance(result, tuple):
            value, interval = result
        else:
            value, interval = result.value, result.ci
        low, high = interval or (value, value)
        reach = [[value - low], [high - value]]
        shade = COLOURS[6] if name in marked else colour
        axis.errorbar(value, row, xerr=reach, fmt="o", color=shade, capsize=3)
    names = [name.replace("_", " ") for name in results]
    axis.set_yticks(range(len(names)), names)
    mark(axis)


def table_of_numbers(
    axis: Axes, frame: pd.DataFrame, dark_below: float, top: float = 1.0
) -> AxesImage:
    """Draw a table of numbers from 0 to `top`, each cell in a colour with its number in it.

    Numbers are white on cells that are dark: those up to `dark_below`. Returns the image, for a
    colour bar."""
    numbers = frame.to_numpy(float)
    image = axis.imshow(numbers, cmap="cividis", vmin=0, vmax=top, aspect="auto")
    axis.set_xticks(range(len(frame.columns)), frame.columns)
    axis.set_yticks(range(len(frame)), frame.index)
    mark(axis)
    for (row, column), value in np.ndenumerate(numbers):
        colour = "black" if value > dark_below else "white"
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    return image
