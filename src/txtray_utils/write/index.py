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
    distinct = {sentence for said in studies["sentences"] for sentence in said or ()}
    texts = sorted(text for text in distinct if any(map(str.isalpha, text)))
    return SentenceCorpus(
        texts, text_features(texts), label_matrix([label_report(text, None) for text in texts])
    )


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
            raise ValueError(
                f"a bank needs vectors (N, D) with N > 0, not {tuple(self.vectors.shape)}"
            )
        _finite(self.vectors, "the bank")

    def search(
        self, queries: torch.Tensor, k: int, block: int = 65536
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the similarities (Q, k) and row numbers (Q, k) of the k nearest, best first,
        exactly.

        The bank is compared `block` rows at a time, so memory does not grow with it.

        Raises:
            ValueError: k is below 1 or above the bank, dimensions differ, or queries are not
        finite."""
        self.check(queries, k)
        best, rows = torch.empty(len(queries), 0), torch.empty(len(queries), 0, dtype=torch.long)
        for start in range(0, len(self.vectors), block):
            part = queries.float() @ self.vectors[start : start + block].float().T
            value, row = part.topk(min(k, part.shape[1]))
            best, rows = torch.cat([best, value], 1), torch.cat([rows, row + start], 1)
            best, keep = best.topk(min(k, best.shape[1]))
            rows = rows.gather(1, keep)
        return best, rows

    def check(self, queries: torch.Tensor, k: int) -> None:
        """Raise ValueError where `search` cannot answer."""
        if queries.ndim != 2 or queries.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"queries {tuple(queries.shape)} and bank {tuple(self.vectors.shape)} differ in dimension"
            )
        if not 1 <= k <= len(self.vectors):
            raise ValueError(f"k is {k}; it must be 1 to {len(self.vectors)}, the size of the bank")
        _finite(queries, "the queries")


class FaissIndex:
    """The same search, approximate: an inverted file of 8-bit vectors (a quarter of float32),
    `probe` lists a query."""

    def __init__(self, bank: VectorIndex, lists: int = 1024, probe: int = 32) -> None:
        """Train the lists on a part of the bank and add all of it, 65,536 rows at a time."""
        import faiss  # here, so that only large banks need it

        size, dimension = bank.vectors.shape
        self.bank = bank
        quantiser = faiss.IndexFlatIP(dimension)
        kind = faiss.ScalarQuantizer.QT_8bit
        lists = max(1, min(lists, size // 40))
        self.index = faiss.IndexIVFScalarQuantizer(
            quantiser, dimension, lists, kind, faiss.METRIC_INNER_PRODUCT
        )
        sample = torch.randperm(size, generator=torch.Generator().manual_seed(0))[: 40 * lists]
        self.index.train(np.ascontiguousarray(bank.vectors[sample].float()))
        for part in bank.vectors.split(65536):
            self.index.add(np.ascontiguousarray(part.float()))
        self.index.nprobe = min(probe, lists)

    def search(self, queries: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return similarities and row numbers as `VectorIndex.search` does; raises as it does.

        A query whose probed lists hold fewer than k vectors is answered by the exact search.
        """
        self.bank.check(queries, k)
        best, rows = map(
            torch.from_numpy, self.index.search(np.ascontiguousarray(queries.float()), k)
        )
        short = (rows < 0).any(1)
        if short.any():
            best[short], rows[short] = self.bank.search(queries[short], k)
        return best, rows


def _finite(vectors: torch.Tensor, what: str) -> None:
    if not all(part.isfinite().all() for part in vectors.split(65536)):
        raise ValueError(
            f"{what} holds NaN or infinity; look for a loss that became NaN, or a film without contrast"
        )
