"""How good is a written report? Word overlap, meaning, labels, and a clinical score, one row a
study.

Of words see `judge.words`, of labels and sides `judge.clinical`; their conventions are the same
everywhere. Explained in book/08_judging_a_report.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset

from txtray_utils.judge.clinical import clinical_score, label_scores, side_counts
from txtray_utils.judge.words import bertscore, bleu_counts, bleu_of, rouge_l
from txtray_utils.read.labels import report_labels
from txtray_utils.read.report import refers_to_prior, report_text, sentences


@dataclass(frozen=True)
class ReportScores:
    """Every report of one system beside its reference, one row a study; `scores` gives the means
    over any rows, `by_report` what each row has by itself.

    truth, said: labels (N, 14). bleu: counts that add up (N, 10). rouge, bert, clinical: (N,) from
    0 to 1. priors, copied, repeated, written: sentences of each report that refer to a prior where
    there is none, stand in a training report, repeat another, and all of them (N,). sides: (N, 2)
    sided findings that are mentioned and drawn, and those right."""

    truth: np.ndarray
    said: np.ndarray
    bleu: np.ndarray
    rouge: np.ndarray
    bert: np.ndarray
    clinical: np.ndarray
    priors: np.ndarray
    without_prior: np.ndarray
    copied: np.ndarray
    repeated: np.ndarray
    written: np.ndarray
    sides: np.ndarray

    def scores(self, rows: np.ndarray | slice = slice(None)) -> dict[str, float]:
        """Return every score over `rows` of the studies."""
        written = max(self.written[rows].sum(), 1)
        named, right = self.sides[rows].sum(0)
        lone = max(self.without_prior[rows].sum(), 1)
        scores = label_scores(self.truth[rows], self.said[rows])
        return scores | {
            "bleu4": bleu_of(self.bleu[rows]),
            "rouge_l": float(self.rouge[rows].mean()),
            "bertscore": float(self.bert[rows].mean()),
            "css": float(self.clinical[rows].mean()),
            "prior_rate": float(self.priors[rows].sum() / lone),
            "side_accuracy": float(right / named) if named else np.nan,
            "copied_rate": float(self.copied[rows].sum() / written),
            "repeated_rate": float(self.repeated[rows].sum() / written),
        }

    def by_report(self) -> dict[str, np.ndarray]:
        """Return scores of each report by itself, (N,) float each: BLEU-1 and -4, ROUGE-L,
        BERTScore, example-based label F1 and the clinical score."""
        bleu1, bleu4, label_f1 = [], [], []
        for row in range(len(self.bleu)):
            counts = self.bleu[[row]]
            bleu1.append(bleu_of(counts, 1))
            bleu4.append(bleu_of(counts))
            labels = label_scores(self.truth[[row]], self.said[[row]])
            label_f1.append(labels["label_f1_example"])
        return {
            "bleu1": np.array(bleu1),
            "bleu4": np.array(bleu4),
            "rouge_l": self.rouge,
            "bertscore": self.bert,
            "label_f1_example": np.array(label_f1),
            "css": self.clinical,
        }


def evaluate_reports(
    studies: Dataset,
    reports: Sequence[str],
    known: Collection[str] = frozenset(),
    meaning: bool = True,
) -> ReportScores:
    """Judge one written report for each study against the study's own.

    Args:
        studies: the study table (or a part), with `sentences`, `prior_study_id` and `evidence`.
        reports: what was written, in the same order; an empty one is judged as saying nothing.
        known: the sentences of the training reports, for what was copied.
        meaning: also compute BERTScore, which takes most of the time; else it is 0.

    Raises:
        ValueError: reports and studies differ in number, or a study has no report of its own to
    compare with."""
    references = [report_text(said or ()) for said in studies["sentences"]]
    if len(references) != len(reports):
        raise ValueError(f"{len(reports)} reports for {len(references)} studies; give one for each")
    if not all(map(str.strip, references)):
        remedy = "leave studies without sentences out"
        raise ValueError(f"a study has no report to compare with; {remedy}")
    lone = np.array([prior is None for prior in studies["prior_study_id"]])
    return _evaluate(reports, references, lone, studies["evidence"], known, meaning=meaning)


def evaluate_texts(reports: Sequence[str], references: Sequence[str]) -> ReportScores:
    """Judge reports (N) against references (N) where there is no film and no earlier study.

    No sentence counts as copied, and no side as drawn.
    """
    lone = np.ones(len(reports), bool)
    return _evaluate(reports, references, lone, [None] * len(reports), frozenset(), meaning=True)


def _evaluate(
    reports: Sequence[str],
    references: Sequence[str],
    lone: np.ndarray,
    evidence: Sequence,
    known: Collection[str],
    *,
    meaning: bool,
) -> ReportScores:
    """Judge reports; `lone` (N,) bool, which studies have no earlier one."""
    truth, said = report_labels(references), report_labels(reports)
    written, priors, copied, repeated = _sentence_counts(reports, known)
    bleu, rouge, sides = [], [], []
    for report, reference, drawn in zip(reports, references, evidence, strict=True):
        bleu.append(bleu_counts(report, reference))
        rouge.append(rouge_l(report, reference))
        sides.append(side_counts(report, drawn))
    return ReportScores(
        truth=truth,
        said=said,
        bleu=np.array(bleu),
        rouge=np.array(rouge),
        bert=bertscore(reports, references) if meaning else np.zeros(len(reports)),
        clinical=clinical_score(truth, said, priors * lone + repeated),
        priors=priors * lone,
        without_prior=written * lone,
        copied=copied,
        repeated=repeated,
        written=written,
        sides=np.array(sides),
    )


def _sentence_counts(reports: Sequence[str], known: Collection[str]) -> np.ndarray:
    """Return (4, N) counts of each report's sentences: all of them, those that refer to a prior,
    stand in a training report, and repeat another."""
    counts = []
    for report in reports:
        texts = sentences(report)
        priors = sum(map(refers_to_prior, texts))
        copied = sum(text in known for text in texts)
        different = set(map(str.lower, texts))
        counts.append((len(texts), priors, copied, len(texts) - len(different)))
    return np.array(counts).reshape(-1, 4).T
