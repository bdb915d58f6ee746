"""Zero-shot: score findings by sentences that state and deny them, and the AUC of such scores; the
same by sentences of held-out reports, with their average precision.

Prompts are in `vocabulary.POSITIVE` and `NEGATIVE`. Explained in book/05_retrieval_and_zero_shot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from scipy.stats import rankdata

from txtray_utils.align.encoders import ImageTextModel, text_features
from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.read.labels import label_texts
from txtray_utils.vocabulary import FINDINGS, NAMED, NEGATIVE, POSITIVE, READ_AS


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


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Return the AUC of scores (N,) against a truth (N,) of 0 and 1; NaN where it has one alone.

    By ranks, as Mann and Whitney count (Hanley and McNeil 1982): it is scikit-learn's
    `roc_auc_score` in a fraction of its time, for patients are drawn hundreds of times.
    """
    has = truth == 1
    count = int(has.sum())
    pairs = count * (len(has) - count)
    if not pairs:
        return np.nan
    ranks = rankdata(score)
    least = count * (count + 1) / 2
    above = ranks[has].sum() - least
    return float(above / pairs)


def average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    """Return the average precision of scores (N,) against a truth (N,) of 0 and 1 with a 1.

    At each right film, the share of right ones among all that score as high; it is scikit-learn's
    `average_precision_score`. No score may be NaN.
    """
    has = truth == 1
    lower = np.negative(score, dtype=float)
    as_high = rankdata(lower, method="max")[has]
    right = rankdata(lower[has], method="max")
    return float((right / as_high).mean())


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
            found[name] = auc(answers, score[known])
    return found


def auc_interval(
    truth: np.ndarray, scores: np.ndarray, patients: Sequence[str]
) -> tuple[float, tuple[float, float]]:
    """Return the AUC of scores (N,) and its 95 % interval; `patients` says whose each film is."""
    return bootstrap(lambda rows: auc(truth[rows], scores[rows]), patients)


@dataclass(frozen=True)
class HeldSentences:
    """The distinct sentences of S reports that no model has seen, to find films by.

    Attributes:
        texts: S sentences.
        own: (S, N) bool, whether the report of each of N films holds the sentence.
        states: finding -> (S,) bool, whether the sentence states it as present.
    """

    texts: list[str]
    own: np.ndarray
    states: dict[str, np.ndarray]


def held_sentences(studies: Dataset) -> HeldSentences:
    """Return the distinct sentences of these studies' reports, in alphabetical order."""
    reports = studies["sentences"]
    texts = sorted({sentence for said in reports for sentence in said or ()})
    row_of = {text: row for row, text in enumerate(texts)}
    own = np.zeros((len(texts), len(reports)), bool)
    for film, said in enumerate(reports):
        for sentence in said or ():
            own[row_of[sentence], film] = True
    labels = label_texts(texts)
    states = {}
    for name in FINDINGS:
        states[name] = labels[:, NAMED.index(READ_AS[name])] == 1
    return HeldSentences(texts, own, states)


def sentence_to_film(similarity: np.ndarray, held: HeldSentences) -> dict[str, np.ndarray]:
    """Score each finding (N,) as the mean similarity of a film to the held sentences that state it.

    Sentences of the film's own report are left out, so that a film is not found by its own words; a
    film for which none is left is NaN. Before that, each sentence's mean over the films is taken
    off: else a film would be lowered by leaving out a sentence that is near to every film. A
    finding that no sentence states is left out.

    Args:
        similarity: (S, N), of each held sentence to each film.
        held: the sentences.
    """
    scores = {}
    nearer = similarity - similarity.mean(1, keepdims=True)
    for name, states in held.states.items():
        others = ~held.own[states]
        counts = others.sum(0)
        if counts.any():
            total = (nearer[states] * others).sum(0)
            scores[name] = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
    return scores


def average_precisions(
    truth: Mapping[str, np.ndarray],
    scores: Mapping[str, np.ndarray],
    least: int = 5,
) -> dict[str, float]:
    """Return the average precision of each finding that has at least `least` positives and
    negatives; a NaN of either is left out.

    By chance it is the finding's prevalence, and exactly so where all films score alike.
    """
    found = {}
    for name, score in scores.items():
        known = ~np.isnan(truth[name]) & ~np.isnan(score)
        answers = truth[name][known].astype(int)
        if np.bincount(answers, minlength=2).min() >= least:
            found[name] = average_precision(answers, score[known])
    return found
