"""Reports from findings: each is stated with its side, and what was asked is denied."""

import numpy as np
import pytest
import torch

from tests.write.corpus import EFFUSION, HEART, TEXTS, bank
from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import LABELS, label_matrix
from txtray_utils.write.copying import sayable
from txtray_utils.write.structured import ALWAYS_ASKED, Structured, asked_about, thresholds


def test_the_threshold_lets_through_as_many_as_are_expected():
    scores = np.linspace(0, 1, 101)[:, None]
    for rate in (0.0, 0.1, 0.5):
        cut = thresholds(scores, np.array([rate]))
        assert (scores >= cut).mean() == pytest.approx(max(rate, 0.0), abs=0.011)


def test_an_indication_asks():
    assert asked_about("Chest pain")[0] == "Pneumothorax"
    assert asked_about("") == asked_about(None) == ALWAYS_ASKED


def structured(present: list[int], side: str = "", indication: str | None = None) -> str:
    made = Structured(bank(), sayable(bank()))
    there, sides = np.zeros((1, 14), bool), np.full((1, 14), "", dtype="<U5")
    there[0, present] = True
    sides[0, EFFUSION] = side
    return made.write(torch.zeros(1, len(TEXTS)), there, sides, [indication])[0]


def test_a_finding_is_said_with_its_side_and_what_is_asked_is_denied():
    assert structured([EFFUSION], "right") == "There is a right pleural effusion. No pneumothorax."
    assert structured([EFFUSION], "left") == "There is a left pleural effusion. No pneumothorax."


def test_a_normal_film_is_called_normal_and_both_usual_questions_answered():
    assert structured([]) == "No acute disease. No pneumothorax. No pleural effusion."


@pytest.mark.parametrize("present", [[], [EFFUSION], [HEART], [EFFUSION, HEART]])
def test_the_labels_of_a_structured_report_are_the_findings_given(present):
    labels = label_matrix([label_report(structured(present), None)])[0] == 1
    expected = np.zeros(14, bool)
    expected[present or [LABELS.index("No Finding")]] = True
    assert labels.tolist() == expected.tolist()


def test_a_finding_without_a_sentence_is_passed_over():
    assert structured([LABELS.index("Fracture")]) == "No pneumothorax. No pleural effusion."
