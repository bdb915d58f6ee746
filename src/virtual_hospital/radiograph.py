"""From the chest to what arrives at the film: rays through a bent body, and their attenuation.

The beam is a cone from a point source; the body is bent by a smooth map from the film's space back
to the CT's. One grid of sample points, cheap to make because it is the fine interpolation of a
coarse one, serves the attenuation, every finding and every region, so masks and film agree to the
pixel. Explained in book/01_reading_a_radiograph.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from virtual_hospital.anatomy import REGIONS, Anatomy, lobes
from virtual_hospital.body import Body, to_scan
from virtual_hospital.chest import Chest
from virtual_hospital.grid import axes
from virtual_hospital.outside import BACK, FRONT, arms, breasts, fat, plane, silhouette

WATER = 0.0185  # 1/mm, effective attenuation of water for a chest beam of about 110 kVp
BONE = 0.45  # how much more bone mineral attenuates than water of its density, at 110 kVp
FIELD = 315.0  # mm, side of the square that the film shows at the middle of the body
CENTRE = 33.0  # mm above the middle of the scan
PLANES = 56  # planes of samples through the depth of the body
DEPTH_MM = 250.0  # mm of depth that the planes cover
BEHIND = 40  # mm between the body's depth and the detector
TOGETHER = 4  # volumes that are projected at a time; more take memory and no less time
COARSE = (9, 22, 22)  # the coarse grid: depth, rows, columns


def rays(
    body: Body,
    view: str,
    distance: float,
    side: float,
    *,
    size: int,
    shape: tuple[int, ...],
) -> torch.Tensor:
    """Return the sample points of every ray of a film, as grid_sample wants them.

    Args:
        body: maps a point of the film's space to the scan.
        view: "PA" (the source is behind the patient) or "AP".
        distance: from source to detector, mm.
        side: side of the film at the middle of the body, mm.
        size: side of the film in pixels.
        shape: (X, Y, Z) of the volumes to be sampled.

    Returns:
        (1, D, H, W, 3) float32 in [-1, 1], the last axis in the order z, y, x. Row 0 is the top of
        the film; the patient's left is on the right of the picture, as films are hung.
    """
    depth, rows, columns = COARSE
    y = torch.linspace(-DEPTH_MM / 2, DEPTH_MM / 2, depth)
    middle = distance - DEPTH_MM / 2 - BEHIND  # from the source to the middle of the body
    from_source = middle + y if view == "PA" else middle - y
    scale = from_source / middle
    scale = scale[:, None, None]
    half = side / 2
    down = torch.linspace(half, -half, rows)
    across = torch.linspace(-half, half, columns)
    v, u = torch.meshgrid(down, across, indexing="ij")
    planes = y[:, None, None].expand(depth, rows, columns)
    x = u * scale
    z = (v + CENTRE) * scale
    points = torch.stack([x, planes, z], -1)
    points = to_scan(points, body)  # (depth, rows, columns, 3) mm
    fine = refine(_scaled(points, shape), (PLANES, size, size))
    return fine[None]


def _scaled(points: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Turn points (..., 3) mm x, y, z into places in [-1, 1] of a volume, in the order z, y, x."""
    places = []
    for k in (2, 1, 0):
        axis = axes(shape)[k]
        first = float(axis[0])
        last = float(axis[-1])
        twice = 2 * points[..., k]
        from_middle = twice - first - last
        places.append(from_middle / (last - first))
    return torch.stack(places, -1)


