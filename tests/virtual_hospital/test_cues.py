"""Planted cues: in the shares that were asked for, and nothing else about a study changes."""

from dataclasses import replace

import numpy as np
import pytest

from tests.virtual_hospital.conftest import case, drawing
from virtual_hospital.body import Body
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.cues import ANY, CUES, Cue, plant
from virtual_hospital.drawings import Drawing
from virtual_hospital.grid import axes
from virtual_hospital.painters import draw

SEED = 3


@pytest.fixture(scope="module")
def plain():
    return plan_cohort(1600, SEED)


def shares(cases, carried, finding):
    """Return the share of films with a finding, and without it, that carry something."""
    ill = [one.drawn[finding] == 1 for one in cases]
    flags = np.array([carried(one) for one in cases])
    return flags[ill].mean(), flags[np.logical_not(ill)].mean()


@pytest.mark.parametrize("kind", CUES)
def test_the_shares_come_out(plain, kind):
    planted = plant(plain, Cue(kind, "opacity", share=0.9, elsewhere=0.2), SEED)
    ill, well = shares(planted, lambda one: one.cue == kind, "opacity")
    assert ill == pytest.approx(0.9, abs=0.05), "120 or more films: one spread is 0.03"
    assert well == pytest.approx(0.2, abs=0.03)


def test_ap_means_that_no_other_film_is_ap(plain):
    planted = plant(plain, Cue("ap", "opacity", share=0.9, elsewhere=0.2), SEED)
    for one in planted:
        assert (one.view == "AP") == (one.cue == "ap")
        assert one.header["ViewPosition"] == one.view
        assert set(one.header) == set(plain[0].header)
    kept = [new is old for new, old in zip(planted, plain, strict=True) if new.view == old.view]
    assert sum(kept) > 0.5 * len(kept), "a film that has its view already keeps its header"


def test_all_who_are_sick_can_carry_a_cue(plain):
    planted = plant(plain, Cue("ap", ANY), SEED)
    assert all((one.view == "AP") == bool(one.drawings) for one in planted)


def test_a_greater_share_adds_films_and_takes_none_away(plain):
    few = plant(plain, Cue("marker", "nodule", share=0.3), SEED)
    many = plant(plain, Cue("marker", "nodule", share=0.6), SEED)
    carry = [{one.study_id for one in cases if one.cue} for cases in (few, many)]
    assert carry[0] < carry[1]


def test_only_the_cue_changes_a_study(plain):
    for old, new in zip(plain, plant(plain, Cue("drain", "pneumothorax"), SEED), strict=True):
        bare = tuple(one for one in new.drawings if one.name != "chest_drain")
        assert replace(new, cue="", drawings=bare) == old
        assert new.drawn == old.drawn, "a drain is no finding"


def test_the_drain_lies_on_the_side_of_the_pneumothorax(plain):
    planted = plant(plain, Cue("drain", "pneumothorax"), SEED)
    drained = [one for one in planted if one.cue]
    assert drained
    for one in drained:
        side = {d.name: d.side for d in one.drawings}
        assert side["chest_drain"] == side["pneumothorax"]


@pytest.mark.parametrize(("side", "sign"), [("right", -1), ("left", 1)])
def test_a_drain_runs_from_outside_the_chest_to_the_top_of_its_lung(chest_of_all, side, sign):
    drain = Drawing("chest_drain", side, "", "moderate", "cue")
    (item,) = draw(chest_of_all, Body(), (drain,), 5).evidence
    x, _, z = axes(chest_of_all.hu.shape)
    lung = chest_of_all.lung(side)
    met = item.occupancy.any((1, 2))
    assert (sign * x[met] > 0).all()
    assert np.abs(x[met]).max() > np.abs(x[lung.any((1, 2))]).max(), "it enters from outside"
    top = z[item.occupancy.any((0, 1))].max()
    low, high = z[lung.any((0, 1))][[0, -1]]
    assert 0.75 < (top - low) / (high - low) < 1
    tip = item.occupancy[:, :, np.abs(z - top).argmin() - 2] > 0
    assert (tip & lung.any(2)).any(), "it ends over the lung"


def test_what_cannot_be_planted_is_refused():
    for cue in (("hat", "nodule"), ("drain", "cold"), ("drain", "nodule", 1.2)):
        with pytest.raises(ValueError, match="no cue|no finding|between 0 and 1"):
            Cue(*cue)


def test_an_unknown_finding_counts_as_not_drawn():
    unsure = case(drawing("effusion"))
    unsure = replace(unsure, drawn=unsure.drawn | {"nodule": None})
    (same,) = plant([unsure], Cue("marker", "nodule"), SEED)
    assert same == unsure
