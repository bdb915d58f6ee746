"""How good is a written report? Word overlap, meaning, labels, and a clinical score, one row a
study.

Conventions, the same everywhere: labels are those that our labeller reads from the text
(book/02_reading_a_report); only findings that are present count, No Finding among them; an empty
set against an empty set is 1. `sacrebleu` (Post 2018) counts BLEU and `torchmetrics` ROUGE-L and
BERTScore, since everybody's own version differs. Explained in book/07_judging_a_report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset
from sacrebleu.metrics import BLEU
from torchmetrics.functional.text import bert_score, rouge_score

from txtray_utils.align.encoders import text_tower
from txtray_utils.read.labels import label_report, mentions
from txtray_utils.read.report import refers_to_prior, report_text, sentences
from txtray_utils.vocabulary import CHEXPERT_FIVE, DANGEROUS, LABEL_OF, LABELS, SIDED, label_matrix

_BLEU = BLEU(lowercase=True)


def report_labels(reports: Sequence[str]) -> np.ndarray:
    """Return the labels (N, 14) of written reports; an empty report says nothing at all."""
    return label_matrix([label_report(report, None) for report in reports])


@dataclass(frozen=True)
class ReportScores:
    """Every report of one system beside its reference, one row a study; `scores` gives the means
    over any rows.

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
        return label_scores(self.truth[rows], self.said[rows]) | {
            "bleu4": bleu_of(self.bleu[rows]),
            "rouge_l": float(self.rouge[rows].mean()),
            "bertscore": float(self.bert[rows].mean()),
            "css": float(self.clinical[rows].mean()),
            "prior_rate": float(self.priors[rows].sum() / max(self.without_prior[rows].sum(), 1)),
            "side_accuracy": float(right / named) if named else np.nan,
            "copied_rate": float(self.copied[rows].sum() / written),
            "repeated_rate": float(self.repeated[rows].sum() / written),
        }


