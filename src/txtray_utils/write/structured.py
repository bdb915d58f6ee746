"""Reports written from what others wrote: the nearest report, the nearest sentences, or sentences
chosen for findings.

Every writer copies from the training reports, so each sentence is a radiologist's own; the decoder
of `txtray_utils.decoder` writes word by word instead. Explained in book/06_writing_a_report."""

import re
from collections.abc import Sequence

import numpy as np
import torch

from txtray_utils.read.labels import mentions
from txtray_utils.read.report import report_text
from txtray_utils.vocabulary import LABELS, by_urgency, without_no_finding
from txtray_utils.write.index import SentenceCorpus

ORDER = by_urgency()


ASKED = {  # what an indication asks about; ours, in the words of the indications of the training reports
    r"pain|trauma|fall|fell|accident|mvc|mva|injur": (
        "Pneumothorax",
        "Fracture",
        "Pleural Effusion",
    ),
    r"short|dyspn|breath|sob\b|hypox": ("Pleural Effusion", "Edema", "Pneumonia"),
    r"cough|fever|pneumonia|infect|sepsis|chills": (
        "Pneumonia",
        "Consolidation",
        "Pleural Effusion",
    ),
    r"line|cathe|port|picc|tube|pacer|biopsy|thoracentesis": ("Pneumothorax", "Pleural Effusion"),
    r"failure|chf|edema|swelling|cardio|hypertens": ("Cardiomegaly", "Edema", "Pleural Effusion"),
    r"cancer|mass|nodul|metast|tumou?r|smok": ("Lung Lesion", "Pleural Effusion"),
}


ALWAYS_ASKED = ("Pneumothorax", "Pleural Effusion")  # where the indication is silent


def thresholds(scores: np.ndarray, rates: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Return a threshold (L,) for each label: above it lie `share` x `rates` (L,) of the scores (N,
    L).

    Matching how often a label occurs is steadier than the best threshold of a few dozen validation
    films."""
    wanted = np.clip(1 - share * rates, 0, 1)
    return np.array(
        [
            np.quantile(column, at, method="higher")
            for column, at in zip(scores.T, wanted, strict=True)
        ]
    )


def asked_about(indication: str | None) -> tuple[str, ...]:
    """Return the labels that an indication asks about, `ALWAYS_ASKED` where it is silent."""
    words = (indication or "").lower()
    found = [label for cue, labels in ASKED.items() if re.search(cue, words) for label in labels]
    return tuple(dict.fromkeys(found)) or ALWAYS_ASKED


class Structured:
    """Writes from findings: for each finding a sentence that states it and nothing else, then what
    is asked and absent."""

    def __init__(self, bank: SentenceCorpus, may: torch.Tensor) -> None:
        """Sort the sentences that may be said (N,) by what they say."""
        self.bank = bank
        rows = np.flatnonzero(may.numpy())
        labels = without_no_finding(bank.labels)
        names = [label for label in LABELS if label != "No Finding"]
        present, absent, unsure = labels == 1, labels == 0, labels == -1
        alone = (present.sum(1) == 1) & ~unsure.any(1) & ~absent.any(1)
        quiet = ~present.any(1) & ~unsure.any(1)
        self.states = {name: {side: [] for side in ("right", "left", "both", "")} for name in names}
        for row in rows[alone[rows]]:
            name = names[int(present[row].argmax())]
            said = {
                one.side
                for one in mentions(bank.texts[row])
                if one.label == name and one.state == 1
            }
            if len(said) == 1:
                self.states[name][said.pop()].append(int(row))
        self.denies = {
            name: [int(row) for row in rows if quiet[row] and absent[row, k]]
            for k, name in enumerate(names)
        }
        self.normal = [
            int(row)
            for row in rows
            if quiet[row]
            and re.match(r"(?i)(\d\. )?(no (acute|active)|normal chest)", bank.texts[row])
        ]

    def write(
        self,
        similarity: torch.Tensor,
        present: np.ndarray,
        side: np.ndarray,
        indications: Sequence[str | None],
    ) -> list[str]:
        """Return a report for each film.

        Args:
            similarity: (Q, N) of films to sentences; of the sentences that would do, the nearest is
                said.
            present: (Q, 14) bool, the findings to state; No Finding is ignored.
            side: (Q, 14) "right", "left", "both" or "" (say none).
            indications: what the request said, for the pertinent negatives.
        """
        return [
            self._one(near, present[k], side[k], indications[k])
            for k, near in enumerate(similarity)
        ]

    def _one(
        self, near: torch.Tensor, present: np.ndarray, side: np.ndarray, indication: str | None
    ) -> str:
        there = [label for label in ORDER if present[LABELS.index(label)]]
        said = []
        for label in there:
            by_side = self.states[label]
            rows = (
                by_side[side[LABELS.index(label)]]
                or by_side[""]
                or [row for rows in by_side.values() for row in rows]
            )
            said += self._nearest(near, rows)
        illness = [label for label in there if label != "Support Devices"]
        said += [] if illness else self._nearest(near, self.normal)
        absent = [label for label in asked_about(indication) if label not in there]
        for label in absent:
            if not any(self.bank.labels[row][LABELS.index(label)] == 0 for row in said):
                fits = [
                    row
                    for row in self.denies[label]
                    if not any(self.bank.labels[row][LABELS.index(one)] == 0 for one in there)
                ]
                said += self._nearest(near, fits)
        return report_text([self.bank.texts[row] for row in dict.fromkeys(said)])

    @staticmethod
    def _nearest(near: torch.Tensor, rows: list[int]) -> list[int]:
        return [rows[int(near[rows].argmax())]] if rows else []
