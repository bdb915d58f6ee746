"""What is trained on and what is asked on real films: virtual films, real ones, or both.

Real films are those of the source `openi`, virtual ones those of `demo`. The truth of a virtual
film is what was drawn, that of a real one what its human MeSH codes say; of both the labels for the
F1 are what the report says. Explained in book/06_simulated_and_real."""

from dataclasses import dataclass, replace

import numpy as np
from alignment_setup import Training, training_part
from common import Patients, patients
from datasets import Dataset

from txtray_utils.align.image_encoder import SIZE
from txtray_utils.align.pairs import ImageTextPairs, image_text_pairs, load_images
from txtray_utils.judge.prompts import HeldSentences, held_sentences
from txtray_utils.judge.truth import coded_truth, drawn_truth
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.studies.table import part
from txtray_utils.vocabulary import FINDINGS

SOURCES = {"virtual": "demo", "real": "openi", "both": "demo+openi"}

# Asked on real films: those that 8 or more of the test films have by their codes. Named on
# 2026-11-27, before any model was tested; there are 6, 0 and 3 of the others.
TOO_RARE = ("pneumothorax", "pacemaker", "sternal_wires")
ASKED = tuple(name for name in FINDINGS if name not in TOO_RARE)


@dataclass(frozen=True)
class Films:
    """Films to be asked about: `asked` with their truth, and the `held` sentences of their
    reports."""

    asked: Patients
    held: HeldSentences


def studies_of(name: str) -> Dataset:
    """Return the studies of `virtual`, `real` or `both`."""
    return load_studies(SOURCES[name])


def training(name: str, size: int = SIZE) -> Training:
    """Return the training part of `virtual`, `real` or `both`, its films `size` pixels wide."""
    return training_of(studies_of(name), size)


def training_of(studies: Dataset, size: int = SIZE) -> Training:
    """Return the training part of studies, with the truth that is known of each film."""
    taught = training_part(studies)
    known = replace(taught.known, drawn=known_truth(taught.studies))
    pairs = taught.pairs
    if size != SIZE:
        pairs = image_text_pairs(taught.studies, size)
    return replace(taught, known=known, pairs=pairs)


def films(name: str, split: str, size: int = SIZE) -> Films:
    """Return the films of one split of `virtual` or `real`."""
    return films_of(part(studies_of(name), split), size)


def films_of(chosen: Dataset, size: int = SIZE) -> Films:
    """Return the films of studies, with the truth that is known of each."""
    asked = replace(patients(chosen), drawn=known_truth(chosen))
    if size != SIZE:
        asked = replace(asked, films=load_images(chosen, size))
    return Films(asked, held_sentences(chosen))


def known_truth(studies: Dataset) -> np.ndarray:
    """Return which of `FINDINGS` each film has, (N, 19) float32: as drawn, else as coded; NaN where
    neither is known."""
    drawn = drawn_truth(studies)
    unknown = np.isnan(drawn).all(1)
    drawn[unknown] = coded_truth(studies)[unknown]
    return drawn


def some_of(taught: Training, count: int, seed: int) -> Training:
    """Return the training part with `count` of its studies; a larger draw holds the smaller one."""
    order = np.random.default_rng(seed).permutation(len(taught.studies))
    rows = np.sort(order[:count])
    pairs = taught.pairs  # a training study has a sentence, so it is a pair
    texts, labels = [], []
    for row in rows:
        texts.append(pairs.texts[row])
        labels.append(pairs.sentence_labels[row])
    fewer = ImageTextPairs(
        pairs.images[rows],
        texts,
        labels,
        pairs.report_labels[rows],
    )
    return replace(taught, studies=taught.studies.select(rows), pairs=fewer)
