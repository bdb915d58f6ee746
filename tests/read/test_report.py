"""Sections, sentences and priors of a report. Every sentence is our own."""

import re

import pytest
from hypothesis import given, settings

from tests.read.texts import TEXTS, squeezed
from txtray_utils.errors import InputError
from txtray_utils.read.report import (
    development_half,
    read_report,
    refers_to_prior,
    report_text,
    sentences,
    split_sections,
)
from txtray_utils.read.text import normalised
from txtray_utils.studies.sources.openi_package import read_reports

REPORT = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___ year old woman with cough  // pneumonia?

 COMPARISON:  Chest film of ___.

 FINDINGS:

 Lung volumes are low.  There is a small left
 effusion.

 LUNGS: clear elsewhere.

 IMPRESSION:

 1.  Small left effusion.
 2.  No pneumothorax.
"""


def test_sections_of_a_mimic_report():
    sections = split_sections(REPORT)
    assert list(sections) == ["examination", "indication", "comparison", "findings", "impression"]
    assert sections["examination"] == "CHEST (PA AND LAT)"
    assert sections["findings"].endswith(
        "LUNGS: clear elsewhere."
    )  # an unknown heading stays where it stands
    assert sentences(sections["findings"])[:2] == [
        "Lung volumes are low.",
        "There is a small left effusion.",
    ]
    assert sentences(sections["impression"]) == ["1. Small left effusion.", "2. No pneumothorax."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" \n ", {}),
        ("Clear lungs.", {"": "Clear lungs."}),
        ("___", {"": "___"}),
        ("PORTABLE CHEST, ___: Clear.", {"": "PORTABLE CHEST, ___: Clear."}),
        ("PA AND LATERAL VIEWS OF THE CHEST: Clear.", {"findings": "Clear."}),
        ("Conclusion: Normal.", {"impression": "Normal."}),
        (
            "REASON FOR EXAMINATION: Cough.\nWET READ: Clear.",
            {"indication": "Cough.", "wet read": "Clear."},
        ),
        ("FINDINGS: Clear. IMPRESSION: Normal.", {"findings": "Clear.", "impression": "Normal."}),
        ("FINDINGS\nClear.\nIMPRESSION\nNormal.", {"findings": "Clear.", "impression": "Normal."}),
        ("FINDINGS: A.\nIMPRESSION: B.\nFINDINGS: C.", {"findings": "A.\nC.", "impression": "B."}),
        ("FINDINGS:\nIMPRESSION: Normal.", {"impression": "Normal."}),
        ("There are no findings: all clear.", {"": "There are no findings: all clear."}),
    ],
)
def test_sections(text, expected):
    assert split_sections(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("___", ["___"]),
        ("No change. Clear.", ["No change.", "Clear."]),
        (
            "Seen by Dr. XXXX at 5 p.m. today. Clear.",
            ["Seen by Dr. XXXX at 5 p.m. today.", "Clear."],
        ),
        ("A nodule of 1.5 cm. No mass.", ["A nodule of 1.5 cm.", "No mass."]),
        ("Compared with ___. Heart normal.", ["Compared with ___.", "Heart normal."]),
        ("No effusion.The heart is normal.", ["No effusion.", "The heart is normal."]),
        ("1. Mass\n2. Effusion", ["1. Mass", "2. Effusion"]),
        ("- mass\n- effusion", ["- mass", "- effusion"]),
        ("the left\nlung is\r\nclear", ["the left lung is clear"]),
        ("Lungs clear\n\nHeart normal", ["Lungs clear", "Heart normal"]),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Unchanged cardiomegaly.", True),
        ("The nodule is again seen.", True),
        ("No interval change.", True),
        ("The effusion has resolved.", True),
        ("New opacity at the left base.", True),
        ("Compared with the earlier film, less oedema.", True),
        ("Clear lungs.", False),
        ("There is a small effusion.", False),
        ("The heart is enlarged.", False),
    ],
)
def test_refers_to_prior(sentence, expected):
    assert refers_to_prior(sentence) is expected


def test_read_report(tmp_path):
    path = tmp_path / "s50000000.txt"
    path.write_bytes("\ufeffFINDINGS: œdème".encode())
    assert read_report(path) == "FINDINGS: œdème"
    path.write_bytes("oedème".encode("latin-1"))
    with pytest.raises(InputError, match=r"s50000000.txt: byte 0xe8 at 3 is not UTF-8.*iconv"):
        read_report(path)
    path.write_bytes(b"clear " * 200_000)
    with pytest.raises(InputError, match="1,200,000 characters"):
        read_report(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_report(tmp_path / "none.txt")


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_sentences_lose_nothing_and_are_stable(text):
    found = sentences(text)
    assert squeezed("".join(found)) == squeezed(normalised(text))
    assert [again for sentence in found for again in sentences(sentence)] == found


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_sections_of_any_text(text):
    sections = split_sections(text)
    assert all(body and body == body.strip() for body in sections.values())
    if not re.search("(?i)finding|impression|report|addendum|wet read|:", text):
        whole = normalised(text).strip()
        assert sections == ({"": whole} if whole else {})
    refers_to_prior(text)


def test_halves_keep_identical_reports_together():
    texts = read_reports().text
    halves = texts.map(development_half)
    assert 0.45 < halves.mean() < 0.55
    assert development_half("a  b\n") == development_half("a b")


def test_the_numbers_of_a_list_are_left_out():
    assert (
        report_text(["1. Effusion.", "2) No mass.", "A 2 cm nodule."])
        == "Effusion. No mass. A 2 cm nodule."
    )
