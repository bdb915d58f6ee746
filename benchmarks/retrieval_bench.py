"""Speed of evaluation, search and the training step, each beside a limit of the same run; writes
retrieval.json.

    python benchmarks/retrieval_bench.py           about 5 minutes on 2 quiet cores, under 3 GB
    python benchmarks/retrieval_bench.py --quick   a minute, a bank of 50,000; writes to another
                                                   folder

The bank of a million is simulated: the text vectors of the training sentences, each repeated with
noise, so that it has the clusters that sentences have. Only speeds and the agreement of two
searches are read from it. Explained in book/05_retrieval_and_zero_shot."""

import time
from typing import NamedTuple

import numpy as np
import torch
from measuring import choose_quick, command_line, fastest, peak_bytes, report
from torch.nn.functional import normalize

from txtray_utils.align.encoders import ImageTextModel, scaled, text_features
from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.align.recipes import Recipe
from txtray_utils.align.trained import train
from txtray_utils.judge.retrieval import overlap_coded, overlap_published
from txtray_utils.results import Result
from txtray_utils.settings import settings
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.vocabulary import NAMED
from txtray_utils.write.index import FaissIndex, VectorIndex

BLOCK, QUERIES, NOISE = 65536, 256, 0.03
NEAREST = 10


def evaluation() -> dict[str, Result]:
    """Time TxtRayAlign's evaluation from given embeddings: 50 films, 11,522 sentences, label
    overlap at two."""
    torch.manual_seed(0)
    bank = normalize(torch.randn(11522, 384), dim=-1)
    asked = normalize(torch.randn(50, 384), dim=-1)
    rng = np.random.default_rng(0)
    labels = random_labels(rng, 11522)
    truth = random_labels(rng, 50)

    def act() -> None:
        said = labels[VectorIndex(bank).search(asked, 2)[1].numpy()]
        overlap_published(truth, said).scores()
        overlap_coded(truth, said).scores()

    what = (
        "50 films against 11,522 sentences, label overlap at 2, published and coded, "
        "from random embeddings"
    )
    return {"evaluation_seconds.50x11522": Result(fastest(act), 50, "s", what)}


