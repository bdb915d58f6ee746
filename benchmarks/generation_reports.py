"""The reports that generation.py judges: every writer's, and those that they are compared with."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from generation_scores import TOLERANCE

from txtray_utils.align.encoders import ImageTextModel, text_features
from txtray_utils.read.labels import report_labels
from txtray_utils.results import Result
from txtray_utils.settings import settings
from txtray_utils.write.decoder import WriterRecipe
from txtray_utils.write.decoder_training import NextTokenOfFilms, train_writer_with_encoder
from txtray_utils.write.evidence import Corpus, Evidence, Models, corpus_of
from txtray_utils.write.writers import WRITERS, Request, write

Reports = dict[str, list[list[str]]]  # system: for each seed, a report for each film


def random_reports(corpus: Corpus, count: int, seeds: int) -> list[list[str]]:
    """Return training reports drawn at random, `count` a seed."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(seeds):
        rows = rng.integers(len(corpus.reports), size=count)
        drawn.append(np.array(corpus.reports)[rows].tolist())
    return drawn


def from_scratch(models: Models, seen: Evidence) -> list[str]:
    """Return the reports of a plain decoder whose image encoder starts at random and is trained
    with it, not aligned before."""
    rows, texts = models.learnt
    recipe = WriterRecipe(steps=settings().steps(WriterRecipe().steps))
    torch.manual_seed(0)
    encoder = ImageTextModel()
    labels = torch.from_numpy(report_labels(texts))
    films = models.films[rows]
    objective = NextTokenOfFilms(films, labels, texts, models.words, recipe)
    writer = train_writer_with_encoder(recipe, encoder, objective, 0)
    return writer.write(encoder.feature_maps(seen.films), models.words)


def written_by_all(asked: list[Request], chosen: str) -> Reports:
    """Return the reports of every writer and of what they are compared with."""
    first = asked[0].seen
    corpus = asked[0].corpus
    count = len(first.studies)
    reports: Reports = {}
    for name in WRITERS:
        reports[name] = []
        for one in asked:
            reports[name].append(write(name, one))
    reports["always_normal"] = reports["always_normal"][:1]  # it knows no seed
    reports["random_report"] = random_reports(corpus, count, len(asked))
    for mode in ("beam", "nucleus"):
        reports[f"decoder_{mode}"] = []
        for one in asked:
            models = one.seen.models
            maps = one.seen.maps
            decoded = models.decoder.write(maps, models.words, mode=mode)
            reports[f"decoder_{mode}"].append(decoded)
    reports["decoder_from_scratch"] = [from_scratch(first.models, first)]
    free = corpus_of(corpus.studies, priors=True)
    reports["chosen_with_priors"] = []
    for one in asked:
        with_priors = write(chosen, replace(one, corpus=free))
        reports["chosen_with_priors"].append(with_priors)
    return reports


def nearest_distance(reports: Sequence[str], corpus: Corpus) -> float:
    """Return the median distance (1 - cosine of text features) of written reports to the nearest
    training report."""
    written = text_features(list(reports))
    known = text_features(corpus.reports)
    cosines = written @ known.T
    nearest = cosines.max(1).values
    return float((1 - nearest).median())


def distances(reports: Reports, corpus: Corpus) -> dict[str, Result]:
    """Return how far the decoders' reports lie from the training reports."""
    results = {}
    for name in ("decoder", "decoder_guided"):
        several = reports[name]
        value = float(np.mean([nearest_distance(one, corpus) for one in several]))
        what = f"median distance of a report of {name} to the nearest training report"
        what += ", 1 - cosine of text features"
        key = f"{name}.nearest_distance"
        results[key] = Result(value, len(several[0]), "distance", what, None, TOLERANCE)
    return results
