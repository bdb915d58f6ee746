"""On a made-up tree in the upstream layout, with faults planted; and on the development films,
where they are."""

import logging

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from public_films import covid
from tests.development import development
from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.pixels import unpack_mask
from txtray_utils.studies.sources.registry import load_rejects, load_studies
from txtray_utils.studies.splits import SPLITS

COLUMNS = (*covid._COLUMNS, "temperature", "pO2_saturation", "leukocyte_count")
FILM = np.full((80, 120), 128, np.uint8)
FILM[:50, :48] = FILM[:50, -48:] = 20  # dark lungs and corners, a bright middle
FILM[:, 50:70] = 240


def row(**values):
    usual = {
        "patientid": "1",
        "sex": "F",
        "age": "50",
        "finding": "Pneumonia",
        "view": "PA",
        "modality": "X-ray",
        "folder": "images",
        "license": "CC BY",
        "clinical_notes": "Fever for two days. Left lower lobe consolidation.",
    }
    return usual | values


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a function that writes rows and one film a row into a clone of the repository."""
    place = tmp_path / "clone"
    for folder in ("images", "annotations/lungVAE-masks"):
        (place / folder).mkdir(parents=True)
    monkeypatch.setenv("TXTRAY_COVID", str(place))
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))

    def write(*rows):
        pd.DataFrame(rows, columns=COLUMNS).to_csv(place / "metadata.csv", index=False)
        for one in rows:
            Image.fromarray(FILM).save(place / "images" / one["filename"])
        return place

    return write


def read(place):
    rejects = Rejects()
    rows = list(covid.rows(place, rejects))
    return {one["study_id"]: one for one in rows}, rejects.frame()


def test_a_row_becomes_a_study(tree):
    place = tree(
        row(
            filename="a.png",
            offset="2",
            temperature="38.5",
            leukocyte_count="11.2",
            view="AP Supine",
        ),
        row(
            filename="b.jpg",
            offset="0",
            license=None,
            finding="todo",
            sex=None,
            age=None,
            clinical_notes=None,
        ),
        row(filename="c.png", offset="2", finding="No Finding"),
    )
    Image.fromarray((FILM == 20).astype(np.uint8) * 255).save(
        place / "annotations/lungVAE-masks/a_mask.png"
    )
    found, rejects = read(place)
    a, b, c = (found[name] for name in "abc")
    assert len(rejects) == 0
    assert (a["view"], a["age"], a["sex"], a["sex_source"], a["licence"]) == (
        "AP",
        50,
        "F",
        "record",
        "CC BY",
    )
    assert a["sentences"] == ["Fever for two days.", "Left lower lobe consolidation."]
    assert (
        a["labels"]["Consolidation"] == a["labels"]["Pneumonia"] == 1
        and a["labels"]["No Finding"] is None
    )
    assert a["vitals"] == [
        {"name": "temperature", "value": 38.5, "unit": "C", "hours_before": None}
    ]
    assert a["labs"] == [
        {"name": "white_cells", "value": 11.2, "unit": "10^9/L", "hours_before": None}
    ]
    assert np.array_equal(unpack_mask(a["regions"][0]["mask"]), FILM == 20)
    assert (b["impression"], b["sex_source"], b["age"], b["licence"]) == (
        None,
        None,
        None,
        "not stated",
    )
    assert b["regions"] is None and b["sentences"] is None and set(b["labels"].values()) == {None}
    assert (a["prior_study_id"], b["prior_study_id"], c["prior_study_id"]) == ("b", None, "b")
    assert c["labels"]["No Finding"] == 1


def test_each_planted_fault_is_a_reject_and_the_rest_goes_on(tree):
    place = tree(
        row(filename="good.png"),
        row(filename="side.png", view="L"),
        row(filename="slice.png", modality="CT", view="Axial"),
        row(filename="gone.png"),
        row(filename="cut.png"),
        row(filename="black.png"),
        row(filename="inverted.png"),
        row(filename="number.png", age="fifty", temperature="warm"),
        row(filename="mask.png"),
        row(filename="good.png", age="51"),
        row(filename="scan.nii.gz.png", folder="volumes"),
    )
    images = place / "images"
    (images / "gone.png").rename(images / "orphan.png")
    (images / "scan.nii.gz.png").unlink()
    (images / "cut.png").write_bytes((images / "good.png").read_bytes()[:60])
    Image.fromarray(FILM * 0).save(images / "black.png")
    Image.fromarray(255 - FILM).save(images / "inverted.png")
    Image.fromarray(FILM[:70]).save(place / "annotations/lungVAE-masks/mask_mask.png")
    found, rejects = read(place)
    assert sorted(found) == ["good", "mask", "number"]
    assert found["number"]["age"] is None and found["number"]["vitals"] == []
    assert found["mask"]["regions"] is None
    faults = [f"{one.row or one.file.rsplit('/')[-1]}: {one.fault}" for one in rejects.itertuples()]
    expected = {
        "gone.png: its image file is missing",
        "orphan.png: the image has no row in",
        "good.png: the image is listed twice",
        "slice: is CT, not a radiograph",
        "side: no frontal view",
        "cut: cannot be decoded",
        "black: all pixels have the same",
        "inverted: looks inverted",
        "number: age is 'fifty'",
        "number: temperature is 'warm'",
        "mask: is (70, 120) and its image",
    }
    assert len(faults) == len(expected)
    assert all(any(fault.startswith(start) for fault in faults) for start in expected), faults
    assert all(rejects["remedy"])


def test_patients_who_may_be_one_person_share_a_split(tree):
    linked = [
        ("331a", {}),
        ("331b", {}),
        ("97", {}),
        ("178", {}),
        ("5", {"url": "u"}),
        ("6", {"url": "u", "doi": "d"}),
    ]
    linked += [("7", {"doi": "d"})] + [(str(number), {}) for number in range(1000, 1040)]
    found, _ = read(
        tree(
            *(row(filename=f"{patient}.png", patientid=patient, **more) for patient, more in linked)
        )
    )
    for group in (["331a", "331b"], ["97", "178"], ["5", "6", "7"]):
        assert len({found[patient]["split"] for patient in group}) == 1
    assert {one["split"] for one in found.values()} == set(SPLITS)


def test_a_missing_folder_column_or_table_says_what_to_do(tree, monkeypatch, tmp_path):
    place = tree(row(filename="a.png"))
    pd.read_csv(place / "metadata.csv").drop(columns=["view", "url"]).to_csv(
        place / "metadata.csv", index=False
    )
    with pytest.raises(InputError, match=r"lacks the columns \['url', 'view'\]"):
        read(place)
    (place / "metadata.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as csv"):
        read(place)
    monkeypatch.setenv("TXTRAY_COVID", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="holds no metadata.csv. Clone .* set TXTRAY_COVID"):
        covid.folder()


def test_the_table_is_made_once_and_again_when_the_index_changes(tree, caplog):
    place = tree(row(filename="a.png"), row(filename="l.png", view="L"))
    with caplog.at_level(logging.INFO, "txtray_utils"):
        first = load_studies("covid")
        assert load_studies("covid")["study_id"][:] == first["study_id"][:] == ["a"]
    assert len(caplog.records) == 1
    assert load_rejects("covid")["row"].tolist() == ["l"]
    assert not [file for file in place.rglob("*") if file.suffix in (".arrow", ".partial")], (
        "nothing is written there"
    )
    tree(row(filename="a.png"), row(filename="b.png"))
    assert sorted(load_studies("covid")["study_id"]) == ["a", "b"]
    with pytest.raises(ValueError, match="no source 'open-i'; choose one of demo, covid"):
        load_studies("open-i")


def test_the_development_films(tmp_path, monkeypatch):
    films = development("covid-cxr")
    monkeypatch.setenv("TXTRAY_COVID", str(films))
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    table = load_studies("covid")
    # The counts that the README of the folder gives.
    assert len(table) == 143 and len(set(table["subject_id"])) == 85
    assert sum(regions is not None for regions in table["regions"]) == 86
    assert (
        sum(
            bool(labs or vitals)
            for labs, vitals in zip(table["labs"], table["vitals"], strict=True)
        )
        == 16
    )
    assert len(load_rejects("covid")) == 0
    split = dict(zip(table["subject_id"], table["split"], strict=True))
    assert split["97"] == split["178"] and split["331a"] == split["331b"]
    assert set(split.values()) == set(SPLITS)
    assert all(value is None for drawn in table["drawn"] for value in drawn.values())
