"""Fluid lies under the lung and air over it, as on an upright film."""

import numpy as np
import pytest

from tests.virtual_hospital.conftest import drawing
from virtual_hospital.body import Body
from virtual_hospital.grid import SPACING
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import expose

GRADES = ("mild", "moderate", "severe")
SIDES = ("right", "left")


@pytest.fixture(scope="module")
def healthy(chest_of_all):
    """The film of nobody's disease."""
    return expose(draw(chest_of_all, Body(), (), 3), "PA", 110, 1830, size=112)


def _with(anatomy, name, side, grade, seed=3):
    return draw(anatomy, Body(), (drawing(name, side, grade),), seed)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("grade", GRADES)
def test_no_air_is_left_below_the_fluid(chest_of_all, side, grade):
    chest = _with(chest_of_all, "effusion", side, grade)
    lung = chest_of_all.lung(side)
    fluid = chest.evidence[0].occupancy
    away = chest_of_all.wall_distance
    level = chest.ends((fluid > 0.5) & (away > 10))[1] - 15  # below what rises beside the lung
    below = lung & (chest.z < level)
    density = chest_of_all.density + chest.added
    assert below.any() and density[below].min() > 0.9


@pytest.mark.parametrize("side", SIDES)
def test_even_a_little_fluid_fills_the_sharp_angle_and_its_mask_is_fluid(
    chest_of_all, healthy, side
):
    film = expose(_with(chest_of_all, "effusion", side, "mild"), "PA", 110, 1830, size=112)
    (mask,) = film.evidence
    gain = film.path - healthy.path
    assert np.percentile(gain[mask], 1) > 0.1, "pixels of the mask without fluid"
    field = healthy.regions[f"{side}_lung_field"]
    columns = np.flatnonzero(field.any(0))
    outer = columns[3:7] if side == "right" else columns[-7:-3]
    for column in outer:
        lowest = np.flatnonzero(field[:, column])[-8:-3]
        assert mask[lowest, column].all(), "air in the sharp angle"


def test_fluid_rises_at_the_side_and_its_share_follows_the_grade(chest_of_all, healthy):
    field = healthy.regions["right_lung_field"]
    shares = []
    for grade in GRADES:
        film = expose(_with(chest_of_all, "effusion", "right", grade), "PA", 110, 1830, size=112)
        (mask,) = film.evidence
        shares.append((mask & field).sum() / field.sum())
    assert shares[0] < 0.35 < shares[1] < 0.55 < shares[2] < 0.95


def test_fluid_rises_beside_the_lung(chest_of_all):
    chest = _with(chest_of_all, "effusion", "right", "moderate")
    fluid = chest.evidence[0].occupancy > 0.5
    away = chest_of_all.wall_distance
    beside = fluid & (away < 3) & (chest.x < -100)
    under = fluid & (away > 25)
    assert chest.ends(beside)[1] > chest.ends(under)[1] + 10


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("grade", GRADES)
def test_nothing_is_left_in_the_air_beyond_the_edge(chest_of_all, side, grade):
    chest = _with(chest_of_all, "pneumothorax", side, grade)
    beyond = chest.evidence[0].occupancy > 0.99
    density = (chest_of_all.density + chest.added)[beyond]
    assert chest_of_all.density[beyond].max() > 0.3, "there were vessels"
    assert density.max() < 0.02
    film = expose(chest, "PA", 110, 1830, size=112)
    inside = chest_of_all.lung(side) & (chest.added > 0.005)
    assert inside.any() and film.evidence[0].any()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("grade", GRADES)
def test_the_edge_of_a_pneumothorax_is_a_fine_line(chest_of_all, side, grade):
    chest = _with(chest_of_all, "pneumothorax", side, grade)
    added = np.where(chest_of_all.lung(side), chest.added, 0)
    middle = added.shape[1] // 2
    across, _, up = SPACING
    widths = []
    for row in added[:, middle].T[60:110]:  # one line of voxels across the lung at each height
        edge = row > max(0.2, 0.5 * row.max())
        if edge.any():
            widths.append(edge.sum() * across)
    assert widths and np.median(widths) <= 3, widths
    assert up == 2.5
