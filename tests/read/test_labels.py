"""What a text says of each finding. Our own sentences; real reports are read at run time."""

import csv
import itertools
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.read.texts import TEXTS, squeezed
from txtray_utils.read.labels import (
    Mention,
    label_report,
    label_terms,
    label_texts,
    mentions,
    read_sentence,
    study_labels,
    text_fault,
)
from txtray_utils.read.patterns import label_patterns
from txtray_utils.read.report import (
    development_half,
    sentences,
    split_sections,
)
from txtray_utils.results import read_results
from txtray_utils.studies.sources.openi_package import read_reports
from txtray_utils.vocabulary import LABELS, NAMED, TERMS

CHALLENGE = Path(__file__).parents[1] / "data" / "challenge_sentences.csv"


KNOWN_MISSES = {
    "Calcified granuloma in the left mid zone."
}  # CheXpert's words for Lung Lesion hold no granuloma


PHRASES = {
    "Atelectasis": "atelectasis",
    "Cardiomegaly": "cardiomegaly",
    "Consolidation": "consolidation",
    "Edema": "pulmonary oedema",
    "Enlarged Cardiomediastinum": "widened mediastinum",
    "Fracture": "rib fracture",
    "Lung Lesion": "lung mass",
    "Lung Opacity": "airspace opacity",
    "Pleural Effusion": "pleural effusion",
    "Pleural Other": "pleural thickening",
    "Pneumonia": "pneumonia",
    "Pneumothorax": "pneumothorax",
    "Support Devices": "chest tube",
}


TEMPLATES = {
    "There is {}.": 1,
    "{} is again seen, unchanged.": 1,
    "No {}.": 0,
    "Heart failure is absent, without {}.": 0,
    "{} is not seen.": 0,
    "{} has resolved.": 0,
    "Possible {}.": -1,
    "{} cannot be excluded.": -1,
    "History of {}.": None,
    "If there is concern for {}, repeat the film.": None,
}


def challenge() -> list[dict]:
    with CHALLENGE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def answer(row: dict) -> bool:
    got = label_report(row["sentence"], "")[row["label"]]
    return ("" if got is None else str(got)) == row["expected"]


def test_challenge_sentences():
    """Written before any pattern was; the one miss is a difference of definition and stays a
    miss."""
    rows = [row for row in challenge() if not row["kind"].startswith(("second_", "held_out_"))]
    assert len(rows) >= 240 and {row["label"] for row in rows} == set(LABELS)
    assert {row["sentence"] for row in rows if not answer(row)} == KNOWN_MISSES


def test_every_kind_of_challenge_is_as_committed():
    """The held-out kinds are a measurement: patterns are not to be tuned on them."""
    right = defaultdict(list)
    for row in challenge():
        right[row["kind"]].append(answer(row))
    committed = read_results("report")
    for kind, answers in right.items():
        assert sum(answers) / len(answers) == pytest.approx(committed[f"challenge.{kind}"].value)


def test_challenge_notices_a_reader_that_is_deaf_to_cues(monkeypatch):
    monkeypatch.setattr(
        "txtray_utils.read.labels.states_of", lambda sentence, found: [1] * len(found)
    )
    read_sentence.cache_clear()
    right = defaultdict(list)
    for row in challenge():
        right[row["kind"]].append(answer(row))
    read_sentence.cache_clear()
    for kind in ("negated_before", "negated_after", "resolved", "uncertain", "hypothetical"):
        assert sum(right[kind]) < 0.5 * len(right[kind])


@pytest.mark.parametrize(("template", "state"), TEMPLATES.items())
@pytest.mark.parametrize(("label", "phrase"), PHRASES.items())
def test_every_label_meets_every_kind_of_statement(label, phrase, template, state):
    text = template.format(phrase)
    assert {m.state for m in mentions(text[:1].upper() + text[1:]) if m.label == label} == {state}


def test_every_label_has_patterns():
    assert set(label_patterns("labels")) == set(LABELS) - {"No Finding"}
    assert set(label_patterns("terms")) == set(TERMS)
    assert set(PHRASES) == set(LABELS) - {"No Finding"}


@pytest.mark.parametrize(
    ("sentence", "label", "place"),
    [
        ("Small right pleural effusion.", "Pleural Effusion", ("right", "", "mild")),
        (
            "Patchy opacity in the left lower lobe, clear right lung.",
            "Lung Opacity",
            ("left", "lower", ""),
        ),
        ("Moderate effusions on the right and left.", "Pleural Effusion", ("both", "", "moderate")),
        ("Bibasilar atelectasis.", "Atelectasis", ("both", "lower", "")),
        ("Large left apical pneumothorax.", "Pneumothorax", ("left", "upper", "severe")),
        ("Consolidation in the lingula.", "Consolidation", ("left", "middle", "")),
        ("PICC ending in the right atrium.", "Support Devices", ("", "", "")),
        (
            "Moderate cardiomegaly and small bilateral effusions.",
            "Cardiomegaly",
            ("", "", "moderate"),
        ),
        (
            "No effusion on the left; small right pneumothorax.",
            "Pneumothorax",
            ("right", "", "mild"),
        ),
    ],
)
def test_sides_zones_and_severities(sentence, label, place):
    found = [m for m in mentions(sentence) if m.label == label]
    assert [(m.side, m.zone, m.severity) for m in found] == [place]


