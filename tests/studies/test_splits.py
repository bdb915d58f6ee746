"""Splits by patient."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from txtray_utils.studies.splits import SPLITS, patient_split

names = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=40)


@given(names, st.integers(0, 5), st.data())
def test_every_patient_has_one_split_whatever_the_order(patients, seed, data):
    groups = data.draw(
        st.lists(st.lists(st.sampled_from(patients), min_size=1, max_size=4), max_size=4)
    )
    split = patient_split(patients, seed, groups=groups)
    assert set(split) == set(patients) and set(split.values()) <= set(SPLITS)
    shuffled = data.draw(st.permutations(patients))
    assert patient_split(shuffled + shuffled[:1], seed, groups=groups) == split
    for group in groups:
        assert len({split[patient] for patient in group}) == 1


def test_fractions_are_exact_without_groups_and_the_seed_counts():
    patients = [f"{number:03}" for number in range(200)]
    split = patient_split(patients, seed=1, fractions=(0.5, 0.2, 0.3))
    assert pd.Series(split).value_counts().to_dict() == {"train": 100, "validate": 40, "test": 60}
    assert patient_split(patients, seed=2, fractions=(0.5, 0.2, 0.3)) != split


def test_groups_that_overlap_are_one_group():
    patients = [str(number) for number in range(30)]
    chain = [(str(number), str(number + 1)) for number in range(14)]  # 0 to 14, linked one by one
    split = patient_split(patients, seed=0, groups=chain)
    assert len({split[str(number)] for number in range(15)}) == 1
