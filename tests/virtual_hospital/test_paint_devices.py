"""Lines, leads and wires lie where they lie in life, and their masks are as wide as they are."""

import numpy as np
import pytest
from scipy import ndimage

from tests.virtual_hospital.conftest import drawing
from virtual_hospital.body import Body
from virtual_hospital.grid import axes
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import FIELD, expose
from virtual_hospital.routes import CAVA, lead_routes, line_route, smooth_route

SIDES = ("right", "left")
SIZE = 224


def _film(anatomy, body, *drawings, seed=3):
    return expose(draw(anatomy, body, drawings, seed), "PA", 110, 1830, size=SIZE)


def _voxel(anatomy, point):
    places = axes(anatomy.hu.shape)
    return tuple(int(np.abs(axis - v).argmin()) for axis, v in zip(places, point, strict=True))


def test_a_route_passes_through_its_waypoints_and_ends_at_the_last():
    way = [(0, 0, 0), (10, 0, 0), (10, 30, 5)]
    route = smooth_route(way, np.random.default_rng(0), 0.0)
    assert np.allclose(route[[0, -1]], [way[0], way[-1]])
    assert np.linalg.norm(route - way[1], axis=1).min() < 0.3


@pytest.mark.parametrize("side", SIDES)
def test_a_central_line_ends_in_the_lower_cava(side):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y, z = smooth_route(line_route(side, rng), rng, 2.0)[-1]
        assert -1 < z < 22, "at the mouth of the cava"
        middle = np.interp(z, [5, 14, 24], [-20, -23, -25])
        assert np.hypot(x - middle, y - 18) < 8


@pytest.mark.parametrize("side", SIDES)
def test_a_line_from_the_left_crosses_the_middle_and_one_from_the_right_does_not(side):
    for seed in range(9):
        rng = np.random.default_rng(seed)
        x = smooth_route(line_route(side, rng), rng, 2.0)[:, 0]
        assert (x.max() > 40) == (side == "left")
        assert (x[-30:] < -8).all(), "the cava lies on the right"


@pytest.mark.parametrize("side", SIDES)
def test_both_leads_end_in_the_heart_and_one_at_its_apex(chest_of_all, side):
    heart = chest_of_all.mask("heart")
    near = ndimage.binary_dilation(heart, iterations=2)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        ways = lead_routes(side, (90 if side == "left" else -90, 70, 95))
        apex, atrium = (smooth_route(way, rng, 1.0)[-1] for way in ways)
        assert near[_voxel(chest_of_all, apex)] and near[_voxel(chest_of_all, atrium)]
        assert apex[0] > 40 and apex[2] < -15, "low and to the left"
        assert atrium[0] < 0 and atrium[2] > -5, "on the right"
        assert all(place in way for place in CAVA for way in ways)


def test_tips_lie_inside_the_heart_on_the_films_of_many(chest_of_all):
    for seed in range(4):
        body = Body.random(np.random.default_rng(seed), "FM"[seed % 2])
        line = _film(chest_of_all, body, drawing("central_line"), seed=seed)
        lead = _film(chest_of_all, body, drawing("pacemaker", "left"), seed=seed)
        heart = ndimage.binary_dilation(line.regions["heart"], iterations=3)
        lowest = np.argwhere(line.evidence[0])[-1]
        assert heart[tuple(lowest)]
        lead_pixels = np.argwhere(lead.evidence[0])
        assert heart[tuple(lead_pixels[-1])], "the lowest point of the leads"


@pytest.mark.parametrize("name", ["central_line", "pacemaker"])
def test_a_mask_is_as_wide_as_the_thread(chest_of_all, name):
    film = _film(chest_of_all, Body(), drawing(name, "right"))
    change = film.path - _film(chest_of_all, Body()).path
    mask = film.evidence[0]
    rows = np.flatnonzero(mask.any(1))
    upper = rows[(rows > 0.27 * SIZE) & (rows < 0.4 * SIZE)]  # where it runs down the cava
    columns = slice(int(0.42 * SIZE), int(0.52 * SIZE))
    thick = (change > 0.5 * change[upper, columns].max(1, keepdims=True).mean())[upper, columns]
    assert 1 <= thick.sum(1).mean()
    assert abs(mask[upper, columns].sum(1).mean() - thick.sum(1).mean()) <= 2


@pytest.mark.parametrize("side", SIDES)
def test_the_can_lies_below_the_collarbone_on_its_side(chest_of_all, side):
    film = _film(chest_of_all, Body(), drawing("pacemaker", side))
    can = ndimage.binary_opening(film.evidence[0], iterations=5)
    row, column = np.argwhere(can).mean(0)
    bone = np.argwhere(film.regions[f"{side}_clavicle"])
    assert row > bone[:, 0].mean()
    assert row < np.argwhere(film.regions["heart"])[:, 0].mean()
    assert (column < SIZE / 2) == (side == "right")


def test_wires_lie_in_the_middle_in_front_of_the_spine(chest_of_all):
    film = _film(chest_of_all, Body(), drawing("sternal_wires"))
    places = np.argwhere(film.evidence[0])
    spine = np.argwhere(film.regions["spine"])
    apart = abs(places[:, 1].mean() - spine[:, 1].mean()) * FIELD / SIZE
    assert apart < 8, "mm"
    assert np.ptp(places[:, 1]) * FIELD / SIZE < 45, "no wider than a sternum"
