"""The second chest is healthy, lies as the first does, and can be drawn on and filmed."""

from dataclasses import replace

import numpy as np
import pytest

from tests.virtual_hospital.conftest import case, drawing
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.anatomies import SECOND
from virtual_hospital.anatomy import REGIONS
from virtual_hospital.body import Body, to_scan
from virtual_hospital.catalogue import BY_NAME
from virtual_hospital.film import picture
from virtual_hospital.grid import SPACING, axes
from virtual_hospital.painters import draw
from virtual_hospital.second_chest import USUAL, grid_points, straightened

BENDING = {"cardiomegaly", "hyperinflation", "low_volume", "raised_diaphragm", "scoliosis"}
LITRE = np.prod(SPACING) / 1e6  # a voxel


def _middle(part, axis):
    places = axes(part.shape)[axis]
    return places[np.argwhere(part)[:, axis]].mean()


def _width(mask):
    columns = np.flatnonzero(mask.any(0))
    return columns[-1] - columns[0] + 1


def test_the_usual_body_is_the_mean_of_the_bodies_drawn():
    rng = np.random.default_rng(0)
    bodies = [Body.random(rng, "FM"[number % 2]) for number in range(600)]
    assert np.mean([body.size[2] / body.size[0] for body in bodies]) == pytest.approx(
        1.11, abs=0.02
    )
    assert np.mean([body.heart for body in bodies]) == pytest.approx(USUAL.heart, abs=0.01)
    for side, height in USUAL.raised.items():
        assert np.mean([body.raised[side] for body in bodies]) == pytest.approx(height, abs=1)


def test_straightened_undoes_the_usual_body(second):
    shape = second.hu.shape
    points = grid_points(shape, shape)[40:-40:20, 8:-8:8, 20:-20:20]
    back = to_scan(straightened(shape)[40:-40:20, 8:-8:8, 20:-20:20], USUAL)
    assert (back - points).norm(dim=-1).max() < 1.5


def test_the_lungs_have_a_mans_volume_and_the_right_is_larger(second):
    right, left = second.lung("right").sum() * LITRE, second.lung("left").sum() * LITRE
    assert 1.2 < left < right < 2.2, "litres, drawn a quarter smaller than life and shallow"
    assert (second.hu[second.lungs] < -500).mean() > 0.95


def test_left_is_left_and_every_region_lies_where_the_firsts_does(second, chest_of_all):
    for name in REGIONS:
        here, there = second.mask(name), chest_of_all.mask(name)
        assert 0.5 < here.sum() / there.sum() < 2, name
        for axis in range(3):
            apart = _middle(here, axis) - _middle(there, axis)
            most = 45 if "clavicle" in name else 30  # the arms lie otherwise
            assert abs(apart) < most, (name, axis)
    assert _middle(second.lung("right"), 0) < -40 and _middle(second.lung("left"), 0) > 40
    assert _middle(second.mask("heart"), 0) > 0
    assert _middle(second.mask("spine"), 1) < _middle(second.mask("heart"), 1)


def test_the_labels_hold_what_they_say(second):
    assert 20 < np.median(second.hu[second.mask("heart")]) < 60
    assert 20 < np.median(second.hu[second.mask("aorta")]) < 60
    assert np.median(second.hu[second.mask("trachea")]) < -850
    assert np.median(second.hu[second.mask("spine")]) > 120
    for side in ("right", "left"):
        assert second.hu[second.mask(f"{side}_clavicle")].mean() > 300


def test_the_left_upper_lung_is_as_deep_as_the_right(second):
    _, _, z = axes(second.hu.shape)
    air = second.lungs & (second.hu < -500)
    upper = air[:, :, (z > 60) & (z < 105)]
    x = axes(second.hu.shape)[0]
    depth = {
        side: upper[(sign * x > 35) & (sign * x < 80)].sum()
        for side, sign in (("right", -1), ("left", 1))
    }
    assert 0.85 < depth["left"] / depth["right"] < 1.25
    assert (second.hu[second.mask("left_upper_lobe")] > -300).mean() < 0.02


def test_distance_from_the_wall_grows_inwards(second):
    assert 45 < second.wall_distance.max() < 80
    assert second.wall_distance[150, 2, 80] == 0, "outside of the ribs"
    assert second.wall_distance[100, 36, 90] > 25, "in the middle of the right lung"


@pytest.mark.parametrize("view", ["PA", "AP"])
def test_a_normal_film_is_finite_and_not_the_firsts(second, chest_of_all, view):
    one = picture(replace(case(view=view), anatomy=SECOND), second, size=64)
    other = picture(case(view=view), chest_of_all, size=64)
    assert np.isfinite(one.tone).all() and 0 <= one.tone.min() < one.tone.max() <= 1
    assert np.abs(one.tone - other.tone).mean() > 0.03
    assert all(mask.any() for mask in one.regions.values())
    right, left = one.regions["right_lung_field"], one.regions["left_lung_field"]
    assert np.argwhere(right)[:, 1].mean() < 32 < np.argwhere(left)[:, 1].mean()


def test_the_heart_of_a_normal_film_is_below_half_of_the_chest_and_grows(second):
    shares = []
    for drawings in ((), (drawing("cardiomegaly", severity="severe"),)):
        made = picture(case(*drawings), second, size=96)
        regions = made.regions
        lungs = regions["right_lung_field"] | regions["left_lung_field"]
        shares.append(_width(regions["heart"]) / _width(lungs))
    assert shares[0] < 0.5 < shares[1]


@pytest.mark.parametrize("name", FINDINGS)
def test_each_painter_works_on_it(second, name):
    body = Body()
    chest = draw(second, body, (drawing(name, "left"),), 3)
    (item,) = chest.evidence
    assert np.isfinite(chest.added).all()
    if name in BENDING:
        assert item.regions and chest.body != body
        return
    assert item.occupancy.max() > 0.03 and np.abs(chest.added).max() > 0.02
    finding = BY_NAME[name]
    if finding.sided and name not in {"central_line", "pacemaker"}:
        assert not item.occupancy[~second.lung("left")].any(), "it lies in the left lung"
