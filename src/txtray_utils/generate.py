"""Reports written from what others wrote: the nearest report, the nearest sentences, or sentences chosen for findings.

Every writer copies from the training reports, so each sentence is a radiologist's own; the decoder of
`txtray_utils.decoder` writes word by word instead. Explained in book/06_writing_a_report.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from datasets import Dataset
from sklearn.linear_model import LogisticRegression

from txtray_utils.encoders import Towers
from txtray_utils.reports import mentions, refers_to_prior, report_text
from txtray_utils.retrieve import Bank, Sentences
from txtray_utils.score import findings_only
from txtray_utils.studies import LABELS

LONGEST = 25  # words; a longer sentence says too much to be said of another film
URGENT = ("Pneumothorax", "Pneumonia", "Edema", "Pleural Effusion", "Consolidation", "Fracture", "Lung Lesion")  # first
ORDER = (*URGENT, *(label for label in LABELS if label not in URGENT and label != "No Finding"))
ASKED = {  # what an indication asks about; ours, in the words of the indications of the training reports
    r"pain|trauma|fall|fell|accident|mvc|mva|injur": ("Pneumothorax", "Fracture", "Pleural Effusion"),
    r"short|dyspn|breath|sob\b|hypox": ("Pleural Effusion", "Edema", "Pneumonia"),
    r"cough|fever|pneumonia|infect|sepsis|chills": ("Pneumonia", "Consolidation", "Pleural Effusion"),
    r"line|cathe|port|picc|tube|pacer|biopsy|thoracentesis": ("Pneumothorax", "Pleural Effusion"),
    r"failure|chf|edema|swelling|cardio|hypertens": ("Cardiomegaly", "Edema", "Pleural Effusion"),
    r"cancer|mass|nodul|metast|tumou?r|smok": ("Lung Lesion", "Pleural Effusion"),
}
ALWAYS_ASKED = ("Pneumothorax", "Pleural Effusion")  # where the indication is silent
SIDED = ("Atelectasis", "Consolidation", "Lung Lesion", "Lung Opacity", "Pleural Effusion", "Pneumonia", "Pneumothorax")


def common_normal(studies: Dataset) -> str:
    """Return the report that most studies share, to the letter; in practice a normal one."""
    return Counter(report_text(said) for said in studies["sentences"] if said).most_common(1)[0][0]


def nearest_report(images: torch.Tensor, bank: Bank, reports: Sequence[str]) -> list[str]:
    """Return for each film (Q, W) the report of the nearest film of the bank (N, W) (Boag et al. 2020)."""
    return [reports[row] for row in bank.search(images, 1)[1][:, 0].tolist()]


def nearest_sentences(similarity: torch.Tensor, bank: Sentences, k: int = 2) -> list[str]:
    """Return for each film the k nearest sentences, as TxtRayAlign does: similarity (Q, N) to the N of the bank."""
    return [report_text([bank.texts[row] for row in rows]) for rows in similarity.topk(k).indices.tolist()]


def fit_to_say(bank: Sentences, priors: bool = False) -> torch.Tensor:
    """Return (N,) bool: sentences that may be said of another patient's film.

    Left out are gaps of de-identification, words about a lateral view, very long sentences and, unless `priors`,
    comparisons with an earlier film (Ramesh et al. 2022, arXiv 2210.06340): a new patient has none.
    """
    return torch.tensor([
        not re.search(r"XX+|__+|(?i:\blateral view)", text) and len(text.split()) <= LONGEST and (priors or not refers_to_prior(text))
        for text in bank.texts
    ])  # fmt: skip


def varied_sentences(similarity: torch.Tensor, bank: Sentences, above: float, most: int = 6, alike: float = 0.75) -> list[str]:
    """Return reports of as many sentences as are near enough, in the manner of CXR-RePaiR (Endo et al. 2021).

    The nearest sentence is always said. A further one must have similarity `above` or more, contradict nothing that was
    said, and repeat nothing: the cosine of its text features to those said stays below `alike`.
    """
    reports, states = [], bank.labels
    for row in similarity:
        near, order = row.topk(min(100, len(row)))
        said: list[int] = []
        for value, one in zip(near.tolist(), order.tolist(), strict=True):
            if said and (value < above or len(said) == most):
                break
            there = states[said]
            clash = (((there == 1) & (states[one] == 0)) | ((there == 0) & (states[one] == 1))).any()
            if not clash and not (said and float((bank.features[said] @ bank.features[one]).max()) > alike):
                said.append(one)
        reports.append(report_text([bank.texts[one] for one in said]))
    return reports


@torch.inference_mode()
def halves(model: Towers, films: torch.Tensor) -> np.ndarray:
    """Return the features (N, 2, F) of the patient's right and left half of each film (N, 1, H, W) uint8.

    The tower's feature map is cut in two before it is pooled. The patient's right is on the viewer's left.
    """
    return torch.stack([model.pool(part) for part in model.maps(films).chunk(2, 3)], 1).numpy()


def said_sides(reports: Sequence[str]) -> np.ndarray:
    """Return the side (N, 14) that each report gives each finding that is present: right, left, both, or ""."""
    found = np.full((len(reports), len(LABELS)), "", dtype="<U5")
    for row, report in enumerate(reports):
        for one in mentions(report):
            if one.state == 1 and one.side:
                found[row, LABELS.index(one.label)] = one.side
    return found


def fit_sides(of_halves: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return weights (F,) that tell the side of a film's findings, learnt from the sides that training reports say (N, 14).

    A logistic regression of right against left on the difference of the halves (N, 2, F), without a constant and on
    each difference with both signs, so that a mirrored film gets the opposite answer.
    """
    named = [LABELS.index(label) for label in SIDED]
    rows, which = np.nonzero(np.isin(said[:, named], ("right", "left")))
    if not len(rows):
        raise ValueError("no report says a side of a finding; sides cannot be learnt from it")
    right = said[:, named][rows, which] == "right"
    more = of_halves[rows, 0] - of_halves[rows, 1]
    scale = more.std(0) + 1e-6
    both = np.concatenate([more, -more]) / scale
    model = LogisticRegression(C=0.01, fit_intercept=False, max_iter=500).fit(both, np.concatenate([right, ~right]))
    return model.coef_[0] / scale


