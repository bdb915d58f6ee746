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
from txtray_utils.studies.pixels import film_pixels

COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00")


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
        axis.set_title(title, fontsize=9)
    figure.tight_layout()
    return figure


def _film(axis: Axes, image: np.ndarray | Picture.Image) -> None:
    """Draw a film so that two of them can be compared."""
    axis.imshow(film_pixels(image), cmap="gray", vmin=0, vmax=1)


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
    axis.set_title(title, fontsize=9)
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


def film_and_text(film: np.ndarray | Picture.Image, text: str) -> Figure:
    """Show a film (H, W) in [0, 1], or as the study table holds it, with a text beside it."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6))
    overlay(left, film)
    right.axis("off")
    right.text(0, 1, text, va="top", fontsize=8)
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
    for (row, column), value in np.ndenumerate(numbers):
        colour = "black" if value > dark_below else "white"
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    return image


def marks(axis: Axes, series: Mapping[str, Mapping[str, float]]) -> None:
    """Draw one row a name, from below: a dot for the first series, a hollow square for the second.

    Each series has a label and a value for every name; NaN is not drawn. An underscore in a name
    becomes a space.

    Raises:
        ValueError: there are more than two series.
    """
    first = next(iter(series.values()))
    names = list(first)
    rows = range(len(names))
    looks = (
        {"marker": "o", "color": COLOURS[6]},
        {"marker": "s", "color": COLOURS[5], "fillstyle": "none"},
    )[: len(series)]
    for look, (label, values) in zip(looks, series.items(), strict=True):
        numbers = [values[name] for name in names]
        axis.plot(
            numbers,
            rows,
            linestyle="none",
            label=label,
            **look,
        )
    titles = [name.replace("_", " ") for name in names]
    axis.set_yticks(rows, titles)
