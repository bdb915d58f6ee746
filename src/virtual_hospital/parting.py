"""How the patients of the virtual hospital are parted into train, validate and test.

Explained in book/01_reading_a_radiograph.
"""

import numpy as np
import pandas as pd

from txtray_utils.studies.splits import patient_split

LEAST_STRATUM = 20  # patients, below which a finding is not split by itself


def split_patients(
    plan: pd.DataFrame,
    patients: list[tuple[str, list[int]]],
    seed: int,
) -> dict[str, str]:
    """Return the split of each patient.

    Those who share a text stay together, and each finding's share of the patients is alike.
    Patients who share a text form a group; a group's stratum is the rarest finding in it, and each
    stratum of 20 patients or more is split by itself, so that 27 pneumothoraces do not all land in
    one split.
    """
    rows = []
    for subject, chain in patients:
        for row in chain:
            group = plan.at[row, "group"]
            rows.append((group, subject, row))
    members = pd.DataFrame(rows, columns=["group", "subject", "row"])
    members["stratum"] = _strata(plan, members)
    subjects = members.groupby("stratum")["subject"]
    few = subjects.transform("nunique") < LEAST_STRATUM
    members.loc[few, "stratum"] = "none"
    split: dict[str, str] = {}
    for _, stratum in members.groupby("stratum"):
        groups = stratum.groupby("group")["subject"].unique()
        tied = groups.tolist()
        split |= patient_split(stratum["subject"], seed=seed, groups=tied)
    return split


def _strata(plan: pd.DataFrame, members: pd.DataFrame) -> np.ndarray:
    """Return the rarest finding of each member's group, "none" where the group has none."""
    rows = plan["drawn"][members["row"]]
    drawn = pd.DataFrame(rows.tolist())
    held = drawn == 1
    held = held.groupby(members["subject"]).transform("max")  # a chain's reports differ in group
    held = held.groupby(members["group"]).transform("max")
    rarest_first = held.sum().sort_values(kind="stable").index
    held = held[rarest_first]
    rarest = held.idxmax(axis=1)
    return np.where(held.any(axis=1), rarest, "none")
