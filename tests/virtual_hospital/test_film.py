"""A study's picture and the truth about it."""

import numpy as np

from tests.virtual_hospital.conftest import case, drawing
from virtual_hospital.film import picture


def test_a_picture_repeats_and_carries_its_truth(chest_of_all):
    study = case(drawing("effusion", "left"), drawing("nodule"))
    one, two = picture(study, chest_of_all, 96), picture(study, chest_of_all, 96)
    assert np.array_equal(one.tone, two.tone)
    assert [item.drawing.name for item, _ in one.evidence] == ["effusion", "nodule"]
    assert all(mask.shape == (96, 96) and mask.any() for _, mask in one.evidence)


def test_the_same_person_comes_back_with_another_stance(chest_of_all):
    first, second = picture(case(seed=1), chest_of_all, 96), picture(case(seed=2), chest_of_all, 96)
    assert not np.array_equal(first.tone, second.tone)
    widths = [np.ptp(np.flatnonzero(p.regions["heart"].any(0))) for p in (first, second)]
    assert abs(widths[0] - widths[1]) <= 9