def random_labels(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return random labels (size, 14) float32: 1, 0, -1 or NaN."""
    labels = rng.choice([1, 0, -1, np.nan], (size, 14))
    return labels.astype(np.float32)


def known_sentences() -> list[str]:
    """Return every sentence of the studies that has a letter in it, sorted."""
    known = set()
    for said in load_studies()["sentences"]:
        for text in said or ():
            if any(map(str.isalpha, text)):
                known.add(text)
    return sorted(known)


class Simulated(NamedTuple):
    """A simulated bank of sentence vectors (N, 384) float16, and queries (Q, 384) float32."""

    vectors: torch.Tensor
    asked: torch.Tensor


def simulated(size: int) -> Simulated:
    """Return a bank of that size: known sentences, each repeated with noise."""
    features = text_features(known_sentences())
    noise = torch.Generator().manual_seed(0)

    def near(count: int) -> torch.Tensor:
        rows = torch.randint(len(features), (count,), generator=noise)
        moved = NOISE * torch.randn(count, 384, generator=noise)
        return normalize(features[rows] + moved, dim=-1)

    vectors = torch.empty(size, 384, dtype=torch.float16)
    for start in range(0, size, BLOCK):
        count = min(BLOCK, size - start)
        vectors[start : start + BLOCK] = near(count).half()
    return Simulated(vectors, near(QUERIES))


class Speeds(NamedTuple):
    """Seconds of the bare product, exact search, FAISS and its building; how many of the nearest
    FAISS finds; and bytes of the FAISS vectors."""

    limit: float
    exact: float
    faiss: float
    built: float
    agree: float
    faiss_bytes: int


def speeds(made: Simulated) -> Speeds:
    """Search a bank exactly and with FAISS, beside the bare matrix product in the same blocks."""
    asked, bank = made.asked, VectorIndex(made.vectors)
    block = made.vectors[:BLOCK].float()
    blocks = -(-len(made.vectors) // BLOCK)
    limit = blocks * fastest(lambda: asked @ block.T)
    exact = fastest(lambda: bank.search(asked, NEAREST, BLOCK), 2)
    right = bank.search(asked, NEAREST, BLOCK)[1]
    start = time.monotonic()
    index = FaissIndex(bank)
    built = time.monotonic() - start
    faster = fastest(lambda: index.search(asked, NEAREST))
    found = index.search(asked, NEAREST)[1]
    shares = []
    for a, b in zip(right.tolist(), found.tolist(), strict=True):
        shares.append(len(set(a) & set(b)) / NEAREST)
    return Speeds(limit, exact, faster, built, np.mean(shares), index.index.ntotal * 384)


def search(size: int) -> dict[str, Result]:
    """Return how fast a large bank is searched, and how much memory it takes."""
    made = simulated(size)
    took = speeds(made)
    name = f"{size // 1000}k" if size < 1_000_000 else "1m"
    bank = f"of {size:,} simulated sentence vectors, 384-d"

    def queries(seconds: float, how: str) -> Result:
        return Result(QUERIES / seconds, QUERIES, "1/s", f"queries, {how}")

    half = made.vectors.nbytes / 1e6
    peak = peak_bytes() / 1e6
    vectors = took.faiss_bytes / 1e6
    found = f"of the ten nearest that FAISS finds {bank}"
    both = "peak memory of the process that held both"
    building = f"to build the FAISS index {bank}"
    return {
        f"search.limit_qps_{name}": queries(took.limit, f"bare float32 product {bank}"),
        f"search.exact_qps_{name}": queries(
            took.exact, f"exact search {bank}, kept in half precision"
        ),
        f"search.faiss_qps_{name}": queries(took.faiss, f"FAISS, 8-bit inverted file {bank}"),
        f"search.faiss_build_seconds_{name}": Result(took.built, size, "s", building),
        "search.faiss_recall_at_10": Result(took.agree, QUERIES, "share", found, None, 0.02),
        f"search.bank_mb_{name}": Result(half, size, "MB", "the bank in half precision"),
        f"search.faiss_mb_{name}": Result(vectors, size, "MB", "the vectors of the FAISS index"),
        f"search.peak_mb_{name}": Result(peak, size, "MB", both),
    }


def random_pairs(count: int) -> ImageTextPairs:
    """Return random films, each with one random sentence and no label."""
    made = torch.Generator().manual_seed(0)
    films = torch.randint(
        0,
        256,
        size=(count, 1, 128, 128),
        dtype=torch.uint8,
        generator=made,
    )
    texts = normalize(torch.randn(count, 384, generator=made), dim=-1)
    silent = torch.full((count, len(NAMED)), torch.nan)
    return ImageTextPairs(films, list(texts.split(1)), list(silent.split(1)), silent)


def training() -> dict[str, Result]:
    """Compare images a second of the whole training step with the same towers' bare forward and
    backward."""
    recipe = Recipe(steps=20)
    pairs = random_pairs(256)
    whole = fastest(lambda: train(recipe, pairs), 2) / recipe.steps
    model = ImageTextModel()
    batch = scaled(pairs.images[: recipe.batch])
    words = torch.cat(pairs.texts[: recipe.batch])

    def bare() -> None:
        for _ in range(recipe.steps):
            images, sentences, _ = model(batch, words)
            (images.sum() + sentences.sum()).backward()

    least = fastest(bare, 2) / recipe.steps
    step = "the training step, plain recipe"
    beside = "speed of the step beside bare forward and backward"
    n = recipe.steps
    return {
        "train.images_per_second": Result(recipe.batch / whole, n, "1/s", step),
        "train.fraction_of_bare_step": Result(least / whole, n, "share", beside, None, 0.3),
    }


def main() -> None:
    """Run it all and write the results."""
    if command_line(__doc__, "a bank of 50,000").parse_args().quick:
        choose_quick()
    size = 50_000 if settings().quick else 1_000_000
    report("retrieval", evaluation() | search(size) | training())


if __name__ == "__main__":
    main()
