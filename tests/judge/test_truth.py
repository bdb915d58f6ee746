"""What films are judged by: what was drawn, or else what the text says."""

import numpy as np
from datasets import Dataset, concatenate_datasets

from tests.judge.small import labels
from txtray_utils.judge import truth
from txtray_utils.vocabulary import FINDINGS, LABELS, NAMED, READ_AS

TEXTS = (
    "Small left effusion.|No pneumothorax.",
    "Bilateral effusions.|Possible scar.|A pacemaker is in place.",
    "",
)


def studies(drawn: dict[str, int | None], evidence: list | None) -> Dataset:
    rows = []
    for text in TEXTS:
        row = {"sentences": text.split("|") if text else None}
        row["drawn"] = dict.fromkeys(FINDINGS) | drawn
        rows.append(row | {"evidence": evidence})
    return Dataset.from_list(rows)


def column(found: np.ndarray, name: str) -> list[float]:
    return found[:, FINDINGS.index(name)].tolist()


def test_what_was_drawn_goes_before_the_text():
    items = [
        {"finding": "nodule", "side": "right"},
        {"finding": "effusion", "side": "both"},
        {"finding": "opacity", "side": "right"},
        {"finding": "opacity", "side": "left"},
    ]
    made = studies({"nodule": 1, "effusion": 0}, items)
    found = truth.finding_truth(made)
    assert truth.truth_source(made) == truth.DRAWN
    assert column(found, "nodule") == [1, 1, 1]
    assert column(found, "effusion") == [0, 0, 0]
    assert np.isnan(column(found, "scar")).all(), "null is not negative"
    assert truth.side_truth(made) == [(row, "nodule", "right") for row in range(3)]


def test_where_nobody_drew_the_text_decides():
    real = studies({}, None)
    found = truth.finding_truth(real)
    assert truth.truth_source(real) == truth.REPORTED
    assert np.isnan(found[2]).all(), "no text says nothing"
    found = found[:2]
    assert column(found, "effusion") == [1, 1]
    assert column(found, "pneumothorax") == [0, 0]
    assert column(found, "pacemaker") == [0, 1]
    assert column(found, "nodule") == [0, 0]
    scar = column(found, "scar")
    assert np.isnan(scar[1]) and scar[0] == 0, "uncertain is not sure"
    assert truth.side_truth(real) == [(0, "effusion", "left")], "both sides are not one"


def test_every_finding_is_read_as_something_of_its_own():
    read = set(READ_AS.values())
    assert set(READ_AS) == set(FINDINGS)
    assert read <= set(NAMED)
    assert len(read) == len(FINDINGS)


def test_the_truth_of_a_finding_is_its_column():
    real = studies({}, None)
    by_name = truth.truth_by_finding(real)
    assert tuple(by_name) == FINDINGS
    assert by_name["effusion"][:2].tolist() == [1, 1]


def test_what_reports_say_comes_as_a_matrix_of_labels():
    nothing = dict.fromkeys(LABELS)
    rows = [{"labels": nothing | {"Edema": 1}}, {"labels": nothing | {"Fracture": 0}}]
    expected = labels({"Edema": 1}, {"Fracture": 0})
    np.testing.assert_array_equal(truth.said_labels(Dataset.from_list(rows)), expected)


def test_of_mixed_films_each_is_judged_by_what_is_known_of_it():
    items = [{"finding": "nodule", "side": "right"}]
    made = studies({"nodule": 1, "effusion": 0}, items).select([0])
    mixed = concatenate_datasets([studies({}, items).select([0]), made])
    assert truth.truth_source(mixed) == f"{truth.DRAWN}; of real films, {truth.REPORTED}"
    found = truth.finding_truth(mixed)
    assert column(found, "effusion") == [1, 0] and column(found, "nodule") == [0, 1]
    assert sorted(truth.side_truth(mixed)) == [(0, "effusion", "left"), (1, "nodule", "right")]


def test_codes_are_read_by_the_rules_that_the_virtual_hospital_draws_from():
    rows = [
        {"mesh_codes": ["Pleural Effusion/left/small", "Cardiomegaly/borderline"]},
        {"mesh_codes": ["normal"]},
        {"mesh_codes": ["Scoliosis/mild"], "sentences": ["Sternotomy wires."]},
        {"mesh_codes": None},
        {"mesh_codes": ["No Indexing"]},
    ]
    nothing = {"sentences": None}
    found = truth.coded_truth(Dataset.from_list([nothing | row for row in rows]))
    np.testing.assert_array_equal(column(found, "effusion"), [1, 0, 0, np.nan, np.nan])
    np.testing.assert_array_equal(column(found, "cardiomegaly"), [np.nan, 0, 0, np.nan, np.nan])
    np.testing.assert_array_equal(column(found, "scoliosis"), [0, 0, 1, np.nan, np.nan])
    np.testing.assert_array_equal(column(found, "sternal_wires"), [0, 0, np.nan, np.nan, np.nan])


def test_a_box_says_that_it_is_there_and_none_says_nothing():
    rows = []
    for said in ("finding:box", "finding:code side:random"):
        rows.append({"evidence": [{"finding": "nodule", "side": "", "said": said}]})
    rows.append({"evidence": None})
    found = truth.boxed_truth(Dataset.from_list(rows))
    np.testing.assert_array_equal(column(found, "nodule"), [1, np.nan, np.nan])
    assert np.nansum(found) == 1


def test_each_truth_has_a_name_to_print():
    assert list(truth.TRUTHS) == [truth.DRAWN, truth.CODED, truth.REPORTED, truth.BOXED]
