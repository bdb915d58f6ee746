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
NEAR = 8.0  # mm from the warped label, within which bone or air takes it


def label(hu: np.ndarray, first: Anatomy) -> np.ndarray:
    """Return the (X, Y, Z) uint8 regions of a chest on the working grid, from the first chest's."""
    right, left = two_lungs(hu)
    moving = channels(first.hu, first.lung("right"), first.lung("left"))
    knots = fit(moving, channels(hu, right, left))
    known = torch.from_numpy(first.regions)[None, None].float()
    warped = warp(known, knots, "nearest")[0, 0].numpy().astype(np.uint8)
    return refined(hu, warped, {"right": right, "left": left})


def two_lungs(hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the right and the left lung of a chest, (X, Y, Z) bool: air inside the body.

    They may touch, so they are parted by which core a voxel lies nearest to. Some airways hang on.
    """
    air = _enclosed(hu < AIR)
    pieces, _ = ndimage.label(ndimage.binary_erosion(air))
    first, second = _by_size(pieces)[:2]
    cores = np.where(np.isin(pieces, (first, second)), pieces, 0)
    lungs = ndimage.binary_dilation(cores > 0, iterations=3, mask=air)
    nearest = _nearest_label(cores)
    one = lungs & (nearest == first)
    other = lungs & (nearest == second)
    if np.argwhere(one)[:, 0].mean() < np.argwhere(other)[:, 0].mean():
        return one, other
    return other, one


def _by_size(pieces: np.ndarray) -> np.ndarray:
    """Return the numbers of labelled pieces, the largest first."""
    sizes = np.bincount(pieces.ravel())
    return 1 + np.argsort(-sizes[1:], kind="stable")


def _enclosed(air: np.ndarray) -> np.ndarray:
    """Keep the air that does not reach the edge of its slice."""
    enclosed = np.zeros_like(air)
    for k in range(air.shape[2]):
        pieces, _ = ndimage.label(air[:, :, k])
        rim = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
        enclosed[:, :, k] = air[:, :, k] & ~np.isin(pieces, rim)
    return enclosed


def refined(hu: np.ndarray, warped: np.ndarray, lungs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the warped labels, corrected where air and bone tell better."""
    regions = np.zeros_like(warped)
    numbers = {name: 1 + REGIONS.index(name) for name in REGIONS}
    regions[_heart(hu, warped == numbers["heart"])] = numbers["heart"]
    for name in ("aorta", "spine"):
        part = ndimage.binary_closing(warped == numbers[name], iterations=2)
        regions[part] = numbers[name]
    for name in ("right_clavicle", "left_clavicle"):
        regions[_near(warped == numbers[name]) & (hu > BONE)] = numbers[name]
    airway = _airway(hu, warped == numbers["trachea"])
    for side, lung in lungs.items():
        pieces, _ = ndimage.label(lung & ~airway)
        largest = pieces == _by_size(pieces)[0]
        airway |= lung & ~largest
        inside = ndimage.binary_closing(largest, iterations=2) & (regions != SPINE)
        own = [numbers[name] for name in lobes(side)]
        lobe = _nearest_label(np.where(np.isin(warped, own), warped, 0))
        regions[inside] = lobe[inside]
    regions[airway] = numbers["trachea"]
    return regions


def _airway(hu: np.ndarray, warped: np.ndarray) -> np.ndarray:
    """Return the windpipe and the main bronchi: air thinner than lung, near the warped ones."""
    thin = _near(warped) & (hu < AIRWAY)
    return ndimage.binary_dilation(thin, iterations=2) & (hu < AIR)


def _heart(hu: np.ndarray, warped: np.ndarray) -> np.ndarray:
    """Return the heart: the warped one, grown within its slices to where the lung begins."""
    flat = ndimage.generate_binary_structure(3, 1)
    flat[:, :, [0, 2]] = False
    soft = hu > -30
    grown = ndimage.binary_dilation(warped & soft, flat, iterations=5, mask=soft)
    return ndimage.binary_closing(grown, iterations=2)


def _near(part: np.ndarray) -> np.ndarray:
    """Return what lies within ``NEAR`` mm of a part."""
    return ndimage.distance_transform_edt(~part, sampling=SPACING) <= NEAR


def _nearest_label(labels: np.ndarray) -> np.ndarray:
    """Give every voxel the label that lies nearest."""
    places = ndimage.distance_transform_edt(
        labels == 0, sampling=SPACING, return_distances=False, return_indices=True
    )
    return labels[tuple(places)]
