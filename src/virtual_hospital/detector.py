"""What a machine makes of the rays that reach it: scatter, grain, tone and a lead marker.

Explained in book/01_reading_a_radiograph.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from virtual_hospital.radiograph import Film

SCATTER = {"AP": (0.35, 0.6), "PA": (0.2, 0.4)}  # share of the beam that is scattered
CORNERS = {"L": (0.84, 0.9), "R": (0.03, 0.08)}  # where a marker starts, in widths of the film
NOISE = 1.2e-5  # variance of the signal where all of the beam arrives, at the usual exposure


class Window(NamedTuple):
    """The signals (no unit, the logarithm of what is lost) that are shown as black and as white."""

    low: float
    high: float


class Developed(NamedTuple):
    """The image that a machine shows, (H, W) float32 in [0, 1], and the window it chose."""

    tone: np.ndarray
    window: Window


def develop(
    film: Film,
    rng: np.random.Generator,
    view: str,
    exposure: float,
    *,
    burnt: str | None = None,
    window: Window | None = None,
) -> Developed:
    """Make the image that a machine shows.

    Args:
        film: from ``radiograph.expose``.
        rng: decides grain, tone and where the marker lies.
        view: "AP" films get more scatter and say AP.
        exposure: relative; 1 is usual, less is grainier.
        burnt: a text to lay in the corner instead of the side marker; None lays the usual marker.
        window: None chooses it by what lies inside the film's margin.

    Returns:
        The image, white is dense (as MONOCHROME2 shows it), and its window.
    """
    arrived = _arrived(film, rng, view, exposure)
    signal = -np.log(np.maximum(arrived, 1e-4))
    sharp = _enhanced(signal, rng)
    chosen = _window(sharp, rng)
    tone = _toned(sharp, rng, window or chosen)
    _lay_marker(tone, rng, view, burnt)
    return Developed(tone.astype(np.float32), window or chosen)


def _arrived(
    film: Film,
    rng: np.random.Generator,
    view: str,
    exposure: float,
) -> np.ndarray:
    """Return the share of the beam that is measured at each pixel: with scatter, blur and grain."""
    size = film.path.shape[0]
    primary = np.exp(-film.path)
    low, high = SCATTER[view]
    share = rng.uniform(low, high)
    spread_out = ndimage.gaussian_filter(primary, 0.09 * size, mode="nearest")
    scatter = share * spread_out
    blur = rng.uniform(0.25, 0.55)
    arrived = ndimage.gaussian_filter(primary + scatter, blur)
    grain = rng.normal(0, 1, arrived.shape)
    quanta = exposure * np.maximum(arrived, 2e-3)
    spread = np.sqrt(NOISE / quanta)
    return arrived * np.exp(grain * spread)


def _enhanced(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sharpen fine and coarse edges."""
    size = signal.shape[0]
    fine = rng.uniform(0.8, 1.8)
    coarse = rng.uniform(0.3, 0.8)
    for reach, gain in ((0.012, fine), (0.08, coarse)):
        blurred = ndimage.gaussian_filter(signal, reach * size, mode="nearest")
        edges = signal - blurred
        signal = signal + gain * edges
    return signal


def _window(signal: np.ndarray, rng: np.random.Generator) -> Window:
    """Choose the window by the signal inside the margin."""
    size = signal.shape[0]
    first = size // 10
    last = -size // 10  # one pixel less at this end, where 10 does not divide size
    inside = signal[first:last, first:last]
    dark = rng.uniform(0.5, 3)
    light = rng.uniform(98, 99.8)
    low, high = np.percentile(inside, [dark, light])
    return Window(float(low), float(high))


def _toned(signal: np.ndarray, rng: np.random.Generator, window: Window) -> np.ndarray:
    """Bring a window of the signal into [0, 1], and bend the tone curve."""
    low, high = window
    share = (signal - low) / (high - low)
    lifted = share * 0.92 + 0.05
    straight = np.clip(lifted, 0, 1)
    bend = rng.uniform(0.6, 1.0)
    return straight**bend


def _lay_marker(tone: np.ndarray, rng: np.random.Generator, view: str, burnt: str | None) -> None:
    """Lay a lead letter in a corner above a shoulder, in place; some AP films also say AP."""
    size = tone.shape[0]
    side = rng.choice(["L", "R"])
    text = burnt or side
    if not burnt and view == "AP" and rng.random() < 0.5:
        text = f"{side} AP"
    low, high = CORNERS[side]
    x = rng.uniform(low, high) * size
    if side == "L" and len(text) > 1:
        x = x - 0.08 * size
    y = rng.uniform(0.03, 0.16) * size
    height = rng.uniform(0.05, 0.065) * size
    font = ImageFont.load_default(height)
    canvas = Image.new("L", (size, size))
    pen = ImageDraw.Draw(canvas)
    pen.text((x, y), text, fill=255, font=font)
    lead = np.asarray(canvas, np.float32) / 255
    density = rng.uniform(0.85, 1)
    np.maximum(tone, lead * density, out=tone)
