"""Neck, arms, breasts and fat lie round the chest, not in it."""

import numpy as np
import torch

from virtual_hospital.body import Body
from virtual_hospital.outside import arms, breasts, fat, plane, silhouette

AXIS = torch.linspace(-340, 340, 137)


def _at(body):
    return plane(body, AXIS, -AXIS, 0.0)


def test_the_plane_of_an_average_person_is_the_films():
    x, z = _at(Body())
    assert np.allclose(x[0], AXIS.numpy(), atol=1e-4)
    assert np.allclose(z[:, 0], -AXIS.numpy(), atol=1e-4)


def test_the_shoulders_are_cut_out_beside_the_neck_and_the_lungs_are_whole():
    at = _at(Body())
    x, z = at
    share = silhouette(at, Body())
    assert (share[(np.abs(x) < 100) & (z < 105)] > 0.99).all()
    assert (share[(np.abs(x) > 110) & (z > 175)] == 0).all()
    assert (share[(np.abs(x) < 30) & (z < 165)] > 0.5).all(), "the neck stays"


def test_arms_hang_beside_the_chest_and_a_wide_gap_moves_them_out():
    x, z = _at(Body())
    near, far = (arms((x, z), Body(arms=(gap, gap))) for gap in (20, 120))
    for made in (near, far):
        assert not made[np.abs(x) < 105].any()
    low = z < -100
    assert np.abs(x)[low & (far > 0)].mean() > np.abs(x)[low & (near > 0)].mean()


def test_breasts_grow_with_their_thickness_and_lie_low_in_front():
    at = _at(Body())
    assert not breasts(at, Body()).any()
    small, large = (breasts(at, Body(breasts=t)) for t in (10, 40))
    assert large.sum() > 4 * small.sum()
    assert (at[1] * large).sum() < 0
    assert np.allclose(large, large[:, ::-1], atol=1e-3), "both sides alike"


def test_a_heavy_person_has_more_in_the_way_and_a_slim_one_less():
    at = _at(Body())
    assert fat(at, Body(wall=1.5)).sum() > 0 > fat(at, Body(wall=0.7)).sum()
    assert not fat(at, Body()).any()
