"""Lungs are found, parted and told apart."""

import numpy as np

from virtual_hospital.anatomy import REGIONS
from virtual_hospital.labelling import NUMBERS, refined, two_lungs


def _body():
    """A block of tissue in air with two lungs that touch, and a bubble of gas below."""
    hu = np.full((60, 30, 40), -1000, np.float32)
    hu[5:55, 3:27] = 40
    hu[10:29, 6:24, 10:36] = -850
    hu[31:50, 6:24, 10:36] = -850
    hu[29:31, 22:24, 20:22] = -850
    hu[20:26, 10:16, 3:6] = -900
    return hu


def test_lungs_that_touch_are_parted_and_right_comes_first():
    right, left = two_lungs(_body())
    assert right[10:29, 6:24, 10:36].mean() > 0.99 and left[31:50, 6:24, 10:36].mean() > 0.99
    assert not (right & left).any()
    assert not right[:, :, :8].any(), "gas of the belly is no lung"
    assert not right[:4].any(), "nor is the air outside"


def test_the_lung_takes_the_nearest_lobe_and_no_label_lies_in_two():
    hu = _body()
    right, left = two_lungs(hu)
    warped = np.zeros(hu.shape, np.uint8)
    warped[12:27, 8:22, 25:34] = NUMBERS["right_upper_lobe"]
    warped[12:27, 8:22, 12:20] = NUMBERS["right_lower_lobe"]
    warped[33:48, 8:22, 12:34] = NUMBERS["left_upper_lobe"]
    for name in set(REGIONS) - {"right_upper_lobe", "right_lower_lobe", "left_upper_lobe"}:
        warped[29, 4, 4] = NUMBERS[name]
    regions = refined(hu, warped, {"right": right, "left": left})
    assert (regions[10:29, 6:20, 30] == NUMBERS["right_upper_lobe"]).all()
    assert (regions[10:29, 6:20, 12] == NUMBERS["right_lower_lobe"]).all()
    assert (regions[33:48, 6:20, 20] == NUMBERS["left_upper_lobe"]).all()
