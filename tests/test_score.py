"""Retrieval metrics on a case worked by hand."""

import numpy as np
import pytest

from txtray_utils.score import (
    aucs,
    bootstrap,
    mean_reciprocal_rank,
    overlap_coded,
    overlap_published,
    pair_ranks,
    recall_at,
    zero_shot,
)

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
    assert found.scores() == pytest.approx({"flat_hit": 1 / 2, "precision": 1 / 2, "recall": 1, "f1": 2 / 3})


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="retrieved labels"):
        overlap_published(TRUTH, SAID[:, 0])


def test_ranks_count_ties_against_the_model():
    ranks = pair_ranks(np.array([[0.9, 0.1, 0.2], [0.5, 0.5, 0.1], [0.9, 0.8, 0.1]]))
    assert ranks.tolist() == [1, 2, 3]
    assert recall_at(ranks, 2) == pytest.approx(2 / 3)
    assert mean_reciprocal_rank(ranks) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_zero_shot_prefers_the_film_that_lies_with_the_prompt():
    prompts = {"effusion": (np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))}
    assert zero_shot(np.eye(2), prompts)["effusion"].tolist() == [1, -1]


def test_an_auc_leaves_unknown_truth_out_and_needs_enough_of_both():
    truth = {"often": np.array([0.0] * 5 + [1.0] * 5 + [N]), "rare": np.array([0.0] * 10 + [1.0])}
    score = dict.fromkeys(truth, np.arange(11.0))
    assert aucs(truth, score) == {"often": 1.0}


def test_the_bootstrap_draws_patients_and_not_films():
    patients, values = np.repeat(["a", "b", "c", "d"], 25), np.repeat([0.0, 0.0, 1.0, 1.0], 25)
    value, (low, high) = bootstrap(lambda rows: values[rows].mean(), patients, 400)
    assert (value, low, high) == (0.5, 0.0, 1.0)
