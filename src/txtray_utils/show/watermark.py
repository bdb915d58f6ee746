"""A mark across every figure of a credentialed source, so that a copy of it says what it is.

Explained in book/credentialed_data.md.
"""

import numpy as np
from matplotlib.axes import Axes
from PIL import Image, ImageDraw

from txtray_utils.guard import watermark


def mark(axis: Axes) -> None:
    """Write the mark across a plot; nothing is written for open sources."""
    words = watermark()
    if words:
        axis.text(
            0.5,
            0.5,
            words,
            transform=axis.transAxes,
            color="#D55E00",
            alpha=0.6,
            fontsize=8,
            rotation=30,
            ha="center",
            va="center",
        )


def marked(pixels: np.ndarray) -> np.ndarray:
    """Return a film (H, W) uint8 with the mark written into it, or as it is for open sources."""
    words = watermark()
    if not words:
        return pixels
    picture = Image.fromarray(pixels)
    pen = ImageDraw.Draw(picture)
    middle = pixels.shape[0] // 2
    pen.text((2, middle), words, fill=255, stroke_width=1, stroke_fill=0)
    return np.asarray(picture)
