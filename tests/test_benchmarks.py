"""What the experiments may learn from: never a test patient, nor a test patient's words."""

import importlib
from pathlib import Path

import pytest

from txtray_utils import decoder
from txtray_utils.reports import report_text
from txtray_utils.sources import load_studies

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def generation(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("generation")


def letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.lower()))


def test_the_decoder_learns_from_no_test_patients_report(generation):
    studies = load_studies("demo")
    train, held = (generation.of_split(studies, split) for split in ("train", "test"))
    rows, texts = decoder.learnable(train)
    assert len(rows) > 0.9 * len(train) and not set(train["subject_id"]) & set(held["subject_id"])
    own = [letters(report_text(train[row]["sentences"])) for row in rows]
    assert not set(own) & {letters(report_text(said)) for said in held["sentences"]}
    said = train["sentences"]
    for row, text in zip(rows, texts, strict=True):
        whole = iter(report_text(said[row]).split())
        assert all(word in whole for word in text.split()), f"study {row} is given words that are not its own, in its order"
        assert "XX" not in text
