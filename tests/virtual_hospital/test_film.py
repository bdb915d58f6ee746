"""A study's picture, and the same study with one finding changed."""

import numpy as np
import pytest

from tests.virtual_hospital.conftest import case, drawing
from virtual_hospital.film import counterfactual, picture


def test_a_picture_repeats_and_carries_its_truth(chest_of_all):
    study = case(drawing("effusion", "left"), drawing("nodule"))
    one, two = picture(study, chest_of_all, 96), picture(study, chest_of_all, 96)
    assert np.array_equal(one.tone, two.tone)
    assert [item.drawing.name for item, _ in one.evidence] == ["effusion", "nodule"]
    assert all(mask.shape == (96, 96) and mask.any() for _, mask in one.evidence)


def test_removing_a_finding_changes_the_film_where_its_evidence_lies(chest_of_all):
    study = case(drawing("consolidation", "right", "severe"))
    healthy = counterfactual(study, remove="consolidation")
    assert healthy.drawn["consolidation"] == 0 and healthy.drawings == ()
    with_it, without = (picture(s, chest_of_all, 128) for s in (study, healthy))
    mask = with_it.evidence[0][1]
    change = np.abs(with_it.tone - without.tone)
    assert change[mask].mean() > 4 * change[~mask].mean()


def test_adding_moving_and_worsening():
    study = case(drawing("effusion", "left", "mild"))
    assert counterfactual(study, add=drawing("nodule")).drawn["nodule"] == 1
    worse = counterfactual(study, remove="effusion", severity="severe").drawings
    assert [(d.side, d.severity) for d in worse] == [("left", "severe")]
    moved = counterfactual(study, remove="effusion", side="right")
    assert moved.drawings[0].side == "right" and moved.drawn["effusion"] == 1
    assert study.drawings[0].side == "left", "the original is left as it was"


def test_removing_what_is_not_there_says_what_is():
    with pytest.raises(ValueError, match="no nodule to remove; it has effusion"):
        counterfactual(case(drawing("effusion")), remove="nodule")


def test_the_same_person_comes_back_with_another_stance(chest_of_all):
    first, second = picture(case(seed=1), chest_of_all, 96), picture(case(seed=2), chest_of_all, 96)
    assert not np.array_equal(first.tone, second.tone)
    widths = [np.ptp(np.flatnonzero(p.regions["heart"].any(0))) for p in (first, second)]
    assert abs(widths[0] - widths[1]) <= 9
