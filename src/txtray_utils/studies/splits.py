"""NEW MODULE."""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SPLITS = ("train", "validate", "test")


def patient_split(
    subject_ids: Iterable[str],
    seed: int,
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
    groups: Iterable[Iterable[str]] | None = None,
) -> dict[str, str]:
    """Return the split of every patient: a shuffle by `seed`, cut at `fractions` (train, validate, test) of patients.

    `groups` are sets of patients that must stay on one side (one person under two ids, a shared report); sets that
    overlap are merged. The order of `subject_ids` and their repeats do not matter.
    """
    patients = sorted(set(subject_ids))
    number = {patient: index for index, patient in enumerate(patients)}
    links = [(number[group[0]], number[other]) for group in map(list, groups or ()) for other in group[1:]]
    first, second = np.array(links, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links)), (first, second)), shape=(len(patients), len(patients)))
    _, group_of = connected_components(graph, directed=False)
    sizes = np.bincount(group_of, minlength=1)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middle = np.empty(len(sizes))
    middle[order] = (np.cumsum(sizes[order]) - sizes[order] / 2) / max(len(patients), 1)  # in (0, 1), by group
    side = np.searchsorted(np.cumsum(fractions)[:2], middle)
    return {patient: SPLITS[side[group]] for patient, group in zip(patients, group_of, strict=True)}
