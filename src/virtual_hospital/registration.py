"""A smooth map from one chest to another, found by making them alike.

The map is a displacement at the knots of a coarse grid, fitted by gradient steps on pooled volumes:
lungs should overlap (dice), soft tissue and bone should agree, and neighbouring knots should move
alike. Explained in book/01_reading_a_radiograph.
"""

import numpy as np
import torch
import torch.nn.functional as F

from virtual_hospital.anatomy import Anatomy
from virtual_hospital.grid import SPACING

KNOTS = (8, 6, 8)  # of the coarse grid: x, y, z
POOLED = (5, 2, 3)  # working voxels a voxel of the fit
STEPS = 120
RATE = 0.01  # of half the volume's side, a step
STIFF = 4.0  # weight of the roughness of the map


def channels(hu: np.ndarray, right: np.ndarray, left: np.ndarray) -> torch.Tensor:
    """Return what the fit compares, (1, 4, x, y, z) in [0, 1]: both lungs, soft tissue and bone."""
    tissue = np.clip((hu + 150) / 300, 0, 1)
    bone = np.clip((hu - 150) / 300, 0, 1)
    stacked = np.stack([right, left, tissue, bone]).astype(np.float32)
    return F.avg_pool3d(torch.from_numpy(stacked)[None], POOLED)


def fit(moving: torch.Tensor, fixed: torch.Tensor) -> torch.Tensor:
    """Return the (1, 3, *KNOTS) displacement that makes ``moving`` like ``fixed`` (`channels`).

    Displacements are in units of half the volume's side, in the order x, y, z. The steps are Adam's
    (Kingma and Ba 2015), written out: torch's own imports a compiler first, for 300 MB.
    """
    knots = _by_moments(moving, fixed)
    mean = torch.zeros_like(knots)
    square = torch.zeros_like(knots)
    for step in range(1, STEPS + 1):
        knots.requires_grad_()
        warped = warp(moving, knots)
        loss = _unlike(warped, fixed) + STIFF * _rough(knots)
        (slope,) = torch.autograd.grad(loss, knots)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        size = torch.sqrt(square / (1 - 0.999**step)) + 1e-8
        knots = knots.detach() - RATE * mean / (1 - 0.9**step) / size
    return knots


def warp(volume: torch.Tensor, knots: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """Sample (1, C, X, Y, Z) where the displacement of ``knots`` says; the same shape."""
    shape = volume.shape[2:]
    moved = F.interpolate(knots, shape, mode="trilinear", align_corners=True)
    sides = [torch.linspace(-1, 1, n) for n in shape]
    still = torch.stack(torch.meshgrid(*sides, indexing="ij"))
    places = (still + moved[0]).permute(1, 2, 3, 0).flip(-1)
    return F.grid_sample(volume, places[None], mode, padding_mode="border", align_corners=True)


def _by_moments(moving: torch.Tensor, fixed: torch.Tensor) -> torch.Tensor:
    """Return the knots that give the lungs of both the same middle and spread along each axis."""
    middle, spread = _moments(moving)
    wanted, size = _moments(fixed)
    sides = [torch.linspace(-1, 1, n) for n in KNOTS]
    still = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1)
    taken = middle + (still - wanted) * spread / size
    return (taken - still).permute(3, 0, 1, 2)[None].clone()


def _moments(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the middle and the spread of both lungs, (3,) each, in halves of the sides."""
    lungs = features[0, :2].sum(0)
    middle, spread = [], []
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        share = lungs.sum(others) / lungs.sum()
        place = torch.linspace(-1, 1, len(share))
        mean = (share * place).sum()
        middle.append(mean)
        spread.append((share * (place - mean) ** 2).sum().sqrt())
    return torch.stack(middle), torch.stack(spread)


def _unlike(warped: torch.Tensor, fixed: torch.Tensor) -> torch.Tensor:
    """Return how the two differ: dice of the lungs, squared difference of tissue and bone."""
    both = (warped * fixed).sum((2, 3, 4))
    each = warped.sum((2, 3, 4)) + fixed.sum((2, 3, 4))
    dice = 2 * both / each
    squared = ((warped - fixed) ** 2).mean((2, 3, 4))
    return (1 - dice[0, :2]).sum() + 4 * squared[0, 2] + 8 * squared[0, 3]


def _rough(knots: torch.Tensor) -> torch.Tensor:
    """Return the mean squared second difference of the knots along each axis, summed."""
    total = torch.zeros(())
    for axis in (2, 3, 4):
        second = knots.diff(n=2, dim=axis)
        total = total + (second**2).mean()
    return total
