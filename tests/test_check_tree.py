"""The check of a downloaded tree: every planted fault is counted and named, and a sound tree
passes."""

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import check_tree
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tree_findings import CHAPTERS

from tests.studies.sources.test_mimic import METADATA, edit, make_tree
from virtual_hospital.files import study_folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "tree"
    cases = make_tree(root, 20)
    for project in root.iterdir():
        files = [file for file in sorted(project.rglob("*")) if file.is_file()]
        lines = [
            f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.relative_to(project)}"
            for file in files
        ]
        (project / "SHA256SUMS.txt").write_text("\n".join(lines) + "\n")
    return root, cases


@pytest.fixture
def tree(whole, tmp_path):
    root, cases = whole
    return shutil.copytree(root, tmp_path / "tree"), cases


def test_a_sound_tree_passes_and_is_counted(whole, capsys):
    root, cases = whole
    assert check_tree.main(["mimic", "--dest", str(root)]) == 0
    said = capsys.readouterr().out
    found = check_tree.check("mimic", root)
    assert found.faults == [] and found.has == {
        "films",
        "reports",
        check_tree.PAIRS,
        "record",
        "emergency",
    }
    counts = {
        "film rows": 20,
        "study rows": 20,
        "films (.dcm)": 20,
        "reports": 20,
        "hashes (mimic-iv)": 5,
    }
    assert counts.items() <= found.counts.items()
    assert found.counts["patient rows"] == len({case.subject_id for case in cases})
    assert "377,110" in said and "03 Linking images to the record: yes\n" in said


def test_every_planted_fault_is_found(tree):
    root, (first, second, third, *_) = tree
    films = root / "mimic-cxr"
    (films / study_folder(first) / f"{first.dicom_id}.dcm").rename(
        films / study_folder(first) / "stray.dcm"
    )
    (films / f"{study_folder(second)}.txt").rename(
        films / f"{study_folder(second)[:-8]}59999999.txt"
    )
    edit(root / METADATA, lambda rows: pd.concat([rows, rows[rows["dicom_id"] == third.dicom_id]]))
    split = root / "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz"
    strays = [
        {"dicom_id": f"x{side}", "subject_id": third.subject_id, "split": side}
        for side in ("train", "test")
    ]
    edit(
        split,
        lambda rows: pd.concat([rows[rows["dicom_id"] != first.dicom_id], pd.DataFrame(strays)]),
    )
    edit(
        root / "mimic-cxr/cxr-record-list.csv.gz",
        lambda rows: rows.assign(dicom_id=rows["dicom_id"].replace(second.dicom_id, "other")),
    )
    edit(root / "mimic-iv/hosp/patients.csv.gz", lambda rows: pd.concat([rows, rows[:1]]))
    (root / "mimic-iv/icu/icustays.csv.gz.partial").touch()
    found = check_tree.check("mimic", root)
    faults, gaps = " | ".join(found.faults), " | ".join(found.gaps)
    for said in (
        "1 films have two rows",
        "1 films have no row in the split",
        "1 patients are in two splits",
        third.subject_id,
        "2 films are only in one",
        "1 films have no row:",
        "stray.dcm",
        "1 reports have no film row",
        "59999999",
        "2 rows of the split table have no film row",
        "1 patients have two rows",
        "differ from the published SHA-256",
        "mimic-iv/hosp/patients.csv.gz",
    ):
        assert said in faults, said
    for said in (
        "1 rows have no film",
        "1 studies have no report",
        second.study_id,
        "icustays.csv.gz.partial",
    ):
        assert said in gaps, said
    assert check_tree.main(["mimic", "--dest", str(root)]) == 1


def test_each_chapter_is_told_what_it_can_do(tree, capsys):
    root, _ = tree
    shutil.rmtree(root / "mimic-iv-ed")
    shutil.rmtree(root / "mimic-cxr/files")
    assert check_tree.main(["mimic", "--dest", str(root)]) == 0
    said = capsys.readouterr().out
    assert "01 Reading a radiograph: yes, without masks" in said  # the JPG films are still there
    assert "02 Reading a report: no, reports missing" in said
    assert "03 Linking images to the record: yes, without emergency" in said
    assert "05 Retrieval and zero-shot: no, frontal films with reports missing" in said
    shutil.rmtree(root / "mimic-cxr-jpg/files")
    shutil.rmtree(root / "mimic-iv")
    check_tree.main(["mimic", "--dest", str(root)])
    assert (
        "03 Linking images to the record: no, films and record missing" in capsys.readouterr().out
    )


