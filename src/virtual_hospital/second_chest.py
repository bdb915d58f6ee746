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
from virtual_hospital.grid import SPACING, axes
from virtual_hospital.labelling import label, two_lungs
from virtual_hospital.second_scan import PIXEL, THICK, fill_tumour, read_scan, remove_surroundings
from virtual_hospital.slices import twice_the_slices

USUAL = Body(size=(1.0, 1.0, 1.1), heart=-0.14, raised={"right": -30.0, "left": -30.0})
VOXEL = (PIXEL, PIXEL, THICK / 2)  # mm: x, y, z, once there is a slice between every two
BLUR = (0.0, 0.7, 0.0)  # scan voxels: the scan is finer than the working grid along y
BEYOND = 28  # slices that continue the body above and below the scan, mirrored
COARSE = (24, 12, 24)  # the grid on which the bent places are sought
ROUNDS = 12  # of the search for where the usual body takes a point from


def prepare(first: Anatomy) -> Anatomy:
    """Make the second chest, healthy and labelled by the first (half a minute on one core).

    Raises:
        InputError: the package that ships the CT is not installed.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so that sums do not depend on the machine
    try:
        scan = read_scan()
        clean = remove_surroundings(scan)
        healthy = fill_tumour(clean)
        fine = twice_the_slices(healthy)
        hu = to_grid(fine, first)
        regions = label(hu, first)
    finally:
        torch.set_num_threads(before)
    return Anatomy(hu, regions, depth(regions))


def to_grid(hu: np.ndarray, first: Anatomy) -> np.ndarray:
    """Sample a scan on the working grid, its lungs as wide as the first chest's and at their place.

    Args:
        hu: (X, Y, Z) HU, in voxels of ``VOXEL``.
        first: the first chest.

    Returns:
        (X, Y, Z) float32 HU on the working grid.
    """
    right, left = two_lungs(hu)
    middle, width = _lie(right | left, VOXEL)
    shape = first.hu.shape
    start = grid_points(shape, (2, 2, 2))[0, 0, 0]
    step = torch.tensor(SPACING)
    bent = to_scan(grid_points(shape, shape), USUAL)
    drawn = sample(first.lungs, (bent - start) / step)
    wanted, wide = _lie(drawn > 0.5, SPACING)
    from_middle = straightened(shape) - start - wanted
    scale = width / wide
    mm = middle + scale * from_middle
    index = mm / torch.tensor(VOXEL)
    index[..., 2] += BEYOND
    return sample(continued(hu), index)


def _lie(lungs: np.ndarray, voxel: tuple[float, ...]) -> tuple[torch.Tensor, float]:
    """Return the middle of the lungs, (3,) mm from the first voxel, and their spread across."""
    places = np.argwhere(lungs)
    mm = places * voxel
    middle = mm.mean(0)
    return torch.tensor(middle, dtype=torch.float32), mm[:, 0].std()


def grid_points(shape: tuple[int, ...], knots: tuple[int, ...]) -> torch.Tensor:
    """Return (x, y, z, 3) mm: this many points along each axis, from end to end of the grid."""
    places = []
    for axis, n in zip(axes(shape), knots, strict=True):
        first = float(axis[0])
        last = float(axis[-1])
        places.append(torch.linspace(first, last, n))
    mesh = torch.meshgrid(*places, indexing="ij")
    return torch.stack(mesh, -1)


def straightened(shape: tuple[int, ...]) -> torch.Tensor:
    """Return where in the film's space the usual body puts the voxels: ``to_scan`` backwards.

    Returns:
        (X, Y, Z, 3) mm.
    """
    points = grid_points(shape, COARSE)
    found = points.clone()
    for _ in range(ROUNDS):
        wrong = to_scan(found, USUAL) - points
        found = found - wrong
    coarse = found.permute(3, 0, 1, 2)
    fine = F.interpolate(
        coarse[None],
        shape,
        mode="trilinear",
        align_corners=True,
    )
    return fine[0].permute(1, 2, 3, 0)


def sample(volume: np.ndarray, index: torch.Tensor) -> np.ndarray:
    """Sample a volume at places (..., 3) in voxels, linearly; beyond its edge it goes on."""
    last = torch.tensor(volume.shape) - 1
    places = 2 * index / last - 1
    dense = torch.from_numpy(volume.astype(np.float32))
    sampled = F.grid_sample(
        dense[None, None],
        places.flip(-1)[None],
        padding_mode="border",
        align_corners=True,
    )
    return sampled[0, 0].numpy()


def continued(hu: np.ndarray) -> np.ndarray:
    """Blur a scan to the working grid's detail and mirror ``BEYOND`` slices at both ends.

    Below the scan no air is mirrored, or the lungs would go on there.
    """
    fine = ndimage.gaussian_filter(hu, BLUR)
    ends = [(0, 0), (0, 0), (BEYOND, BEYOND)]
    longer = np.pad(fine, ends, mode="reflect")
    below = longer[:, :, :BEYOND]
    last = below[:, :, -1]
    body = ndimage.binary_fill_holes(last > -300)
    below[body] = np.maximum(below[body], -100)
    return longer
