"""Written reports beside their references: what is counted, and what is refused."""

import numpy as np
import pytest

from tests.judge.small import studies
from txtray_utils.judge.reports import evaluate_reports, evaluate_texts


def test_a_judged_report_counts_priors_copies_and_repeats():
    written = ["Unchanged effusion. Unchanged effusion. The heart is large."]
    alone = evaluate_reports(
        studies("Effusion."), written, {"The heart is large."}, meaning=False
    ).scores()
    assert alone["prior_rate"] == pytest.approx(2 / 3)
    assert (alone["copied_rate"], alone["repeated_rate"]) == (
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
    )
    followed = evaluate_reports(
        studies("Effusion.", prior="51234567"), written, meaning=False
    ).scores()
    assert followed["prior_rate"] == 0.0


def test_an_empty_report_says_nothing_and_is_judged():
    scores = evaluate_reports(studies("Effusion."), [""], meaning=False).scores()
    assert (
        scores["label_f1_example"] == 0.0
        and scores["bleu4"] == 0.0
        and np.isnan(scores["side_accuracy"])
    )


def test_reports_and_studies_must_fit():
    with pytest.raises(ValueError, match="2 reports for 1"):
        evaluate_reports(studies("Effusion."), ["", ""])
    with pytest.raises(ValueError, match="no report to compare"):
        evaluate_reports(studies(""), ["Effusion."])


def test_texts_alone_are_judged_as_studies_without_a_prior():
    written = ["No effusion. Unchanged heart.", "There is an effusion."]
    own = ["There is an effusion.", "There is an effusion."]
    by_study = evaluate_reports(studies(*own), written)
    by_text = evaluate_texts(written, own)
    for row in range(2):
        expected = by_study.scores([row])
        found = by_text.scores([row])
        expected.pop("side_accuracy"), found.pop("side_accuracy")
        assert found == expected


def test_each_report_by_itself_scores_as_a_system_of_one():
    written = ["No effusion. Unchanged heart.", "There is an effusion."]
    judged = evaluate_texts(written, ["There is an effusion."] * 2)
    each = judged.by_report()
    bleu1 = each.pop("bleu1")
    assert bleu1[0] < bleu1[1] == pytest.approx(1)
    for row in range(2):
        alone = judged.scores([row])
        assert {key: values[row] for key, values in each.items()} == {
            key: alone[key] for key in each
        }
