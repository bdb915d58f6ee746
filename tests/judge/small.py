"""Studies and labels that several tests of scores judge; every text is our own."""

import numpy as np
from datasets import Dataset

from txtray_utils.vocabulary import LABELS

REFERENCE = "There is a small left pleural effusion. No pneumothorax."


def studies(*texts: str, prior: str | None = None, evidence: list | None = None) -> Dataset:
    rows = []
    for text in texts:
        row = {"sentences": text.split("|"), "prior_study_id": prior}
        rows.append(row | {"evidence": evidence or []})
    return Dataset.from_list(rows)


def labels(*rows: dict[str, int]) -> np.ndarray:
    states = []
    for row in rows:
        states.append([row.get(label, np.nan) for label in LABELS])
    return np.array(states, np.float32)
