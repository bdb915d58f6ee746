"""Exact search against a full sort, and what a bank refuses."""

import pytest
import torch
from torch.nn.functional import normalize

from txtray_utils.write.index import FaissIndex, VectorIndex


def test_blocks_give_what_a_full_sort_gives():
    vectors, queries = torch.randn(50, 8), torch.randn(5, 8)
    _, rows = VectorIndex(vectors).search(queries, 4, block=7)
    assert torch.equal(rows, (queries @ vectors.T).argsort(descending=True)[:, :4])


@pytest.mark.parametrize("vectors", [torch.empty(0, 8), torch.full((3, 8), float("nan"))])
def test_an_unusable_bank_is_refused(vectors):
    with pytest.raises(ValueError, match="bank"):
        VectorIndex(vectors)


@pytest.mark.parametrize(("width", "k"), [(7, 1), (8, 4)])
def test_unanswerable_queries_are_refused(width, k):
    with pytest.raises(ValueError, match="dimension|size of the bank"):
        VectorIndex(torch.randn(3, 8)).search(torch.randn(2, width), k)


def test_faiss_finds_nearly_what_the_exact_search_finds():
    bank = VectorIndex(
        normalize(torch.randn(4000, 32, generator=torch.Generator().manual_seed(0)), dim=-1)
    )
    queries = bank.vectors[:50] + 0.01
    exact, near = (
        bank.search(queries, 10)[1],
        FaissIndex(bank, lists=16, probe=16).search(queries, 10)[1],
    )
    shared = [len(set(a) & set(b)) for a, b in zip(exact.tolist(), near.tolist(), strict=True)]
    assert sum(shared) / 500 > 0.95


def test_faiss_answers_in_full_where_the_probed_lists_hold_too_few():
    bank = VectorIndex(
        normalize(torch.randn(400, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    )
    best, rows = FaissIndex(bank, lists=10, probe=1).search(bank.vectors[:20], 200)
    exact_best, exact_rows = bank.search(bank.vectors[:20], 200)
    assert torch.equal(rows, exact_rows) and torch.equal(best, exact_best)
