"""A slice between every two slices of a CT, so that ribs and domes lose their steps.

Where a rib runs aslant it lies elsewhere in the next slice, and a plain mean shows it twice. So
each slice is first moved half of the way to the other (as Penney and others 2004 do, with another
way to find the motion). Explained in book/01_reading_a_radiograph.
"""

from itertools import pairwise

import numpy as np
from scipy import ndimage
from skimage.registration import optical_flow_ilk

RADIUS = 4  # voxels round a place, in which its motion is sought
DARKEST = -1000  # Hounsfield units
BRIGHTEST = 400


def twice_the_slices(hu: np.ndarray) -> np.ndarray:
    """Return (X, Y, 2 Z - 1) HU: the slices of (X, Y, Z), and one between every two."""
    slices = np.moveaxis(hu, 2, 0)
    fine = [slices[0]]
    for below, above in pairwise(slices):
        fine.append(between(below, above))
        fine.append(above)
    return np.stack(fine, 2)


def between(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return the slice half-way between two, (X, Y) HU each."""
    motion = optical_flow_ilk(
        _shown(below),
        _shown(above),
        radius=RADIUS,
        num_warp=3,
    )
    half = motion / 2
    still = np.indices(below.shape)
    lower = _moved(below, still - half)
    upper = _moved(above, still + half)
    return (lower + upper) / 2


def _moved(one: np.ndarray, places: np.ndarray) -> np.ndarray:
    return ndimage.map_coordinates(one, places, order=1, mode="nearest")


def _shown(hu: np.ndarray) -> np.ndarray:
    """Return HU as brightness, 0 to 1."""
    above = hu - DARKEST
    share = above / (BRIGHTEST - DARKEST)
    return np.clip(share, 0, 1).astype(np.float32)
