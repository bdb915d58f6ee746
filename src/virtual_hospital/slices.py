"""A slice between every two slices of a CT, so that ribs and domes lose their steps.

Where a rib runs aslant it lies elsewhere in the next slice, and a plain mean shows it twice. So
each slice is first moved half of the way to the other (as Penney and others 2004 do, with another
way to find the motion). Explained in book/01_reading_a_radiograph.
"""

import numpy as np
from scipy import ndimage
from skimage.registration import optical_flow_ilk

RADIUS = 4  # voxels round a place, in which its motion is sought
DARKEST = -1000  # Hounsfield units
BRIGHTEST = 400


def twice_the_slices(hu: np.ndarray) -> np.ndarray:
    """Return (X, Y, 2 Z - 1) HU: the slices of (X, Y, Z), and one between every two."""
    across, along, n = hu.shape
    fine = np.empty((across, along, 2 * n - 1), np.float32)
    fine[:, :, ::2] = hu
    for k in range(n - 1):
        fine[:, :, 2 * k + 1] = between(hu[:, :, k], hu[:, :, k + 1])
    return fine


def between(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return the slice half-way between two, (X, Y) HU each."""
    motion = optical_flow_ilk(_shown(below), _shown(above), radius=RADIUS, num_warp=3)
    still = np.indices(below.shape)
    half = motion / 2
    lower = ndimage.map_coordinates(below, still - half, order=1, mode="nearest")
    upper = ndimage.map_coordinates(above, still + half, order=1, mode="nearest")
    return (lower + upper) / 2


def _shown(hu: np.ndarray) -> np.ndarray:
    """Return HU as brightness, 0 to 1."""
    above = (hu - DARKEST) / (BRIGHTEST - DARKEST)
    return np.clip(above, 0, 1).astype(np.float32)
