"""Train, validate, test: whole patients, and whoever must stay with them, on one side.

Explained in book/03_linking_images_to_the_record.
"""

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
    """Return the split of every patient: a shuffle by `seed`, cut at `fractions` of patients.

    The fractions are those of train, validate and test. `groups` are sets of patients that must
    stay on one side (one person under two ids, a shared report); sets that overlap are merged. The
    order of `subject_ids` and their repeats do not matter.
    """
    patients = sorted(set(subject_ids))
    number = {patient: index for index, patient in enumerate(patients)}
    links = []
    for group in groups or ():
        members = list(group)
        for other in members[1:]:
            link = (number[members[0]], number[other])
            links.append(link)
    group_of = group_numbers(links, len(patients))

    sizes = np.bincount(group_of, minlength=1)
    order = np.random.default_rng(seed).permutation(len(sizes))
    shuffled = sizes[order]
    ends = np.cumsum(shuffled)
    middles = ends - shuffled / 2
    middle = np.empty(len(sizes))  # of each group, in (0, 1)
    middle[order] = middles / max(len(patients), 1)
    cuts = np.cumsum(fractions)[:2]
    side = np.searchsorted(cuts, middle)

    split = {}
    for patient in patients:
        group = group_of[number[patient]]
        split[patient] = SPLITS[side[group]]
    return split


def group_numbers(links: list[tuple[int, int]], size: int) -> np.ndarray:
    """Return a group number for each of `size` things; things that `links` joins share it."""
    pairs = np.array(links, dtype=int).reshape(-1, 2)
    ones = np.ones(len(links))
    graph = coo_array((ones, tuple(pairs.T)), shape=(size, size))
    _, numbers = connected_components(graph, directed=False)
    return numbers
