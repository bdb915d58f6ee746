"""The same study with one thing changed: exactly that, and nothing beyond what it causes."""

import json

import numpy as np
import pytest
from scipy import ndimage

from tests.virtual_hospital.conftest import case, drawing
from virtual_hospital import counterfactual
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.counterfactual import (
    added,
    moved,
    pair,
    planned,
    redrawn,
    removed,
    without_others,
    worse,
)
from virtual_hospital.drawings import Drawing
from virtual_hospital.film import picture

SIZE = 128
SICK = (drawing("effusion", "left"), drawing("nodule", "right"), drawing("pacemaker", "left"))


@pytest.fixture(scope="module")
def sick(chest_of_all):
    """A study with three findings, its picture, and the one without the effusion."""
    study = case(*SICK)
    return study, *pair(study, removed(study, "effusion"), chest_of_all, SIZE)


def test_what_arrives_is_the_same_on_every_ray_that_the_finding_does_not_meet(sick):
    _, original, changed = sick
    mask = original.evidence[0][1]
    change = np.abs(original.path - changed.path)
    assert change[mask].mean() > 0.2
    assert (change == 0).mean() > 0.75, "not one bit differs on most rays"
    far = ~ndimage.binary_dilation(mask, iterations=SIZE // 10)
    assert change[far].max() < 0.05, "the lung that floats on the fluid is a little denser"


def test_the_others_keep_their_masks(sick):
    _, original, changed = sick
    assert [item.drawing.name for item, _ in changed.evidence] == ["nodule", "pacemaker"]
    for (_, before), (_, after) in zip(original.evidence[1:], changed.evidence, strict=True):
        assert np.array_equal(before, after)


def test_the_grey_of_the_rest_is_kept_because_the_window_is(sick, chest_of_all):
    study, original, changed = sick
    assert changed.window == original.window
    free = picture(removed(study, "effusion"), chest_of_all, SIZE)
    assert free.window != original.window
    far = ~ndimage.binary_dilation(original.evidence[0][1], iterations=SIZE // 5)
    kept = np.abs(original.tone - changed.tone)[far]
    loose = np.abs(original.tone - free.tone)[far]
    assert kept.max() < 0.01, "scatter and sharpening reach far, and weakly"
    assert kept.mean() < loose.mean()


def test_removing_what_was_added_gives_the_same_film_again(chest_of_all):
    study = case(drawing("effusion", "left"))
    back = removed(added(study, drawing("nodule")), "nodule")
    assert back == study
    one, two = pair(study, back, chest_of_all, 64)
    assert np.array_equal(one.tone, two.tone)


def test_moving_takes_it_to_the_other_side(chest_of_all):
    study = case(*SICK)
    other = moved(study, "effusion")
    assert [d.side for d in other.drawings] == ["right", "right", "left"]
    assert other.drawn == study.drawn
    assert study.drawings == SICK, "the original is left as it was"
    before, after = pair(study, other, chest_of_all, SIZE)
    middle = [np.nonzero(one.evidence[0][1])[1].mean() for one in (before, after)]
    assert middle[1] < SIZE / 2 < middle[0], "the patient's left is on the right of the film"
    assert np.array_equal(before.evidence[1][1], after.evidence[1][1])
    assert [d.side for d in moved(other, "effusion").drawings] == [d.side for d in SICK]


def test_worse_is_one_grade_more_and_covers_more(chest_of_all):
    study = case(drawing("effusion", "left", "mild"))
    graver = worse(study, "effusion")
    assert graver.drawings[0].severity == "moderate"
    assert worse(graver, "effusion").drawings[0].severity == "severe"
    before, after = pair(study, graver, chest_of_all, 96)
    assert after.evidence[0][1].sum() > before.evidence[0][1].sum()


def test_alone_it_is_drawn_as_it_was_among_others(sick, chest_of_all):
    study, original, _ = sick
    alone = without_others(study, "nodule")
    assert sorted(alone.drawn.values())[-2:] == [0, 1]
    made = picture(alone, chest_of_all, SIZE)
    assert np.array_equal(made.evidence[0][1], original.evidence[1][1])


def test_a_change_of_zone():
    study = case(drawing("nodule", "right"))
    assert redrawn(study, "nodule", zone="lower").drawings[0].zone == "lower"


def test_a_planted_drain_stays_when_its_pneumothorax_goes():
    drain = Drawing("chest_drain", "right", "", "moderate", "cue")
    study = case(drawing("pneumothorax"), drawing("nodule"), drain)
    assert drain in removed(study, "pneumothorax").drawings
    assert drain in without_others(study, "nodule").drawings
    assert "chest_drain" not in removed(study, "chest_drain").drawn


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        (removed, "nodule", "no nodule; it has cardiomegaly, central_line, effusion, scar"),
        (moved, "nodule", "no nodule"),
        (worse, "nodule", "no nodule"),
        (without_others, "nodule", "no nodule"),
        (moved, "cardiomegaly", "lies on no side"),
        (moved, "effusion", "lies on both"),
        (moved, "scar", "lies on left and right"),
        (worse, "effusion", "is severe already"),
        (worse, "central_line", "there or not"),
    ],
)
def test_what_cannot_be_changed_is_said(change, name, message):
    study = case(
        drawing("cardiomegaly"),
        drawing("effusion", "both", "severe"),
        drawing("scar", "right"),
        drawing("scar", "left"),
        drawing("central_line"),
    )
    with pytest.raises(ValueError, match=message):
        change(study, name)


def test_a_study_of_a_hospital_of_any_size_is_found_and_planned_once(
    tmp_path, monkeypatch, chest_of_all
):
    monkeypatch.setattr(counterfactual, "load", lambda folder, name: chest_of_all)
    cue = {"kind": "drain", "finding": "effusion", "share": 1.0, "elsewhere": 0.0}
    (tmp_path / "truth").mkdir()
    note = {"studies": 30, "seed": 5, "cue": cue, "anatomy": None}
    (tmp_path / "truth/cohort.json").write_text(json.dumps(note))
    for study in plan_cohort(30, seed=5)[:3]:
        found, chest = planned(study.study_id, tmp_path)
        assert (found.subject_id, found.seed) == (study.subject_id, study.seed)
        assert bool(found.cue) == (study.drawn["effusion"] == 1)
        assert chest is chest_of_all
    monkeypatch.setattr(counterfactual, "cases_of", lambda *_: pytest.fail("planned again"))
    assert planned(study.study_id, tmp_path)[0] is found
    with pytest.raises(KeyError):
        planned("50000000", tmp_path)
