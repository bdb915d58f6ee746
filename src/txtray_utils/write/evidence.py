"""What a writer of reports has: a corpus, models, and what these see in some films.

Everything is made when it is first asked for, so a chapter that wants one writer trains nothing
for the others. Explained in book/07_writing_a_report.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.pairs import ImageTextPairs, image_text_pairs, load_images
from txtray_utils.align.supervised import SupervisedModel
from txtray_utils.align.trained import trained_recipe
from txtray_utils.read.labels import report_labels
from txtray_utils.read.report import report_text
from txtray_utils.results import read_results
from txtray_utils.settings import settings
from txtray_utils.vocabulary import FINDINGS, LABELS
from txtray_utils.write.copying import sayable
from txtray_utils.write.decoder import Writer, WriterRecipe
from txtray_utils.write.decoder_training import trained_writer
from txtray_utils.write.index import SentenceCorpus, sentence_corpus
from txtray_utils.write.sides import halves, said_sides, train_side_classifier
from txtray_utils.write.tokeniser import learnable, tokeniser


@dataclass(frozen=True)
class Corpus:
    """What the training studies give every writer.

    `reports` (N) one a study; `sentences` the distinct ones; `sayable` (M,) bool, which of these
    may be said of another patient; `rates` (14,), the share of reports that name each label.
    """

    studies: Dataset
    reports: list[str]
    sentences: SentenceCorpus
    sayable: Tensor
    rates: np.ndarray

    @cached_property
    def known(self) -> set[str]:
        """Return the sentences as they stand in a report, to tell what was copied."""
        return {report_text([text]) for text in self.sentences.texts}


def corpus_of(studies: Dataset, priors: bool = False) -> Corpus:
    """Return the corpus of the training studies, each with at least one sentence.

    With `priors`, comparisons with an earlier film may be said.
    """
    reports = _reports(studies)
    sentences = sentence_corpus(studies)
    rates = (report_labels(reports) == 1).mean(0)
    return Corpus(studies, reports, sentences, sayable(sentences, priors), rates)


def _reports(studies: Dataset) -> list[str]:
    return [report_text(sentences) for sentences in studies["sentences"]]


class Models:
    """The models of one seed, each read from the cache, or trained, when it is first asked for.

    Recipes take `settings().steps` of their steps. The supervised reference is the caller's, since
    it is told more than a corpus holds.
    """

    def __init__(
        self, corpus: Corpus, seed: int = 0, supervised: SupervisedModel | None = None
    ) -> None:
        """Hold the corpus to learn from."""
        self.corpus, self.seed, self.supervised = corpus, seed, supervised

    @cached_property
    def pairs(self) -> ImageTextPairs:
        """Return films and texts, as `align` trains on them."""
        return image_text_pairs(self.corpus.studies)

    @cached_property
    def best(self) -> ImageTextModel:
        """Return the model of the recipe `best`."""
        return trained_recipe("best", self.pairs, self.seed)

    @cached_property
    def txtrayalign(self) -> ImageTextModel:
        """Return the model of the recipe `txtrayalign`."""
        return trained_recipe("txtrayalign", self.pairs, self.seed)

    @cached_property
    def films(self) -> Tensor:
        """Return the training films (N, 1, H, W), uint8; every study of a corpus has a sentence."""
        return self.pairs.images

    @cached_property
    def images(self) -> Tensor:
        """Return the training films as unit vectors (N, W) of `best`."""
        return self.best.embed_images(self.films)

    @cached_property
    def side_weights(self) -> np.ndarray:
        """Return the weights (F,) that tell the side of a film's findings."""
        of_halves = halves(self.best, self.films)
        return train_side_classifier(of_halves, said_sides(self.corpus.reports))

    @cached_property
    def learnt(self) -> tuple[list[int], list[str]]:
        """Return the rows and reports that the decoders learn from."""
        return learnable(self.corpus.studies)

    @cached_property
    def words(self) -> PreTrainedTokenizerFast:
        """Return the decoders' tokeniser."""
        return tokeniser(self.learnt[1], WriterRecipe().words)

    @cached_property
    def learnt_maps(self) -> Tensor:
        """Return the feature maps (R, C, h, w) that the decoders learn from."""
        rows, _ = self.learnt
        return self.best.feature_maps(self.films)[rows]

    def _writer(self, guided: bool) -> Writer:
        _, texts = self.learnt
        steps = settings().steps(WriterRecipe().steps)
        recipe = WriterRecipe(guided=guided, steps=steps)
        labels = torch.from_numpy(report_labels(texts))
        return trained_writer(recipe, self.learnt_maps, labels, texts, self.words, seed=self.seed)

    @cached_property
    def decoder(self) -> Writer:
        """Return the decoder that is shown the film alone."""
        return self._writer(guided=False)

    @cached_property
    def decoder_guided(self) -> Writer:
        """Return the decoder that is told the findings too."""
        return self._writer(guided=True)


