"""Scores of retrieval and of zero-shot classification, with a paired bootstrap over patients.

Labels are arrays (rows, 14) of float32 in the order of `vocabulary.LABELS`: 1 present, 0 absent, -1
uncertain, NaN not mentioned. TxtRayAlign's label overlap comes in two readings. *As published* (its
report, equations 6-8) a study and what was retrieved for it are sets of findings that are present.
*As coded* (its `evaluate.py`) every label that is mentioned counts with its polarity, and the
denominator of the precision counts repeats. In both, F1 is the harmonic mean of the mean precision
and the mean recall. Explained in book/05_retrieval_and_zero_shot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.vocabulary import LABELS, label_matrix, without_no_finding


def own_ranks(model: ImageTextModel, pairs: ImageTextPairs) -> np.ndarray:
    """Return the rank (N,) of each film's own report, the mean of its sentences, among all of the
    pairs."""
    images = model.embed_images(pairs.images)
    means = [part.mean(0) for part in pairs.texts]
    features = torch.stack(means)
    texts = model.embed_texts(features.to(images.device))
    similarity = images @ texts.T
    return pair_ranks(similarity.cpu().numpy())


def retrieval(model: ImageTextModel, pairs: ImageTextPairs) -> float:
    """Return the mean reciprocal rank of each film's own report among all of the pairs."""
    return mean_reciprocal_rank(own_ranks(model, pairs))


@dataclass(frozen=True)
class Overlap:
    """Label overlap of each query: arrays (queries,) of float64, NaN where it is not defined."""

    hit: np.ndarray
    precision: np.ndarray
    recall: np.ndarray

    def scores(
        self,
        rows: np.ndarray | slice = slice(None),
    ) -> dict[str, float]:
        """Return flat_hit, precision, recall and f1 over `rows` of the queries."""
        hit = self.hit[rows]
        precision = _mean(self.precision[rows])
        recall = _mean(self.recall[rows])
        f1 = 0.0
        if precision + recall:
            f1 = 2 * precision * recall / (precision + recall)
        return {
            "flat_hit": float(hit.mean()),
            "precision": precision,
            "recall": recall,
            "f1": f1,
        }

    def interval(
        self,
        patients: Sequence[str],
        name: str = "f1",
    ) -> tuple[float, tuple[float, float]]:
        """Return one of the scores and its 95 % interval; `patients` says whose each query is."""
        return bootstrap(lambda rows: self.scores(rows)[name], patients)


def _mean(values: np.ndarray) -> float:
    """Return the mean of what is defined; 0 if nothing is."""
    known = np.isfinite(values)
    if not known.any():
        return 0.0
    return float(np.nanmean(values))


def overlap_published(truth: np.ndarray, retrieved: np.ndarray) -> Overlap:
    """Compare the findings present in each study with those present in any of its retrieved
    sentences.

    Args:
        truth: labels of the queries (Q, L); retrieved: labels of the k sentences of each (Q, k, L).

    A query whose retrieved sentences name nothing has precision 0; a study in which nothing is
    present is skipped (NaN) in precision and recall and is no hit."""
    _same(truth, retrieved)
    study = truth == 1
    said = (retrieved == 1).any(1)
    both = study & said
    return _overlap(
        shared=both.sum(1),
        said=said.sum(1),
        asked=study.sum(1),
    )


def overlap_of_findings(truth: np.ndarray, retrieved: np.ndarray) -> Overlap:
    """Return `overlap_published` of labels (Q, 14) and (Q, k, 14) without No Finding."""
    findings = without_no_finding(truth)
    return overlap_published(findings, without_no_finding(retrieved))


def overlap_as_report(truth: np.ndarray, retrieved: np.ndarray) -> Overlap:
    """Return `overlap_published` with the k sentences read as one report (`merge_labels`), so that
    a normal study is a query too."""
    return overlap_published(truth, merge_labels(retrieved))


def always(states: Mapping[str, int], queries: int) -> np.ndarray:
    """Return the labels (queries, 1, 14) of a parrot: one sentence, whatever is asked.

    `states` gives its labels by name, 1 present, 0 absent, -1 uncertain; others are not mentioned.
    """
    named = dict.fromkeys(LABELS) | dict(states)
    sentence = label_matrix([named])
    return np.repeat(sentence[None], queries, axis=0)


