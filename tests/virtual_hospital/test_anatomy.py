"""The prepared chest is healthy, unenhanced and lies the right way round."""

import numpy as np

from virtual_hospital import anatomy as module
from virtual_hospital.anatomy import (
    MASS_BOX,
    REGIONS,
    inpaint_mass,
    load,
    read_scan,
    remove_contrast,
    remove_table,
)
from virtual_hospital.grid import axes


def _at(anatomy, x, y, z):
    return tuple(
        int(np.abs(axis - v).argmin())
        for axis, v in zip(axes(anatomy.hu.shape), (x, y, z), strict=True)
    )


def test_the_mass_is_there_before_and_gone_after():
    hu, labels, names = read_scan()
    core = (
        slice(312, 324),
        slice(140, 152),
        slice(88, 92),
    )  # the middle of the mass, voxels of the scan
    assert hu[core].mean() > 0
    lobe = next(number for number, name in names.items() if name == "lung_lower_lobe_left")
    clean, relabelled = inpaint_mass(hu, labels, lobe)
    assert clean[core].mean() < -700
    assert (relabelled[core] == lobe).all()
    outside = np.ones(hu.shape, bool)
    outside[MASS_BOX] = False
    assert (clean[outside] == hu[outside]).all()


def test_no_solid_lump_is_left_in_the_left_lower_lobe(chest_of_all):
    lobe = chest_of_all.mask("left_lower_lobe")
    i, j, k = _at(chest_of_all, 44, -77, 60)
    near = np.zeros_like(lobe)
    near[i - 12 : i + 13, j - 5 : j + 6, k - 5 : k + 6] = True
    assert (chest_of_all.hu[lobe & near] > -300).mean() < 0.05


def test_blood_is_unenhanced_and_bone_is_kept(chest_of_all):
    assert 35 < chest_of_all.hu[chest_of_all.mask("heart")].mean() < 65
    assert 35 < chest_of_all.hu[chest_of_all.mask("aorta")].mean() < 70
    assert chest_of_all.hu[chest_of_all.mask("spine")].mean() > 150
    assert chest_of_all.hu.max() <= 1000


def test_contrast_goes_and_bone_stays_on_a_hand_made_row():
    hu = np.array([[[-800, 40, 300, 1400, 0, 0, 0, 700]]], np.int16)
    bones = np.array([[[False] * 7 + [True]]])
    assert remove_contrast(hu, bones)[0, 0].tolist() == [-800, 40, 57, 60, 0, 0, 0, 700]


def test_the_table_goes_and_the_body_stays():
    hu = np.full((40, 40, 9), -1000, np.int16)
    hu[5:35, 20:35] = 40
    hu[5:35, 6:9] = 300
    clean = remove_table(hu)
    assert (clean[5:35, 6:9] == -1000).all() and (clean[8:32, 23:32, 2:7] == 40).all()


def test_sides_and_order_of_the_regions(chest_of_all):
    x, y, z = (
        np.broadcast_to(a, chest_of_all.hu.shape) for a in np.ix_(*axes(chest_of_all.hu.shape))
    )
    for name in REGIONS:
        assert chest_of_all.mask(name).sum() > 300, name
    assert x[chest_of_all.lung("right")].mean() < -40 and x[chest_of_all.lung("left")].mean() > 40
    assert x[chest_of_all.mask("heart")].mean() > 0, "the heart lies to the left"
    assert y[chest_of_all.mask("spine")].mean() < y[chest_of_all.mask("heart")].mean(), (
        "the spine lies behind"
    )
    assert (
        z[chest_of_all.mask("right_upper_lobe")].mean()
        > z[chest_of_all.mask("right_lower_lobe")].mean()
    )


def test_distance_from_the_wall_is_zero_outside_and_grows_inwards(chest_of_all):
    assert chest_of_all.wall_distance[_at(chest_of_all, 0, 0, -160)] == 0
    assert chest_of_all.wall_distance[_at(chest_of_all, -75, 0, 20)] > 25


def test_it_is_made_once_and_read_back_the_same(tmp_path, monkeypatch):
    first = load(tmp_path)
    monkeypatch.setattr(
        module, "prepare", lambda: (_ for _ in ()).throw(AssertionError("made twice"))
    )
    again = load(tmp_path)
    assert all(
        np.array_equal(getattr(first, k), getattr(again, k))
        for k in ("hu", "regions", "wall_distance")
    )
