"""Reports copied from the training reports: the nearest report, or the nearest sentences.

Each sentence is a radiologist's own. Explained in book/07_writing_a_report.
"""

import re
from collections import Counter
from collections.abc import Sequence

import torch
from datasets import Dataset

from txtray_utils.read.report import refers_to_prior, report_text
from txtray_utils.write.index import SentenceCorpus, VectorIndex

LONGEST = 25  # words; a longer sentence says too much to be said of another film
UNSAYABLE = re.compile(r"XX+|__+|(?i:\blateral view)")
# A size is one patient's, and words that point at another sentence say nothing without it.
MEASURED = re.compile(r"(?i)\d ?-?(?:mm|cm|millimet|centimet)")
POINTS = re.compile(
    r"(?i)\b(?:as|see|described|detailed|noted|mentioned|discussed|listed) (?:above|below)\b"
    r"|\bas (?:described|detailed|noted|mentioned|discussed)\b"
    r"|\babove[- ](?:described|mentioned|noted|finding)|\baforementioned\b"
)


def common_normal(studies: Dataset) -> str:
    """Return the report that most studies share, to the letter, among those that may be said of
    another patient; in practice a normal one.

    Raises:
        ValueError: there is none.
    """
    counts = Counter()
    for said in studies["sentences"]:
        if said and all(map(may_be_said, said)):
            counts[report_text(said)] += 1
    if not counts:
        raise ValueError("no report may be said of another patient: add studies")
    return counts.most_common(1)[0][0]


def nearest_report(
    images: torch.Tensor,
    bank: VectorIndex,
    reports: Sequence[str],
) -> list[str]:
    """Return for each film (Q, W) the report of the nearest film of the bank (N, W) (Boag et al.
    2020)."""
    _, nearest = bank.search(images, 1)
    return [reports[row] for row in nearest[:, 0].tolist()]


def nearest_sentences(similarity: torch.Tensor, bank: SentenceCorpus, k: int = 2) -> list[str]:
    """Return for each film the k nearest sentences, as TxtRayAlign does: similarity (Q, N) to the N
    of the bank."""
    reports = []
    for rows in similarity.topk(k).indices.tolist():
        reports.append(_report(bank, rows))
    return reports


def sayable(bank: SentenceCorpus, priors: bool = False) -> torch.Tensor:
    """Return (N,) bool: which sentences `may_be_said`."""
    return torch.tensor([may_be_said(text, priors) for text in bank.texts])


def may_be_said(text: str, priors: bool = False) -> bool:
    """Tell whether a sentence may be said of another patient's film.

    Left out are gaps of de-identification, words about a lateral view, very long sentences, sizes
    that were measured, words that point at another sentence ("as detailed above") and, unless
    `priors`, comparisons with an earlier film (Ramesh et al. 2022, arXiv 2210.06340): a new patient
    has none."""
    whole = not UNSAYABLE.search(text) and not belongs_to_one(text)
    short = len(text.split()) <= LONGEST
    timeless = priors or not refers_to_prior(text)
    return whole and short and timeless


def belongs_to_one(text: str) -> bool:
    """Tell whether a sentence holds a measured size or points at another sentence of its report.

    Copied to another patient, the size is invented and the pointer points at nothing."""
    return bool(MEASURED.search(text) or POINTS.search(text))


def select_sentences(
    similarity: torch.Tensor,
    bank: SentenceCorpus,
    above: float,
    most: int = 6,
    alike: float = 0.75,
) -> list[str]:
    """Return reports of as many sentences as are near enough, in the manner of CXR-RePaiR (Endo et
    al. 2021).

    The nearest sentence is always said. A further one must have similarity `above` or more,
    contradict nothing that was said, and repeat nothing: the cosine of its text features to those
    said stays below `alike`."""
    reports = []
    for near in similarity:
        nearest = near.topk(min(100, len(near)))
        values = nearest.values.tolist()
        said: list[int] = []
        for value, row in zip(values, nearest.indices.tolist(), strict=True):
            if said and (value < above or len(said) == most):
                break
            clash = _contradicts(bank, said, row)
            if not clash and not _repeats(bank, said, row, alike):
                said.append(row)
        reports.append(_report(bank, said))
    return reports


def _contradicts(bank: SentenceCorpus, said: list[int], row: int) -> bool:
    """Tell whether a sentence denies what was said, or says what was denied."""
    before, now = bank.labels[said], bank.labels[row]
    denied = (before == 1) & (now == 0)
    affirmed = (before == 0) & (now == 1)
    return bool((denied | affirmed).any())


def _repeats(bank: SentenceCorpus, said: list[int], row: int, alike: float) -> bool:
    """Tell whether a sentence means what one that was said means."""
    if not said:
        return False
    cosines = bank.features[said] @ bank.features[row]
    return float(cosines.max()) > alike


def _report(bank: SentenceCorpus, rows: Sequence[int]) -> str:
    return report_text([bank.texts[row] for row in rows])
