"""The fit finds a known shift and bend, and leaves alike volumes alone."""

import numpy as np
import torch

from virtual_hospital import registration
from virtual_hospital.registration import KNOTS, POOLED, channels, fit, warp

SHAPE = (80, 40, 60)


def _chest(shift=0.0, size=1.0):
    """Two egg-shaped lungs in soft tissue beside a rod of bone: HU and both lungs."""
    x, y, z = np.indices(SHAPE, dtype=np.float32)
    lungs = []
    for middle in (22, 58):
        away = ((x - middle - shift) / 14) ** 2 + ((y - 20) / 12) ** 2
        away += ((z - 30) / (20 * size)) ** 2
        lungs.append(away < 1)
    hu = np.full(SHAPE, 40, np.float32)
    hu[np.hypot(x - 40 - shift, y - 8) < 5] = 500
    hu[lungs[0] | lungs[1]] = -850
    return hu, *lungs


def _dice(one, other):
    both = (one * other).sum((0, 2, 3, 4))[:2]
    return 2 * both / (one + other).sum((0, 2, 3, 4))[:2]


def test_a_shifted_and_lower_chest_is_found():
    moving, fixed = channels(*_chest()), channels(*_chest(4.0, 0.75))
    warped = warp(moving, fit(moving, fixed))
    best = _dice(fixed, fixed)  # below 1, since voxels at the edge are half full
    assert (best - _dice(moving, fixed)).min() > 0.12
    assert (best - _dice(warped, fixed)).max() < 0.06


def test_the_fit_is_the_same_twice_and_small_where_nothing_differs(monkeypatch):
    monkeypatch.setattr(registration, "STEPS", 30)
    same = channels(*_chest())
    knots = fit(same, same)
    assert knots.shape == (1, 3, *KNOTS)
    assert (warp(same, knots) - same).abs().mean() < 0.02
    other = channels(*_chest(2.0))
    assert torch.equal(fit(same, other), fit(same, other))


def test_no_displacement_warps_nothing_and_x_comes_first():
    volume = torch.rand(1, 1, 9, 7, 5)
    still = torch.zeros(1, 3, *KNOTS)
    torch.testing.assert_close(warp(volume, still), volume)
    still[:, 0] = 2 / 8  # one voxel of nine along x
    moved = warp(volume, still)
    torch.testing.assert_close(moved[:, :, :-1], volume[:, :, 1:], atol=1e-4, rtol=0)


def test_channels_lie_between_nothing_and_all():
    features = channels(*_chest())
    assert features.shape == (1, 4, *(n // p for n, p in zip(SHAPE, POOLED, strict=True)))
    assert features.min() == 0 and features.max() == 1
