"""Scores of words: BLEU, ROUGE-L and BERTScore of a written report against its reference.

`sacrebleu` (Post 2018) counts BLEU and `torchmetrics` ROUGE-L and BERTScore, since everybody's own
version differs. Explained in book/07_judging_a_report.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from sacrebleu.metrics import BLEU
from torchmetrics.functional.text import bert_score, rouge_score

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

    Of a very long text, such as a clinical note, the first 256 tokens are compared.
    """
    words, model, _ = text_tower()
    filled = []
    for row, report in enumerate(reports):
        if report.strip():
            filled.append(row)
    scores = np.zeros(len(reports))
    if filled:
        found = bert_score(
            [reports[row] for row in filled],
            [references[row] for row in filled],
            model=model,
            user_tokenizer=words,
            user_forward_fn=_last_layer,
            batch_size=64,
            max_length=256,
            truncation=True,
        )
        scores[filled] = np.atleast_1d(found["f1"].numpy())
    return scores


def _last_layer(model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    outputs = model(batch["input_ids"], attention_mask=batch["attention_mask"])
    return outputs.last_hidden_state
