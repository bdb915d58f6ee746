"""Soft edges and smooth routes, of which findings are made.

Explained in book/01_reading_a_radiograph.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from virtual_hospital.chest import Point


def step(value: np.ndarray) -> np.ndarray:
    """Return 0 far below zero, 1 far above, and a smooth edge between (the logistic curve)."""
    bounded = np.clip(value, -30, 30)
    falling = np.exp(-bounded)
    return 1 / (1 + falling)


def bell(value: np.ndarray) -> np.ndarray:
    """Return 1 at zero, falling smoothly to 0 on either side (exp of minus the square)."""
    return np.exp(-(value**2))


def smooth_route(
    points: Sequence[Point],
    rng: np.random.Generator,
    spread: float,
) -> np.ndarray:
    """Turn a few waypoints into a smooth route, each waypoint moved by ``spread`` mm.

    Returns:
        (80, 3) mm.
    """
    way = np.asarray(points, float)
    way = way + rng.normal(0, spread, way.shape)
    places = np.arange(len(way))
    fine = np.linspace(0, len(way) - 1, 80)
    straight = []
    for coordinate in way.T:
        finer = np.interp(fine, places, coordinate)
        straight.append(finer)
    route = np.stack(straight, 1)
    return ndimage.gaussian_filter1d(route, 5, axis=0, mode="nearest")