def sides(of_halves: np.ndarray, weights: np.ndarray, margin: float) -> np.ndarray:
    """Return "right", "left" or "" (not sure enough) for each film and label (N, 14); only `SIDED` findings have one.

    One answer for a film: the weights tell where something is, not which of two findings is where.
    """
    more = (of_halves[:, 0] - of_halves[:, 1]) @ weights
    where = np.where(more > margin, "right", np.where(more < -margin, "left", ""))
    return np.where(np.isin(LABELS, SIDED), where[:, None], "")


def thresholds(scores: np.ndarray, rates: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Return a threshold (L,) for each label: above it lie `share` x `rates` (L,) of the scores (N, L).

    Matching how often a label occurs is steadier than the best threshold of a few dozen validation films.
    """
    wanted = np.clip(1 - share * rates, 0, 1)
    return np.array([np.quantile(column, at, method="higher") for column, at in zip(scores.T, wanted, strict=True)])


def asked_about(indication: str | None) -> tuple[str, ...]:
    """Return the labels that an indication asks about, `ALWAYS_ASKED` where it is silent."""
    words = (indication or "").lower()
    found = [label for cue, labels in ASKED.items() if re.search(cue, words) for label in labels]
    return tuple(dict.fromkeys(found)) or ALWAYS_ASKED


class Structured:
    """Writes from findings: for each finding a sentence that states it and nothing else, then what is asked and absent."""

    def __init__(self, bank: Sentences, may: torch.Tensor) -> None:
        """Sort the sentences that may be said (N,) by what they say."""
        self.bank = bank
        rows = np.flatnonzero(may.numpy())
        labels = findings_only(bank.labels)
        names = [label for label in LABELS if label != "No Finding"]
        present, absent, unsure = labels == 1, labels == 0, labels == -1
        alone = (present.sum(1) == 1) & ~unsure.any(1) & ~absent.any(1)
        quiet = ~present.any(1) & ~unsure.any(1)
        self.states = {name: {side: [] for side in ("right", "left", "both", "")} for name in names}
        for row in rows[alone[rows]]:
            name = names[int(present[row].argmax())]
            said = {one.side for one in mentions(bank.texts[row]) if one.label == name and one.state == 1}
            if len(said) == 1:
                self.states[name][said.pop()].append(int(row))
        self.denies = {name: [int(row) for row in rows if quiet[row] and absent[row, k]] for k, name in enumerate(names)}
        self.normal = [int(row) for row in rows if quiet[row] and re.match(r"(?i)(\d\. )?(no (acute|active)|normal chest)", bank.texts[row])]

    def write(self, similarity: torch.Tensor, present: np.ndarray, side: np.ndarray, indications: Sequence[str | None]) -> list[str]:
        """Return a report for each film.

        Args:
            similarity: (Q, N) of films to sentences; of the sentences that would do, the nearest is said.
            present: (Q, 14) bool, the findings to state; No Finding is ignored.
            side: (Q, 14) "right", "left", "both" or "" (say none).
            indications: what the request said, for the pertinent negatives.
        """
        return [self._one(near, present[k], side[k], indications[k]) for k, near in enumerate(similarity)]

    def _one(self, near: torch.Tensor, present: np.ndarray, side: np.ndarray, indication: str | None) -> str:
        there = [label for label in ORDER if present[LABELS.index(label)]]
        said = []
        for label in there:
            by_side = self.states[label]
            rows = by_side[side[LABELS.index(label)]] or by_side[""] or [row for rows in by_side.values() for row in rows]
            said += self._nearest(near, rows)
        illness = [label for label in there if label != "Support Devices"]
        said += [] if illness else self._nearest(near, self.normal)
        absent = [label for label in asked_about(indication) if label not in there]
        for label in absent:
            if not any(self.bank.labels[row][LABELS.index(label)] == 0 for row in said):
                fits = [row for row in self.denies[label] if not any(self.bank.labels[row][LABELS.index(one)] == 0 for one in there)]
                said += self._nearest(near, fits)
        return report_text([self.bank.texts[row] for row in dict.fromkeys(said)])

    @staticmethod
    def _nearest(near: torch.Tensor, rows: list[int]) -> list[int]:
        return [rows[int(near[rows].argmax())]] if rows else []
