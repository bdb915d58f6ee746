"""Scores of labels and sides on cases worked by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.judge.small import labels
from txtray_utils.judge.reports import (
    clinical_score,
    label_scores,
    side_counts,
)


def test_label_scores_by_hand():
    truth = labels({"Edema": 1}, {"No Finding": 1}, {"Edema": 1, "Fracture": 1})
    said = labels({"Edema": 1}, {"No Finding": 1}, {"Edema": 1})
    scores = label_scores(truth, said)
    assert scores["label_f1_example"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert scores["label_f1_micro"] == pytest.approx(6 / 7)
    assert scores["label_f1_macro"] == pytest.approx((1 + 1 + 0) / 3)
    assert (scores["label_precision_micro"], scores["label_recall_micro"]) == (1.0, 0.75)


def test_label_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, said = (
        rng.choice([1, 0, np.nan], (40, 14), p=(0.3, 0.3, 0.4)).astype(np.float32) for _ in range(2)
    )
    truth[:, 0] = said[:, 0] = 1  # no empty set: there the conventions differ
    scores = label_scores(truth, said)
    for average, key in (("samples", "example"), ("micro", "micro"), ("macro", "macro")):
        assert scores[f"label_f1_{key}"] == pytest.approx(
            f1_score(truth == 1, said == 1, average=average)
        )


def test_nothing_against_nothing_is_right():
    assert label_scores(labels({}), labels({}))["label_f1_example"] == 1.0


def test_the_clinical_score_by_hand():
    truth = labels({"Pleural Effusion": 1, "Pneumothorax": 0})
    said = {
        "all": labels({"Pleural Effusion": 1, "Pneumothorax": 0}),
        "missed": labels({"Pneumothorax": 0}),
        "invented": labels({"Pleural Effusion": 1, "Pneumothorax": 0, "Cardiomegaly": 1}),
        "silent": labels({}),
    }
    scores = {key: float(clinical_score(truth, one, np.array([0]))[0]) for key, one in said.items()}
    assert scores == {
        "all": 1.0,
        "missed": pytest.approx(0.6),
        "invented": 0.8,
        "silent": pytest.approx(0.4),
    }
    assert clinical_score(truth, said["all"], np.array([2]))[0] == 0.8


def test_what_the_reference_leaves_unsure_is_no_error():
    assert clinical_score(labels({"Edema": -1}), labels({"Edema": 1}), np.array([0]))[0] == 1.0


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("Small right effusion.", (1, 1)),
        ("Small left effusion.", (1, 0)),
        ("Bilateral effusions.", (1, 0)),
        ("There is an effusion.", (0, 0)),
        ("No right effusion.", (0, 0)),
        ("Left pneumothorax.", (0, 0)),
    ],
)
def test_a_side_counts_where_the_finding_is_mentioned_and_drawn(report, expected):
    assert side_counts(report, [{"finding": "effusion", "side": "right"}]) == expected


def test_a_finding_drawn_on_both_sides_has_either():
    both = [{"finding": "effusion", "side": "right"}, {"finding": "effusion", "side": "left"}]
    for report in ("Bilateral effusions.", "Right effusion."):
        assert side_counts(report, both) == (1, 1)
