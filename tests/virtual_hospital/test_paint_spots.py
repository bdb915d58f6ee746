"""Nodules, granulomas and scars have the sizes that their names mean."""

import numpy as np
import pytest
from scipy import ndimage

from tests.virtual_hospital.conftest import drawing
from virtual_hospital.body import Body
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import FIELD, expose

SIZE = 224
PIXEL = FIELD / SIZE  # mm at the middle of the body
LARGE = Body(size=(1.1, 1.1, 1.2))


def _mask(anatomy, name, grade, seed, body=None):
    chest = draw(anatomy, body or Body(), (drawing(name, severity=grade),), seed)
    return expose(chest, "PA", 110, 1830, size=SIZE).evidence[0]


def _diameter(mask):
    """The diameter (mm) of a disc of a mask's area."""
    return 2 * np.sqrt(mask.sum() / np.pi) * PIXEL


@pytest.mark.parametrize(
    ("grade", "low", "high"), [("mild", 9, 20), ("moderate", 15, 25), ("severe", 20, 30)]
)
def test_a_nodule_is_no_mass(chest_of_all, grade, low, high):
    for seed, body in ((0, None), (1, None), (2, LARGE), (3, LARGE)):
        across = _diameter(_mask(chest_of_all, "nodule", grade, seed, body))
        assert low < across <= high, (seed, across)


def test_a_nodule_is_soft_at_its_edge_and_not_a_ball(chest_of_all):
    lump = draw(chest_of_all, Body(), (drawing("nodule", severity="severe"),), 5)
    lump = lump.evidence[0].occupancy
    edge = (lump > 0.1) & (lump < 0.9)
    assert edge.sum() > 0.35 * (lump > 0.1).sum(), "its density falls off at the edge"
    half = lump > 0.5
    x, y, z = (np.ptp(places) for places in np.nonzero(half))
    assert half.sum() < 0.95 * np.prod((x + 1, y + 1, z + 1)) * np.pi / 6 * 1.3


def test_granulomas_are_small_and_dense(chest_of_all):
    sizes = []
    for seed in range(3):
        mask = _mask(chest_of_all, "granuloma", "moderate", seed)
        pieces, n = ndimage.label(mask)
        sizes += [_diameter(pieces == number) for number in range(1, n + 1)]
    assert 3 < min(sizes) and np.median(sizes) <= 8.5, sizes
    chest = draw(chest_of_all, Body(), (drawing("granuloma"),), 0)
    assert chest.added.max() > 1.5, "denser than tissue: chalk"


@pytest.mark.parametrize("grade", ["mild", "moderate", "severe"])
def test_scars_are_thin(chest_of_all, grade):
    left = []
    for seed in range(3):
        mask = _mask(chest_of_all, "scar", grade, seed)
        thick = ndimage.binary_erosion(mask, iterations=2)  # what is 5 pixels (7 mm) across or more
        left.append(thick.sum() / mask.sum())
    assert np.mean(left) < 0.35, left


def test_a_scar_fades_at_its_ends(chest_of_all):
    chest = draw(chest_of_all, Body(), (drawing("scar"),), 2)
    strand = chest.evidence[0].occupancy
    assert strand.max() > 0.6
    faint = (strand > 0.05) & (strand < 0.4)
    assert faint.sum() > (strand > 0.6).sum()
