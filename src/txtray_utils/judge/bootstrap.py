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
    codes = np.unique(np.asarray(patients), return_inverse=True)[1]
    rows = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    rng = np.random.default_rng(seed)
    drawn = [
        statistic(np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))]))
        for _ in range(times)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return statistic(np.arange(len(codes))), (float(low), float(high))
