"""BLEU, ROUGE and BERTScore on cases worked by hand and against other definitions."""

import numpy as np
import pytest
from sacrebleu import corpus_bleu
from torchmetrics.functional.text import bert_score

from tests.judge.small import REFERENCE
from txtray_utils.align.encoders import text_tower
from txtray_utils.judge.words import bertscore, bleu_counts, bleu_of, rouge_l


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


PAIRS = [
    ("There is a small left pleural effusion. The heart is large.", REFERENCE),
    ("No effusion.", "The heart is normal in size. The lungs are clear. No pleural effusion."),
    ("The aorta is tortuous.", "Tortuous aorta."),
    ("A pacemaker is in place on the left, with two leads.", "No acute disease."),
]


def test_bertscore_is_that_of_torchmetrics_for_each_pair():
    words, model, _ = text_tower()
    ours = bertscore(*zip(*PAIRS, strict=True))
    for score, (report, reference) in zip(ours, PAIRS, strict=True):
        theirs = bert_score(
            [report],
            [reference],
            model=model,
            user_tokenizer=words,
            user_forward_fn=last_layer,
            max_length=256,
            truncation=True,
        )
        assert score == pytest.approx(float(theirs["f1"]), abs=1e-5)


def last_layer(model, batch):
    return model(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state


def test_bertscore_of_a_pair_does_not_depend_on_its_neighbours():
    alone = [bertscore([report], [reference])[0] for report, reference in PAIRS]
    assert bertscore(*zip(*PAIRS, strict=True)) == pytest.approx(alone)


def test_bertscore_takes_the_beginning_of_a_text_that_is_too_long():
    long = " ".join(["The aorta is tortuous."] * 200)
    cut, other = bertscore([long, REFERENCE], [long, long])
    assert cut == pytest.approx(1.0, abs=1e-3) and other < 0.9