def overlap_coded(truth: np.ndarray, retrieved: np.ndarray) -> Overlap:
    """Compare label values as TxtRayAlign's code does: a hit is an equal value, absent and
    uncertain included.

    Arguments as in `overlap_published`. Recall counts a label once, over the labels that the study
    mentions; precision divides by every mention in the k sentences, repeats included. A study that
    mentions nothing is skipped."""
    _same(truth, retrieved)
    own = truth[:, None]
    same = (retrieved == own).any(1)
    mentioned = ~np.isnan(retrieved)
    asked = ~np.isnan(truth)
    return _overlap(
        shared=same.sum(1),
        said=mentioned.sum((1, 2)),
        asked=asked.sum(1),
    )


def _overlap(
    shared: np.ndarray,
    said: np.ndarray,
    asked: np.ndarray,
) -> Overlap:
    """Return the overlap of each query from its counts; a query that asks nothing is skipped."""
    skip = np.where(asked == 0, np.nan, 1.0)
    precision = skip * shared / np.maximum(said, 1)
    recall = skip * shared / np.maximum(asked, 1)
    hit = shared > 0
    return Overlap(hit.astype(float), precision, recall)


def merge_labels(retrieved: np.ndarray) -> np.ndarray:
    """Return the labels (Q, 1, 14) of k retrieved sentences (Q, k, 14) read as one report, by
    CheXpert's rule.

    Present before uncertain before absent; No Finding where nothing but a device is present or
    uncertain. A single sentence cannot say this of a study: "the heart is normal" leaves the lungs
    open. With these labels a normal study is a query too, and naming a finding in it is an error.
    """
    shape = (len(retrieved), len(LABELS))
    joint = np.full(shape, np.nan, np.float32)
    for state in (0, -1, 1):
        named = (retrieved == state).any(1)
        joint[named] = state
    spared = np.isin(LABELS, ("No Finding", "Support Devices"))
    ill = np.isin(joint[:, ~spared], (1, -1))
    normal = ~ill.any(1)
    column = LABELS.index("No Finding")
    joint[:, column] = np.nan
    joint[normal, column] = 1
    return joint[:, None]


def is_ill(truth: np.ndarray) -> np.ndarray:
    """Return whether each study (N, 14) has a finding that is present."""
    return (without_no_finding(truth) == 1).any(1)


def ill_f1(truth: np.ndarray, retrieved: np.ndarray) -> float:
    """Return the F1 of findings among the studies that have one, the mean over the findings that
    those studies have or are given.

    Arguments as in `overlap_published`. Among the ill, silence earns nothing; and in a mean over
    findings, one that is always said earns no more than its share. NaN where no study has one.
    """
    _same(truth, retrieved)
    ill = is_ill(truth)
    there = without_no_finding(truth[ill]) == 1
    said = (without_no_finding(retrieved[ill]) == 1).any(1)
    both = (there & said).sum(0)
    size = there.sum(0) + said.sum(0)
    if not there.any():
        return float("nan")
    named = size > 0
    return float((2 * both[named] / size[named]).mean())


def pair_ranks(similarity: np.ndarray) -> np.ndarray:
    """Return the rank (1 = first) of each query's own item: similarity (N, N), own items on the
    diagonal; ties last.

    Raises:
        ValueError: the matrix is not square, or holds NaN.
    """
    shape = similarity.shape
    square = len(shape) == 2 and shape[0] == shape[1]
    if not square or not np.isfinite(similarity).all():
        rule = "must be square and finite, each query's own item on the diagonal"
        raise ValueError(f"similarities {shape} {rule}")
    own = np.diag(similarity)[:, None]
    return (similarity >= own).sum(1)


def recall_at(ranks: np.ndarray, k: int) -> float:
    """Return the share of queries whose own item is among the first k."""
    return float(np.mean(ranks <= k))


def mean_reciprocal_rank(ranks: np.ndarray) -> float:
    """Return the mean of 1 / rank."""
    return float(np.mean(1 / ranks))


def _same(truth: np.ndarray, retrieved: np.ndarray) -> None:
    if retrieved.ndim != 3 or retrieved.shape[::2] != truth.shape:
        needed = "need retrieved labels (queries, k, labels)"
        raise ValueError(f"labels {truth.shape} {needed}, not {retrieved.shape}")
