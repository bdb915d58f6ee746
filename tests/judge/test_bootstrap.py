"""Intervals are of patients, not of films."""

import numpy as np

from txtray_utils.judge.bootstrap import bootstrap


def test_the_bootstrap_draws_patients_and_not_films():
    patients, values = np.repeat(["a", "b", "c", "d"], 25), np.repeat([0.0, 0.0, 1.0, 1.0], 25)
    value, (low, high) = bootstrap(lambda rows: values[rows].mean(), patients, 400)
    assert (value, low, high) == (0.5, 0.0, 1.0)
