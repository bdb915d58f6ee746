"""Every finding changes the chest where, and only as much as, it says."""

from dataclasses import replace

import numpy as np
import pytest

from tests.virtual_hospital.conftest import drawing
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.body import Body
from virtual_hospital.catalogue import BY_NAME
from virtual_hospital.grid import axes
from virtual_hospital.painters import PAINTERS, draw

BENDING = {"cardiomegaly", "hyperinflation", "low_volume", "raised_diaphragm", "scoliosis"}
METAL = {"central_line", "pacemaker", "sternal_wires"}


def test_there_is_a_painter_for_every_name_in_the_catalogue():
    assert set(PAINTERS) == set(FINDINGS)


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_changes_the_chest_and_leaves_evidence(chest_of_all, name):
    body = Body()
    chest = draw(chest_of_all, body, (drawing(name),), 3)
    (item,) = chest.evidence
    if name in BENDING:
        assert item.regions and chest.body != body
        return
    assert item.occupancy.shape == chest_of_all.hu.shape and item.occupancy.max() > 0.03
    assert item.occupancy.min() >= 0
    place = item.occupancy > 0.3 * item.occupancy.max()
    change = chest.added[place].mean()
    assert change < -0.02 if name == "pneumothorax" else change > 0.02
    if name not in METAL:
        assert (place & ~chest_of_all.lungs).sum() <= 0.05 * place.sum(), "it stays in the lungs"
    assert body == Body(), "the body passed in is not changed"


@pytest.mark.parametrize(
    "name", [n for n in FINDINGS if BY_NAME[n].sided and n not in BENDING | METAL]
)
def test_a_sided_finding_lies_on_its_side(chest_of_all, name):
    x = axes(chest_of_all.hu.shape)[0][:, None, None]
    for side, sign in (("right", -1), ("left", 1)):
        (item,) = draw(chest_of_all, Body(), (drawing(name, side),), 5).evidence
        assert sign * (item.occupancy * x).sum() > 0
        assert not (item.occupancy[~chest_of_all.lung(side)] > 0).any()


@pytest.mark.parametrize("name", sorted(set(FINDINGS) - BENDING - {"central_line"}))
def test_worse_is_more(chest_of_all, name):
    chests = [
        draw(chest_of_all, Body(), (drawing(name, severity=s),), 11) for s in ("mild", "severe")
    ]
    mild, severe = (np.abs(chest.added).sum() for chest in chests)
    assert severe > 1.03 * mild


@pytest.mark.parametrize("name", sorted(BENDING))
def test_worse_bends_more(chest_of_all, name):
    plain = Body()
    bends = []
    for severity in ("mild", "severe"):
        body = draw(chest_of_all, plain, (drawing(name, severity=severity),), 11).body
        bends.append(
            abs(body.heart)
            + abs(body.curve)
            + abs(body.lung - 1)
            + sum(map(abs, body.raised.values()))
        )
    assert bends[1] > bends[0] > 0


def test_both_sides_give_two_pieces_of_evidence(chest_of_all):
    chest = draw(chest_of_all, Body(), (drawing("effusion", "both"),), 3)
    assert [item.drawing.side for item in chest.evidence] == ["right", "left"]


def test_removing_one_finding_leaves_the_others_where_they_are(chest_of_all):
    both = draw(chest_of_all, Body(), (drawing("nodule"), drawing("effusion", "left")), 9)
    alone = draw(chest_of_all, Body(), (drawing("effusion", "left"),), 9)
    assert np.array_equal(both.evidence[1].occupancy, alone.evidence[0].occupancy)


def test_fluid_lies_low_and_air_lies_high(chest_of_all):
    z = axes(chest_of_all.hu.shape)[2]
    fluid = draw(chest_of_all, Body(), (drawing("effusion"),), 1).evidence[0].occupancy.sum((0, 1))
    air = (
        draw(chest_of_all, Body(), (drawing("pneumothorax"),), 1).evidence[0].occupancy.sum((0, 1))
    )
    lung = chest_of_all.lung("right").sum((0, 1))
    assert (
        (fluid * z).sum() / fluid.sum()
        < (lung * z).sum() / lung.sum()
        < (air * z).sum() / air.sum()
    )


def by_name(chest, name):
    """Return the evidence of one finding, and the density that lies in it."""
    (item,) = [item for item in chest.evidence if item.drawing.name == name]
    place = item.occupancy > 0.5
    density = chest.anatomy.density + chest.added
    return item.occupancy, density[place].mean()


def test_air_beside_a_lung_does_not_take_away_the_fluid(chest_of_all):
    both = (drawing("effusion", "right"), drawing("pneumothorax", "right"))
    chest = draw(chest_of_all, Body(), both, 3)
    _, fluid = by_name(chest, "effusion")
    _, air = by_name(chest, "pneumothorax")
    assert fluid > 0.9
    assert air < 0.05


def test_what_is_filled_no_longer_counts_as_air(chest_of_all):
    both = (drawing("pneumothorax", "left"), drawing("consolidation", "left"))
    chest = draw(chest_of_all, Body(), both, 3)
    air, density = by_name(chest, "pneumothorax")
    alone = draw(chest_of_all, Body(), both[:1], 3)
    assert density < 0.1
    assert 0 < (air > 0.5).sum() < (alone.evidence[0].occupancy > 0.5).sum()


def test_two_of_a_kind_on_one_side_are_not_alike(chest_of_all):
    upper = replace(drawing("nodule", "right"), zone="upper")
    lower = replace(upper, zone="lower")
    chest = draw(chest_of_all, Body(), (upper, lower), 3)
    sizes = [item.occupancy.sum() for item in chest.evidence]
    alone = draw(chest_of_all, Body(), (upper,), 3)
    assert sizes[0] == alone.evidence[0].occupancy.sum()
    assert abs(sizes[0] / sizes[1] - 1) > 0.01
