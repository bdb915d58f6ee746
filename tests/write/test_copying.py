"""Reports copied from others: what may be said, when to stop, and what is not contradicted."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.write.corpus import TEXTS, bank
from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import LABELS
from txtray_utils.write.copying import (
    belongs_to_one,
    nearest_report,
    nearest_sentences,
    sayable,
    select_sentences,
)
from txtray_utils.write.index import SentenceCorpus, VectorIndex


def test_the_nearest_film_gives_its_report():
    shelf = VectorIndex(torch.eye(3))
    assert nearest_report(torch.tensor([[0.1, 0.9, 0.0]]), shelf, ["a", "b", "c"]) == ["b"]


def test_two_sentences_are_the_two_nearest():
    similarity = torch.zeros(1, len(TEXTS))
    similarity[0, 3], similarity[0, 6] = 0.9, 0.8
    assert nearest_sentences(similarity, bank()) == ["The heart is enlarged. No pneumothorax."]


def test_priors_and_gaps_may_not_be_said_of_another_patient():
    assert sayable(bank()).tolist() == [True] * 7 + [False] * 2
    assert sayable(bank(), priors=True).tolist() == [True] * 8 + [False]


def test_a_frontal_film_has_no_lateral_view():
    texts = ["Fluid on the lateral view.", "Fluid in the lateral sulcus."]
    assert sayable(SentenceCorpus(texts, torch.eye(2), np.zeros((2, 14)))).tolist() == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "A 4 mm nodule in the left lung.",
        "Left apical pneumothorax measuring 1.5cm.",
        "A 12-mm granuloma.",
        "Large right hemopneumothorax as detailed above.",
        "Right effusion, see above.",
        "The nodule described below.",
        "Fractures as described.",
        "The above-mentioned opacity is in the left base.",
        "The aforementioned effusion.",
    ],
)
def test_a_size_or_a_pointer_to_another_sentence_is_not_copied(text):
    assert belongs_to_one(text)
    assert sayable(SentenceCorpus([text], torch.eye(1), np.zeros((1, 14)))).tolist() == [False]


@pytest.mark.parametrize(
    "text",
    [
        "The catheter tip lies above the carina.",
        "Fractures of the 4th and 5th ribs.",
        "Opacity below the left hilum.",
        "The heart is normal in size as seen on this film.",
    ],
)
def test_a_place_or_a_count_may_be_copied(text):
    assert not belongs_to_one(text)


def test_nothing_contradicts_or_repeats_what_was_said():
    similarity = torch.linspace(1, 0.2, len(TEXTS))[None]
    made = bank()
    made.features[1] = made.features[0]  # to the text tower the two effusions are one
    assert select_sentences(similarity, made, above=0.5) == [
        "There is a left pleural effusion. The heart is enlarged. No acute disease."
    ]


def test_the_nearest_sentence_is_always_said():
    assert select_sentences(torch.full((1, len(TEXTS)), -1.0), bank(), above=0.5)[0]


@given(st.lists(st.floats(-1, 1, width=32), min_size=len(TEXTS), max_size=len(TEXTS)))
def test_a_varied_report_never_names_a_finding_both_ways(near):
    report = select_sentences(torch.tensor([near]), bank(), above=-1.0, most=9)[0]
    said = [label_report(text, None) for text in report.split(". ")]
    for label in LABELS:
        assert not {0, 1} <= {one[label] for one in said}, report
