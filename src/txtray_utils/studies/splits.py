"""Train, validate, test: whole patients, and whoever must stay with them, on one side.

Explained in book/03_linking_images_to_the_record.
"""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from txtray_utils.errors import InputError
from txtray_utils.read.ids import one_spelling, plain_id

SPLITS = ("train", "validate", "test")


def patient_split(
    subject_ids: Iterable[Hashable],
    seed: int,
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
    groups: Iterable[Iterable[Hashable]] | None = None,
) -> dict:
    """Return the split of every patient: a shuffle by `seed`, cut at `fractions` of patients.

    The fractions are those of train, validate and test. `groups` are sets of patients that must
    stay on one side (one person under two ids, a shared report); sets that overlap are merged. Ids
    that differ in spelling only ("5", "05", 5.0; `plain_id`) are one patient. The order of
    `subject_ids` and their repeats do not matter.

    Raises:
        InputError: an id is missing, a group names a patient who is not among `subject_ids`, or the
            fractions are not three shares of 1.
    """
    _check_fractions(fractions)
    given = sorted(set(subject_ids), key=_order)
    spelling = one_spelling(given)
    patients = list(dict.fromkeys(spelling.values()))
    number = {plain_id(patient): index for index, patient in enumerate(patients)}
    links = []
    for group in groups or ():
        members = [_numbered(one, number) for one in group]
        for other in members[1:]:
            link = (members[0], other)
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
    for patient in given:
        group = group_of[number[plain_id(patient)]]
        split[patient] = SPLITS[side[group]]
    return split


def group_numbers(links: list[tuple[int, int]], size: int) -> np.ndarray:
    """Return a group number for each of `size` things; things that `links` joins share it."""
    pairs = np.array(links, dtype=int).reshape(-1, 2)
    ones = np.ones(len(links))
    graph = coo_array((ones, tuple(pairs.T)), shape=(size, size))
    _, numbers = connected_components(graph, directed=False)
    return numbers


def _check_fractions(fractions: Sequence[float]) -> None:
    shares = np.array(fractions, dtype=float)
    whole = np.isclose(shares.sum(), 1)
    if shares.shape != (3,) or (shares < 0).any() or not whole:
        fault = f"{fractions} are not three shares, 0 or more, that add to 1"
        raise InputError("fractions", fault, "Give those of train, validate and test.")


def _order(given: Hashable) -> tuple[bool, Hashable]:
    """Return a key by which text is sorted as before, and behind all that is not text."""
    if isinstance(given, str):
        return True, given
    return False, str(given)


def _numbered(patient: Hashable, number: dict[str, int]) -> int:
    key = plain_id(patient)
    if key not in number:
        remedy = "Name only patients that are split."
        raise InputError("groups", f"{patient!r} is not among the patients", remedy)
    return number[key]
