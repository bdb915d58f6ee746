"""Scores of words: BLEU, ROUGE-L and BERTScore of a written report against its reference.

`sacrebleu` (Post 2018) counts BLEU and `torchmetrics` ROUGE-L, since everybody's own version
differs. Explained in book/08_judging_a_report.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from sacrebleu.metrics import BLEU
from torch.nn.functional import normalize
from torchmetrics.functional.text import rouge_score

from txtray_utils.align.encoders import text_tower

COUNTER = BLEU(lowercase=True)


def bleu_counts(report: str, reference: str) -> np.ndarray:
    """Return what BLEU counts of one report, (10,): n-grams that match and n-grams in all for n = 1
    to 4, both lengths."""
    found = COUNTER.corpus_score([report], [[reference]])
    counts = [*found.counts, *found.totals, found.sys_len, found.ref_len]
    return np.array(counts, float)


def bleu_of(counts: np.ndarray, most: int = 4) -> float:
    """Return corpus BLEU-1 to -4 (Papineni 2002) in [0, 1] from the counts (N, 10) of its
    reports."""
    total = counts.sum(0).astype(int).tolist()
    score = BLEU.compute_bleu(
        correct=total[:4],
        total=total[4:8],
        sys_len=total[8],
        ref_len=total[9],
        smooth_method="none",
        max_ngram_order=most,
    )
    return score.score / 100


def rouge_l(report: str, reference: str) -> float:
    """Return ROUGE-L (Lin 2004), the F-measure of the longest common subsequence."""
    found = rouge_score(report, reference, rouge_keys="rougeL")
    return float(found["rougeL_fmeasure"])


def bertscore(reports: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """Return BERTScore (Zhang 2020), F1 (N,), by the packaged MiniLM; an empty report scores 0.

    Of a very long text, such as a clinical note, the first 256 tokens are compared. Ours, since
    `torchmetrics` (1.9.0) mixes up the pairs of a batch; of one pair the two are equal.
    """
    scores = np.zeros(len(reports))
    for row, (report, reference) in enumerate(zip(reports, references, strict=True)):
        if report.strip():
            said = _token_vectors(report)
            known = _token_vectors(reference)
            scores[row] = _token_f1(said, known)
    return scores


def _token_f1(said: torch.Tensor, known: torch.Tensor) -> float:
    """Return the F1 of the best matches of unit vectors (S, D) and (K, D)."""
    cosines = said @ known.T
    precision = cosines.max(1).values.mean()
    recall = cosines.max(0).values.mean()
    f1 = 2 * precision * recall / (precision + recall)
    return float(f1)


@lru_cache(maxsize=1024)
def _token_vectors(text: str) -> torch.Tensor:
    """Return the unit vectors (T, D) of a text's tokens, without those that begin and end it."""
    words, model, _ = text_tower()
    tokens = words(text, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        vectors = model(**tokens).last_hidden_state[0, 1:-1]
    return normalize(vectors, dim=1)
