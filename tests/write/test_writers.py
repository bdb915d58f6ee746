"""Writers by name, from evidence that is set by hand; the models themselves are never asked."""

import numpy as np
import pytest
import torch
from datasets import Dataset

from tests.write.corpus import EFFUSION, bank
from txtray_utils.vocabulary import LABELS
from txtray_utils.write.copying import sayable
from txtray_utils.write.evidence import Corpus, Evidence, Models, Thresholds, corpus_of
from txtray_utils.write.writers import WRITERS, Request, write

STUDIES = Dataset.from_list(
    [
        {"sentences": ["No pleural effusion."], "indication": "fall"},
        {"sentences": ["No pleural effusion."], "indication": None},
        {"sentences": ["There is a left pleural effusion."], "indication": None},
    ]
)
REPORTS = [" ".join(sentences) for sentences in STUDIES["sentences"]]


def corpus() -> Corpus:
    sentences = bank()
    rates = np.full(len(LABELS), 0.5)
    return Corpus(STUDIES, REPORTS, sentences, sayable(sentences), rates)


def evidence(models: Models, chance: float) -> Evidence:
    """Return what is seen in two films: the second has an effusion on the patient's left."""
    seen = Evidence(models, STUDIES.select([1, 2]))
    seen.similarity = torch.eye(len(bank().texts))[[2, 0]]
    seen.images = torch.eye(3)[[1, 2]]
    seen.chances = np.zeros((2, len(LABELS)))
    seen.chances[1, EFFUSION] = chance
    seen.halves = np.array([[[0.0], [0.0]], [[0.0], [9.0]]])
    return seen


@pytest.fixture
def request_for_two() -> Request:
    models = Models(corpus())
    models.images = torch.eye(3)
    models.side_weights = np.array([1.0])
    seen = evidence(models, 0.9)
    return Request(models.corpus, seen, evidence(models, 0.5), Thresholds(share=0.5))


def test_a_corpus_is_made_of_the_training_studies():
    made = corpus_of(STUDIES)
    assert made.reports == REPORTS
    assert made.rates[EFFUSION] == pytest.approx(1 / 3)
    assert made.known == set(made.sentences.texts)


def test_priors_may_be_said_only_if_asked():
    compared = STUDIES.select([0]).map(lambda _: {"sentences": ["Stable effusion."]})
    assert not corpus_of(compared).sayable.any()
    assert corpus_of(compared, priors=True).sayable.all()


def test_each_film_gets_the_report_of_the_nearest(request_for_two):
    assert write("nearest_report", request_for_two) == REPORTS[1:]


def test_the_same_report_for_all(request_for_two):
    assert write("always_normal", request_for_two) == ["No pleural effusion."] * 2


def test_the_structured_writer_states_the_finding_and_its_side(request_for_two):
    well, sick = write("structured", request_for_two)
    assert sick.startswith("There is a left pleural effusion.")
    assert "There is" not in well


def test_the_oracle_writes_what_the_own_report_says(request_for_two):
    assert write("oracle", request_for_two)[1].startswith("There is a left pleural effusion.")


def test_no_writer_says_what_may_not_be_said(request_for_two):
    unsayable = {"Stable left effusion.", "XXXX in the left lung."}
    for name in ("retrieval_variable", "structured", "oracle"):
        for report in write(name, request_for_two):
            assert not any(text in report for text in unsayable)


def test_an_unknown_writer_is_named(request_for_two):
    with pytest.raises(ValueError, match="no writer 'parrot'; choose one of always_normal"):
        write("parrot", request_for_two)


def test_a_missing_reference_is_named(request_for_two):
    assert "supervised_structured" in WRITERS
    with pytest.raises(ValueError, match="no supervised reference"):
        write("supervised_structured", request_for_two)
