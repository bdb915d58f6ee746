"""Retrieval metrics on a case worked by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.judge.small import labels
from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.judge.retrieval import (
    always,
    ill_f1,
    is_ill,
    mean_reciprocal_rank,
    merge_labels,
    overlap_as_report,
    overlap_coded,
    overlap_of_findings,
    overlap_published,
    pair_ranks,
    recall_at,
)
from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import label_matrix, without_no_finding

N = np.nan


TRUTH = np.array([[1, 0, N]])


SAID = np.array([[[1, N, N], [1, N, 1]]])


def test_published_overlap_counts_findings_once():
    assert overlap_published(TRUTH, SAID).scores() == pytest.approx(
        {"flat_hit": 1, "precision": 1 / 2, "recall": 1, "f1": 2 / 3}
    )


def test_coded_overlap_counts_repeats_and_absent_labels():
    assert overlap_coded(TRUTH, SAID).scores() == pytest.approx(
        {"flat_hit": 1, "precision": 1 / 3, "recall": 1 / 2, "f1": 2 / 5}
    )


def test_a_study_without_findings_is_no_hit_and_counts_in_neither_mean():
    found = overlap_published(np.array([[1, 0, N], [0, 0, 0]]), np.repeat(SAID, 2, 0))
    assert found.scores() == pytest.approx(
        {"flat_hit": 1 / 2, "precision": 1 / 2, "recall": 1, "f1": 2 / 3}
    )


def test_sentences_read_together_have_the_labels_of_one_report():
    reports = [
        ["The heart is normal in size.", "The lungs are clear."],
        ["The heart is normal in size.", "There is a left pleural effusion."],
        ["Possible pneumonia.", "No pneumothorax."],
        ["A pacemaker is in place.", "No effusion."],
        ["There is cardiomegaly.", "The heart is normal in size."],
    ]
    single = np.stack(
        [label_matrix([label_report(text, None) for text in report]) for report in reports]
    )
    joint = label_matrix([label_report(" ".join(report), None) for report in reports])
    np.testing.assert_array_equal(merge_labels(single)[:, 0], joint)


def test_no_finding_is_left_out_of_the_findings():
    labels = label_matrix([label_report("The lungs are clear.", None)])
    assert labels.shape == (1, 14) and (labels == 1).sum() == 1
    assert (
        without_no_finding(labels).shape == (1, 13) and not (without_no_finding(labels) == 1).any()
    )


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="retrieved labels"):
        overlap_published(TRUTH, SAID[:, 0])


def test_ranks_count_ties_against_the_model():
    ranks = pair_ranks(np.array([[0.9, 0.1, 0.2], [0.5, 0.5, 0.1], [0.9, 0.8, 0.1]]))
    assert ranks.tolist() == [1, 2, 3]
    assert recall_at(ranks, 2) == pytest.approx(2 / 3)
    assert mean_reciprocal_rank(ranks) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


@pytest.mark.parametrize("wrong", [np.full((3, 3), np.nan), np.ones((2, 3))])
def test_similarities_that_cannot_be_ranked_are_refused(wrong):
    with pytest.raises(ValueError, match="square and finite"):
        pair_ranks(wrong)


def test_the_two_readings_are_the_published_overlap_without_no_finding_and_as_one_report():
    truth = labels({"Edema": 1}, {"No Finding": 1})
    first, second = labels({"Edema": 1, "Fracture": 1}), labels({"No Finding": 1})
    said = np.stack([first, second])
    findings = overlap_of_findings(truth, said)
    assert findings.precision[0] == 1 / 2 and np.isnan(findings.precision[1])
    assert not findings.hit[1]
    report = overlap_as_report(truth, said)
    assert report.precision.tolist() == [1 / 2, 1]
    assert report.hit.tolist() == [1, 1]


def test_a_parrot_says_the_same_to_every_query():
    said = always({"Edema": 1, "Fracture": 0}, 3)
    assert said.dtype == np.float32
    one = labels({"Edema": 1, "Fracture": 0})
    np.testing.assert_array_equal(said, np.stack([one] * 3))


def test_the_interval_of_a_score_is_that_of_the_bootstrap_over_patients():
    truth = np.tile([[1, 0, N], [0, 1, N]], (4, 1))
    found = overlap_published(truth, np.repeat(SAID, 8, 0))
    patients = list("aabbccdd")
    value, (low, high) = found.interval(patients, "precision")
    assert value == found.scores()["precision"]
    statistic = lambda rows: found.scores(rows)["precision"]
    assert (value, (low, high)) == bootstrap(statistic, patients)
    assert found.interval(patients)[0] == found.scores()["f1"]


def test_f1_among_the_ill_is_scikit_learns_macro_f1_of_their_findings():
    rng = np.random.default_rng(0)
    truth = (rng.random((60, 14)) < 0.1).astype(np.float32)
    said = (rng.random((60, 2, 14)) < 0.1).astype(np.float32)
    ill = is_ill(truth)
    assert 0 < ill.sum() < 60
    there, named = without_no_finding(truth[ill]), without_no_finding(said[ill].max(1))
    right = f1_score(there, named, average="macro", zero_division=0)
    assert ill_f1(truth, said) == pytest.approx(right)


def test_neither_silence_nor_a_parrot_earns_f1_among_the_ill():
    findings = ("Edema", "Fracture", "Pneumothorax", "Cardiomegaly")
    truth = labels({"No Finding": 1}, *({name: 1} for name in findings))
    silent = always({"No Finding": 1}, 5)
    parrot = always({"Edema": 1}, 5)
    assert ill_f1(truth, silent) == 0
    assert ill_f1(truth, parrot) == pytest.approx(0.4 / 4)
    assert ill_f1(truth, truth[:, None]) == 1
    assert np.isnan(ill_f1(truth[:1], parrot[:1]))
