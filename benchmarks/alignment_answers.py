"""What a trained model, the supervised reference and each baseline answer to a film.

An answer is the labels of k sentences for each of Q films, (Q, k, 14); or the score of each finding
for each film. Explained in book/05_retrieval_and_zero_shot."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
from common import Patients
from datasets import Dataset

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.supervised import SupervisedModel
from txtray_utils.judge.prompts import (
    HeldSentences,
    prompt_vectors,
    sentence_to_film,
    sentence_vectors,
    zero_shot,
)
from txtray_utils.vocabulary import (
    FINDINGS,
    LABELS,
    label_matrix,
    without_no_finding,
)
from txtray_utils.write.index import SentenceCorpus, VectorIndex

T = TypeVar("T")
K = 2
NORMAL = LABELS.index("No Finding")


def each(
    act: Callable[..., T],
    models: Iterable,
    *given: object,
) -> list[T]:
    """Return `act(model, *given)` of each model."""
    return [act(model, *given) for model in models]


# ---- the models


def said_by(
    model: ImageTextModel,
    bank: SentenceCorpus,
    asked: Patients,
) -> np.ndarray:
    """Return the labels (Q, k, 14) of the sentences that a model finds for each film."""
    images = model.embed_images(asked.films)
    index = VectorIndex(model.embed_texts(bank.features))
    _, rows = index.search(images, K)
    return bank.labels[rows.numpy()]


def prompted(model: ImageTextModel, asked: Patients) -> dict[str, np.ndarray]:
    """Return the zero-shot score of each finding."""
    images = model.embed_images(asked.films)
    return zero_shot(images.numpy(), prompt_vectors(model))


def searched(
    model: ImageTextModel,
    asked: Patients,
    held: HeldSentences,
) -> dict[str, np.ndarray]:
    """Return the score of each finding by the sentences of other films' reports."""
    images = model.embed_images(asked.films).numpy()
    similarity = sentence_vectors(model, held.texts) @ images.T
    return sentence_to_film(similarity, held)


def named_by(model: SupervisedModel, asked: Patients) -> np.ndarray:
    """Return k labels as if each were a sentence: the k findings that the reference thinks most
    likely."""
    chance = model.probabilities(asked.films)[:, len(FINDINGS) :]
    chance[:, NORMAL] = -1
    falling = chance.argsort(1)[:, ::-1]
    said = silence(len(chance))
    for place in range(K):
        films = np.arange(len(chance))
        said[films, place, falling[:, place]] = 1
    return said


def silence(films: int) -> np.ndarray:
    """Return labels (films, k, 14) that name nothing."""
    shape = (films, K, len(LABELS))
    return np.full(shape, np.nan, np.float32)


def guessed_by(
    model: SupervisedModel,
    asked: Patients,
) -> dict[str, np.ndarray]:
    """Return the chance that the reference gives each finding."""
    chances = model.probabilities(asked.films)[:, : len(FINDINGS)]
    return dict(zip(FINDINGS, chances.T, strict=True))


# ---- the baselines


def random_sentences(
    bank: SentenceCorpus,
    asked: Patients,
    seed: int,
) -> np.ndarray:
    """Return the labels of k sentences of the bank, drawn at random for each film."""
    rng = np.random.default_rng(seed)
    size = (len(asked.labels), K)
    rows = rng.integers(len(bank.texts), size=size)
    return bank.labels[rows]


def most_frequent(
    train: Dataset,
    bank: SentenceCorpus,
    asked: Patients,
) -> np.ndarray:
    """Return the labels of the k sentences that the training reports hold most often."""
    known, counts = set(bank.texts), Counter()
    for said in train["sentences"]:
        for sentence in said:
            if sentence in known:
                counts[sentence] += 1
    rows = []
    for sentence, _ in counts.most_common(K):
        rows.append(bank.texts.index(sentence))
    answer = bank.labels[rows]
    return np.repeat(answer[None], len(asked.labels), 0)


def parrot(train: Dataset, asked: Patients) -> np.ndarray:
    """Return k times the finding that the training reports name most often, whatever the film
    shows."""
    named = (label_matrix(train["labels"]) == 1).sum(0)
    named[NORMAL] = 0
    said = silence(len(asked.labels))
    said[:, :, named.argmax()] = 1
    return said


def oracle(bank: SentenceCorpus, asked: Patients) -> np.ndarray:
    """Return the labels of k sentences picked with the answer in hand: each adds most to the
    overlap of findings."""
    said = without_no_finding(bank.labels) == 1
    truth = without_no_finding(asked.labels) == 1
    chosen = [_picked(said, wanted) for wanted in truth]
    rows = np.array(chosen)
    return bank.labels[rows]


def _picked(said: np.ndarray, wanted: np.ndarray) -> list[int]:
    rows = []
    have = np.zeros(len(wanted), bool)
    for _ in range(K):
        joint = said | have
        shared = (joint & wanted).sum(1)
        size = joint.sum(1) + wanted.sum()
        overlap = 2 * shared / np.maximum(size, 1)
        overlap[~joint.any(1)] = float(not wanted.any())
        best = int(overlap.argmax())
        rows.append(best)
        have = joint[best]
    return rows
