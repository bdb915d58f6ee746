"""A smooth map from one chest to another, found by making them alike.

The map is a displacement at the knots of a coarse grid, fitted by gradient steps on pooled volumes:
lungs should overlap (dice), soft tissue and bone should agree, and neighbouring knots should move
alike. Explained in book/01_reading_a_radiograph.
"""

import numpy as np
import torch
import torch.nn.functional as F

KNOTS = (8, 6, 8)  # of the coarse grid: x, y, z
POOLED = (5, 2, 3)  # working voxels a voxel of the fit
STEPS = 120
RATE = 0.01  # of half the volume's side, a step
KEPT = (0.9, 0.999)  # of the mean slope and of its square, from step to step
STIFF = 4.0  # weight of the roughness of the map
WEIGHTS = (4.0, 8.0)  # of the squared difference of soft tissue and of bone


def channels(
    hu: np.ndarray,
    right: np.ndarray,
    left: np.ndarray,
) -> torch.Tensor:
    """Return what the fit compares, (1, 4, x, y, z) in [0, 1]: both lungs, soft tissue and bone."""
    tissue = (hu + 150) / 300
    bone = (hu - 150) / 300
    stacked = np.stack([right, left, tissue, bone])
    shares = np.clip(stacked, 0, 1).astype(np.float32)
    whole = torch.from_numpy(shares)
    return F.avg_pool3d(whole[None], POOLED)


def fit(moving: torch.Tensor, fixed: torch.Tensor) -> torch.Tensor:
    """Return the (1, 3, *KNOTS) displacement that makes ``moving`` like ``fixed`` (`channels`).

    Displacements are in units of half the volume's side, in the order x, y, z. The steps are Adam's
    (Kingma and Ba 2015), written out: torch's own imports a compiler first, which takes 15 s.
    """
    knots = torch.zeros(1, 3, *KNOTS)
    mean = torch.zeros_like(knots)
    square = torch.zeros_like(knots)
    slow, slower = KEPT
    for step in range(1, STEPS + 1):
        slope = _slope(knots, moving, fixed)
        mean = slow * mean + (1 - slow) * slope
        square = slower * square + (1 - slower) * slope**2
        along = mean / (1 - slow**step)
        size = square / (1 - slower**step)
        move = along / (size.sqrt() + 1e-8)
        knots = knots - RATE * move
    return knots


def _slope(
    knots: torch.Tensor,
    moving: torch.Tensor,
    fixed: torch.Tensor,
) -> torch.Tensor:
    """Return how the misfit changes with the knots."""
    bent = knots.clone().requires_grad_()
    warped = warp(moving, bent)
    loss = _unlike(warped, fixed) + STIFF * _rough(bent)
    return torch.autograd.grad(loss, bent)[0]


def warp(
    volume: torch.Tensor,
    knots: torch.Tensor,
    mode: str = "bilinear",
) -> torch.Tensor:
    """Sample (1, C, X, Y, Z) where the displacement of ``knots`` says; the same shape."""
    shape = volume.shape[2:]
    moved = F.interpolate(
        knots,
        shape,
        mode="trilinear",
        align_corners=True,
    )
    still = F.affine_grid(torch.eye(3, 4)[None], [1, 1, *shape], align_corners=True)
    places = still + moved.permute(0, 2, 3, 4, 1).flip(-1)
    return F.grid_sample(
        volume,
        places,
        mode,
        padding_mode="border",
        align_corners=True,
    )


def _unlike(warped: torch.Tensor, fixed: torch.Tensor) -> torch.Tensor:
    """Return how the two differ: dice of the lungs, squared difference of tissue and bone."""
    both = _sums(warped * fixed)
    each = _sums(warped) + _sums(fixed)
    dice = 2 * both / each
    lungs = (1 - dice[:2]).sum()
    squared = (warped - fixed) ** 2
    apart = squared.mean((0, 2, 3, 4))
    weighed = apart[2:] * torch.tensor(WEIGHTS)
    return lungs + weighed.sum()


def _sums(features: torch.Tensor) -> torch.Tensor:
    return features.sum((0, 2, 3, 4))


def _rough(knots: torch.Tensor) -> torch.Tensor:
    """Return the mean squared second difference of the knots along each axis, summed."""
    total = torch.zeros(())
    for axis in (2, 3, 4):
        second = knots.diff(n=2, dim=axis)
        total = total + (second**2).mean()
    return total
