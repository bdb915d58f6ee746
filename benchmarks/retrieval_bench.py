"""Speed of evaluation, search and the training step, each beside a limit of the same run; writes
retrieval.json.

    python benchmarks/retrieval_bench.py            about 5 minutes on 2 quiet cores, under 3 GB
    python benchmarks/retrieval_bench.py --quick    a minute, a bank of 50,000; writes to another
    folder

The bank of a million is simulated: the text vectors of the training sentences, each repeated with
noise, so that it has the clusters that sentences have. Only speeds and the agreement of two
searches are read from it."""

import argparse
import os
import resource
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import normalize

from txtray_utils.align.encoders import ImageTextModel, scaled, text_features
from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.align.recipes import Recipe
from txtray_utils.align.training import fit
from txtray_utils.judge.retrieval import overlap_coded, overlap_published
from txtray_utils.results import Result, write_results
from txtray_utils.settings import settings
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.vocabulary import NAMED
from txtray_utils.write.index import FaissIndex, VectorIndex

BLOCK, QUERIES, NOISE = 65536, 256, 0.03


def fastest(act: Callable[[], object], times: int = 3) -> float:
    """Return the seconds of the fastest of some runs."""
    seconds = []
    for _ in range(times):
        start = time.monotonic()
        act()
        seconds.append(time.monotonic() - start)
    return min(seconds)


def evaluation() -> dict[str, Result]:
    """Time TxtRayAlign's evaluation from given embeddings: 50 films, 11,522 sentences, label
    overlap at two."""
    torch.manual_seed(0)
    bank, asked = (
        normalize(torch.randn(11522, 384), dim=-1),
        normalize(torch.randn(50, 384), dim=-1),
    )
    rng = np.random.default_rng(0)
    labels, truth = (
        rng.choice([1, 0, -1, np.nan], (size, 14)).astype(np.float32) for size in (11522, 50)
    )

    def act() -> None:
        said = labels[VectorIndex(bank).search(asked, 2)[1].numpy()]
        overlap_published(truth, said).scores(), overlap_coded(truth, said).scores()

    what = "50 films against 11,522 sentences, label overlap at 2, published and coded, from random embeddings"
    return {"evaluation_seconds.50x11522": Result(fastest(act), 50, "s", what)}


def search(size: int) -> dict[str, Result]:
    """Search a large bank exactly and with FAISS, beside the bare matrix product in the same
    blocks."""
    known = sorted(
        {
            text
            for said in load_studies()["sentences"]
            for text in said or ()
            if any(map(str.isalpha, text))
        }
    )
    features, noise = text_features(known), torch.Generator().manual_seed(0)

    def near(count: int) -> torch.Tensor:
        rows = torch.randint(len(features), (count,), generator=noise)
        return normalize(features[rows] + NOISE * torch.randn(count, 384, generator=noise), dim=-1)

    vectors = torch.empty(size, 384, dtype=torch.float16)
    for start in range(0, size, BLOCK):
        vectors[start : start + BLOCK] = near(min(BLOCK, size - start)).half()
    asked, bank = near(QUERIES), VectorIndex(vectors)
    block, whole = vectors[:BLOCK].float(), -(-size // BLOCK)
    limit = whole * fastest(lambda: asked @ block.T)
    exact = fastest(lambda: bank.search(asked, 10, BLOCK), 2)
    right = bank.search(asked, 10, BLOCK)[1]
    start = time.monotonic()
    index = FaissIndex(bank)
    built = time.monotonic() - start
    faster, found = fastest(lambda: index.search(asked, 10)), index.search(asked, 10)[1]
    agree = np.mean(
        [len(set(a) & set(b)) / 10 for a, b in zip(right.tolist(), found.tolist(), strict=True)]
    )
    name, what = (
        f"{size // 1000}k" if size < 1_000_000 else "1m",
        f"of {size:,} simulated sentence vectors, 384-d",
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {
        f"search.limit_qps_{name}": Result(
            QUERIES / limit, QUERIES, "1/s", f"queries, bare float32 product {what}"
        ),
        f"search.exact_qps_{name}": Result(
            QUERIES / exact, QUERIES, "1/s", f"queries, exact search {what}, kept in half precision"
        ),
        f"search.faiss_qps_{name}": Result(
            QUERIES / faster, QUERIES, "1/s", f"queries, FAISS, 8-bit inverted file {what}"
        ),
        f"search.faiss_build_seconds_{name}": Result(
            built, size, "s", f"to build the FAISS index {what}"
        ),
        "search.faiss_recall_at_10": Result(
            agree, QUERIES, "share", f"of the ten nearest that FAISS finds {what}", None, 0.02
        ),
        f"search.bank_mb_{name}": Result(
            vectors.nbytes / 1e6, size, "MB", "the bank in half precision"
        ),
        f"search.faiss_mb_{name}": Result(
            index.index.ntotal * 384 / 1e6, size, "MB", "the vectors of the FAISS index"
        ),
        f"search.peak_mb_{name}": Result(
            peak, size, "MB", "peak memory of the process that held both"
        ),
    }


def training() -> dict[str, Result]:
    """Compare images a second of the whole training step with the same towers' bare forward and
    backward."""
    recipe, count = Recipe(steps=20), 256
    made = torch.Generator().manual_seed(0)
    films = torch.randint(0, 256, (count, 1, 128, 128), dtype=torch.uint8, generator=made)
    texts, silent = (
        normalize(torch.randn(count, 384, generator=made), dim=-1),
        torch.full((count, len(NAMED)), torch.nan),
    )
    pairs = ImageTextPairs(films, list(texts.split(1)), list(silent.split(1)), silent)
    whole = fastest(lambda: fit(recipe, pairs), 2) / recipe.steps
    model, batch, words = ImageTextModel(), scaled(films[: recipe.batch]), texts[: recipe.batch]

    def bare() -> None:
        for _ in range(recipe.steps):
            images, sentences, _ = model(batch, words)
            (images.sum() + sentences.sum()).backward()

    least = fastest(bare, 2) / recipe.steps
    return {
        "train.images_per_second": Result(
            recipe.batch / whole, recipe.steps, "1/s", "the training step, plain recipe"
        ),
        "train.fraction_of_bare_step": Result(
            least / whole,
            recipe.steps,
            "share",
            "speed of the step beside bare forward and backward",
            None,
            0.3,
        ),
    }


def main() -> None:
    """Run it all and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a bank of 50,000")
    if parser.parse_args().quick:
        os.environ["TXTRAY_QUICK"] = "1"
    size = 50_000 if settings().quick else 1_000_000
    results = evaluation() | search(size) | training()
    write_results("retrieval", results)
    for key, one in results.items():
        print(f"{key:36s} {one.value:12.3f} {one.unit}  {one.what}")


if __name__ == "__main__":
    main()
