"""Reports written from findings: sentences chosen to state them and to deny what was asked.

Every sentence comes from the training reports, so each is a radiologist's own; the decoder of
`txtray_utils.write.decoder` writes word by word instead. Explained in book/07_writing_a_report.
"""

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch

from txtray_utils.read.labels import mentions
from txtray_utils.read.report import report_text
from txtray_utils.vocabulary import LABELS, by_urgency, without_no_finding
from txtray_utils.write.index import SentenceCorpus

ORDER = by_urgency()
# What an indication asks about; ours, in the words of the indications of the training reports.
ASKED = {
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
NORMAL = r"(?i)(\d\. )?(no (acute|active)|normal chest)"  # how a sentence begins that says so


def thresholds(scores: np.ndarray, rates: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Return a threshold (L,) for each label: above it lie `share` x `rates` (L,) of the scores (N,
    L).

    Matching how often a label occurs is steadier than the best threshold of a few dozen validation
    films."""
    below = 1 - share * rates
    wanted = np.clip(below, 0, 1)
    cuts = []
    for column, at in zip(scores.T, wanted, strict=True):
        cuts.append(np.quantile(column, at, method="higher"))
    return np.array(cuts)


def asked_about(indication: str | None) -> tuple[str, ...]:
    """Return the labels that an indication asks about, `ALWAYS_ASKED` where it is silent."""
    words = (indication or "").lower()
    found: dict[str, None] = {}  # in order, each once
    for cue, labels in ASKED.items():
        if re.search(cue, words):
            found |= dict.fromkeys(labels)
    return tuple(found) or ALWAYS_ASKED


class Structured:
    """Writes from findings: for each finding a sentence that states it and nothing else, then what
    is asked and absent.

    Rows of the corpus, by what they say: `states` by finding and side, `denies` by finding, and
    `normal`, that nothing is wrong."""

    def __init__(self, bank: SentenceCorpus, may: torch.Tensor) -> None:
        """Sort the sentences that may be said (N,) by what they say."""
        self.bank = bank
        self.states: dict[str, dict[str, list[int]]] = {}
        self.denies: dict[str, list[int]] = {}
        self.normal: list[int] = []
        names = without_no_finding(np.array(LABELS))
        for name in names.tolist():
            self.states[name] = {"right": [], "left": [], "both": [], "": []}
            self.denies[name] = []
        for row in np.flatnonzero(may.numpy()).tolist():
            labels = without_no_finding(bank.labels[row])
            if (labels == -1).any():
                continue
            present = names[labels == 1].tolist()
            absent = names[labels == 0].tolist()
            if len(present) == 1 and not absent:
                self._add_statement(row, present[0])
            if not present:
                self._add_denial(row, absent)

    def _add_statement(self, row: int, name: str) -> None:
        """Keep a sentence that states one finding, unless it gives it two sides."""
        said = set()
        for one in mentions(self.bank.texts[row]):
            if one.label == name and one.state == 1:
                said.add(one.side)
        if len(said) == 1:
            self.states[name][said.pop()].append(row)

    def _add_denial(self, row: int, absent: list[str]) -> None:
        """Keep a sentence that states no finding by what it denies, or as one of normality."""
        for name in absent:
            self.denies[name].append(row)
        if re.match(NORMAL, self.bank.texts[row]):
            self.normal.append(row)

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
        reports = []
        for row, near in enumerate(similarity):
            there = [label for label in ORDER if present[row][LABELS.index(label)]]
            said = self._stated(near, there, side[row])
            if set(there) <= {"Support Devices"}:  # no illness
                said += _nearest(near, self.normal)
            absent = [label for label in asked_about(indications[row]) if label not in there]
            self._deny(near, absent, there, said)
            once = dict.fromkeys(said)
            reports.append(report_text([self.bank.texts[one] for one in once]))
        return reports

    def _stated(self, near: torch.Tensor, there: list[str], side: np.ndarray) -> list[int]:
        """Return a sentence for each finding: of its side, else of no side, else of any."""
        said = []
        for label in there:
            by_side = self.states[label]
            rows = by_side[side[LABELS.index(label)]] or by_side[""]
            said += _nearest(near, rows or list(chain(*by_side.values())))
        return said

    def _deny(
        self, near: torch.Tensor, absent: list[str], there: list[str], said: list[int]
    ) -> None:
        """Add a sentence to `said` for each absent finding that none of them denies yet."""
        for label in absent:
            if self._denying(said, [label]).any():
                continue
            rows = np.array(self.denies[label], int)
            fits = rows[~self._denying(rows, there)]
            said += _nearest(near, fits.tolist())

    def _denying(self, rows: Sequence[int], labels: list[str]) -> np.ndarray:
        """Tell which of these sentences deny any of these findings."""
        states = self.bank.labels[rows]
        asked = np.isin(LABELS, labels)
        return (states[:, asked] == 0).any(1)


def _nearest(near: torch.Tensor, rows: list[int]) -> list[int]:
    if not rows:
        return []
    return [rows[int(near[rows].argmax())]]
