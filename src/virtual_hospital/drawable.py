"""The real reports that can be drawn, and which of them a cohort uses.

Explained in book/01_reading_a_radiograph.
"""

import numpy as np
import pandas as pd

from txtray_utils.studies.sources.openi_package import read_reports
from txtray_utils.studies.sources.openi_split import split_of_reports, text_groups
from txtray_utils.studies.splits import SPLITS
from txtray_utils.vocabulary import FINDINGS, label_matrix
from virtual_hospital.drawings import drawings_of
from virtual_hospital.streams import stream


def drawable_reports(seed: int) -> pd.DataFrame:
    """Return the reports with drawings, undrawn codes, drawn truth, split and group of twins.

    Each row depends on the seed and its report only.
    """
    plan = read_reports()
    made = []
    can = []
    for uid, codes, text in zip(plan["uid"], plan["mesh"], plan["text"], strict=True):
        one = drawings_of(codes, text, stream(seed, uid))
        made.append(one)
        can.append(bool(one[0]) or codes == ["normal"])
    plan["drawings"], plan["undrawn"], plan["drawn"] = zip(*made, strict=True)
    plan["drawable"] = can
    plan["group"] = text_groups(plan)
    split = split_of_reports(plan)
    plan["split"] = plan["uid"].map(split)
    return plan


def drawable_counts(seed: int = 0) -> dict[str, int]:
    """Count `reports`, `normal` ones, `drawable` ones, and those with `all` their codes drawn.

    A report is drawable if it is normal or has a finding to draw.
    """
    plan = drawable_reports(seed)
    whole = plan["drawable"] & (plan["undrawn"].str.len() == 0)
    return {
        "reports": len(plan),
        "normal": plan["mesh"].tolist().count(["normal"]),
        "drawable": int(plan["drawable"].sum()),
        "all": int(whole.sum()),
    }


def choose(plan: pd.DataFrame, n_studies: int, rng: np.random.Generator) -> np.ndarray:
    """Return row numbers of the reports to use, those of train first.

    Each split has the share of the studies that it has of the reports that can be drawn; its own
    are n/20 of each finding, or all there are, the rarest first; the rest at random.
    """
    drawable = np.flatnonzero(plan["drawable"])
    order = rng.permutation(drawable)
    if n_studies > len(order):
        raise ValueError(
            f"only {len(order)} reports can be drawn, not {n_studies}; ask for fewer studies"
        )
    holds = label_matrix(plan["drawn"], FINDINGS) == 1
    splits = plan["split"].iloc[order]
    ends = _ends(splits, n_studies)
    sizes = np.diff(ends, prepend=0)
    chosen = []
    for split, size in zip(SPLITS, sizes, strict=True):
        pool = order[splits == split]
        chosen += _with_each_finding(holds, pool, size)
    return np.array(chosen)


def _ends(splits: pd.Series, n_studies: int) -> np.ndarray:
    """Return where the studies of each split end, of `n_studies` in the order of `SPLITS`."""
    reports = splits.value_counts()
    reports = reports.reindex(SPLITS, fill_value=0)
    ends = reports.cumsum() * n_studies / len(splits)
    return ends.round().astype(int).to_numpy()


def _with_each_finding(holds: np.ndarray, pool: np.ndarray, size: int) -> list[int]:
    """Return `size` rows of the pool: a 20th of them for each finding, then any."""
    taken: dict[int, None] = {}  # in the order in which they were taken
    frequency = holds[pool].sum(0)
    for column in np.argsort(frequency, kind="stable"):
        had = holds[list(taken), column].sum()
        wanted = round(size / 20)
        wanted -= int(had)
        for row in pool:
            if wanted <= 0:
                break
            if holds[row, column] and row not in taken:
                taken[row] = None
                wanted -= 1
    taken.update(dict.fromkeys(pool))
    return list(taken)[:size]
