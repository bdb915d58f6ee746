"""Right or left: which side of a film a finding lies on, learnt from what reports say.

Explained in book/07_writing_a_report.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.read.labels import mentions
from txtray_utils.vocabulary import LABELS, SIDED


@torch.inference_mode()
def halves(model: ImageTextModel, films: torch.Tensor) -> np.ndarray:
    """Return the features (N, 2, F) of the patient's right and left half of each film (N, 1, H, W)
    uint8.

    The tower's feature map is cut in two before it is pooled. The patient's right is on the
    viewer's left."""
    maps = model.feature_maps(films)
    pooled = []
    for part in maps.chunk(2, 3):
        pooled.append(model.pooled(part))
    features = torch.stack(pooled, 1)
    return features.numpy()


def said_sides(reports: Sequence[str]) -> np.ndarray:
    """Return the side (N, 14) that each report gives each finding that is present: right, left,
    both, or ""."""
    shape = (len(reports), len(LABELS))
    found = np.full(shape, "", dtype="<U5")
    for row, report in enumerate(reports):
        for one in mentions(report):
            if one.state == 1 and one.side:
                column = LABELS.index(one.label)
                found[row, column] = one.side
    return found


def train_side_classifier(
    of_halves: np.ndarray,
    said: np.ndarray,
) -> np.ndarray:
    """Return weights (F,) that tell the side of a film's findings, learnt from the sides that
    training reports say (N, 14).

    A logistic regression of right against left on the difference of the halves (N, 2, F), without a
    constant and on each difference with both signs, so that a mirrored film gets the opposite
    answer."""
    columns = [LABELS.index(label) for label in SIDED]
    named = said[:, columns]
    one_side = np.isin(named, ("right", "left"))
    rows, _ = np.nonzero(one_side)
    if not len(rows):
        raise ValueError("no report says a side of a finding; sides cannot be learnt from it")
    right = named[one_side] == "right"
    more = of_halves[rows, 0] - of_halves[rows, 1]
    scale = more.std(0) + 1e-6
    both = np.concatenate([more, -more])
    answers = np.concatenate([right, ~right])
    model = LogisticRegression(
        C=0.01,
        fit_intercept=False,
        max_iter=500,
    )
    model.fit(both / scale, answers)
    return model.coef_[0] / scale


def sides(
    of_halves: np.ndarray,
    weights: np.ndarray,
    margin: float,
) -> np.ndarray:
    """Return "right", "left" or "" (not sure enough) for each film and label (N, 14); only `SIDED`
    findings have one.

    One answer for a film: the weights tell where something is, not which of two findings is where.
    """
    right, left = of_halves[:, 0], of_halves[:, 1]
    more = (right - left) @ weights
    side = np.full(len(more), "", dtype="<U5")
    side[more > margin] = "right"
    side[more < -margin] = "left"
    has_side = np.isin(LABELS, SIDED)
    return np.where(has_side, side[:, None], "")
