"""The second chest: another real CT, brought to the place and size of the first and labelled by it.

Painters and bodies work in millimetres of the first chest, which was scanned after a shallow
breath; `body` stretches it. The second was scanned in full breath. It is scaled to the first's
width and stored bent the other way, so that the usual body straightens it. Explained in
book/01_reading_a_radiograph.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from virtual_hospital.anatomy import Anatomy, depth
from virtual_hospital.body import Body, to_scan
from virtual_hospital.grid import axes
from virtual_hospital.labelling import label, two_lungs
from virtual_hospital.second_scan import PIXEL, THICK, fill_tumour, read_scan, remove_surroundings
from virtual_hospital.slices import twice_the_slices

USUAL = Body(size=(1.0, 1.0, 1.1), heart=-0.14, raised={"right": -18.0, "left": -18.0})
VOXEL = (PIXEL, PIXEL, THICK / 2)  # mm: x, y, z, once there is a slice between every two
BLUR = (0.0, 0.7, 0.0)  # scan voxels: the scan is finer than the working grid along y
BEYOND = 28  # slices that continue the body above and below the scan, mirrored
COARSE = (24, 12, 24)  # the grid on which the bent places are sought
ROUNDS = 12  # of the search for where the usual body takes a point from


def moments(lungs: np.ndarray, places: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle and the spread (mm) of the lungs along each axis, (3,) each."""
    at = np.argwhere(lungs).T
    mm = np.stack([axis[index] for axis, index in zip(places, at, strict=True)])
    return mm.mean(1), mm.std(1)


def points_of(shape: tuple[int, ...]) -> torch.Tensor:
    """Return the (X, Y, Z, 3) places (mm) of the working grid's voxels."""
    places = np.meshgrid(*axes(shape), indexing="ij")
    return torch.from_numpy(np.stack(places, -1))


def straightened(shape: tuple[int, ...]) -> torch.Tensor:
    """Return what the usual body takes from the voxels: the inverse of ``to_scan``.

    Returns:
        (X, Y, Z, 3) mm.
    """
    places = [torch.linspace(float(axis[0]), float(axis[-1]), n) for axis, n in
              zip(axes(shape), COARSE, strict=True)]
    points = torch.stack(torch.meshgrid(*places, indexing="ij"), -1)
    found = points.clone()
    for _ in range(ROUNDS):
        found = found - (to_scan(found, USUAL) - points)
    coarse = found.permute(3, 0, 1, 2)[None]
    fine = F.interpolate(coarse, shape, mode="trilinear", align_corners=True)
    return fine[0].permute(1, 2, 3, 0)


def sample(volume: np.ndarray, index: torch.Tensor) -> np.ndarray:
    """Sample a volume at places (..., 3) in voxels, linearly; beyond its edge it goes on."""
    sides = torch.tensor(volume.shape) - 1
    places = (2 * index / sides - 1).flip(-1).float()
    dense = torch.from_numpy(volume.astype(np.float32))[None, None]
    sampled = F.grid_sample(dense, places[None], padding_mode="border", align_corners=True)
    return sampled[0, 0].numpy()


def continued(hu: np.ndarray) -> np.ndarray:
    """Blur a scan to the working grid's detail and mirror ``BEYOND`` slices at both ends.

    Below the scan no air is mirrored, or the lungs would go on there.
    """
    fine = ndimage.gaussian_filter(hu, BLUR)
    longer = np.pad(fine, [(0, 0), (0, 0), (BEYOND, BEYOND)], mode="reflect")
    below = longer[:, :, :BEYOND]
    body = ndimage.binary_fill_holes(below[:, :, -1] > -300)
    below[body] = np.maximum(below[body], -100)
    below[:] = ndimage.gaussian_filter(below, (1, 1, 2))
    return longer


def to_grid(hu: np.ndarray, first: Anatomy) -> np.ndarray:
    """Sample a scan on the working grid, its lungs as wide as the first chest's and at their place.

    Returns:
        (X, Y, Z) float32 HU.
    """
    scan_places = [np.arange(n) * step for n, step in zip(hu.shape, VOXEL, strict=True)]
    right, left = two_lungs(hu)
    middle, spread = moments(right | left, scan_places)
    points = points_of(first.hu.shape)
    drawn = _as_drawn(first, points)
    wanted, size = moments(drawn, axes(first.hu.shape))
    scale = spread[0] / size[0]
    mm = torch.from_numpy(middle) + (straightened(first.hu.shape) - torch.from_numpy(wanted)) * scale
    index = mm / torch.tensor(VOXEL)
    index[..., 2] += BEYOND
    return sample(continued(hu), index)


def _as_drawn(first: Anatomy, points: torch.Tensor) -> np.ndarray:
    """Return where the first chest's lungs are once the usual body has bent them."""
    start = points[0, 0, 0]
    step = points[1, 1, 1] - start
    index = (to_scan(points, USUAL) - start) / step
    return sample(first.lungs, index) > 0.5


def prepare(first: Anatomy) -> Anatomy:
    """Make the second chest, healthy and labelled by the first (about 25 s on one core)."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so that sums do not depend on the machine
    try:
        scan = fill_tumour(remove_surroundings(read_scan()))
        hu = to_grid(twice_the_slices(scan), first)
        regions = label(hu, first)
    finally:
        torch.set_num_threads(before)
    return Anatomy(hu, regions, depth(regions))
