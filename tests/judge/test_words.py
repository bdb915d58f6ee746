"""BLEU, ROUGE and BERTScore on cases worked by hand and against other definitions."""

import numpy as np
import pytest
from sacrebleu import corpus_bleu

from tests.judge.small import REFERENCE
from txtray_utils.judge.reports import (
    bertscore,
    bleu_counts,
    bleu_of,
    rouge_l,
)


def test_bleu_is_the_corpus_bleu_of_sacrebleu():
    reports = ["The heart is large. No effusion.", "A small effusion is seen on the left."]
    references = [
        "The heart is large. There is no effusion.",
        "There is a small effusion on the left side.",
    ]
    counts = np.array([bleu_counts(*pair) for pair in zip(reports, references, strict=True)])
    expected = corpus_bleu(reports, [references], lowercase=True, smooth_method="none").score / 100
    assert bleu_of(counts) == pytest.approx(expected) and 0 < expected < 1


def test_bleu_1_by_hand():
    counts = bleu_counts("no effusion", "no large effusion")[None]
    assert bleu_of(counts, 1) == pytest.approx(
        np.exp(1 - 3 / 2)
    )  # both words match; two words for three


def test_rouge_l_by_hand():
    assert rouge_l("the heart is large", "the heart is not large") == pytest.approx(
        2 * 1 * 0.8 / 1.8
    )


def test_bertscore_of_the_same_text_is_one_and_of_none_is_nought():
    same, other, empty = bertscore([REFERENCE, "The aorta is tortuous.", ""], [REFERENCE] * 3)
    assert same == pytest.approx(1, abs=1e-5) and 0 < other < 0.9 and empty == 0


def test_bertscore_takes_the_beginning_of_a_text_that_is_too_long():
    long = " ".join(["The aorta is tortuous."] * 200)
    cut, other = bertscore([long, REFERENCE], [long, long])
    assert cut == pytest.approx(1.0, abs=1e-3) and other < 0.9
