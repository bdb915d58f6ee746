"""Consolidation is water with air in it; lost air costs volume."""

from dataclasses import replace

import numpy as np
import pytest

from tests.virtual_hospital.conftest import case, drawing
from virtual_hospital.body import Body
from virtual_hospital.film import picture
from virtual_hospital.grid import SPACING
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import project, rays

GRADES = ("mild", "moderate", "severe")


def _in(zone, name, severity, side="right"):
    return replace(drawing(name, side, severity), zone=zone)


@pytest.mark.parametrize("grade", GRADES)
@pytest.mark.parametrize("name", ["consolidation", "opacity"])
def test_filled_lung_is_no_denser_than_water(chest_of_all, name, grade):
    chest = draw(chest_of_all, Body(), (_in("lower", name, grade),), 3)
    before = chest_of_all.density
    after = before + chest.added
    assert (after <= np.maximum(before, 1.0) + 1e-4).all()


@pytest.mark.parametrize("zone", ["upper", "middle", "lower"])
def test_consolidation_is_not_brighter_than_the_spine(chest_of_all, zone):
    study = case(_in(zone, "consolidation", "severe"), seed=4)
    film = picture(study, chest_of_all, 112)
    mask = film.evidence[0][1]
    inside = mask & film.regions["right_lung_field"]
    spine = film.regions["spine"] & mask.any(1)[:, None]
    assert np.percentile(film.tone[inside], 99) < np.median(film.tone[spine]) + 0.05


def test_bronchi_keep_some_air_in_a_consolidation(chest_of_all):
    chest = draw(chest_of_all, Body(), (_in("lower", "consolidation", "severe"),), 3)
    filled = chest.evidence[0].occupancy
    solid = filled > 0.6
    core = solid.any(2, keepdims=True) & chest_of_all.mask("right_lower_lobe")
    assert 0.02 < (filled[core] < 0.3).mean()
    assert 0.5 < filled[solid].mean() < 0.95


def test_consolidation_stays_in_its_lobe_but_for_a_soft_border(chest_of_all):
    chest = draw(chest_of_all, Body(), (_in("lower", "consolidation", "severe"),), 3)
    filled = chest.evidence[0].occupancy
    lobe = chest_of_all.mask("right_lower_lobe")
    assert filled[~lobe].sum() < 0.08 * filled.sum()


def test_a_plate_is_a_few_millimetres_thick(chest_of_all):
    for seed in range(3):
        chest = draw(chest_of_all, Body(), (_in("middle", "atelectasis", "mild"),), seed)
        plate = chest.evidence[0].occupancy
        thick = (plate > 0.5 * plate.max()).sum(2).max() * SPACING[2]
        assert thick <= 7.5


@pytest.mark.parametrize("side", ["right", "left"])
def test_lost_air_draws_the_diaphragm_up_on_its_own_side(chest_of_all, side):
    other = "left" if side == "right" else "right"
    healthy = draw(chest_of_all, Body(), (), 3).body
    for grade, least in (("mild", 2), ("severe", 10)):
        chest = draw(chest_of_all, Body(), (_in("lower", "atelectasis", grade, side),), 3)
        assert chest.body.raised[side] >= least and chest.body.raised[other] == 0

    def volume(body, side):
        lung = chest_of_all.lung(side)
        grid = rays(body, "PA", 1830, 300, size=48, shape=lung.shape)
        return float(project(grid, [lung]).sum())

    assert volume(chest.body, side) < 0.99 * volume(healthy, side), "the lung is smaller"
    assert volume(chest.body, other) > 0.995 * volume(healthy, other)


def test_a_collapsed_lobe_lies_against_the_middle(chest_of_all):
    found = 0
    for seed in range(6):
        chest = draw(chest_of_all, Body(), (_in("lower", "atelectasis", "severe"),), seed)
        airless = chest.evidence[0].occupancy
        if airless.sum() < 20_000:
            continue  # plates
        found += 1
        weight = airless.sum((1, 2))
        middle = (weight * chest.x[:, 0, 0]).sum() / weight.sum()
        assert -70 < middle < 0
        assert (airless[~chest_of_all.mask("right_lower_lobe")] == 0).all()
    assert found


FOCAL = ("effusion", "pneumothorax", "consolidation", "opacity", "atelectasis", "nodule", "scar")


@pytest.mark.parametrize("gone", FOCAL)
def test_removing_a_finding_leaves_the_masks_of_the_others(chest_of_all, gone):
    drawings = tuple(drawing(name, "left") for name in FOCAL)
    kept = tuple(one for one in drawings if one.name != gone)
    every = draw(chest_of_all, Body(), drawings, 9).evidence
    fewer = draw(chest_of_all, Body(), kept, 9).evidence
    others = [item for item in every if item.drawing.name != gone]
    for one, two in zip(others, fewer, strict=True):
        if one.drawing.name == "pneumothorax":  # what is filled by another finding is no air
            assert (one.occupancy <= two.occupancy).all()
        else:
            assert np.array_equal(one.occupancy, two.occupancy), one.drawing.name
