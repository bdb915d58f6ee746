"""Every finding can be asked for, in words that our own labeller reads as meant."""

import numpy as np
import pytest

from txtray_utils.align.encoders import ImageTextModel, text_features
from txtray_utils.judge.prompts import (
    auc_interval,
    aucs,
    prompt_vectors,
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