def refine(coarse: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """Interpolate (d, h, w, 3) linearly to (D, H, W, 3).

    This is F.interpolate as three matrix products, three times as fast.
    """
    weights = []
    for few, many in zip(coarse.shape[:3], shape, strict=True):
        unit = torch.eye(few)[None]
        spread = F.interpolate(unit, many, mode="linear", align_corners=True)
        weights.append(spread[0].T)
    depth, rows, columns = weights
    mixed = torch.einsum("Dd,Hh,dhwc->DHcw", depth, rows, coarse)
    fine = mixed @ columns.T
    return fine.transpose(2, 3)


def project(grid: torch.Tensor, volumes: Sequence[np.ndarray]) -> torch.Tensor:
    """Integrate C volumes along the rays.

    Args:
        grid: (1, D, H, W, 3), from ``rays``.
        volumes: C times (X, Y, Z).

    Returns:
        (C, H, W), units times mm.
    """
    sums = []
    for start in range(0, len(volumes), TOGETHER):
        some = volumes[start : start + TOGETHER]
        stacked = torch.from_numpy(np.stack(some, dtype=np.float32))
        sampled = F.grid_sample(stacked[None], grid, padding_mode="border", align_corners=True)
        sums.append(sampled[0].sum(1))
    apart = DEPTH_MM / (PLANES - 1)
    return torch.cat(sums) * apart


def shadows(grid: torch.Tensor, regions: np.ndarray) -> torch.Tensor:
    """Project a label map: the film pixels whose ray meets each of REGIONS.

    Returns:
        (len(REGIONS), H, W) bool.
    """
    labels = torch.from_numpy(regions)[None, None].float()
    sampled = F.grid_sample(labels, grid, mode="nearest", align_corners=True)
    met = sampled[0, 0].to(torch.uint8)  # (D, H, W)
    masks = []
    for number in range(1, 1 + len(REGIONS)):
        masks.append((met == number).any(0))
    return torch.stack(masks)


@dataclass
class Film:
    """What one exposure gives, before a machine makes an image of it.

    Attributes:
        path: (H, W) float32, attenuation along each ray, no unit.
        regions: masks by name: anatomy.REGIONS, and the right and left lung fields as an annotator
            would outline them.
        evidence: one (H, W) bool mask for each item of the chest's evidence, in the same order.
    """

    path: np.ndarray
    regions: dict[str, np.ndarray]
    evidence: list[np.ndarray]


def expose(
    chest: Chest,
    view: str,
    kvp: float,
    distance: float,
    *,
    zoom: float = 1.0,
    size: int = 224,
) -> Film:
    """Project a drawn chest.

    Args:
        chest: from ``painters.draw``.
        view: "PA" (source behind the patient) or "AP".
        kvp: tube voltage, kV; bone stands out more when it is low.
        distance: from source to detector, mm.
        zoom: above 1 the chest fills more of the film.
        size: side of the film in pixels.
    """
    anatomy, body = chest.anatomy, chest.body
    grid = rays(body, view, distance, FIELD / zoom, size=size, shape=anatomy.hu.shape)
    volumes = [_attenuation(chest, kvp)]
    for item in chest.evidence:
        if item.occupancy is not None:
            volumes.append(item.occupancy)
    sums = project(grid, volumes).numpy()
    regions = _regions(grid, anatomy)
    depths = iter(sums[1:])
    evidence = []
    for item in chest.evidence:
        if item.occupancy is None:
            filled = [regions[name] for name in item.regions]
            evidence.append(np.logical_or.reduce(filled))
        else:
            depth = next(depths)
            evidence.append(depth >= item.least)
    path = _with_outside(sums[0], body, FIELD / zoom)
    return Film(path, regions, evidence)


def _attenuation(chest: Chest, kvp: float) -> np.ndarray:
    """Return (X, Y, Z), 1/mm, of a drawn chest at a tube voltage."""
    anatomy = chest.anatomy
    bony = BONE * (110 / kvp) ** 0.8
    density = anatomy.density * (1 + bony * anatomy.bone)
    density[anatomy.lungs] *= chest.body.lung
    water = WATER * (110 / kvp) ** 0.35
    return water * np.maximum(0, density + chest.added)


def _regions(grid: torch.Tensor, anatomy: Anatomy) -> dict[str, np.ndarray]:
    """Return the shadow of each region, and the lung fields."""
    met = shadows(grid[:, ::2], anatomy.regions).numpy()
    regions = dict(zip(REGIONS, met, strict=True))
    right = _lung_field(regions, "right")
    left = _lung_field(regions, "left")
    return regions | {"right_lung_field": right, "left_lung_field": left}


def _lung_field(regions: dict[str, np.ndarray], side: str) -> np.ndarray:
    """Return the part of a lung that an annotator outlines.

    That is the largest piece not behind the heart, the spine or the great vessels.
    """
    behind = regions["heart"] | regions["spine"] | regions["aorta"]
    lung = np.logical_or.reduce([regions[name] for name in lobes(side)])
    front = ndimage.binary_opening(lung & ~behind, iterations=2)
    pieces, n = ndimage.label(front)
    if not n:
        return front
    sizes = np.bincount(pieces.ravel())
    largest = 1 + np.argmax(sizes[1:])
    return pieces == largest


def _with_outside(path: np.ndarray, body: Body, side: float) -> np.ndarray:
    """Return the (H, W) attenuation with the neck cut out, arms, breasts and fat."""
    half = side / 2
    across = torch.linspace(-half, half, len(path))
    up = CENTRE - across
    behind = plane(body, across, up, BACK)
    before = plane(body, across, up, FRONT)
    cut = path * silhouette(behind, body)
    there = np.minimum(1, cut)  # no fat, and no breast, beside the body
    flesh = there * (breasts(before, body) + fat(behind, body))
    trunk = np.maximum(0, cut + WATER * flesh)
    beside = WATER * arms(behind, body)
    return np.maximum(trunk, beside).astype(np.float32)
