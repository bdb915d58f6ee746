"""What the experiments may learn from, never a test patient nor a test patient's words; and what an
attack counts as that is not held."""

import importlib
import subprocess
from pathlib import Path

import pytest

from txtray_utils.read.report import report_text
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.studies.table import part
from txtray_utils.write.tokeniser import learnable

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def generation(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("generation")


@pytest.fixture
def alignment_large(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("alignment_large")


def letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.lower()))


def test_the_decoder_learns_from_no_test_patients_report(generation):
    studies = load_studies("demo")
    train, held = (part(studies, split) for split in ("train", "test"))
    rows, texts = learnable(train)
    assert len(rows) > 0.9 * len(train) and not set(train["subject_id"]) & set(held["subject_id"])
    own = [letters(report_text(train[row]["sentences"])) for row in rows]
    assert not set(own) & {letters(report_text(said)) for said in held["sentences"]}
    said = train["sentences"]
    for row, text in zip(rows, texts, strict=True):
        whole = iter(report_text(said[row]).split())
        assert all(word in whole for word in text.split()), (
            f"study {row} is given words that are not its own, in its order"
        )
        assert "XX" not in text


def test_more_films_are_of_one_split(alignment_large, monkeypatch, tmp_path):
    studies = load_studies("demo")
    monkeypatch.setattr(alignment_large, "make_hospital", lambda *_: tmp_path)
    monkeypatch.setattr(alignment_large, "read_folder", lambda *_: studies)
    free = alignment_large.more_films("validate")
    assert 0 < len(free) < len(studies) and set(free["split"]) == {"validate"}


@pytest.mark.parametrize(
    ("wanted", "raised", "table", "kind"),
    [
        ("reject", AssertionError([]), "test_ids", "silent_loss"),
        ("reject", AssertionError(["row 2: no image"]), "test_ids", "misleading"),
        ("error", AssertionError("what else was said"), "test_films", "misleading"),
        ("right", AssertionError("False is not True"), "test_films", "silent_wrong"),
        ("error", pytest.fail.Exception("did not raise"), "test_films", "silent_wrong"),
        ("error", MemoryError(), "test_films", "unbounded"),
        ("right", subprocess.TimeoutExpired("read", 5), "test_record", "unbounded"),
        ("right", KeyError("image"), "test_ids", "crash"),
        ("error", pytest.fail.Exception("did not raise"), "test_guard", "leak"),
    ],
)
def test_an_attack_that_is_not_held_counts_as_one_fault(monkeypatch, wanted, raised, table, kind):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    hardening = importlib.import_module("hardening")
    assert hardening.fault(wanted, raised, table) == kind
    assert kind in hardening.FAULTS