def test_every_chapter_of_the_book_is_known():
    book = Path(__file__).parents[1] / "book"
    titles = {
        file.name[:2]: json.loads(file.read_text())["cells"][0]["source"][0]
        .removeprefix("# ")
        .strip()
        .split(":")[0]
        for file in book.glob("0*.ipynb")
    }
    known = {chapter[:2]: chapter[3:] for chapter in CHAPTERS}
    assert titles.items() <= known.items()
    assert {"06", "08"} <= set(known)


def test_lateral_films_or_films_of_other_studies_do_not_serve_a_chapter_that_pairs(tree):
    root, _ = tree
    assert check_tree.PAIRS in check_tree.check("mimic", root).has
    edit(root / METADATA, lambda rows: rows.assign(ViewPosition="LATERAL"))
    found = check_tree.check("mimic", root)
    assert check_tree.PAIRS not in found.has and {"films", "reports"} <= found.has


def test_a_table_that_only_began_to_download_is_not_there(tree):
    root, _ = tree
    for name in ("labevents", "patients"):
        table = root / f"mimic-iv/hosp/{name}.csv.gz"
        table.rename(table.with_name(f"{table.name}.partial"))
    found = check_tree.check("mimic", root)
    assert "record" not in found.has and found.faults == []
    assert any("mimic-iv/hosp/labevents, mimic-iv/hosp/patients" in gap for gap in found.gaps)


@pytest.mark.parametrize(
    "name",
    [
        METADATA,
        "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz",
        "mimic-iv/hosp/patients.csv.gz",
        "mimic-cxr/cxr-record-list.csv.gz",
    ],
)
@pytest.mark.parametrize("how", ["cut", "damaged"])
def test_a_table_that_cannot_be_read_is_a_fault_and_the_rest_is_checked(tree, name, how, capsys):
    root, _ = tree
    whole = gzip.compress((gzip.decompress((root / name).read_bytes())), mtime=0)
    middle = len(whole) // 2
    broken = (
        whole[:middle] if how == "cut" else whole[:middle] + b"\xff" * 40 + whole[middle + 40 :]
    )
    (root / name).write_bytes(broken)
    assert check_tree.main(["mimic", "--dest", str(root)]) == 1
    said = capsys.readouterr().out
    assert (
        f"WRONG: {name.split('/', 1)[1] if name.startswith('mimic-iv/') else name} cannot be read"
        in said
    )
    assert f"published SHA-256; run data/download.sh again: {name}" in said
    assert (
        "hashes (mimic-iv)                    5" in said
        and "reports                             20" in said
    )


def test_a_split_table_that_is_not_there_is_a_gap(tree):
    root, _ = tree
    (root / "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz").unlink()
    found = check_tree.check("mimic", root)
    assert found.faults == [] and any("2.0.0-split.csv.gz" in gap for gap in found.gaps)
    chapters = list(found.lines())[-len(CHAPTERS) :]
    assert all("no, " in line and "the split table missing" in line for line in chapters)


def test_a_tree_without_its_table_of_films_is_refused(tree, capsys):
    root, _ = tree
    (root / METADATA).unlink()
    assert check_tree.main(["mimic", "--dest", str(root)]) == 1
    assert "metadata.csv.gz: is missing" in capsys.readouterr().err


def test_film_rows_without_an_identifier_are_named(tree):
    root, (first, *_) = tree
    edit(
        root / METADATA,
        lambda rows: rows.assign(
            subject_id=rows["subject_id"].mask(rows["dicom_id"] == first.dicom_id)
        ),
    )
    assert any(
        fault.startswith("1 film rows lack an identifier")
        for fault in check_tree.check("mimic", root).faults
    )