def evaluate_reports(
    studies: Dataset, reports: Sequence[str], known: set[str] = frozenset(), meaning: bool = True
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
    if not all(reference.strip() for reference in references):
        raise ValueError(
            "a study has no report to compare with; leave studies without sentences out"
        )
    said = [sentences(report) for report in reports]
    lone = np.array([prior is None for prior in studies["prior_study_id"]])
    written = np.array([len(one) for one in said])
    truth, told = report_labels(references), report_labels(reports)
    absent = np.array([sum(map(refers_to_prior, one)) for one in said]) * lone
    repeated = written - np.array([len({text.lower() for text in one}) for one in said])
    return ReportScores(
        truth=truth,
        said=told,
        bleu=np.array(
            [
                bleu_counts(report, reference)
                for report, reference in zip(reports, references, strict=True)
            ]
        ),
        rouge=np.array(
            [
                rouge_l(report, reference)
                for report, reference in zip(reports, references, strict=True)
            ]
        ),
        bert=bertscore(reports, references) if meaning else np.zeros(len(reports)),
        clinical=clinical_score(truth, told, absent + repeated),
        priors=absent,
        without_prior=written * lone,
        copied=np.array([sum(text in known for text in one) for one in said]),
        repeated=repeated,
        written=written,
        sides=np.array(
            [
                side_counts(report, drawn)
                for report, drawn in zip(reports, studies["evidence"], strict=True)
            ]
        ),
    )


def label_scores(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Return label precision, recall and F1 of labels (N, 14): example-based, micro and macro, and
    micro of the usual five.

    Example-based: the mean over studies of the F1 of two sets. Micro: over all pairs of study and
    label. Macro: the mean over labels that the references or the reports name. Only 1 counts as
    named."""
    there, named = truth == 1, said == 1
    both, either = (there & named).sum(1), there.sum(1) + named.sum(1)
    example = np.where(either == 0, 1.0, 2 * both / np.maximum(either, 1))
    by_label, size = 2 * (there & named).sum(0), (there.sum(0) + named.sum(0))
    five = [LABELS.index(label) for label in CHEXPERT_FIVE]
    hits = float((there & named).sum())
    return {
        "label_f1_example": float(example.mean()),
        "label_f1_micro": float(by_label.sum() / max(size.sum(), 1)),
        "label_f1_macro": float((by_label[size > 0] / size[size > 0]).mean())
        if size.any()
        else 1.0,
        "label_f1_micro_5": float(by_label[five].sum() / max(size[five].sum(), 1)),
        "label_precision_micro": hits / max(float(named.sum()), 1.0),
        "label_recall_micro": hits / max(float(there.sum()), 1.0),
    }


def bleu_counts(report: str, reference: str) -> np.ndarray:
    """Return what BLEU counts of one report, (10,): n-grams that match and n-grams in all for n = 1
    to 4, both lengths."""
    found = _BLEU.corpus_score([report], [[reference]])
    return np.array([*found.counts, *found.totals, found.sys_len, found.ref_len], float)


def bleu_of(counts: np.ndarray, most: int = 4) -> float:
    """Return corpus BLEU-1 to -4 (Papineni 2002) in [0, 1] from the counts (N, 10) of its
    reports."""
    total = counts.sum(0)
    score = BLEU.compute_bleu(list(map(int, total[:4])), list(map(int, total[4:8])), int(total[8]), int(total[9]),
                              smooth_method="none", max_ngram_order=most)  # fmt: skip
    return score.score / 100


def rouge_l(report: str, reference: str) -> float:
    """Return ROUGE-L (Lin 2004), the F-measure of the longest common subsequence."""
    return float(rouge_score(report, reference, rouge_keys="rougeL")["rougeL_fmeasure"])


def bertscore(reports: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """Return BERTScore (Zhang 2020), F1 (N,), by the packaged MiniLM; an empty report scores 0.

    Of a very long text, such as a clinical note, the first 256 tokens are compared.
    """
    words, model, _ = text_tower()
    filled = [row for row, report in enumerate(reports) if report.strip()]
    scores = np.zeros(len(reports))
    if filled:
        found = bert_score([reports[row] for row in filled], [references[row] for row in filled], model=model,
                           user_tokenizer=words, user_forward_fn=_last_layer, batch_size=64, max_length=256, truncation=True)  # fmt: skip
        scores[filled] = np.atleast_1d(found["f1"].numpy())
    return scores


def _last_layer(model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return model(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state


def clinical_score(truth: np.ndarray, said: np.ndarray, superfluous: np.ndarray) -> np.ndarray:
    """Return our automatic reading (N,), 0 to 1, of the Clinical Scoring System of TxtRayAlign's
    second report.

    The mean of five parts, each 0 to 1, from labels alone: key findings (the share of those present
    that are named), pertinent negatives (the share of those denied that are denied too), no
    critical error (no dangerous finding missed, denied or invented), no minor error (the same for
    the other labels), nothing superfluous (no repeated sentence, no prior that does not exist;
    `superfluous` counts them). A part that a reference does not ask for is 1. The published system
    is scored by a clinician; this is not that."""
    no_finding = LABELS.index("No Finding")
    sick = np.arange(len(LABELS)) != no_finding
    danger = np.isin(LABELS, DANGEROUS)
    there, named = truth == 1, said == 1
    denied = truth == 0
    wrong = (
        (there & ~named) | (named & (denied | np.isnan(truth)))
    ) & sick  # unsure in the reference: no error
    parts = [
        _share(there & named, there),
        _share(denied & (said == 0), denied),
        1.0 - (wrong & danger).any(1),
        1.0 - (wrong & ~danger).any(1),
        1.0 - (superfluous > 0),
    ]
    return np.mean(parts, 0)


def side_counts(report: str, evidence: Sequence[Mapping] | None) -> tuple[int, int]:
    """Return how many sided findings a report mentions that are drawn, and of how many every side
    said has one drawn.

    A finding that is mentioned without a side, or that was not drawn, does not count; "both" needs
    both sides."""
    drawn: dict[str, set[str]] = {}
    for one in evidence or ():
        drawn.setdefault(LABEL_OF.get(one["finding"]), set()).update(
            ("right", "left") if one["side"] == "both" else (one["side"],)
        )
    said: dict[str, set[str]] = {}
    for one in mentions(report):
        if one.state == 1 and one.side and one.label in SIDED and one.label in drawn:
            said.setdefault(one.label, set()).update(
                ("right", "left") if one.side == "both" else (one.side,)
            )
    return len(said), sum(sides <= drawn[label] for label, sides in said.items())


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole.any(1), part.sum(1) / np.maximum(whole.sum(1), 1), 1.0)