@pytest.mark.parametrize(
    ("text", "term", "state"),
    [
        ("Mildly tortuous thoracic aorta.", "Tortuous Aorta", 1),
        ("The aorta is not tortuous.", "Tortuous Aorta", 0),
        ("Calcified granuloma in the left apex.", "Granuloma", 1),
        ("Hyperexpanded lungs with flattened diaphragms.", "Hyperinflation", 1),
        ("No hyperinflation.", "Hyperinflation", 0),
        ("Lung volumes are low.", "Low Lung Volumes", 1),
        ("Lung volumes are normal.", "Low Lung Volumes", None),
        ("Elevation of the right hemidiaphragm.", "Raised Diaphragm", 1),
        ("Possible eventration of the diaphragm.", "Raised Diaphragm", -1),
        ("Levoscoliosis of the thoracic spine.", "Scoliosis", 1),
        ("The PICC has been removed.", "Central Line", 0),
        ("Dual-lead pacemaker.", "Pacemaker", 1),
        ("Status post sternotomy and CABG.", "Sternotomy", 1),
        ("Apical scarring.", "Scar", 1),
        ("No increased interstitial markings.", "Interstitial Markings", 0),
        ("", "Scar", None),
    ],
)
def test_terms_that_the_14_labels_leave_out(text, term, state):
    assert label_terms(text)[term] == state


def test_what_is_named_are_the_labels_and_then_the_terms():
    states = label_texts(["Small effusion, no scoliosis.", ""])
    assert states.shape == (2, len(NAMED)) and np.isnan(states[1]).all()
    assert (
        states[0, NAMED.index("Pleural Effusion")] == 1 and states[0, NAMED.index("Scoliosis")] == 0
    )


def test_one_sentence_may_hold_several_states():
    found = {
        m.label: m.state for m in mentions("No effusion, but possible pneumonia; left chest tube.")
    }
    assert found == {"Pleural Effusion": 0, "Pneumonia": -1, "Support Devices": 1}


@pytest.mark.parametrize(
    "said", [c for n in range(4) for c in itertools.product((1, 0, -1, None), repeat=n)]
)
def test_study_labels_against_the_rule_written_out(said):
    labels = study_labels(Mention("Edema", state, "", "", "", 0, (0, 1)) for state in said)
    expected = 1 if 1 in said else -1 if -1 in said else 0 if 0 in said else None
    assert labels["Edema"] == expected
    assert labels["No Finding"] == (None if expected in (1, -1) else 1)
    assert list(labels) == list(LABELS)


def test_no_finding_ignores_devices_and_needs_a_text():
    assert label_report("Clear lungs. Left chest tube.", None)["No Finding"] == 1
    for empty in (("", ""), (None, None), ("___", ""), ("XXXX. XXXX", "___ ."), (" \n", "...")):
        assert set(label_report(*empty).values()) == {None}


def test_positive_in_one_section_wins():
    assert (
        label_report("No definite effusion. Possible effusion.", "Small effusion.")[
            "Pleural Effusion"
        ]
        == 1
    )
    assert label_report("No definite effusion. Possible effusion.", "")["Pleural Effusion"] == -1


@pytest.mark.parametrize(
    "unit", ["no ", "effusion", "\n", "1. ", "CHEST VIEW ", "possible left opacity heart normal, "]
)
def test_a_report_of_a_megabyte_is_read(unit):
    text = unit * (1_000_000 // len(unit))
    found = mentions(text)
    assert not found  # a sentence of a megabyte is not labelled
    assert text_fault(text)
    assert squeezed("".join(sentences(text))) == squeezed(text)
    assert squeezed("".join(split_sections(text).values())) == squeezed(text)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_mentions_of_any_text(text):
    said, found = sentences(text), mentions(text)
    for m in found:
        assert m.label in LABELS and m.state in (1, 0, -1, None)
        assert 0 <= m.span[0] < m.span[1] <= len(said[m.sentence])
        assert m.side in ("right", "left", "both", "")
    assert found == sorted(found, key=lambda m: (m.sentence, m.span))
    labels = label_report(text, None)
    assert list(labels) == list(LABELS)
    assert all(labels[m.label] is not None for m in found if m.state is not None)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(PHRASES.items())), st.sampled_from(sorted(TEMPLATES)), TEXTS)
def test_a_sentence_does_not_reach_into_the_next(item, template, text):
    sentence = template.format(item[1])
    alone = [(m.label, m.state) for m in mentions(sentence)]
    index = len(sentences(text))
    assert [
        (m.label, m.state) for m in mentions(f"{text}\n\n{sentence}") if m.sentence == index
    ] == alone


def test_real_reports_against_their_codes():
    """A floor on the development half only; the test half is measured by
    benchmarks/report_labeller.py."""
    real = read_reports()
    real = real[real.text.map(development_half) & real.mesh.map(bool)].iloc[:500]
    for label, code in {
        "Pleural Effusion": "Pleural Effusion",
        "Atelectasis": "Pulmonary Atelectasis",
    }.items():
        said = [
            label_report(*row)[label] == 1
            for row in zip(real.findings, real.impression, strict=True)
        ]
        coded = [any(code == c.split("/")[0] for c in codes) for codes in real.mesh]
        both = sum(a and b for a, b in zip(said, coded, strict=True))
        assert 2 * both / (sum(said) + sum(coded)) > 0.85


def test_import_is_light_and_leaves_the_warnings_alone():
    code = """
import sys, warnings
from txtray_utils.read import labels as reports
assert "spacy" not in sys.modules
reports.label_report("No effusion.", None)
silenced = [f for f in warnings.filters if f[0] == "ignore" and f[1] is None and f[2] is Warning]
assert not silenced, silenced
"""
    subprocess.run([sys.executable, "-c", code], check=True)