def test_rows_of_patients_who_are_not_in_the_record_are_orphans(tree):
    root, _ = tree
    edit(
        root / "mimic-iv/hosp/admissions.csv.gz",
        lambda rows: pd.concat([rows, rows[:1].assign(subject_id="99")]),
    )
    faults = check_tree.check("mimic", root).faults
    assert "1 patients of hosp/admissions are not in hosp/patients: 99" in faults


def test_checksums_that_are_missing_or_are_a_login_page_are_said(tree):
    root, _ = tree
    (root / "mimic-iv/SHA256SUMS.txt").write_text("<html>\nPlease log in\n")
    (root / "mimic-cxr/SHA256SUMS.txt").unlink()
    found = check_tree.check("mimic", root)
    assert "2 lines of mimic-iv/SHA256SUMS.txt are no checksums: fetch it again" in found.faults
    assert any("mimic-cxr are not compared" in gap for gap in found.gaps)


def test_a_record_of_strangers_is_a_fault(tree):
    root, _ = tree
    edit(
        root / "mimic-iv/hosp/patients.csv.gz",
        lambda rows: rows.assign(subject_id=range(len(rows))),
    )
    assert any(
        "patients with films are not in MIMIC-IV" in fault
        for fault in check_tree.check("mimic", root).faults
    )


def test_the_record_alone_is_checked_as_the_open_demo(tree):
    root, _ = tree
    for project in ("mimic-cxr", "mimic-cxr-jpg"):
        shutil.rmtree(root / project)
    found = check_tree.check("mimic-demo", root)
    assert found.faults == [] and found.has == {"record", "emergency"}


def film(path):
    """Write a film that opens, of noise."""
    noise = np.random.default_rng(0).integers(0, 255, (96, 96), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def test_a_covid_tree(tmp_path, capsys):
    for folder in ("images", "annotations/lungVAE-masks"):
        (tmp_path / folder).mkdir(parents=True)
    table = pd.DataFrame(
        {
            "folder": ["images"] * 3 + ["volumes"],
            "filename": ["a.png", "b.png", None, "c.nii"],
            "modality": "X-ray",
            "view": "PA",
            "finding": "todo",
            "clinical_notes": "Ours.",
        }
    )
    table.to_csv(tmp_path / "metadata.csv")
    for name in (
        "images/a.png",
        "images/d.jpg",
        "annotations/lungVAE-masks/a_mask.png",
        "annotations/lungVAE-masks/e_mask.png",
    ):
        film(tmp_path / name)
    found = check_tree.check("covid", tmp_path)
    assert (
        found.counts["image rows"] == 2 and "b.png" in found.gaps[0] and "d.jpg" in found.faults[0]
    )
    assert found.faults[1] == "1 masks have no image row: e"
    assert found.has == {"films", "reports", "masks", check_tree.PAIRS}
    table.assign(view="L").to_csv(tmp_path / "metadata.csv")
    assert check_tree.PAIRS not in check_tree.check("covid", tmp_path).has
    table.drop(columns="folder").to_csv(tmp_path / "metadata.csv")
    assert (
        check_tree.main(["covid", "--dest", str(tmp_path)]) == 1
        and "folder" in capsys.readouterr().err
    )


def test_an_openi_tree(tmp_path):
    (tmp_path / "png").mkdir()
    for name in (
        "CXR1000_IM-0003-2001",
        "CXR1000_IM-0003-1001",
        "CXR0_x",
    ):  # the second has a report and no header
        film(tmp_path / f"png/{name}.png")
    found = check_tree.check("openi", tmp_path)
    assert found.counts["films"] == 3 and "7,468 headers have no film" in found.gaps[0]
    assert "CXR1000_IM-0003-1001" in found.gaps[1]
    assert len(found.faults) == 1 and "CXR0_x" in found.faults[0]


@pytest.mark.parametrize("source", check_tree.SOURCES)
def test_a_missing_folder_says_how_to_get_it(source, tmp_path, capsys):
    assert check_tree.main([source, "--dest", str(tmp_path / "none")]) == 1
    assert f"data/download.sh {source}" in capsys.readouterr().err
