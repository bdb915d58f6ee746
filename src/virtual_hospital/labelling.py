"""Labels for a chest that has none: warped from a labelled chest, and refined by what the CT shows.

Lungs are what is air; the warped labels say which lobe. Heart, aorta and spine are warped;
collarbones and trachea are bone and air near the warped ones. Explained in
book/01_reading_a_radiograph.
"""

import numpy as np
import torch
from scipy import ndimage

from virtual_hospital.anatomy import REGIONS, SPINE, Anatomy, lobes
from virtual_hospital.grid import SPACING
from virtual_hospital.registration import channels, fit, warp

AIR = -600  # Hounsfield units, below which a lung or an airway lies
AIRWAY = -940  # Hounsfield units, below which it is an airway
BONE = 200  # Hounsfield units, above which bone lies
SOFT = -30  # Hounsfield units, above which it is no fat and no lung
GROWN = 5  # voxels by which the warped heart may grow
NEAR = 8.0  # mm from the warped label, within which bone or air takes it
NUMBERS = {name: number for number, name in enumerate(REGIONS, start=1)}


def label(hu: np.ndarray, first: Anatomy) -> np.ndarray:
    """Return the (X, Y, Z) uint8 regions of a chest on the working grid, from the first chest's."""
    right, left = two_lungs(hu)
    moving = channels(first.hu, first.lung("right"), first.lung("left"))
    fixed = channels(hu, right, left)
    knots = fit(moving, fixed)
    known = torch.from_numpy(first.regions).float()
    warped = warp(known[None, None], knots, "nearest")
    regions = warped[0, 0].numpy().astype(np.uint8)
    return refined(hu, regions, {"right": right, "left": left})


def two_lungs(hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the right and the left lung of a chest, (X, Y, Z) bool: air inside the body.

    They may touch, so they are parted by which core a voxel lies nearest to. Some airways hang on.
    """
    air = _enclosed(hu < AIR)
    eroded = ndimage.binary_erosion(air)
    pieces, _ = ndimage.label(eroded)
    one, other = _by_size(pieces)[:2]
    both = np.isin(pieces, (one, other))
    cores = np.where(both, pieces, 0)
    lungs = ndimage.binary_dilation(both, iterations=3, mask=air)
    nearest = _nearest_label(cores)
    parted = []
    for number in (one, other):
        part = lungs & (nearest == number)
        parted.append(part)
    parted.sort(key=_from_the_right)
    right, left = parted
    return right, left


def _from_the_right(part: np.ndarray) -> float:
    return np.argwhere(part)[:, 0].mean()


def _by_size(pieces: np.ndarray) -> np.ndarray:
    """Return the numbers of labelled pieces, the largest first."""
    sizes = np.bincount(pieces.ravel())
    order = np.argsort(-sizes[1:], kind="stable")
    return 1 + order


def _enclosed(air: np.ndarray) -> np.ndarray:
    """Keep the air that does not reach the edge of its slice."""
    enclosed = air.copy()
    for k in range(air.shape[2]):
        pieces, _ = ndimage.label(air[:, :, k])
        sides = (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1])
        rim = np.concatenate(sides)
        outside = np.isin(pieces, rim)
        enclosed[outside, k] = False
    return enclosed


def refined(hu: np.ndarray, warped: np.ndarray, lungs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the warped labels, corrected where air and bone tell better.

    Args:
        hu: (X, Y, Z) of the chest to be labelled.
        warped: (X, Y, Z) uint8, the labels that were brought to it.
        lungs: its right and left lung, from ``two_lungs``.
    """
    regions = np.zeros_like(warped)
    heart = _heart(hu, warped == NUMBERS["heart"])
    regions[heart] = NUMBERS["heart"]
    for name in ("aorta", "spine"):
        number = NUMBERS[name]
        part = ndimage.binary_closing(warped == number, iterations=2)
        regions[part] = number
    for name in ("right_clavicle", "left_clavicle"):
        number = NUMBERS[name]
        bony = _near(warped == number) & (hu > BONE)
        regions[bony] = number
    airway = _airway(hu, warped == NUMBERS["trachea"])
    for side, lung in lungs.items():
        pieces, _ = ndimage.label(lung & ~airway)
        largest = pieces == _by_size(pieces)[0]
        airway |= lung & ~largest
        closed = ndimage.binary_closing(largest, iterations=2)
        inside = closed & (regions != SPINE)
        own = [NUMBERS[name] for name in lobes(side)]
        known = np.isin(warped, own)
        lobe = np.where(known, warped, 0)
        regions[inside] = _nearest_label(lobe)[inside]
    regions[airway] = NUMBERS["trachea"]
    return regions


def _airway(hu: np.ndarray, warped: np.ndarray) -> np.ndarray:
    """Return the windpipe and the main bronchi: air thinner than lung, near the warped ones."""
    thin = _near(warped) & (hu < AIRWAY)
    whole = ndimage.binary_dilation(thin, iterations=2)
    return whole & (hu < AIR)


def _heart(hu: np.ndarray, warped: np.ndarray) -> np.ndarray:
    """Return the heart: the warped one, grown within its slices to where the lung begins."""
    flat = ndimage.generate_binary_structure(3, 1)
    flat[:, :, [0, 2]] = False
    soft = hu > SOFT
    grown = ndimage.binary_dilation(
        warped & soft,
        flat,
        iterations=GROWN,
        mask=soft,
    )
    return ndimage.binary_closing(grown, iterations=2)


def _near(part: np.ndarray) -> np.ndarray:
    """Return what lies within ``NEAR`` mm of a part."""
    away = ndimage.distance_transform_edt(~part, sampling=SPACING)
    return away <= NEAR


def _nearest_label(labels: np.ndarray) -> np.ndarray:
    """Give every voxel the label that lies nearest."""
    places = ndimage.distance_transform_edt(
        labels == 0,
        sampling=SPACING,
        return_distances=False,
        return_indices=True,
    )
    return labels[tuple(places)]
