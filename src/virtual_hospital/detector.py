"""What a machine makes of the rays that reach it: scatter, blur, grain and tone.

The spreads below were set so that virtual films cover real ones in grey quantiles and in the power
of the log-tone by frequency. Explained in book/01_reading_a_radiograph.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from virtual_hospital.plate import lay_border, lay_marker
from virtual_hospital.radiograph import Film

SCATTER = {"AP": (0.35, 0.6), "PA": (0.2, 0.4)}  # share of the beam that is scattered
NOISE = 0.8e-5  # variance of the signal where all of the beam arrives, at the usual exposure
USUAL = 0.1  # share of the beam that arrives behind half of an average film
LEAST = 0.7  # attenuation of the thinnest part of a body
DARK = (0.33, 0.1)  # grey of the lungs' darkest part: mean and spread over films
LIGHT = (0.945, 0.02)  # grey of the densest part
TARGETS = {  # mean over 400 training films of Open-i, from benchmarks/acquisition.py
    "grey quantile": (0.30, 0.39, 0.49, 0.66, 0.81, 0.89, 0.94),
    "log10 power": (4.94, 3.20, 2.48, 1.43, 0.81, 0.14),
}


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
        rng: decides grain, tone, borders and where the marker lies.
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
    chosen = _window(sharp, film.path > LEAST, rng)
    tone = _toned(sharp, rng, window or chosen)
    lay_border(tone, rng)
    lay_marker(tone, rng, view, burnt)
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
    grain = _grain(rng, arrived.shape)
    usual = USUAL / np.median(arrived)  # the machine ends an exposure when enough has arrived
    quanta = exposure * usual * np.maximum(arrived, 2e-3)
    spread = np.sqrt(NOISE / quanta)
    return arrived * np.exp(grain * spread)


def _grain(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return noise of unit spread whose neighbours are alike, as in a screen that spreads light."""
    white = rng.normal(0, 1, shape)
    smooth = ndimage.gaussian_filter(white, rng.uniform(0.2, 0.6))
    return smooth / smooth.std()


def _enhanced(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sharpen fine and coarse edges."""
    size = signal.shape[0]
    fine = rng.uniform(1.0, 2.6)
    coarse = rng.uniform(0.1, 0.6)
    for reach, gain in ((0.008, fine), (0.08, coarse)):
        blurred = ndimage.gaussian_filter(signal, reach * size, mode="nearest")
        edges = signal - blurred
        signal = signal + gain * edges
    return signal


def _window(signal: np.ndarray, body: np.ndarray, rng: np.random.Generator) -> Window:
    """Choose the window by the signal of the body inside the margin."""
    size = signal.shape[0]
    middle = slice(size // 10, -(size // 10))
    inside = signal[middle, middle][body[middle, middle]]
    dark = rng.uniform(1, 4)
    light = rng.uniform(97, 99.5)
    low, high = np.percentile(inside, [dark, light])
    return Window(float(low), float(high))


def _toned(signal: np.ndarray, rng: np.random.Generator, window: Window) -> np.ndarray:
    """Bring a window of the signal into [0, 1], along an S-shaped curve."""
    low, high = window
    share = (signal - low) / (high - low)
    straight = np.clip(share, 0, 1)
    shaped = straight**2 * (3 - 2 * straight)
    shoulder = rng.uniform(0.2, 1.0)
    curved = straight + shoulder * (shaped - straight)
    bent = curved ** rng.uniform(0.6, 0.95)
    dark = np.clip(rng.normal(*DARK), 0.08, 0.5)
    light = np.clip(rng.normal(*LIGHT), 0.85, 0.98)
    over = share - straight  # beyond either end: air is black, metal white
    tone = dark + (light - dark) * bent + 0.5 * over
    return np.clip(tone, 0, 1)
