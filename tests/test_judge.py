"""The scores of written reports on cases worked by hand and against other definitions."""

import numpy as np
import pytest
from datasets import Dataset
from sacrebleu import corpus_bleu
from sklearn.metrics import f1_score

from txtray_utils.judge.reports import (
    bertscore,
    bleu_counts,
    bleu_of,
    clinical_score,
    evaluate_reports,
    label_scores,
    rouge_l,
    side_counts,
)
from txtray_utils.vocabulary import LABELS

REFERENCE = "There is a small left pleural effusion. No pneumothorax."


def studies(*texts: str, prior: str | None = None, evidence: list | None = None) -> Dataset:
    return Dataset.from_list([
        {"sentences": text.split("|"), "prior_study_id": prior, "evidence": evidence or []} for text in texts
    ])  # fmt: skip


def labels(*rows: dict[str, int]) -> np.ndarray:
    return np.array([[row.get(label, np.nan) for label in LABELS] for row in rows], np.float32)


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
