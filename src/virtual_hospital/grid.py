"""The working grid: how fine the chest is stored, where its voxels lie, and the way there.

Axes are x (to the patient's left), y (to the front), z (to the head), in millimetres about the
centre of the scan. Explained in book/01_reading_a_radiograph.
"""

import numpy as np

SPACING = (1.40625, 3.515625, 2.5)  # mm a voxel of the working grid: x, y, z
POOL = (2, 5, 1)  # scan voxels a working voxel
DEPTH = slice(16, 88)  # the rows of the pooled y axis that hold the body
PAD = (24, 0, 12)  # working voxels added on each side, so that no film looks past the scan's edge
POOLED = (256, 102, 133)  # the scan in working voxels, before DEPTH is cut and PAD is added
FIELD_RADIUS = 178.0  # mm, the circle inside which the scanner saw anything


def axes(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the float32 coordinates (mm) of a working grid's voxel centres along x, y and z."""
    first = (-PAD[0], DEPTH.start, -PAD[2])
    places = []
    for n, start, whole, step in zip(shape, first, POOLED, SPACING, strict=True):
        voxels = np.arange(n) + start - (whole - 1) / 2
        places.append((voxels * step).astype(np.float32))
    return tuple(places)


def pool(volume: np.ndarray) -> np.ndarray:
    """Average (512, 512, 133) over blocks of ``POOL`` voxels and keep ``DEPTH``.

    Returns:
        (256, 72, 133) float32.
    """
    px, py, _ = POOL
    columns = volume.shape[0] // px
    rows = volume.shape[1] // py
    whole = volume[:, : rows * py].astype(np.float32)
    blocks = whole.reshape(columns, px, rows, py, -1)
    return blocks.mean(axis=(1, 3))[:, DEPTH]


def pick(labels: np.ndarray) -> np.ndarray:
    """Take one label of each block of the scan, from its middle, and keep ``DEPTH``."""
    px, py, _ = POOL
    rows = labels.shape[1] // py * py
    return labels[::px, py // 2 : rows : py][:, DEPTH]


def pad(volume: np.ndarray, mode: str) -> np.ndarray:
    """Add ``PAD`` voxels on each side, as ``np.pad`` does in this mode."""
    return np.pad(volume, [(n, n) for n in PAD], mode=mode)


def complete_body(hu: np.ndarray) -> np.ndarray:
    """Continue the body past the round field of view; what lies outside copies the rim.

    ``hu`` is (X, Y, Z) on the working grid, and so is what is returned.
    """
    x, y, _ = axes(hu.shape)
    xx, yy = np.meshgrid(x, y, indexing="ij")
    radius = np.maximum(np.hypot(xx, yy), 1e-6)
    shrink = np.minimum(1, FIELD_RADIUS / radius)
    i = np.rint((xx * shrink - x[0]) / SPACING[0]).astype(int)
    j = np.rint((yy * shrink - y[0]) / SPACING[1]).astype(int)
    i = np.clip(i, 0, len(x) - 1)
    j = np.clip(j, 0, len(y) - 1)
    outside = (shrink < 1)[:, :, None]
    return np.where(outside, hu[i, j], hu)
