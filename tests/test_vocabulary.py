"""The one table against the constants that it replaced, and against itself."""

import hashlib
import json

import numpy as np
import pytest

from txtray_utils import vocabulary
from txtray_utils.vocabulary import FINDING_TABLE, FINDINGS, LABELS, READ_AS, TERMS

WAS = {  # the constants as they stood apart, before there was one table
    "LABELS": (
        "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum",
        "Fracture", "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion",
        "Pleural Other", "Pneumonia", "Pneumothorax", "Support Devices",
    ),
    "FINDINGS": (
        "cardiomegaly", "tortuous_aorta", "effusion", "pneumothorax", "consolidation", "opacity",
        "interstitial", "oedema", "atelectasis", "nodule", "granuloma", "scar", "hyperinflation",
        "low_volume", "raised_diaphragm", "scoliosis", "central_line", "pacemaker",
        "sternal_wires",
    ),
    "SIDED": (
        "Atelectasis", "Consolidation", "Lung Lesion", "Lung Opacity", "Pleural Effusion",
        "Pneumonia", "Pneumothorax",
    ),
    "DANGEROUS": (
        "Consolidation", "Edema", "Fracture", "Lung Lesion", "Pleural Effusion", "Pneumonia",
        "Pneumothorax",
    ),
    "CHEXPERT_FIVE": (
        "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion",
    ),
    "TERMS": (
        "Tortuous Aorta", "Granuloma", "Hyperinflation", "Low Lung Volumes", "Raised Diaphragm",
        "Scoliosis", "Central Line", "Pacemaker", "Sternotomy", "Scar", "Interstitial Markings",
    ),
}  # fmt: skip
ORDER_WAS = (
    "Pneumothorax", "Pneumonia", "Edema", "Pleural Effusion", "Consolidation", "Fracture",
    "Lung Lesion", "Atelectasis", "Cardiomegaly", "Enlarged Cardiomediastinum", "Lung Opacity",
    "Pleural Other", "Support Devices",
)  # fmt: skip
READ_AS_WAS = {
    "cardiomegaly": "Cardiomegaly",
    "tortuous_aorta": "Tortuous Aorta",
    "effusion": "Pleural Effusion",
    "pneumothorax": "Pneumothorax",
    "consolidation": "Consolidation",
    "opacity": "Lung Opacity",
    "interstitial": "Interstitial Markings",
    "oedema": "Edema",
    "atelectasis": "Atelectasis",
    "nodule": "Lung Lesion",
    "granuloma": "Granuloma",
    "scar": "Scar",
    "hyperinflation": "Hyperinflation",
    "low_volume": "Low Lung Volumes",
    "raised_diaphragm": "Raised Diaphragm",
    "scoliosis": "Scoliosis",
    "central_line": "Central Line",
    "pacemaker": "Pacemaker",
    "sternal_wires": "Sternotomy",
}
PROMPTS_WERE = {"POSITIVE": "6a9ec26ee4cd0e36", "NEGATIVE": "43fc0403f2444334"}  # hashes


@pytest.mark.parametrize("name", WAS)
def test_a_constant_of_before_is_what_the_table_gives(name):
    assert getattr(vocabulary, name) == WAS[name]


def test_the_order_of_speaking_and_what_findings_are_read_as_are_those_of_before():
    assert vocabulary.by_urgency() == ORDER_WAS
    assert READ_AS == READ_AS_WAS


@pytest.mark.parametrize("name", PROMPTS_WERE)
def test_prompts_are_those_of_before_to_the_letter(name):
    text = json.dumps(getattr(vocabulary, name), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == PROMPTS_WERE[name]


def test_the_table_agrees_with_itself():
    assert {row.term for row in FINDING_TABLE} - {None} == set(TERMS)
    assert all(row.term or row.label in LABELS for row in FINDING_TABLE)
    assert len(set(FINDINGS)) == len(FINDINGS) == 19
    assert all(row.positive and row.negative for row in FINDING_TABLE)


def test_states_become_a_matrix():
    rows = [{"a": 1, "b": None}, {"a": -1, "b": 0}]
    made = vocabulary.label_matrix(rows, ["a", "b"])
    assert made.dtype == np.float32 and made.shape == (2, 2)
    np.testing.assert_array_equal(made, [[1, np.nan], [-1, 0]])
    assert vocabulary.label_matrix([], ["a", "b"]).shape == (0, 2)


def test_no_finding_is_taken_out_of_labels_and_of_all_that_is_named():
    place = LABELS.index("No Finding")
    for width in (14, 25):
        left = vocabulary.without_no_finding(np.arange(width)[None])
        assert left.tolist() == [[k for k in range(width) if k != place]]
