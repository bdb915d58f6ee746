"""What a film is judged by: what was drawn into it or, where nobody knows that, what its text says.

Only the virtual hospital knows what a film shows. Of a real film there is the report, which names
less than there is and sometimes more; a score against it says how well a model agrees with the
radiologist. Explained in book/05_retrieval_and_zero_shot."""

import numpy as np
from datasets import Dataset

from txtray_utils.read.labels import label_texts, mentions
from txtray_utils.read.report import report_text
from txtray_utils.vocabulary import FINDINGS, NAMED, READ_AS, label_matrix

DRAWN, REPORTED = "what was drawn", "what the text says"


def truth_source(studies: Dataset) -> str:
    """Return `DRAWN` if anything is known of what was drawn, else `REPORTED`."""
    return (
        DRAWN
        if any(value is not None for row in studies["drawn"] for value in row.values())
        else REPORTED
    )


def finding_truth(studies: Dataset) -> np.ndarray:
    """Return which of `FINDINGS` each film has, (N, 19) float32: 1, 0, and NaN where that is not
    sure.

    By the text, a finding that is not mentioned counts as absent, and an uncertain one is not sure.
    """
    if truth_source(studies) == DRAWN:
        return label_matrix(studies["drawn"], FINDINGS)
    columns = [NAMED.index(READ_AS[name]) for name in FINDINGS]
    states = label_texts(report_text(said or ()) for said in studies["sentences"])[:, columns]
    return np.where(states == -1, np.nan, states == 1).astype(np.float32)


def side_truth(studies: Dataset) -> list[tuple[int, str, str]]:
    """Return (row, finding, "right" or "left") for each finding that lies on one side, as drawn or
    as the text says.

    One on both sides is left out. A text's findings are those of `FINDINGS` that have a CheXpert
    label of their own."""
    found: dict[tuple[int, str], set[str]] = {}
    if truth_source(studies) == DRAWN:
        for row, items in enumerate(studies["evidence"]):
            for one in items or ():
                found.setdefault((row, one["finding"]), set()).add(one["side"])
    else:
        finding_of = {READ_AS[name]: name for name in FINDINGS}
        for row, text in enumerate(studies["sentences"]):
            for one in mentions(report_text(text or ())):
                if one.state == 1 and one.side and one.label in finding_of:
                    found.setdefault((row, finding_of[one.label]), set()).add(one.side)
    return [
        (row, name, side)
        for (row, name), (side, *more) in found.items()
        if not more and side in ("right", "left")
    ]
