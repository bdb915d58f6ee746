"""Reports copied from the training reports: the nearest report, or the nearest sentences.

Each sentence is a radiologist's own. Explained in book/06_writing_a_report.
"""

import re
from collections import Counter
from collections.abc import Sequence

import torch
from datasets import Dataset

from txtray_utils.read.report import refers_to_prior, report_text
from txtray_utils.write.index import SentenceCorpus, VectorIndex

LONGEST = 25  # words; a longer sentence says too much to be said of another film


def common_normal(studies: Dataset) -> str:
    """Return the report that most studies share, to the letter; in practice a normal one."""
    return Counter(report_text(said) for said in studies["sentences"] if said).most_common(1)[0][0]


def nearest_report(images: torch.Tensor, bank: VectorIndex, reports: Sequence[str]) -> list[str]:
    """Return for each film (Q, W) the report of the nearest film of the bank (N, W) (Boag et al.
    2020)."""
    return [reports[row] for row in bank.search(images, 1)[1][:, 0].tolist()]


def nearest_sentences(similarity: torch.Tensor, bank: SentenceCorpus, k: int = 2) -> list[str]:
    """Return for each film the k nearest sentences, as TxtRayAlign does: similarity (Q, N) to the N
    of the bank."""
    return [
        report_text([bank.texts[row] for row in rows])
        for rows in similarity.topk(k).indices.tolist()
    ]


def sayable(bank: SentenceCorpus, priors: bool = False) -> torch.Tensor:
    """Return (N,) bool: sentences that may be said of another patient's film.

    Left out are gaps of de-identification, words about a lateral view, very long sentences and,
    unless `priors`, comparisons with an earlier film (Ramesh et al. 2022, arXiv 2210.06340): a new
    patient has none."""
    return torch.tensor([
        not re.search(r"XX+|__+|(?i:\blateral view)", text) and len(text.split()) <= LONGEST and (priors or not refers_to_prior(text))
        for text in bank.texts
    ])  # fmt: skip


def select_sentences(
    similarity: torch.Tensor, bank: SentenceCorpus, above: float, most: int = 6, alike: float = 0.75
) -> list[str]:
    """Return reports of as many sentences as are near enough, in the manner of CXR-RePaiR (Endo et
    al. 2021).

    The nearest sentence is always said. A further one must have similarity `above` or more,
    contradict nothing that was said, and repeat nothing: the cosine of its text features to those
    said stays below `alike`."""
    reports, states = [], bank.labels
    for row in similarity:
        near, order = row.topk(min(100, len(row)))
        said: list[int] = []
        for value, one in zip(near.tolist(), order.tolist(), strict=True):
            if said and (value < above or len(said) == most):
                break
            there = states[said]
            clash = (
                ((there == 1) & (states[one] == 0)) | ((there == 0) & (states[one] == 1))
            ).any()
            if not clash and not (
                said and float((bank.features[said] @ bank.features[one]).max()) > alike
            ):
                said.append(one)
        reports.append(report_text([bank.texts[one] for one in said]))
    return reports
