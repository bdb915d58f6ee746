"""Soft edges and smooth routes, of which findings are made.

Explained in book/01_reading_a_radiograph.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from virtual_hospital.chest import Point


def step(value: np.ndarray) -> np.ndarray:
    """Return 0 far below zero, 1 far above, and a smooth edge between (the logistic curve)."""
    return 1 / (1 + np.exp(-np.clip(value, -30, 30)))


def smooth_route(points: Sequence[Point], rng: np.random.Generator, spread: float) -> np.ndarray:
    """Turn a few waypoints into a smooth route, each waypoint moved by ``spread`` mm.

    Returns:
        (80, 3) mm.
    """
    way = np.asarray(points, float) + rng.normal(0, spread, (len(points), 3))
    places = np.arange(len(way))
    fine = np.linspace(0, len(way) - 1, 80)
    route = np.stack([np.interp(fine, places, way[:, k]) for k in range(3)], 1)
    return ndimage.gaussian_filter1d(route, 5, axis=0, mode="nearest")
