"""Figures that several chapters draw: films side by side, and masks laid over a film.

Colours are those of Okabe and Ito, which people who are colour-blind can tell apart; films always
run from 0 (black) to 1 (white), so that two of them can be compared. Explained in
book/01_reading_a_radiograph."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00")


def films(
    images: Sequence[np.ndarray], titles: Sequence[str] = (), columns: int = 4, side: float = 2.2
) -> Figure:
    """Show images (H, W) in [0, 1] in a grid, `columns` wide, each `side` inches, with a title each
    if given."""
    rows = -(-len(images) // columns)
    lines = max(
        (title.count("\n") for title in titles), default=0
    )  # beyond the first, each a sixth of an inch
    size = (side * columns, (side * 1.12 + lines / 6) * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image in zip(axes.flat, images, strict=False):
        axis.imshow(image, cmap="gray", vmin=0, vmax=1)
    for axis, title in zip(axes.flat, titles, strict=False):
        axis.set_title(title, fontsize=9)
    figure.tight_layout()
    return figure


def overlay(axis: Axes, film: np.ndarray, masks: Mapping[str, np.ndarray], title: str = "") -> None:
    """Show a film (H, W) in [0, 1] with bool masks (H, W) by name: a tint, an outline and a legend
    below."""
    axis.imshow(film, cmap="gray", vmin=0, vmax=1)
    axis.axis("off")
    axis.set_title(title, fontsize=9)
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(masks))]
    for colour, mask in zip(colours, masks.values(), strict=True):
        if mask.any():
            axis.contourf(mask, levels=[0.5, 1], colors=[colour], alpha=0.3)
            axis.contour(mask, levels=[0.5], colors=[colour], linewidths=1)
    if masks:
        patches = [
            Patch(color=colour, label=name.replace("_", " "))
            for colour, name in zip(colours, masks, strict=True)
        ]
        axis.legend(
            handles=patches,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            fontsize=8,
            frameon=False,
            ncols=2,
        )
