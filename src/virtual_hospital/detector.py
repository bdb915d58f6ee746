"""What a machine makes of the rays that reach it: scatter, grain, tone and a lead marker.

Explained in book/01_reading_a_radiograph.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from virtual_hospital.radiograph import Film

NOISE = 1.2e-5  # variance of the signal where all of the beam arrives, at the usual exposure


def develop(
    film: Film, rng: np.random.Generator, view: str, exposure: float, burnt: str | None = None
) -> np.ndarray:
    """Make the image that a machine shows.

    Args:
        film: from ``radiograph.expose``.
        rng: decides grain, tone and where the marker lies.
        view: "AP" films get more scatter and say AP.
        exposure: relative; 1 is usual, less is grainier.
        burnt: a text to lay in the corner instead of the side marker; None lays the usual marker.

    Returns:
        (H, W) float32 in [0, 1], white is dense (as MONOCHROME2 shows it).
    """
    arrived = _arrived(film, rng, view, exposure)
    signal = -np.log(np.maximum(arrived, 1e-4))
    tone = _toned(_enhanced(signal, rng), rng)
    _lay_marker(tone, rng, view, burnt)
    return tone.astype(np.float32)


def _arrived(film: Film, rng: np.random.Generator, view: str, exposure: float) -> np.ndarray:
    """Return the share of the beam that is measured at each pixel: with scatter, blur and grain."""
    size = film.path.shape[0]
    primary = np.exp(-film.path)
    share = rng.uniform(0.35, 0.6) if view == "AP" else rng.uniform(0.2, 0.4)
    scatter = share * ndimage.gaussian_filter(primary, 0.09 * size, mode="nearest")
    arrived = ndimage.gaussian_filter(primary + scatter, rng.uniform(0.25, 0.55))
    grain = rng.normal(0, 1, arrived.shape)
    spread = np.sqrt(NOISE / (exposure * np.maximum(arrived, 2e-3)))
    return arrived * np.exp(grain * spread)


def _enhanced(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sharpen fine and coarse edges."""
    size = signal.shape[0]
    fine = rng.uniform(0.8, 1.8)
    coarse = rng.uniform(0.3, 0.8)
    for reach, gain in ((0.012, fine), (0.08, coarse)):
        blurred = ndimage.gaussian_filter(signal, reach * size, mode="nearest")
        signal = signal + gain * (signal - blurred)
    return signal


def _toned(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bring the signal into [0, 1] by what lies inside the margin, and bend the tone curve."""
    size = signal.shape[0]
    core = slice(
        size // 10, -size // 10
    )  # one pixel less at the end, where 10 does not divide size
    inside = signal[core, core]
    ends = [rng.uniform(0.5, 3), rng.uniform(98, 99.8)]
    low, high = np.percentile(inside, ends)
    straight = (signal - low) / (high - low) * 0.92 + 0.05
    return np.clip(straight, 0, 1) ** rng.uniform(0.6, 1.0)


def _lay_marker(tone: np.ndarray, rng: np.random.Generator, view: str, burnt: str | None) -> None:
    """Lay a lead letter in a corner above a shoulder, in place; some AP films also say AP."""
    size = tone.shape[0]
    side = rng.choice(["L", "R"])
    text = burnt or side
    if not burnt and view == "AP" and rng.random() < 0.5:
        text = f"{side} AP"
    x = rng.uniform(0.84, 0.9) if side == "L" else rng.uniform(0.03, 0.08)
    room = 0.08 * size if side == "L" and len(text) > 1 else 0
    place = (x * size - room, rng.uniform(0.03, 0.16) * size)
    font = ImageFont.load_default(rng.uniform(0.05, 0.065) * size)
    canvas = Image.new("L", (size, size))
    ImageDraw.Draw(canvas).text(place, text, fill=255, font=font)
    lead = np.asarray(canvas, np.float32) / 255
    np.maximum(tone, lead * rng.uniform(0.85, 1), out=tone)
