"""DiffDRR and nanodrr, set up to draw the film that `renderers.py` draws.

Explained in book/01_reading_a_radiograph."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import nanodrr.data
import nanodrr.drr
import numpy as np
import torch
from diffdrr.data import read
from diffdrr.drr import DRR
from diffdrr.pose import RigidTransform
from torchio import LabelMap, ScalarImage

from virtual_hospital.grid import SPACING, axes
from virtual_hospital.radiograph import CENTRE, DEPTH_MM, FIELD, PLANES

SIZE = 224
DISTANCE = 1830.0  # mm, source to detector
MIDDLE = DISTANCE - DEPTH_MM / 2 - 40  # mm, source to the middle of the body, as in radiograph.rays
PIXEL = FIELD / (SIZE - 1) * DISTANCE / MIDDLE  # mm on the detector
OFFSET = CENTRE * DISTANCE / MIDDLE  # mm, how far the detector's centre lies above the central ray
SAMPLES = 500  # a ray, the default of the packages
PATCHES = {SAMPLES: 16, PLANES: 56}  # samples a ray -> side of DiffDRR's patch; the fastest tried
Draw = Callable[[], torch.Tensor]


class Scan(NamedTuple):
    """A chest: attenuation (X, Y, Z) float32 and the labels of its regions (X, Y, Z) uint8."""

    volume: torch.Tensor
    labels: torch.Tensor


def images_of(scan: Scan) -> tuple[ScalarImage, LabelMap]:
    """Return the scan as the packages want it, in the place where ours lies."""
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = [axis[0] for axis in axes(scan.volume.shape)]
    image = ScalarImage(tensor=scan.volume[None], affine=affine)
    return image, LabelMap(tensor=scan.labels[None], affine=affine)


def pose(x: list[int], y: list[int]) -> torch.Tensor:
    """Return camera to scan: the camera's x and y axes as given, its z axis to the front, the
    source behind."""
    matrix = torch.eye(4)
    matrix[:3, :3] = torch.tensor([x, y, [0, 1, 0]]).T
    matrix[1, 3] = -MIDDLE
    return matrix[None]


def packages(scan: Scan, masks: bool) -> dict[str, Draw]:
    """Return the packages' renderers by name; each gives (channels, H, W), one channel or one for
    each label."""
    return diffdrr(scan, masks) | nanodrr_of(scan, masks)


def diffdrr(scan: Scan, masks: bool) -> dict[str, Draw]:
    """Return DiffDRR's renderers."""
    image, label = images_of(scan)
    subject = read(image, label, orientation=None, center_volume=False)
    subject.density.set_data(scan.volume[None])  # instead of its own conversion from HU
    camera = partial(DRR, subject, DISTANCE, SIZE, PIXEL, y0=OFFSET)
    place = RigidTransform(pose([-1, 0, 0], [0, 0, 1]))
    siddon = camera(renderer="siddon", patch_size=PATCHES[SAMPLES])
    coarse = camera(renderer="trilinear", patch_size=PATCHES[PLANES])
    usual = camera(renderer="trilinear", patch_size=PATCHES[SAMPLES])

    def draw(renderer: DRR, **how: int) -> torch.Tensor:
        return renderer(place, mask_to_channels=masks, **how)[0]

    return {
        "diffdrr_siddon": partial(draw, siddon),
        "diffdrr_trilinear": partial(draw, usual, n_points=SAMPLES),
        f"diffdrr_trilinear_{PLANES}": partial(draw, coarse, n_points=PLANES),
    }


def nanodrr_of(scan: Scan, masks: bool) -> dict[str, Draw]:
    """Return nanodrr's renderers."""
    image, label = images_of(scan)
    make = nanodrr.drr.DRR.from_carm_intrinsics
    renderer = make(
        DISTANCE,
        PIXEL,
        PIXEL,
        0.0,
        OFFSET,
        SIZE,
        SIZE,
    )
    shown = nanodrr.data.Subject.from_images(
        image,
        label if masks else None,
        convert_to_mu=False,
    )
    there = pose([1, 0, 0], [0, 0, -1])

    def draw(samples: int) -> torch.Tensor:
        return renderer(shown, there, n_samples=samples)[0]

    return {
        "nanodrr": partial(draw, SAMPLES),
        f"nanodrr_{PLANES}": partial(draw, PLANES),
    }
