"""The check of a downloaded tree: every planted fault is counted and named, and a sound tree passes."""

import hashlib
import shutil

import pandas as pd
import pytest

from txtray_utils import check_tree
from txtray_utils.virtual.files import study_folder

from .sources.test_mimic import METADATA, edit, make_tree


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "tree"
    cases = make_tree(root, 20)
    for project in root.iterdir():
        files = [file for file in sorted(project.rglob("*")) if file.is_file()]
        lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.relative_to(project)}" for file in files]
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
    assert found.faults == [] and found.has == {"films", "reports", "record", "emergency"}
    counts = {"film rows": 20, "study rows": 20, "films (.dcm)": 20, "reports": 20, "hashes (mimic-iv)": 5}
    assert counts.items() <= found.counts.items()
    assert found.counts["patient rows"] == len({case.subject_id for case in cases})
    assert "377,110" in said and "03 Linking images to the record: yes\n" in said


def test_every_planted_fault_is_found(tree):
    root, (first, second, third, *_) = tree
    films = root / "mimic-cxr"
    (films / study_folder(first) / f"{first.dicom_id}.dcm").rename(films / study_folder(first) / "stray.dcm")
    (films / f"{study_folder(second)}.txt").rename(films / f"{study_folder(second)[:-8]}59999999.txt")
    edit(root / METADATA, lambda rows: pd.concat([rows, rows[rows["dicom_id"] == third.dicom_id]]))
    split = root / "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz"
    strays = [{"dicom_id": f"x{side}", "subject_id": third.subject_id, "split": side} for side in ("train", "test")]
    edit(split, lambda rows: pd.concat([rows[rows["dicom_id"] != first.dicom_id], pd.DataFrame(strays)]))
    edit(
        root / "mimic-cxr/cxr-record-list.csv.gz",
        lambda rows: rows.assign(dicom_id=rows["dicom_id"].replace(second.dicom_id, "other")),
    )
    edit(root / "mimic-iv/hosp/patients.csv.gz", lambda rows: pd.concat([rows, rows[:1]]))
    (root / "mimic-iv/icu/icustays.csv.gz.partial").touch()
    found = check_tree.check("mimic", root)
    faults, gaps = " | ".join(found.faults), " | ".join(found.gaps)
    for said in ("1 films have two rows", "1 films have no row in the split", "1 patients are in two splits",
                 third.subject_id, "2 films are only in one", "1 films have no row:", "stray.dcm", "1 reports have no film row",
                 "59999999", "1 patients have two rows", "differ from the published SHA-256",
                 "mimic-iv/hosp/patients.csv.gz"):  # fmt: skip
        assert said in faults, said
    for said in ("1 rows have no film", "1 studies have no report", second.study_id, "icustays.csv.gz.partial"):
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
    shutil.rmtree(root / "mimic-cxr-jpg/files")
    shutil.rmtree(root / "mimic-iv")
    check_tree.main(["mimic", "--dest", str(root)])
    assert "03 Linking images to the record: no, films and record missing" in capsys.readouterr().out


def test_a_record_of_strangers_is_a_fault(tree):
    root, _ = tree
    edit(root / "mimic-iv/hosp/patients.csv.gz", lambda rows: rows.assign(subject_id=range(len(rows))))
    assert any("patients with films are not in MIMIC-IV" in fault for fault in check_tree.check("mimic", root).faults)


def test_the_record_alone_is_checked_as_the_open_demo(tree):
    root, _ = tree
    for project in ("mimic-cxr", "mimic-cxr-jpg"):
        shutil.rmtree(root / project)
    found = check_tree.check("mimic-demo", root)
    assert found.faults == [] and found.has == {"record", "emergency"}


def test_covid_and_openi_trees(tmp_path):
    (tmp_path / "images").mkdir()
    pd.DataFrame({"folder": ["images"] * 2 + ["volumes"], "filename": ["a.png", "b.png", "c.nii"]}).to_csv(
        tmp_path / "metadata.csv"
    )
    for name in ("a.png", "d.jpg"):
        (tmp_path / "images" / name).touch()
    found = check_tree.check("covid", tmp_path)
    assert found.counts["image rows"] == 2 and "b.png" in found.gaps[0] and "d.jpg" in found.faults[0]
    (tmp_path / "openi/png").mkdir(parents=True)
    (tmp_path / "openi/png/CXR1000_IM-0003-2001.png").touch()
    (tmp_path / "openi/png/CXR0_x.png").touch()
    found = check_tree.check("openi", tmp_path / "openi")
    assert found.counts["films"] == 2 and "7,468 headers have no film" in found.gaps[0] and "CXR0_x" in found.faults[0]


@pytest.mark.parametrize("source", check_tree.SOURCES)
def test_a_missing_folder_says_how_to_get_it(source, tmp_path, capsys):
    assert check_tree.main([source, "--dest", str(tmp_path / "none")]) == 1
    assert f"data/download.sh {source}" in capsys.readouterr().err
