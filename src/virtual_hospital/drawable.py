"""The real reports that can be drawn, and which of them a cohort uses.

Explained in book/01_reading_a_radiograph.
"""

import numpy as np
import pandas as pd

from txtray_utils.studies.sources.openi_package import read_reports, text_groups
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.drawings import drawings_of
from virtual_hospital.streams import stream


def drawable_reports(seed: int) -> pd.DataFrame:
    """Return the reports with drawings, undrawn codes and drawn truth.

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
    """Return row numbers of the reports to use.

    They are n/20 of each finding, or all there are, the rarest first; the rest at random.
    """
    order = rng.permutation(np.flatnonzero(plan["drawable"]))
    if n_studies > len(order):
        raise ValueError(
            f"only {len(order)} reports can be drawn, not {n_studies}; ask for fewer studies"
        )
    drawn = pd.DataFrame(plan["drawn"].tolist())
    holds = (drawn[list(FINDINGS)] == 1).to_numpy()
    taken: dict[int, None] = {}  # in the order in which they were taken
    frequency = holds[order].sum(0)
    for column in np.argsort(frequency, kind="stable"):
        had = holds[list(taken), column].sum()
        wanted = n_studies // 20 - int(had)
        for row in order:
            if wanted <= 0:
                break
            if holds[row, column] and row not in taken:
                taken[row] = None
                wanted -= 1
    taken.update(dict.fromkeys(order))
    rows = list(taken)
    return np.array(rows[:n_studies])
