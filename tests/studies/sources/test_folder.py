"""Your own hospital: studies.csv and films, made by each test, with faults planted."""

import csv
import io
import logging
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from tests.development import development
from tests.read.films import made
from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.pixels import pixels
from txtray_utils.studies.sources import folder
from txtray_utils.studies.sources.folder_study import LICENCE
from txtray_utils.studies.sources.openi_package import read_reports
from txtray_utils.studies.sources.registry import load_rejects, load_studies
from txtray_utils.studies.splits import SPLITS, patient_split

FILM = np.kron(np.arange(48, dtype=np.uint8).reshape(6, 8) * 5, np.ones((16, 16), np.uint8))


def row(image, **values):
    return {"image": image, "patient": "p1", "report": "The lungs are clear."} | values


def write_film(file, view=None):
    """Write a small film of the kind that the name asks for; without an ending it is DICOM."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix in ("", ".dcm"):
        header = {"ViewPosition": view} if view else {}
        made(FILM, **header).save_as(file, enforce_file_format=True)
    elif "16" in file.stem:
        Image.fromarray(FILM.astype(np.uint16) * 100).save(file)
    elif "rgba" in file.stem:
        Image.fromarray(FILM).convert("RGBA").save(file)
    else:
        Image.fromarray(FILM).save(file)


@pytest.fixture
def place(tmp_path, monkeypatch):
    place = tmp_path / "ours"
    place.mkdir()
    monkeypatch.setenv("TXTRAY_FOLDER", str(place))
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    return place


@pytest.fixture
def write(place):
    """Return a function that writes the list and a film a row."""

    def write(*rows, films=True):
        names = list(dict.fromkeys(name for one in rows for name in one))
        text = io.StringIO()
        table = csv.DictWriter(text, names)
        table.writeheader()
        table.writerows(rows)
        (place / "studies.csv").write_bytes(text.getvalue().encode())
        for one in rows if films else ():
            write_film(place / one["image"])
        return place

    return write


def read(place):
    rejects = Rejects()
    found = {one["study_id"]: one for one in folder.rows(place, rejects)}
    said = [f"{one.row}: {one.fault}" for one in rejects.rows]
    assert all(one.remedy for one in rejects.rows)
    return found, said


def test_every_kind_of_film_becomes_a_study_of_the_table(write):
    kinds = ("a.dcm", "deep/noending", "b8.png", "b16.png", "rgba.png", "c.jpg")
    write(*(row(name, patient=f"p{k}") for k, name in enumerate(kinds)))
    table = load_studies("folder")
    assert table["study_id"][:] == ["a", "deep/noending", "b8", "b16", "rgba", "c"]
    assert table["image_id"][:] == list(kinds)
    assert load_rejects("folder").empty
    for row_of in table:
        film = pixels(row_of["image"])
        assert film[-1, -1] > 0.8, row_of["image_id"]
        assert film[0, 0] < 0.1
        assert row_of["source"] == "folder"
        assert row_of["licence"] == LICENCE
        assert row_of["view"] == "PA"
        assert set(row_of["drawn"].values()) == {None}
        assert set(row_of["mesh_labels"].values()) == {None}
        for unknown in ("regions", "evidence", "labs", "vitals", "mesh_codes", "age", "sex"):
            assert row_of[unknown] is None


def test_the_prior_is_the_last_study_of_an_earlier_day_of_the_same_patient(write):
    found, said = read(
        write(
            row("late.png", date="2021-03-05"),
            row("noon.png", date="2021-03-04 12:30"),
            row("early.png", date="2021-03-04T09:00"),
            row("first.png", date="20200101"),
            row("undated.png", date=""),
            row("other.png", patient="p2", date="2021-03-06"),
        )
    )
    assert not said
    assert {name: one["prior_study_id"] for name, one in found.items()} == {
        "late": "noon", "noon": "first", "early": "first",
        "first": None, "undated": None, "other": None,
    }  # fmt: skip
    assert found["noon"]["study_time"] == datetime(2021, 3, 4, 12, 30)


def test_without_a_split_patients_are_parted_by_patient_split(write):
    rows = [row(f"{k}.png", patient=f"p{k % 20}") for k in range(40)]
    found, _ = read(write(*rows))
    wanted = patient_split({f"p{k}" for k in range(20)}, seed=0)
    for one in found.values():
        assert one["split"] == wanted[one["subject_id"]]
    assert set(wanted.values()) == set(SPLITS)


def test_a_given_split_holds_for_all_of_a_patient(write):
    found, said = read(
        write(
            row("a.png", patient="1", split="Test"),
            row("b.png", patient="1", split=""),
            row("c.png", patient="2", split="val"),
            row("d.png", patient="3", split="dev"),
        )
    )
    assert {name: one["split"] for name, one in found.items()} == {
        "a": "test", "b": "test", "c": "validate"}  # fmt: skip
    assert said == ["line 5: its split is 'dev'"]


def test_a_patient_on_two_sides_of_the_split_is_named(write):
    rows = [row("a.png", split="train"), row("b.png", split="test")]
    others = [row("c.png", patient="p2", split="train")]
    with pytest.raises(InputError, match=r"studies.csv: patients on two sides .*: p1\. Give all"):
        read(write(*rows, *others))


PLANTED = [
    row("good.png", study="s1", view="PA"),
    row("good.png", study="s1b", view="PA"),
    row("again.png", study="s1", view="PA"),
    row("side.png", study="s2", view="Lateral"),
    row("gone.png", study="s3", view="PA"),
    row("../outside.png", study="s4", view="PA"),
    row("cut.png", study="s5", view="AP"),
    row("text.png", study="s6", view="AP"),
    row("one.png", study="two", view="AP"),
    row("other.png", study="two", view="AP", patient="p2"),
    row("nobody.png", study="s8", view="AP", patient=""),
    row("supine.png", study="s9", view="ap supine", age="fifty"),
    row("both.png", study="s10", view="AP"),
    row("both_pa.png", study="s10", view="PA"),
]


def test_each_planted_fault_is_a_reject_and_the_rest_goes_on(write, place, caplog):
    write(*PLANTED)
    (place / "gone.png").rename(place / "orphan.png")
    (place / "cut.png").write_bytes((place / "good.png").read_bytes()[:50])
    (place / "text.png").write_text("no film")
    with (place / "studies.csv").open("a") as file:
        file.write("short.png,p3\r\n")
    with caplog.at_level(logging.WARNING, "txtray_utils"):
        found, said = read(place)
    assert set(found) == {"s1", "s9", "s10"}
    assert found["s9"]["view"] == "AP"
    assert found["s9"]["age"] is None
    assert found["s10"]["image_id"] == "both_pa.png"
    expected = {
        "line 12: names no patient",
        "s9: age is 'fifty', not a number",
        "line 16: has 2 cells, and the header has 6",
        "two: the study is that of several patients",
        "gone.png: its image file is missing",
        "../outside.png: lies outside the folder",
        "side.png: its view is LATERAL, and only frontal",
        "good.png: the image is listed twice",
        "again.png: the study s1 comes twice",
        "both.png: the study s10 comes twice",
        "s5: cannot be decoded",
        "s6: is not a DICOM, PNG or JPEG",
    }
    assert len(said) == len(expected)
    assert all(any(fault.startswith(start) for fault in said) for start in expected), said
    (logged,) = [one.getMessage() for one in caplog.records]
    assert "2 films without a row in studies.csv" in logged  # orphan.png and nobody.png


def test_a_view_that_is_not_listed_is_that_of_the_header_or_else_pa(write, place, caplog):
    write(row("side.dcm", study="s"), row("front", study="s"), row("plain.png"))
    write_film(place / "side.dcm", view="LL")
    write_film(place / "front", view="AP")
    found, said = read(place)
    assert {name: one["view"] for name, one in found.items()} == {"s": "AP", "plain": "PA"}
    assert found["s"]["image_id"] == "front"
    assert said == ["side.dcm: its view is LL, and only frontal films (PA or AP) are used"]
    assert "1 films have no view and are taken as PA" in caplog.text


def test_when_no_row_can_be_used_the_fault_is_told(write):
    with pytest.raises(InputError, match=r"none of its rows can be used; the last, b.png: its im"):
        read(write(row("a.png"), row("b.png"), films=False))
    with pytest.raises(InputError, match="the last, line 2: names no patient. Fill the cell"):
        read(write(row("a.png", patient="")))


def test_a_table_that_would_be_kept_in_a_git_work_tree_is_refused(write, tmp_path):
    write(row("a.png", view="PA"))
    (tmp_path / "data" / ".git").mkdir(parents=True)
    with pytest.raises(InputError, match="a git work tree.*'folder' is credentialed.*TXTRAY_DATA"):
        load_studies("folder")


def test_the_table_is_made_again_when_the_list_changes_and_nothing_is_written_there(write):
    place = write(row("a.png"))
    before = sorted(place.rglob("*"))
    assert load_studies("folder")["study_id"][:] == ["a"]
    assert sorted(place.rglob("*")) == before
    write(row("a.png"), row("b.png"), row("c.png", view="LL"))
    assert load_studies("folder")["study_id"][:] == ["a", "b"]
    assert load_rejects("folder")["row"].tolist() == ["c.png"]


def test_the_development_films(write, place):
    packed = development("openi256")
    reports = read_reports().set_index("uid")["text"]
    rows = []
    for film in sorted((packed / "films").iterdir())[:60]:
        patient = film.name.partition("_")[0]
        report = reports[f"CXR{patient}"]
        rows.append(row(film.name, patient=patient, study=patient, view="PA", report=report))
        (place / film.name).symlink_to(film)
    write(*rows, films=False)
    table = load_studies("folder")
    studies = {one["study"] for one in rows}
    assert set(table["study_id"]) == studies
    assert len(load_rejects("folder")) == len(rows) - len(studies)
    assert all(table["sentences"])
    assert set(table["split"]) == set(SPLITS)
