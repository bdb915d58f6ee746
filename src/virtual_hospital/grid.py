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

Axes = tuple[np.ndarray, np.ndarray, np.ndarray]


def axes(shape: tuple[int, ...]) -> Axes:
    """Return the float32 coordinates (mm) of a working grid's voxel centres along x, y and z."""
    first = (-PAD[0], DEPTH.start, -PAD[2])
    places = []
    for n, start, whole, step in zip(shape, first, POOLED, SPACING, strict=True):
        last = whole - 1
        middle = last / 2
        voxels = np.arange(n) + start - middle
        place = voxels * step
        places.append(place.astype(np.float32))
    return tuple(places)


def pool(volume: np.ndarray) -> np.ndarray:
    """Average (512, 512, 133) over blocks of ``POOL`` voxels and keep ``DEPTH``.

    Returns:
        (256, 72, 133) float32.
    """
    px, py, _ = POOL
    columns = volume.shape[0] // px
    rows = volume.shape[1] // py
    whole = volume[:, : rows * py]
    whole = whole.astype(np.float32)
    blocks = whole.reshape(columns, px, rows, py, -1)
    pooled = blocks.mean(axis=(1, 3))
    return pooled[:, DEPTH]


def pick(labels: np.ndarray) -> np.ndarray:
    """Take one label of each block of the scan, from its middle, and keep ``DEPTH``."""
    px, py, _ = POOL
    first = py // 2
    blocks = labels.shape[1] // py
    rows = blocks * py
    picked = labels[::px, first:rows:py]
    return picked[:, DEPTH]


def pad(volume: np.ndarray, mode: str) -> np.ndarray:
    """Add ``PAD`` voxels on each side, as ``np.pad`` does in this mode."""
    widths = [(n, n) for n in PAD]
    return np.pad(volume, widths, mode=mode)


def complete_body(hu: np.ndarray) -> np.ndarray:
    """Continue the body past the round field of view; what lies outside copies the rim.

    ``hu`` is (X, Y, Z) on the working grid, and so is what is returned.
    """
    x, y, _ = axes(hu.shape)
    xx, yy = np.meshgrid(x, y, indexing="ij")
    radius = np.hypot(xx, yy)
    radius = np.maximum(radius, 1e-6)
    share = FIELD_RADIUS / radius
    shrink = np.minimum(1, share)
    across, along, _ = SPACING
    i = _nearest(xx * shrink, x, across)
    j = _nearest(yy * shrink, y, along)
    rim = hu[i, j]
    outside = shrink < 1
    return np.where(outside[:, :, None], rim, hu)


def _nearest(
    places: np.ndarray,
    axis: np.ndarray,
    step: float,
) -> np.ndarray:
    """Return the voxels along an axis that lie nearest to places (mm)."""
    from_first = places - axis[0]
    index = np.rint(from_first / step)
    last = len(axis) - 1
    return np.clip(index.astype(int), 0, last)
