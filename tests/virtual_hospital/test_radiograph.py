"""Projection against a slow plain one, and geometry."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import map_coordinates

from virtual_hospital.anatomy import REGIONS
from virtual_hospital.body import Body
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import (
    DEPTH_MM,
    PLANES,
    expose,
    project,
    rays,
    refine,
    shadows,
)


def _film(anatomy, body=None, size=64):
    return expose(draw(anatomy, body or Body(), (), 0), "PA", 110, 1830, size=size)


def test_projection_equals_a_slow_sum_over_sampled_points(chest_of_all):
    volume = chest_of_all.density[None].astype(np.float32)
    grid = rays(Body(), "PA", 1830, 300, size=12, shape=volume.shape[1:])
    fast = project(grid, volume)[0].numpy()
    points = grid[0].numpy()[..., ::-1]  # to x, y, z
    index = [(points[..., k] + 1) / 2 * (volume.shape[1 + k] - 1) for k in range(3)]
    slow = (
        map_coordinates(volume[0], index, order=1, mode="nearest").sum(0) * DEPTH_MM / (PLANES - 1)
    )
    np.testing.assert_allclose(fast, slow, rtol=1e-4, atol=1e-2)


def test_refining_equals_torch_interpolation():
    coarse = torch.randn(3, 4, 5, 3, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(
        coarse.permute(3, 0, 1, 2)[None], (7, 9, 11), mode="trilinear", align_corners=True
    )
    torch.testing.assert_close(refine(coarse, (7, 9, 11)), wanted[0].permute(1, 2, 3, 0))


def test_shadows_equal_a_plain_look_up(chest_of_all):
    grid = rays(Body(), "AP", 1200, 300, size=10, shape=chest_of_all.hu.shape)
    points = grid[0].numpy()[..., ::-1]
    shape = chest_of_all.regions.shape
    i, j, k = (
        np.rint((points[..., a] + 1) / 2 * (shape[a] - 1)).clip(0, shape[a] - 1).astype(int)
        for a in range(3)
    )
    met = chest_of_all.regions[i, j, k]
    slow = np.stack([(met == n).any(0) for n in range(1, 1 + len(REGIONS))])
    assert (
        shadows(grid, chest_of_all.regions).numpy() != slow
    ).mean() < 0.002  # ties at .5 may fall either way


def test_the_film_hangs_with_the_patients_left_on_the_right_and_the_head_up(chest_of_all):
    regions = _film(chest_of_all).regions
    columns = {name: np.argwhere(mask)[:, 1].mean() for name, mask in regions.items() if mask.any()}
    rows = {name: np.argwhere(mask)[:, 0].mean() for name, mask in regions.items() if mask.any()}
    assert columns["right_lung_field"] < columns["spine"] < columns["left_lung_field"]
    assert columns["heart"] > columns["spine"]
    assert rows["right_clavicle"] < rows["right_upper_lobe"] < rows["right_lower_lobe"]


def test_the_heart_looks_larger_with_the_source_in_front_and_near(chest_of_all):
    def width(view, distance):
        chest = draw(chest_of_all, Body(), (), 0)
        heart = expose(chest, view, 110, distance, size=128).regions["heart"]
        return np.ptp(np.flatnonzero(heart.any(0)))

    assert width("AP", 1000) > width("PA", 1830)


def test_low_voltage_makes_bone_stand_out(chest_of_all):
    chest = draw(chest_of_all, Body(), (), 0)
    soft, hard = (expose(chest, "PA", kvp, 1830, size=64).path for kvp in (70, 130))
    spine = expose(chest, "PA", 110, 1830, size=64).regions["spine"]
    assert (soft[spine] / hard[spine]).mean() > (soft / hard.clip(0.1))[
        ~spine & (hard > 0.5)
    ].mean()


def test_lung_fields_leave_out_what_lies_behind_the_heart(chest_of_all):
    regions = _film(chest_of_all, size=96).regions
    assert not (regions["left_lung_field"] & regions["heart"]).any()
    assert (regions["left_lower_lobe"] & regions["heart"]).any()


def test_every_part_of_a_body_changes_the_film(chest_of_all):
    plain = _film(chest_of_all).path
    for change in (
        {"heart": 0.3},
        {"raised": {"right": 20, "left": 0}},
        {"curve": 10},
        {"shoulders": -15},
        {"lung": 1.4},
        {"breasts": 30},
        {"wall": 1.5},
        {"arms": (0.0, 0.0)},
        {"size": (1.1, 1.0, 1.0)},
        {"turn": (5.0, 0.0, 0.0)},
        {"shift": (10.0, 0.0)},
        {"wobble": np.full((3, 4, 4, 4), 5.0)},
    ):
        assert np.abs(_film(chest_of_all, Body(**change)).path - plain).max() > 0.05, change
