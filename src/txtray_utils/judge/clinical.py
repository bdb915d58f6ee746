"""Scores of what a report says: its labels, a clinical score made of them, and its sides.

Labels are those that our labeller reads from the text (book/02_reading_a_report); only findings
that are present count, No Finding among them; an empty set against an empty set is 1. Explained in
book/08_judging_a_report.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from txtray_utils.read.labels import mentions
from txtray_utils.vocabulary import CHEXPERT_FIVE, DANGEROUS, LABEL_OF, LABELS, SIDED


def label_scores(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Return label precision, recall and F1 of labels (N, 14): example-based, micro and macro, and
    micro of the usual five.

    Example-based: the mean over studies of the F1 of two sets. Micro: over all pairs of study and
    label. Macro: the mean over labels that the references or the reports name. Only 1 counts as
    named."""
    there = truth == 1
    named = said == 1
    hit = there & named
    shared = 2 * hit
    size = there.astype(int) + named
    example = _ratio(shared.sum(1), size.sum(1))
    used = size.any(0)
    macro = 1.0
    if used.any():
        by_label = shared[:, used].sum(0) / size[:, used].sum(0)
        macro = float(by_label.mean())
    five = np.isin(LABELS, CHEXPERT_FIVE)
    return {
        "label_f1_example": float(example.mean()),
        "label_f1_micro": _micro(shared, size),
        "label_f1_macro": macro,
        "label_f1_micro_5": _micro(shared[:, five], size[:, five]),
        "label_precision_micro": _micro(hit, named),
        "label_recall_micro": _micro(hit, there),
    }


def _micro(part: np.ndarray, whole: np.ndarray) -> float:
    share = part.sum() / max(whole.sum(), 1)
    return float(share)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, and 1 where the whole is nothing."""
    ratio = part / np.maximum(whole, 1)
    return np.where(whole == 0, 1.0, ratio)


def clinical_score(
    truth: np.ndarray,
    said: np.ndarray,
    superfluous: np.ndarray,
) -> np.ndarray:
    """Return our automatic reading (N,), 0 to 1, of the Clinical Scoring System of TxtRayAlign's
    second report.

    The mean of five parts, each 0 to 1, from labels alone: key findings (the share of those present
    that are named), pertinent negatives (the share of those denied that are denied too), no
    critical error (no dangerous finding missed, denied or invented), no minor error (the same for
    the other labels), nothing superfluous (no repeated sentence, no prior that does not exist;
    `superfluous` counts them). A part that a reference does not ask for is 1. The published system
    is scored by a clinician; this is not that."""
    there, denied = truth == 1, truth == 0
    named = said == 1
    key = there & named
    pertinent = denied & (said == 0)
    unfounded = denied | np.isnan(truth)  # what the reference is unsure of is no error
    wrong = (there & ~named) | (named & unfounded)
    wrong[:, LABELS.index("No Finding")] = False
    dangerous = np.isin(LABELS, DANGEROUS)
    critical = wrong[:, dangerous].any(1)
    minor = wrong[:, ~dangerous].any(1)
    parts = [
        _ratio(key.sum(1), there.sum(1)),
        _ratio(pertinent.sum(1), denied.sum(1)),
        1.0 - critical,
        1.0 - minor,
        1.0 - (superfluous > 0),
    ]
    return np.mean(parts, 0)


def side_counts(report: str, evidence: Sequence[Mapping] | None) -> tuple[int, int]:
    """Return how many sided findings a report mentions that are drawn, and of how many every side
    said has one drawn.

    A finding that is mentioned without a side, or that was not drawn, does not count; "both" needs
    both sides."""
    drawn: dict[str | None, set[str]] = defaultdict(set)
    for one in evidence or ():
        label = LABEL_OF.get(one["finding"])
        drawn[label] |= _meant(one["side"])
    said: dict[str, set[str]] = defaultdict(set)
    for one in mentions(report):
        placed = one.state == 1 and one.side and one.label in SIDED
        if placed and one.label in drawn:
            said[one.label] |= _meant(one.side)
    right = 0
    for label, sides in said.items():
        right += sides <= drawn[label]
    return len(said), right


def _meant(side: str) -> set[str]:
    if side == "both":
        return {"right", "left"}
    return {side}
