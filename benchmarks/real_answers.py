"""What every recipe, the supervised reference and every baseline answer to films: sentences, a
score of each finding by prompts, and one by the sentences of other films' reports.

Explained in book/06_simulated_and_real."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from alignment_answers import (
    K,
    guessed_by,
    most_frequent,
    named_by,
    parrot,
    prompted,
    random_sentences,
    said_by,
    searched,
)
from alignment_scores import Scores
from alignment_setup import Training
from common import REFERENCE, Patients, told_by
from real_data import Films

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.recipes import RECIPES, Recipe
from txtray_utils.align.supervised import SupervisedModel
from txtray_utils.align.trained import trained
from txtray_utils.judge.retrieval import always
from txtray_utils.settings import settings
from txtray_utils.vocabulary import FINDINGS

RECIPE_NAMES = ("txtrayalign", "clip", "best")
BASELINES = ("random", "parrot", "always_normal", "most_frequent")
DRAWS = 5  # of what is random


@dataclass(frozen=True)
class Answer:
    """What one model answers: the labels of k sentences for each film (Q, k, 14), the score of each
    finding by `prompts`, and by the `sentences` of other films' reports."""

    said: np.ndarray
    prompts: Scores
    sentences: Scores


def answers(name: str, taught: Training, asked: Films, seeds: Sequence[int]) -> list[Answer]:
    """Return what a recipe, the reference or a baseline answers, one a seed; what is not kept is
    trained."""
    if name in BASELINES:
        return of_baseline(name, taught, asked)
    if name == "supervised":
        return _of_references(taught.known, asked, seeds)
    recipe = shortened(RECIPES[name])
    found = []
    for seed in seeds:
        model = trained(recipe, taught.pairs, seed)
        found.append(of_model(model, taught, asked))
    return found


def shortened(recipe: Recipe) -> Recipe:
    """Return a recipe as it is, or in a quick run with a tenth of its steps."""
    return replace(recipe, steps=settings().steps(recipe.steps))


def of_model(model: ImageTextModel, taught: Training, asked: Films) -> Answer:
    """Return what a model of films and texts answers from the bank that it was taught."""
    said = said_by(model, taught.bank, asked.asked)
    sentences = searched(model, asked.asked, asked.held)
    return Answer(said, prompted(model, asked.asked), sentences)


def of_reference(model: SupervisedModel, asked: Films) -> Answer:
    """Return what the supervised reference answers; it reads no sentence, only the finding."""
    guessed = guessed_by(model, asked.asked)
    return Answer(named_by(model, asked.asked), guessed, guessed)


def _of_references(known: Patients, asked: Films, seeds: Sequence[int]) -> list[Answer]:
    recipe = shortened(REFERENCE)
    found = []
    for seed in seeds:
        model = told_by(known, recipe, seed)
        found.append(of_reference(model, asked))
    return found


def of_baseline(name: str, taught: Training, asked: Films) -> list[Answer]:
    """Return what a baseline answers, one a draw. All but `random` score every film alike."""
    queries = asked.asked
    count = len(queries.labels)
    if name == "random":
        return [_at_random(taught, queries, seed) for seed in range(DRAWS)]
    if name == "parrot":
        said = parrot(taught.studies, queries)
    elif name == "most_frequent":
        said = most_frequent(taught.studies, taught.bank, queries)
    else:
        said = np.repeat(always({"No Finding": 1}, count), K, axis=1)
    alike = dict.fromkeys(FINDINGS, np.zeros(count))
    return [Answer(said, alike, alike)]


def _at_random(taught: Training, queries: Patients, seed: int) -> Answer:
    said = random_sentences(taught.bank, queries, seed)
    draw = np.random.default_rng(seed)
    scores = {}
    for name in FINDINGS:
        scores[name] = draw.random(len(queries.labels))
    return Answer(said, scores, scores)
