"""Zero-shot: score findings by sentences that state and deny them, and the AUC of such scores.

Prompts are in `vocabulary.POSITIVE` and `NEGATIVE`. Explained in book/05_retrieval_and_zero_shot.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from txtray_utils.align.encoders import ImageTextModel, text_features
from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.vocabulary import NEGATIVE, POSITIVE


def sentence_vectors(model: ImageTextModel, texts: Sequence[str]) -> np.ndarray:
    """Return unit vectors (P, D) float32 of sentences, in the space that films share."""
    features = text_features(list(texts))
    return model.embed_texts(features).cpu().numpy()


def prompt_vectors(model: ImageTextModel, denied: bool = False) -> dict[str, np.ndarray]:
    """Return for each finding the vectors (P, D) of the sentences that state it, or deny it."""
    vectors = {}
    for name, texts in (NEGATIVE if denied else POSITIVE).items():
        vectors[name] = sentence_vectors(model, texts)
    return vectors


def zero_shot(
    images: np.ndarray,
    said: Mapping[str, np.ndarray],
    denied: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Score each finding (N,) as the similarity of films to the mean of its prompts, an ensemble.

    Args:
        images: unit vectors (N, D); said: finding -> embeddings (P, D) of sentences that state it;
            denied: of sentences that deny it, whose mean is taken off (CheXzero's idea, Tiu et al.
            2022)."""
    scores = {}
    for name, vectors in said.items():
        prompt = vectors.mean(0)
        if denied:
            prompt = prompt - denied[name].mean(0)
        scores[name] = images @ prompt
    return scores


def aucs(
    truth: Mapping[str, np.ndarray],
    scores: Mapping[str, np.ndarray],
    least: int = 5,
) -> dict[str, float]:
    """Return the AUC of each finding that has at least `least` positives and negatives; NaN truth
    is left out."""
    found = {}
    for name, score in scores.items():
        known = ~np.isnan(truth[name])
        answers = truth[name][known]
        counts = np.bincount(answers.astype(int), minlength=2)
        if counts.min() >= least:
            auc = roc_auc_score(answers, score[known])
            found[name] = float(auc)
    return found


def auc_interval(
    truth: np.ndarray, scores: np.ndarray, patients: Sequence[str]
) -> tuple[float, tuple[float, float]]:
    """Return the AUC of scores (N,) and its 95 % interval; `patients` says whose each film is."""
    return bootstrap(lambda rows: roc_auc_score(truth[rows], scores[rows]), patients)
