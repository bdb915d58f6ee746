"""Soft edges, of which findings are made.

Explained in book/01_reading_a_radiograph.
"""

import numpy as np


def step(value: np.ndarray) -> np.ndarray:
    """Return 0 far below zero, 1 far above, and a smooth edge between (the logistic curve)."""
    bounded = np.clip(value, -30, 30)
    falling = np.exp(-bounded)
    return 1 / (1 + falling)


def bell(value: np.ndarray) -> np.ndarray:
    """Return 1 at zero, falling smoothly to 0 on either side (exp of minus the square)."""
    square = value**2
    return np.exp(-square)
