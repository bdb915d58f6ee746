"""Every finding can be asked for, in words that our own labeller reads as meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.judge.small import studies
from txtray_utils.align.encoders import ImageTextModel, text_features
from txtray_utils.judge.prompts import (
    HeldSentences,
    auc,
    auc_interval,
    aucs,
    average_precision,
    average_precisions,
    held_sentences,
    prompt_vectors,
    sentence_to_film,
    sentence_vectors,
    zero_shot,
)
from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import (
    FINDINGS,
    LABELS,
    NEGATIVE,
    POSITIVE,
)
from virtual_hospital.drawings import BY_NAME

N = np.nan


def test_every_finding_is_stated_and_denied():
    assert tuple(POSITIVE) == tuple(NEGATIVE) == FINDINGS
    assert all(
        len(set(texts)) == len(texts) >= 3 for texts in (*POSITIVE.values(), *NEGATIVE.values())
    )


@pytest.mark.parametrize("finding", [name for name in FINDINGS if BY_NAME[name].chexpert])
def test_no_prompt_that_denies_states_a_finding(finding):
    for text in NEGATIVE[finding]:
        said = label_report(text, None)
        assert not [
            label for label in LABELS if label != "No Finding" and said[label] in (1, -1)
        ], text
    assert any(
        label_report(text, None)[BY_NAME[finding].chexpert] == 1 for text in POSITIVE[finding]
    )


def test_zero_shot_prefers_the_film_that_lies_with_the_prompt():
    said, denied = {"effusion": np.array([[1.0, 0.0]])}, {"effusion": np.array([[0.0, 1.0]])}
    assert zero_shot(np.eye(2), said)["effusion"].tolist() == [1, 0]
    assert zero_shot(np.eye(2), said, denied)["effusion"].tolist() == [1, -1]


def test_an_auc_leaves_unknown_truth_out_and_needs_enough_of_both():
    truth = {"often": np.array([0.0] * 5 + [1.0] * 5 + [N]), "rare": np.array([0.0] * 10 + [1.0])}
    score = dict.fromkeys(truth, np.arange(11.0))
    assert aucs(truth, score) == {"often": 1.0}


def test_prompts_become_unit_vectors_of_each_finding(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    model = ImageTextModel("test_vit.r160_in1k")
    stated = prompt_vectors(model)
    denied = prompt_vectors(model, denied=True)
    assert tuple(stated) == tuple(denied) == FINDINGS
    np.testing.assert_allclose(np.linalg.norm(stated["nodule"], axis=1), 1, rtol=1e-5)
    features = text_features(list(NEGATIVE["nodule"]))
    np.testing.assert_array_equal(denied["nodule"], model.embed_texts(features).numpy())
    alone = sentence_vectors(model, POSITIVE["nodule"])
    np.testing.assert_array_equal(stated["nodule"], alone)


def test_the_interval_of_an_auc_is_over_patients():
    truth = np.array([0, 1] * 10)
    scores = np.where(truth, 1.0, 0.0)
    scores[:2] = 0.5  # one patient's two films are not told apart
    patients = np.repeat(np.arange(10), 2)
    auc, (low, high) = auc_interval(truth, scores, patients)
    assert low < auc < high == 1


def test_held_sentences_say_what_they_state_and_whose_they_are():
    held = held_sentences(
        studies(
            "The heart is enlarged.|No effusion.",
            "There is a left pleural effusion.",
            "No effusion.",
        )
    )
    assert held.texts == [
        "No effusion.",
        "The heart is enlarged.",
        "There is a left pleural effusion.",
    ]
    assert held.own.tolist() == [
        [True, False, True],
        [True, False, False],
        [False, True, False],
    ]
    assert held.states["effusion"].tolist() == [False, False, True]
    assert held.states["cardiomegaly"].tolist() == [False, True, False]


def test_a_film_is_not_found_by_the_words_of_its_own_report():
    own = np.array([[True, False, False], [False, True, True], [False, False, True]])
    states = {"effusion": np.array([True, True, False]), "scar": np.array([False, False, True])}
    held = HeldSentences(["a", "b", "c"], own, states | {"nodule": np.zeros(3, bool)})
    similarity = np.array([[9.0, 2.0, 4.0], [1.0, 9.0, 8.0], [5.0, 6.0, 10.0]])
    scores = sentence_to_film(similarity, held)
    assert set(scores) == {"effusion", "scar"}
    np.testing.assert_array_equal(scores["effusion"], [1 - 6, 2 - 5, 4 - 5])
    np.testing.assert_array_equal(scores["scar"], [5 - 7, 6 - 7, np.nan])


def test_the_mean_leaves_out_only_the_own_sentence():
    own = np.array([[True, False], [False, False], [False, False]])
    held = HeldSentences(["a", "b", "c"], own, {"scar": np.ones(3, bool)})
    similarity = np.array([[9.0, 3.0], [1.0, 4.0], [2.0, 6.0]])
    np.testing.assert_allclose(sentence_to_film(similarity, held)["scar"], [-3.5 / 2, 0.5 / 3])


def test_a_sentence_that_is_near_to_every_film_moves_none():
    """Film 0 has the finding and holds the sentence that is near to all: it still comes first."""
    own = np.array([[True, False, False], [False, False, False]])
    held = HeldSentences(["near", "b"], own, {"scar": np.ones(2, bool)})
    similarity = np.array([[0.9, 0.8, 0.8], [0.3, 0.1, 0.1]])
    scores = sentence_to_film(similarity, held)["scar"]
    assert scores.argmax() == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2))
def test_both_rankings_are_scikit_learns_ties_and_all(films):
    truth, score = np.array(films).T
    count = truth.sum()
    if 0 < count < len(truth):
        assert auc(truth, score) == pytest.approx(roc_auc_score(truth, score))
    else:
        assert np.isnan(auc(truth, score))
    if count:
        right = average_precision_score(truth, score)
        assert average_precision(truth, score) == pytest.approx(right)
        shifted = (score + 3).astype(np.uint8)  # which has no negative
        assert average_precision(truth, shifted) == pytest.approx(right)


def test_average_precision_is_scikit_learns_of_what_is_known():
    rng = np.random.default_rng(0)
    truth = (rng.random(50) < 0.3).astype(float)
    score = rng.random(50)
    truth[:5], score[5:8] = np.nan, np.nan
    known = slice(8, None)
    right = average_precision_score(truth[known], score[known])
    found = average_precisions({"scar": truth}, {"scar": score})
    assert found == {"scar": pytest.approx(right)}


def test_average_precision_of_films_that_score_alike_is_the_prevalence():
    truth = {"scar": np.repeat([1.0, 0.0], [7, 21]), "nodule": np.repeat([1.0, 0.0], [4, 24])}
    alike = {"scar": np.zeros(28), "nodule": np.zeros(28)}
    assert average_precisions(truth, alike) == {"scar": pytest.approx(0.25)}


def test_average_precision_by_hand():
    truth = {"scar": np.array([1.0, 0.0, 1.0, 0.0])}
    scores = {"scar": np.array([4.0, 3.0, 2.0, 1.0])}
    assert average_precisions(truth, scores, 2)["scar"] == pytest.approx((1 + 2 / 3) / 2)
