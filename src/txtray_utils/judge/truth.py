"""What a film is judged by: what was drawn into it or, where nobody knows that, what its text says.

Only the virtual hospital knows what a film shows. Of a real film there is the report, which names
less than there is and sometimes more; a score against it says how well a model agrees with the
radiologist. Explained in book/05_retrieval_and_zero_shot."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from datasets import Dataset

from txtray_utils.read.labels import label_texts, mentions
from txtray_utils.read.report import report_text
from txtray_utils.vocabulary import FINDINGS, LABEL_OF, LABELS, NAMED, READ_AS, SIDED, label_matrix

DRAWN, REPORTED = "what was drawn", "what the text says"
Sided = tuple[int, str, str]  # row, finding, side


def truth_source(studies: Dataset) -> str:
    """Return `DRAWN` if anything is known of what was drawn, else `REPORTED`."""
    for row in studies["drawn"]:
        known = set(row.values()) - {None}
        if known:
            return DRAWN
    return REPORTED


def finding_truth(studies: Dataset) -> np.ndarray:
    """Return which of `FINDINGS` each film has, (N, 19) float32: 1, 0, and NaN where that is not
    sure.

    By the text, a finding that is not mentioned counts as absent, and an uncertain one is not sure.
    """
    if truth_source(studies) == DRAWN:
        return label_matrix(studies["drawn"], FINDINGS)
    texts = map(_report, studies["sentences"])
    columns = [NAMED.index(READ_AS[name]) for name in FINDINGS]
    states = label_texts(texts)[:, columns]
    found = (states == 1).astype(np.float32)
    found[states == -1] = np.nan
    return found


def truth_by_finding(studies: Dataset) -> dict[str, np.ndarray]:
    """Return `finding_truth` as one column (N,) a finding, by its name."""
    columns = finding_truth(studies).T
    return dict(zip(FINDINGS, columns, strict=True))


def said_labels(studies: Dataset) -> np.ndarray:
    """Return the labels of the reports, (N, 14) float32 in the order of `vocabulary.LABELS`."""
    return label_matrix(studies["labels"])


def _report(said: list[str] | None) -> str:
    return report_text(said or ())


def side_truth(studies: Dataset) -> list[Sided]:
    """Return (row, finding, "right" or "left") for each finding that lies on one side, as drawn or
    as the text says.

    One on both sides is left out. A text's findings are those of `FINDINGS` that have a CheXpert
    label of their own."""
    items = _said_sides(studies)
    if truth_source(studies) == DRAWN:
        items = _drawn_sides(studies)
    sides_of: dict[tuple[int, str], set[str]] = defaultdict(set)
    for row, name, side in items:
        sides_of[row, name].add(side)
    found = []
    for (row, name), sides in sides_of.items():
        if sides in ({"right"}, {"left"}):
            found.append((row, name, *sides))
    return found


def label_side_truth(studies: Dataset) -> list[tuple[int, int, str]]:
    """Return the same by label: (row, column of `LABELS`, side), of the labels that have sides."""
    found = []
    for row, finding, side in side_truth(studies):
        label = LABEL_OF.get(finding)
        if label in SIDED:
            found.append((row, LABELS.index(label), side))
    return found


def _drawn_sides(studies: Dataset) -> Iterator[Sided]:
    """Give row, finding and side of all that was drawn."""
    for row, items in enumerate(studies["evidence"]):
        for one in items or ():
            yield row, one["finding"], one["side"]


def _said_sides(studies: Dataset) -> Iterator[Sided]:
    """Give row, finding and side of all that is said to be present, where a side is said."""
    finding_of = {READ_AS[name]: name for name in FINDINGS}
    for row, said in enumerate(studies["sentences"]):
        for one in mentions(_report(said)):
            finding = finding_of.get(one.label)
            if finding and one.state == 1 and one.side:
                yield row, finding, one.side
