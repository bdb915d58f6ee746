"""A statistic with its interval: patients drawn with replacement, the same for two models.

Efron 1979. Explained in book/05_retrieval_and_zero_shot.
"""

from collections.abc import Callable, Sequence

import numpy as np


def bootstrap(
    statistic: Callable[[np.ndarray], float],
    patients: Sequence[str],
    times: int = 1000,
    seed: int = 0,
) -> tuple[float, tuple[float, float]]:
    """Return a statistic of the rows and its 95 % percentile interval, patients drawn with
    replacement.

    `statistic` takes row numbers; give it the difference of two models to compare them on the same
    patients (paired)."""
    names = np.asarray(patients)
    different, codes = np.unique(names, return_inverse=True)
    many = len(different)
    rows_of = []
    for code in range(many):
        rows_of.append(np.flatnonzero(codes == code))
    draw = np.random.default_rng(seed)
    values = []
    for _ in range(times):
        drawn = draw.integers(many, size=many)
        rows = np.concatenate([rows_of[patient] for patient in drawn])
        values.append(statistic(rows))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    every = np.arange(len(codes))
    return statistic(every), (float(low), float(high))
