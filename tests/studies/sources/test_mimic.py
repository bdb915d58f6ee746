"""The MIMIC source on a small tree as PhysioNet lays it out: simulated studies, noise for films,
our own sentences."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.sources import mimic
from txtray_utils.studies.table import make_table
from txtray_utils.vocabulary import LABELS
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.files import study_folder, write_study
from virtual_hospital.tables import write_tables

SECTIONS = {
    "indication": "Cough for two weeks.",
    "comparison": "None.",
    "findings": "The heart is enlarged. There is no pleural effusion.",
    "impression": "Cardiomegaly. Possible pneumonia.",
}
METADATA = "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz"


def make_tree(root: Path, studies: int = 30):
    """Write a whole tree and return its cases; the films are 80 x 64 pixels of noise."""
    cases = plan_cohort(studies, seed=5)
    for case in cases:
        write_study(root, case, np.random.default_rng(case.seed).random((80, 64)), SECTIONS)
    write_tables(cases, root, seed=5)
    return cases


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    return root, make_tree(root)


@pytest.fixture
def tree(whole, tmp_path):
    """A copy that a test may break."""
    root, cases = whole
    return Path(shutil.copytree(root, tmp_path / "tree")), cases


def read(root: Path) -> tuple[dict[str, dict], Rejects]:
    rejects = Rejects()
    return {row["study_id"]: row for row in mimic.rows(root, rejects)}, rejects


def edit(path: Path, change) -> None:
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)


def test_every_study_is_a_row_of_the_study_table(whole, tmp_path):
    root, cases = whole
    found, _ = read(root)
    assert set(found) == {case.study_id for case in cases}
    table = make_table(found.values(), tmp_path / "table.arrow")
    assert len(table) == len(cases) and table.unique("source") == ["mimic"]
    for case in cases:
        row = found[case.study_id]
        assert (row["subject_id"], row["image_id"], row["split"], row["view"]) == (
            case.subject_id, case.dicom_id, case.split, case.view)  # fmt: skip
        assert row["study_time"] == case.study_time.replace(microsecond=0)


def test_the_text_is_read_into_sections_sentences_and_labels(whole):
    row = next(iter(read(whole[0])[0].values()))
    assert {name: row[name] for name in SECTIONS} == SECTIONS
    assert row["sentences"] == [
        "The heart is enlarged.",
        "There is no pleural effusion.",
        "Cardiomegaly.",
        "Possible pneumonia.",
    ]
    labels = row["labels"]
    assert tuple(labels) == LABELS
    assert (
        labels["Cardiomegaly"],
        labels["Pleural Effusion"],
        labels["Pneumonia"],
        labels["Fracture"],
    ) == (
        1,
        0,
        -1,
        None,
    )


def test_the_record_is_joined_and_what_is_unknown_is_null(whole):
    root, _ = whole
    found, _ = read(root)
    truth = pd.read_csv(root / "truth/record.csv", dtype={"study_id": str}).set_index("study_id")
    labs = pd.read_csv(root / "truth/labs.csv", dtype={"study_id": str})
    for study, row in found.items():
        known = truth.loc[study]
        if not known["in_record"]:
            assert (row["age"], row["sex"], row["labs"], row["vitals"]) == (None, None, None, None)
            continue
        assert (
            row["age"] == known["age"]
            and row["sex"] == known["sex"]
            and row["sex_source"] == "record"
        )
        wanted = labs[labs["study_id"] == study].set_index("name")["value"].to_dict()
        assert {lab["name"]: lab["value"] for lab in row["labs"]} == pytest.approx(wanted, rel=1e-5)
        assert bool(row["vitals"]) == bool(known[["heartrate", "sbp"]].notna().any())
    assert (truth["in_record"].sum(), len(truth)) != (len(truth), len(truth))


def test_the_prior_is_the_last_film_before_of_the_same_patient(whole):
    root, cases = whole
    found, _ = read(root)
    for case in cases:
        before = [
            c for c in cases if c.subject_id == case.subject_id and c.study_time < case.study_time
        ]
        prior = max(before, key=lambda c: c.study_time).study_id if before else None
        assert found[case.study_id]["prior_study_id"] == prior
    assert any(row["prior_study_id"] for row in found.values())


def test_pa_is_taken_before_ap_and_a_lateral_never(tree):
    root, cases = tree
    case = next(c for c in cases if c.view == "AP")
    folder = root / "mimic-cxr" / study_folder(case)
    extra = {"aaaa": "PA", "bbbb": "LATERAL"}
    for name in extra:
        shutil.copy(folder / f"{case.dicom_id}.dcm", folder / f"{name}.dcm")

    def add(metadata):
        row = metadata[metadata["dicom_id"] == case.dicom_id]
        return pd.concat(
            [
                metadata,
                *(row.assign(dicom_id=name, ViewPosition=view) for name, view in extra.items()),
            ]
        )

    def split(table):
        return pd.concat(
            [
                table,
                *(
                    table[table["dicom_id"] == case.dicom_id].assign(dicom_id=name)
                    for name in extra
                ),
            ]
        )

    edit(root / METADATA, add)
    edit(root / mimic.SPLIT, split)
    found, rejects = read(root)
    assert (found[case.study_id]["image_id"], found[case.study_id]["view"]) == ("aaaa", "PA")
    assert len(found) == len(cases) and not any(
        name in row.row for row in rejects.rows for name in extra
    )


def test_the_jpg_layout_serves_where_there_is_no_dicom(tree):
    root, cases = tree
    for file in (root / "mimic-cxr/files").rglob("*.dcm"):
        file.unlink()
    found, _ = read(root)
    assert len(found) == len(cases)
    assert len({row["image"] for row in found.values()}) == len(cases)


def test_without_the_record_films_and_text_remain(tree, caplog):
    root, cases = tree
    shutil.rmtree(root / "mimic-iv")
    found, _ = read(root)
    assert len(found) == len(cases) and "no mimic-iv" in caplog.text
    row = found[cases[0].study_id]
    assert row["study_time"] and row["age"] is None and row["labs"] is None and row["findings"]


def test_what_cannot_be_used_is_rejected_and_the_rest_goes_on(tree):
    root, cases = tree
    broken, unsplit, mute, foreign, timeless = cases[:5]
    films, reports = root / "mimic-cxr", root / "mimic-cxr"
    path = films / study_folder(broken) / f"{broken.dicom_id}.dcm"
    path.write_bytes(path.read_bytes()[:-500])
    edit(root / mimic.SPLIT, lambda table: table[table["dicom_id"] != unsplit.dicom_id])
    (reports / f"{study_folder(mute)}.txt").unlink()
    (reports / f"{study_folder(foreign)}.txt").write_bytes(
        "Überblähung der Lunge".encode("latin-1")
    )
    edit(
        root / METADATA,
        lambda table: table.assign(
            StudyTime=table["StudyTime"].where(table["dicom_id"] != timeless.dicom_id)
        ),
    )
    stray = films / study_folder(cases[-1]) / "stray.dcm"
    shutil.copy(films / study_folder(cases[-1]) / f"{cases[-1].dicom_id}.dcm", stray)
    found, rejects = read(root)
    assert set(found) == {case.study_id for case in cases} - {broken.study_id, unsplit.study_id}
    for case in (mute, foreign):
        row = found[case.study_id]
        assert (row["findings"], row["sentences"], set(row["labels"].values())) == (
            None,
            None,
            {None},
        )
    assert found[timeless.study_id]["study_time"] is None
    faults = " | ".join(f"{row.file} {row.row}: {row.fault}" for row in rejects.rows)
    for said in (
        broken.study_id,
        unsplit.dicom_id,
        f"{study_folder(mute)}.txt",
        "not UTF-8",
        timeless.study_id,
        "stray.dcm",
    ):
        assert said in faults, said


@pytest.mark.parametrize(
    "table, column, other", [(METADATA, "ViewPosition", "PA"), (mimic.SPLIT, "split", "test")]
)
@pytest.mark.parametrize("same", [True, False])
def test_a_film_listed_twice_is_kept_once_and_said(tree, table, column, other, same):
    root, cases = tree
    case = next(c for c in cases if c.view == "AP" and c.split == "train")

    def repeat(rows):
        again = rows[rows["dicom_id"] == case.dicom_id]
        return pd.concat([rows, again if same else again.assign(**{column: other})])

    edit(root / table, repeat)
    found, rejects = read(root)
    kept = found[case.study_id]
    assert len(found) == len(cases) and (kept["view"], kept["split"]) == ("AP", "train")
    said = [row for row in rejects.rows if row.row == case.dicom_id]
    assert [(row.file, row.fault) for row in said] == [
        (str(root / table), "the image is listed twice")
    ]


@pytest.mark.parametrize("table", [METADATA, mimic.SPLIT])
def test_a_broken_table_is_named(tree, table):
    root, _ = tree
    path = root / table
    whole = path.read_bytes()
    path.write_bytes(whole[:-12])
    with pytest.raises(InputError, match=f"{path.name}: cannot be read.*download.sh"):
        read(root)
    path.write_bytes(whole)
    edit(path, lambda rows: rows.rename(columns={"dicom_id": "image"}))
    with pytest.raises(InputError, match=f"{path.name}: cannot be read.*dicom_id"):
        read(root)


def test_a_tree_without_films_and_a_folder_without_a_tree_are_refused(tree, monkeypatch):
    root, _ = tree
    for project in ("mimic-cxr", "mimic-cxr-jpg"):
        shutil.rmtree(root / project / "files")
    with pytest.raises(InputError, match="has no film"):
        read(root)
    monkeypatch.setenv("TXTRAY_DATA", str(root.parent))
    with pytest.raises(InputError, match="download.sh mimic"):
        mimic.folder()
    root.rename(root.parent / "mimic")
    assert mimic.folder() == (root.parent / "mimic").resolve()
