"""Banks of embeddings and their search: exact in blocks with torch, approximate with FAISS.

FAISS (Douze et al. 2024, arXiv 2401.08281) is here because an inverted file over a million vectors
is not for a book to write. Explained in book/05_retrieval_and_zero_shot."""

from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset

from txtray_utils.align.encoders import text_features
from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import label_matrix


@dataclass(frozen=True)
class SentenceCorpus:
    """The sentences that may be retrieved: `texts`, their text `features` (N, D) and their `labels`
    (N, 14)."""

    texts: list[str]
    features: torch.Tensor
    labels: np.ndarray


def sentence_corpus(studies: Dataset) -> SentenceCorpus:
    """Return the distinct sentences of the studies' reports, in alphabetical order, those without a
    word left out."""
    distinct: set[str] = set()
    for said in studies["sentences"]:
        distinct.update(said or ())
    texts = [text for text in sorted(distinct) if any(map(str.isalpha, text))]
    labels = [label_report(text, None) for text in texts]
    return SentenceCorpus(texts, text_features(texts), label_matrix(labels))


@dataclass(frozen=True)
class VectorIndex:
    """Items that can be searched: unit vectors (N, D), float32 or float16.

    Raises:
        ValueError: it is empty, not a matrix, or holds NaN or infinity.
    """

    vectors: torch.Tensor

    def __post_init__(self) -> None:
        """Refuse what cannot be searched."""
        if self.vectors.ndim != 2 or not len(self.vectors):
            shape = tuple(self.vectors.shape)
            raise ValueError(f"a bank needs vectors (N, D) with N > 0, not {shape}")
        _finite(self.vectors, "the bank")

    def search(
        self,
        queries: torch.Tensor,
        k: int,
        block: int = 65536,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the similarities (Q, k) and row numbers (Q, k) of the k nearest, best first,
        exactly.

        The bank is compared `block` rows at a time, so memory does not grow with it.

        Raises:
            ValueError: k is below 1 or above the bank, dimensions differ, or queries are not
        finite."""
        self.check(queries, k)
        best = torch.empty(len(queries), 0)
        rows = torch.empty(len(queries), 0, dtype=torch.long)
        for start in range(0, len(self.vectors), block):
            vectors = self.vectors[start : start + block].float()
            similarity = queries.float() @ vectors.T
            value, row = similarity.topk(min(k, len(vectors)))
            best = torch.cat([best, value], 1)
            rows = torch.cat([rows, row + start], 1)
            best, keep = best.topk(min(k, best.shape[1]))
            rows = rows.gather(1, keep)
        return best, rows

    def check(self, queries: torch.Tensor, k: int) -> None:
        """Raise ValueError where `search` cannot answer."""
        asked = tuple(queries.shape)
        there = tuple(self.vectors.shape)
        if len(asked) != 2 or asked[1] != there[1]:
            raise ValueError(f"queries {asked} and bank {there} differ in dimension")
        if not 1 <= k <= there[0]:
            raise ValueError(f"k is {k}; it must be 1 to {there[0]}, the size of the bank")
        _finite(queries, "the queries")


class FaissIndex:
    """The same search, approximate: an inverted file of 8-bit vectors (a quarter of float32),
    `probe` lists a query."""

    def __init__(
        self,
        bank: VectorIndex,
        lists: int = 1024,
        probe: int = 32,
    ) -> None:
        """Train the lists on a part of the bank and add all of it, 65,536 rows at a time."""
        import faiss  # here, so that only large banks need it

        size, dimension = bank.vectors.shape
        lists = max(1, min(lists, size // 40))
        self.bank = bank
        quantiser = faiss.IndexFlatIP(dimension)
        self.index = faiss.IndexIVFScalarQuantizer(
            quantiser,
            dimension,
            lists,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
        )
        draw = torch.Generator().manual_seed(0)
        sample = torch.randperm(size, generator=draw)[: 40 * lists]
        self.index.train(_array(bank.vectors[sample]))
        for part in bank.vectors.split(65536):
            self.index.add(_array(part))
        self.index.nprobe = min(probe, lists)

    def search(self, queries: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return similarities and row numbers as `VectorIndex.search` does; raises as it does.

        A query whose probed lists hold fewer than k vectors is answered by the exact search.
        """
        self.bank.check(queries, k)
        found = self.index.search(_array(queries), k)
        best, rows = map(torch.from_numpy, found)
        short = (rows < 0).any(1)
        if short.any():
            best[short], rows[short] = self.bank.search(queries[short], k)
        return best, rows


def _array(vectors: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(vectors.float())


def _finite(vectors: torch.Tensor, what: str) -> None:
    for part in vectors.split(65536):
        if not part.isfinite().all():
            remedy = "look for a loss that became NaN, or a film without contrast"
            raise ValueError(f"{what} holds NaN or infinity; {remedy}")