class Evidence:
    """What the models of one seed see in some films; Q films, M sentences of the corpus."""

    def __init__(self, models: Models, studies: Dataset) -> None:
        """Hold the studies that are asked about; nothing is looked at yet."""
        self.models, self.studies = models, studies

    @cached_property
    def films(self) -> Tensor:
        """Return the films (Q, 1, H, W), uint8."""
        return load_images(self.studies)

    @cached_property
    def reports(self) -> list[str]:
        """Return the films' own reports: to judge by, not to write from."""
        return _reports(self.studies)

    @cached_property
    def images(self) -> Tensor:
        """Return the films as unit vectors (Q, W)."""
        return self.models.best.embed_images(self.films)

    @cached_property
    def similarity(self) -> Tensor:
        """Return the cosine of films and sentences (Q, M)."""
        return self._similarity(self.models.best, self.images)

    @cached_property
    def similarity_txtrayalign(self) -> Tensor:
        """Return the same (Q, M) by the model of TxtRayAlign's recipe."""
        model = self.models.txtrayalign
        return self._similarity(model, model.embed_images(self.films))

    def _similarity(self, model: ImageTextModel, images: Tensor) -> Tensor:
        features = self.models.corpus.sentences.features
        return images @ model.embed_texts(features).T

    @cached_property
    def chances(self) -> np.ndarray:
        """Return the chance of each label (Q, 14), by the second task of `best`."""
        chances = self.models.best.label_probabilities(self.films)
        return chances.numpy()[:, : len(LABELS)]

    @cached_property
    def chances_supervised(self) -> np.ndarray:
        """Return the same (Q, 14) by the supervised reference.

        Raises:
            ValueError: the models have none.
        """
        if self.models.supervised is None:
            raise ValueError("these models have no supervised reference; give Models one")
        return self.models.supervised.probabilities(self.films)[:, len(FINDINGS) :]

    @cached_property
    def halves(self) -> np.ndarray:
        """Return the features (Q, 2, F) of the patient's right and left half."""
        return halves(self.models.best, self.films)

    @cached_property
    def maps(self) -> Tensor:
        """Return the feature maps (Q, C, h, w) that decoders read."""
        return self.models.best.feature_maps(self.films)


@dataclass(frozen=True)
class Thresholds:
    """What is set on the validation patients.

    `share` and `share_supervised`: how often to name a label, as a share of its rate; `margin`: how
    sure a side must be; `above`: how near a further sentence must be, as a quantile of similarity.
    """

    share: float = 0.8
    share_supervised: float = 0.8
    margin: float = 1.0
    above: float = 0.99


def recorded_thresholds() -> Thresholds:
    """Return those that `benchmarks/generation.py` set and recorded.

    Raises:
        InputError: there are no results of it.
    """
    results = read_results("generation")
    return Thresholds(
        share=results["knobs.share"].value,
        share_supervised=results["knobs.told_share"].value,
        margin=results["knobs.margin"].value,
        above=results["knobs.above"].value,
    )
