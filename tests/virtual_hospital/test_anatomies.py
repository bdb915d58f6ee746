"""A patient keeps his chest, about half have each, and each chest is made once."""

import pytest

from virtual_hospital import anatomies
from virtual_hospital.anatomies import ANATOMIES, FIRST, SECOND, anatomy_of, load
from virtual_hospital.cohort import plan_cohort


def test_a_patient_keeps_his_chest_and_half_have_each():
    ids = [f"1{number:07d}" for number in range(2000)]
    names = [anatomy_of(one) for one in ids]
    assert names == [anatomy_of(one) for one in ids]
    assert set(names) == set(ANATOMIES)
    assert 0.46 < names.count(FIRST) / len(names) < 0.54


def test_every_case_of_a_plan_names_its_patients_chest():
    cases = plan_cohort(60, 3)
    assert all(case.anatomy == anatomy_of(case.subject_id) for case in cases)
    assert {case.anatomy for case in cases} == set(ANATOMIES)


def test_an_unknown_chest_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="no chest is called X.*LIDC-IDRI-0001"):
        load(tmp_path, "X")


def test_a_kept_chest_is_read_and_not_made_again(chests, monkeypatch):
    monkeypatch.setattr(anatomies.anatomy, "save", lambda *_: pytest.fail("made twice"))
    assert load(chests, SECOND).hu.shape == load(chests, FIRST).hu.shape
