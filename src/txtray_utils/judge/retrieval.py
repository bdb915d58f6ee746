"""Scores of retrieval and of zero-shot classification, with a paired bootstrap over patients.

Labels are arrays (rows, 14) of float32 in the order of `studies.LABELS`: 1 present, 0 absent, -1
uncertain, NaN not mentioned. TxtRayAlign's label overlap comes in two readings. *As published* (its
report, equations 6-8) a study and what was retrieved for it are sets of findings that are present.
*As coded* (its `evaluate.py`) every label that is mentioned counts with its polarity, and the
denominator of the precision counts repeats. In both, F1 is the harmonic mean of the mean precision
and the mean recall. Explained in book/05_retrieval_and_zero_shot."""

from dataclasses import dataclass

import numpy as np
import torch

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.vocabulary import LABELS


def own_ranks(model: ImageTextModel, pairs: ImageTextPairs) -> np.ndarray:
    """Return the rank (N,) of each film's own report, the mean of its sentences, among all of the
    pairs."""
    images = model.embed_images(pairs.images)
    texts = model.embed_texts(torch.stack([part.mean(0) for part in pairs.texts]).to(images.device))
    return pair_ranks((images @ texts.T).cpu().numpy())


def retrieval(model: ImageTextModel, pairs: ImageTextPairs) -> float:
    """Return the mean reciprocal rank of each film's own report among all of the pairs."""
    return mean_reciprocal_rank(own_ranks(model, pairs))


@dataclass(frozen=True)
class Overlap:
    """Label overlap of each query: arrays (queries,) of float64, NaN where it is not defined."""

    hit: np.ndarray
    precision: np.ndarray
    recall: np.ndarray

    def scores(self, rows: np.ndarray | slice = slice(None)) -> dict[str, float]:
        """Return flat_hit, precision, recall and f1 over `rows` of the queries."""
        parts = [part[rows] for part in (self.precision, self.recall)]
        precision, recall = (
            float(np.nanmean(part)) if np.isfinite(part).any() else 0.0 for part in parts
        )
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return {
            "flat_hit": float(np.mean(self.hit[rows])),
            "precision": precision,
            "recall": recall,
            "f1": f1,
        }


def overlap_published(truth: np.ndarray, retrieved: np.ndarray) -> Overlap:
    """Compare the findings present in each study with those present in any of its retrieved
    sentences.

    Args:
        truth: labels of the queries (Q, L); retrieved: labels of the k sentences of each (Q, k, L).

    A query whose retrieved sentences name nothing has precision 0; a study in which nothing is
    present is skipped (NaN) in precision and recall and is no hit."""
    _same(truth, retrieved)
    study, said = truth == 1, (retrieved == 1).any(1)
    shared, asked = (study & said).sum(1), study.sum(1)
    skip = np.where(asked == 0, np.nan, 1.0)
    return Overlap(
        (shared > 0).astype(float),
        skip * shared / np.maximum(said.sum(1), 1),
        shared / np.maximum(asked, 1) * skip,
    )


def overlap_coded(truth: np.ndarray, retrieved: np.ndarray) -> Overlap:
    """Compare label values as TxtRayAlign's code does: a hit is an equal value, absent and
    uncertain included.

    Arguments as in `overlap_published`. Recall counts a label once, over the labels that the study
    mentions; precision divides by every mention in the k sentences, repeats included. A study that
    mentions nothing is skipped."""
    _same(truth, retrieved)
    same = (retrieved == truth[:, None]).any(1).sum(1)
    asked, said = (~np.isnan(truth)).sum(1), (~np.isnan(retrieved)).sum((1, 2))
    skip = np.where(asked == 0, np.nan, 1.0)
    return Overlap(
        (same > 0).astype(float),
        skip * same / np.maximum(said, 1),
        skip * same / np.maximum(asked, 1),
    )


def merge_labels(retrieved: np.ndarray) -> np.ndarray:
    """Return the labels (Q, 1, 14) of k retrieved sentences (Q, k, 14) read as one report, by
    CheXpert's rule.

    Present before uncertain before absent; No Finding where nothing but a device is present or
    uncertain. A single sentence cannot say this of a study: "the heart is normal" leaves the lungs
    open. With these labels a normal study is a query too, and naming a finding in it is an error.
    """
    joint = np.full((len(retrieved), 1, len(LABELS)), np.nan, np.float32)
    for state in (0, -1, 1):
        joint[:, 0][(retrieved == state).any(1)] = state
    sick = [label not in ("No Finding", "Support Devices") for label in LABELS]
    joint[:, 0, LABELS.index("No Finding")] = np.where(
        np.isin(joint[:, 0, sick], (1, -1)).any(1), np.nan, 1
    )
    return joint


def pair_ranks(similarity: np.ndarray) -> np.ndarray:
    """Return the rank (1 = first) of each query's own item: similarity (N, N), own items on the
    diagonal; ties last.

    Raises:
        ValueError: the matrix is not square, or holds NaN.
    """
    if (
        similarity.ndim != 2
        or similarity.shape[0] != similarity.shape[1]
        or not np.isfinite(similarity).all()
    ):
        raise ValueError(
            f"similarities {similarity.shape} must be square and finite, each query's own item on the diagonal"
        )
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
        raise ValueError(
            f"labels {truth.shape} need retrieved labels (queries, k, labels), not {retrieved.shape}"
        )
