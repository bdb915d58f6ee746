"""The hospital on disk: the same bytes however it was made, and clear words where it cannot be."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from txtray_utils.errors import InputError
from txtray_utils.studies.pixels import unpack_mask
from virtual_hospital import hospital
from virtual_hospital.anatomies import ANATOMIES, FIRST, SECOND
from virtual_hospital.cues import Cue
from virtual_hospital.hospital import fingerprint, make_hospital

STUDIES = 12


@pytest.fixture
def place(tmp_path, chests):
    """A folder name's place, in which the chests are made already."""
    return lambda name: shutil.copytree(chests, tmp_path / name)


@pytest.fixture(scope="module")
def made(tmp_path_factory, chests):
    folder = shutil.copytree(chests, tmp_path_factory.mktemp("hospital") / "made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hospital, "PART", 5)
        return make_hospital(folder, STUDIES, seed=4, workers=1)


def test_it_has_mimics_folders_and_one_of_everything_a_study(made):
    for kind, name in (("dcm", "mimic-cxr"), ("txt", "mimic-cxr"), ("jpg", "mimic-cxr-jpg")):
        assert len(list((made / name / "files").rglob(f"*.{kind}"))) == STUDIES
    for table in ("mimic-cxr/cxr-record-list", "mimic-iv/hosp/labevents", "mimic-iv/hosp/patients",
                  "mimic-iv-ed/ed/edstays", "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata"):  # fmt: skip
        assert len(pd.read_csv(made / f"{table}.csv.gz", dtype=str)) > 0
    icu = pd.read_csv(
        made / "mimic-iv/icu/icustays.csv.gz", dtype=str
    )  # so few patients may have no stay there
    assert {"subject_id", "hadm_id", "stay_id", "intime", "outtime"} <= set(icu)
    assert json.loads((made / "truth/cohort.json").read_text())["complete"] is True


def test_the_truth_matches_the_films(made):
    truth = pd.read_parquet(made / "truth/studies.parquet")
    assert len(truth) == STUDIES and truth["study_id"].is_unique
    for row in truth.itertuples():
        drawn = {name for name, state in json.loads(row.drawn).items() if state == 1}
        assert {item["finding"] for item in row.evidence} == drawn
        assert all(unpack_mask(item["mask"]).shape == (224, 224) for item in row.regions)


def test_a_cohort_of_one_chest_has_the_same_studies_in_that_chest(made, place):
    one = make_hospital(place("one"), STUDIES, seed=4, workers=1, anatomy=SECOND)
    mixed = pd.read_parquet(made / "truth/studies.parquet")
    truth = pd.read_parquet(one / "truth/studies.parquet")
    assert set(mixed["anatomy"]) == set(ANATOMIES) and set(truth["anatomy"]) == {SECOND}
    assert truth["study_id"].tolist() == mixed["study_id"].tolist()
    changed = {
        film.parent.name[1:]
        for film in (made / "mimic-cxr/files").rglob("*.dcm")
        if film.read_bytes() != (one / film.relative_to(made)).read_bytes()
    }
    assert changed == set(mixed.loc[mixed["anatomy"] == FIRST, "study_id"])


def test_two_workers_give_the_same_bytes_as_one(made, place, monkeypatch):
    monkeypatch.setattr(hospital, "PART", 5)
    assert fingerprint(make_hospital(place("two"), STUDIES, seed=4, workers=2)) == fingerprint(made)


def test_the_process_that_hands_out_the_parts_does_without_torch():
    code = "import sys, virtual_hospital.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(made, place, monkeypatch):
    folder = place("h")
    monkeypatch.setattr(hospital, "PART", 5)
    whole, calls = hospital.make_part, []

    def dies(folder, k, cases):
        calls.append(k)
        if k == 1 and calls.count(1) == 1:
            raise KeyboardInterrupt
        return whole(folder, k, cases)

    monkeypatch.setattr(hospital, "make_part", dies)
    with pytest.raises(KeyboardInterrupt):
        make_hospital(folder, STUDIES, seed=4, workers=1)
    assert not json.loads((folder / "truth/cohort.json").read_text()).get("complete")
    make_hospital(folder, STUDIES, seed=4, workers=1)
    assert calls == [0, 1, 1, 2], "what was whole is not made again"
    assert fingerprint(folder) == fingerprint(made)


def test_asking_again_does_nothing(made, monkeypatch):
    monkeypatch.setattr(hospital, "plan_cohort", lambda *_: pytest.fail("planned again"))
    assert make_hospital(made, STUDIES, seed=4) == made


def test_another_cohort_in_the_folder_is_refused_by_name(made):
    with pytest.raises(InputError, match="holds another cohort"):
        make_hospital(made, STUDIES + 1, seed=4)


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot be written"):
        make_hospital(tmp_path / "file" / "hospital", STUDIES)


@pytest.fixture(scope="module")
def marked(tmp_path_factory, chests):
    folder = shutil.copytree(chests, tmp_path_factory.mktemp("marked") / "made")
    cue = Cue("marker", "cardiomegaly")
    return make_hospital(folder, STUDIES, seed=4, workers=1, cue=cue)


def test_a_planted_marker_is_burnt_into_its_findings_films_only(made, marked):
    truth = pd.read_parquet(made / "truth/studies.parquet")
    assert set(truth["cue"]) == {""}, "no cue unless it is asked for"
    ill = {row.study_id for row in truth.itertuples() if json.loads(row.drawn)["cardiomegaly"] == 1}
    changed = {
        film.parent.name[1:]
        for film in (made / "mimic-cxr/files").rglob("*.dcm")
        if film.read_bytes() != (marked / film.relative_to(made)).read_bytes()
    }
    assert changed == ill
    planted = pd.read_parquet(marked / "truth/studies.parquet").set_index("study_id")["cue"]
    assert set(planted.index[planted == "marker"]) == ill


def test_a_hospital_with_a_cue_is_another_one(made, marked):
    other = Cue("marker", "cardiomegaly", share=0.5)
    for folder, cue in ((made, other), (marked, other), (marked, None)):
        with pytest.raises(InputError, match="holds another cohort"):
            make_hospital(folder, STUDIES, seed=4, cue=cue)
    assert make_hospital(marked, STUDIES, seed=4, cue=Cue("marker", "cardiomegaly")) == marked
    note = json.loads((marked / "truth/cohort.json").read_text())
    kept = {"kind": "marker", "finding": "cardiomegaly", "share": 1.0, "elsewhere": 0.0}
    assert note["cue"] == kept


def test_two_workers_plant_a_drain_with_the_same_bytes_as_one(place, monkeypatch):
    monkeypatch.setattr(hospital, "PART", 3)
    cue = Cue("drain", "effusion", share=0.8, elsewhere=0.3)
    prints = set()
    for workers in (1, 2):
        folder = place(str(workers))
        prints.add(fingerprint(make_hospital(folder, 6, seed=2, workers=workers, cue=cue)))
    assert len(prints) == 1
    truth = pd.read_parquet(folder / "truth/studies.parquet")
    for row in truth.itertuples():
        names = [item["finding"] for item in row.evidence]
        assert ("chest_drain" in names) == (row.cue == "drain")
    assert 0 < (truth["cue"] == "drain").sum() < len(truth)
