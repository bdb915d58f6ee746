"""The simulated record: MIMIC's columns, the planted pitfalls and their answers, held against plain
rules and DuckDB."""

import gzip
import hashlib
import os
import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.record import link
from virtual_hospital.blood_tests import TESTS
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.course import weights
from virtual_hospital.mechanism import moved
from virtual_hospital.patients import admit
from virtual_hospital.pitfalls import PITFALLS
from virtual_hospital.pitfalls_of_results import D_LABITEMS
from virtual_hospital.rules import last_known, link_of
from virtual_hospital.tables import COLUMNS, write_tables

MAKE = """
import sys
from pathlib import Path
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.tables import write_tables
write_tables(plan_cohort(60, seed=2), Path(sys.argv[1]), seed=2)
"""


@pytest.fixture(scope="module")
def cohort():
    return plan_cohort(1600, seed=0)


@pytest.fixture(scope="module")
def root(cohort, tmp_path_factory):
    root = tmp_path_factory.mktemp("hospital")
    write_tables(cohort, root, seed=0)
    return root


@pytest.fixture(scope="module")
def patients(cohort):
    """The patients before any pitfall is planted."""
    return admit(cohort, seed=0)


@pytest.fixture(scope="module")
def tables(root):
    return {
        name.split("/")[-1]: pd.read_csv(root / f"{name}.csv.gz", dtype=str) for name in COLUMNS
    }


@pytest.fixture(scope="module")
def truth(root):
    return {
        name: pd.read_csv(root / f"truth/{name}.csv", dtype=str).fillna("")
        for name in ("record", "labs", "pitfalls")
    }


@pytest.fixture(scope="module")
def linked(root, tables):
    return link(tables["mimic-cxr-2.0.0-metadata"], root, Rejects())


def planted(truth, kind):
    rows = truth["pitfalls"].query("kind == @kind")
    assert len(rows) >= 3
    return rows


def events(truth, tables, kind):
    """The labevents rows that carry a kind of pitfall, with the time of the film."""
    rows = planted(truth, kind).assign(
        labevent_id=lambda d: d["row"].str.removeprefix("labevent_id=")
    )
    rows = rows.merge(tables["labevents"], on=["labevent_id", "subject_id"], validate="one_to_one")
    rows = rows.merge(
        truth["record"][["study_id", "study_time"]], on="study_id", validate="many_to_one"
    )
    assert len(rows) == len(planted(truth, kind))
    return rows.assign(
        **{c: pd.to_datetime(rows[c]) for c in ("charttime", "storetime", "study_time")}
    )


def test_columns_are_those_of_mimic(tables):
    for name, columns in COLUMNS.items():
        assert list(tables[name.split("/")[-1]].columns) == columns.split()
    assert set(tables["admissions"]) >= {
        "hadm_id",
        "edregtime",
        "edouttime",
        "dischtime",
        "deathtime",
        "race",
    }
    keys = {
        "patients": "subject_id",
        "admissions": "hadm_id",
        "labevents": "labevent_id",
        "icustays": "stay_id",
        "edstays": "stay_id",
        "triage": "stay_id",
        "d_labitems": "itemid",
        "cxr-record-list": "dicom_id",
    }
    for name, key in keys.items():
        assert tables[name][key].is_unique and tables[name][key].notna().all()


def test_the_images_are_listed_where_mimic_puts_them(cohort, tables):
    case = cohort[0]
    row = tables["cxr-record-list"].set_index("study_id").loc[case.study_id]
    assert (
        row["path"]
        == f"files/p{case.subject_id[:2]}/p{case.subject_id}/s{case.study_id}/{case.dicom_id}.dcm"
    )
    assert len(tables["cxr-study-list"]) == len(tables["mimic-cxr-2.0.0-metadata"]) == 1600
    assert set(tables["mimic-cxr-2.0.0-split"]["split"]) == {"train", "validate", "test"}


def test_every_pitfall_is_planted_a_few_times_with_an_answer(truth, root):
    written = pd.read_csv(root / "truth/pitfalls.csv", dtype=str, keep_default_na=False)
    assert not written.isin(["nan", "None", "<NA>"]).any(axis=None)
    counts = truth["pitfalls"]["kind"].value_counts()
    assert set(counts.index) == set(PITFALLS)
    assert counts.min() >= 3
    # nothing is right only where no result was known, no stay of one's own collides, or the sign
    # is impossible
    empty = truth["pitfalls"].query("answer == ''")["kind"].unique()
    assert set(empty) <= {"too_old", "stay_id_collision", "vital_absurd"}


def test_a_pitfall_is_said_in_few_words():
    """So that the table of them fits a phone, and pandas cuts none off."""
    assert max(map(len, PITFALLS.values())) <= 30 and max(map(len, PITFALLS)) <= 24


def test_the_same_bytes_whatever_the_process(tmp_path):
    write_tables(plan_cohort(60, seed=2), tmp_path / "here", seed=2)
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", MAKE, tmp_path / "there"], check=True, env=environment)
    here, there = (
        {path.relative_to(tmp_path / name): hashlib.sha256(path.read_bytes()).hexdigest()
         for path in (tmp_path / name).rglob("*.csv*")} for name in ("here", "there")
    )  # fmt: skip
    assert here == there and len(here) == len(COLUMNS) + 3
    write_tables(plan_cohort(60, seed=2), tmp_path / "other", seed=3)
    changed = (tmp_path / "other/mimic-iv/hosp/labevents.csv.gz").read_bytes()
    assert changed != (tmp_path / "here/mimic-iv/hosp/labevents.csv.gz").read_bytes()


def test_gzip_carries_no_time(root):
    for path in root.rglob("*.gz"):
        assert path.read_bytes()[4:8] == b"\0\0\0\0"
        gzip.decompress(path.read_bytes())


def test_the_linkage_in_duckdb_finds_every_link_that_the_plain_rule_finds(truth, linked):
    found = linked.studies.astype(object).fillna("").astype(str).set_index("study_id")
    right = truth["record"].set_index("study_id")
    assert list(found.index) == list(right.index)
    for column in ("link_type", "ed_stay_id", "icu_stay_id", "hadm_id", "sex", "study_time"):
        assert (found[column] == right[column]).all(), column
    assert (found["age"].str.removesuffix(".0") == right["age"]).all()
    assert set(right["link_type"]) == {"ed", "icu", "admission", "pre-admission", "none"}


def test_the_linkage_in_duckdb_finds_every_result_that_the_plain_rule_finds(truth, linked):
    right = truth["labs"].astype({"value": float, "hours_before": float})
    both = right.merge(
        linked.labs, on=["study_id", "name"], how="outer", indicator=True, suffixes=("", "_found")
    )
    assert (both["_merge"] == "both").all() and len(both) > 4000
    assert both["value_found"].to_numpy() == pytest.approx(both["value"].to_numpy(), rel=1e-6)
    assert both["hours_before_found"].to_numpy() == pytest.approx(
        both["hours_before"].to_numpy(), abs=1e-3
    )
    assert (both["unit"] == both["unit_found"]).all()
    assert (both["censored"] == both["censored_found"].fillna("")).all()


def test_no_film_is_near_the_edge_of_a_stay(cohort, tables):
    """So that a tolerance of an hour or two, as MIMIC's clocks ask for, changes no link."""
    times = {case.study_id: (case.subject_id, case.study_time) for case in cohort}
    for name, start, end in (
        ("edstays", "intime", "outtime"),
        ("admissions", "admittime", "dischtime"),
    ):
        stays = tables[name].assign(
            start=pd.to_datetime(tables[name][start]), end=pd.to_datetime(tables[name][end])
        )
        stays = {subject: rows for subject, rows in stays.groupby("subject_id")}
        for subject, t in times.values():
            after = [
                h
                for h in (
                    (t - stays[subject]["end"]) / pd.Timedelta("1h") if subject in stays else []
                )
                if h > 0
            ]
            assert all(hours > 1.9 for hours in after)


def test_study_time_loses_its_zeros_and_keeps_its_fraction(tables, truth):
    metadata = tables["mimic-cxr-2.0.0-metadata"].set_index("study_id")
    for row in planted(truth, "study_time_fraction").itertuples():
        written = metadata.loc[row.study_id]
        assert len(written["StudyTime"].split(".")[0]) < 6
        time = f"{int(float(written['StudyTime'])):06d}"
        assert pd.to_datetime(written["StudyDate"] + time, format="%Y%m%d%H%M%S") == pd.Timestamp(
            row.answer
        )
    assert metadata["StudyTime"].str.contains(r"\.\d*[1-9]").mean() > 0.9


def test_ages_are_whole_years_from_the_anchor_and_91_means_90_or_more(cohort, tables, truth):
    patients = tables["patients"].set_index("subject_id")
    right = truth["record"].set_index("study_id")
    for case in cohort:
        if case.subject_id in patients.index:
            anchor = patients.loc[case.subject_id]
            if anchor["anchor_age"] != "91":
                age = int(anchor["anchor_age"]) + case.study_time.year - int(anchor["anchor_year"])
                assert abs(age - int(case.age)) <= 1
                assert right.at[case.study_id, "age"] == str(min(age, 90))
    assert (
        patients["anchor_age"].astype(int).max() == 91
        and not (patients["anchor_age"] == "90").any()
    )
    for row in planted(truth, "anchor_age_91").itertuples():
        assert row.answer == "90" and next(c.age for c in cohort if c.study_id == row.study_id) > 89


def test_missing_patients_are_in_no_table(tables, truth):
    gone = set(planted(truth, "missing_subject")["subject_id"])
    assert 0.002 < len(gone) / 1250 < 0.01
    for name in ("patients", "admissions", "labevents", "icustays", "edstays", "triage"):
        assert not gone & set(tables[name]["subject_id"])
    assert gone <= set(tables["cxr-study-list"]["subject_id"])
    assert (
        len(set(tables["patients"]["subject_id"]) - set(tables["cxr-study-list"]["subject_id"]))
        > 50
    )


def test_stays_just_miss_or_overlap(tables, truth):
    admissions = tables["admissions"].set_index("hadm_id")
    times = {c: pd.to_datetime(admissions[c]) for c in ("admittime", "dischtime", "edregtime")}
    film = pd.to_datetime(truth["record"].set_index("study_id")["study_time"])

    def gaps(kind, column):
        rows = planted(truth, kind)
        hadm = rows["row"].str.removeprefix("hadm_id=")
        gap = times[column].loc[hadm].to_numpy() - film.loc[rows["study_id"]].to_numpy()
        return rows, gap / np.timedelta64(1, "h")

    rows, hours = gaps("ed_before_admission", "admittime")
    assert ((0 < hours) & (hours < 2)).all() and (rows["answer"] == "ed").all()
    rows, hours = gaps("pre_admission", "admittime")
    assert ((0 < hours) & (hours <= 24)).all() and (rows["answer"] == "pre-admission").all()
    rows, hours = gaps("after_discharge", "dischtime")
    assert ((-24 < hours) & (hours < 0)).all() and (rows["answer"] == "none").all()
    for row in planted(truth, "overlapping_admissions").itertuples():
        t = film[row.study_id]
        own = tables["admissions"].query("subject_id == @row.subject_id")
        own = own.assign(start=pd.to_datetime(own["edregtime"].fillna(own["admittime"])))
        holding = own[(own["start"] <= t) & (pd.to_datetime(own["dischtime"]) >= t)]
        assert len(holding) == 2 and row.answer == holding.loc[holding["start"].idxmax(), "hadm_id"]


def test_colliding_stay_ids_belong_to_two_people(tables, truth):
    icu = tables["icustays"].set_index("stay_id")["subject_id"]
    for row in planted(truth, "stay_id_collision").itertuples():
        stay = row.row.removeprefix("stay_id=")
        assert icu[stay] != row.subject_id and row.answer != stay
        assert stay in set(tables["edstays"].query("subject_id == @row.subject_id")["stay_id"])
        assert stay in set(tables["triage"].query("subject_id == @row.subject_id")["stay_id"])


def test_race_differs_and_death_is_known_only_later(tables, truth):
    for row in planted(truth, "race_differs").itertuples():
        assert row.answer == "|".join(
            sorted(set(tables["admissions"].query("subject_id == @row.subject_id")["race"]))
        )
    admissions = tables["admissions"].set_index("hadm_id")
    film = truth["record"].set_index("study_id")["study_time"]
    for row in planted(truth, "leak_column").itertuples():
        stay = admissions.loc[row.row.removeprefix("hadm_id=")]
        assert stay["deathtime"] > film[row.study_id] and stay["hospital_expire_flag"] == "1"


def test_result_rows_carry_their_pitfall(tables, truth):
    fluid = tables["d_labitems"].set_index("itemid")

    late = events(truth, tables, "stored_after_film")
    assert (
        (late["charttime"] < late["study_time"]) & (late["storetime"] > late["study_time"])
    ).all()
    none = events(truth, tables, "no_storetime")
    assert none["storetime"].isna().all() and (none["charttime"] < none["study_time"]).all()
    assert set(events(truth, tables, "two_itemids")["itemid"]) == {"51300"}
    assert not set(events(truth, tables, "item_unknown")["itemid"]) & set(fluid.index)
    assert set(fluid.loc[events(truth, tables, "other_fluid")["itemid"], "fluid"]) == {
        "Urine",
        "Pleural",
    }
    other = events(truth, tables, "other_category")["itemid"]
    assert set(fluid.loc[other, "category"]) == {"Blood Gas"} and set(
        fluid.loc[other, "label"]
    ) == {"Hemoglobin"}
    assert events(truth, tables, "hadm_id_null")["hadm_id"].isna().all()
    usual = {test.name: test.uom for test in TESTS}
    unit = events(truth, tables, "unit_differs")
    assert (unit["valueuom"] != unit["column"].map(usual)).all()
    for test in TESTS:
        upper = unit.loc[unit["column"] == test.name, "ref_range_upper"].astype(float)
        if len(upper):
            range_in_unit = round(test.at(2), test.decimals) * test.other[1]
            assert np.allclose(upper, range_in_unit, atol=0.01), test.name
    assert set(events(truth, tables, "absurd_value")["valuenum"]) == {"-1.0", "10000000.0"}
    old = events(truth, tables, "too_old")
    assert (old["study_time"] - old["charttime"] > pd.Timedelta("24h")).all() and (
        old["answer"] == ""
    ).all()
    censored = events(truth, tables, "censored")
    assert censored["valuenum"].isna().all() and (censored["answer"] == "0.01").all()
    assert (
        set(censored["value"]) == {"<0.01", "___"}
        and (censored.query("value == '___'")["comments"] == "<0.01.").all()
    )


def test_a_duplicate_shares_its_specimen_and_the_last_stored_counts(tables, truth):
    copies = tables["labevents"].groupby(["specimen_id", "itemid"])["labevent_id"].transform("size")
    twice = tables["labevents"][copies > 1]
    rows = planted(truth, "duplicate_specimen")
    assert len(twice) == 2 * len(rows)
    assert set(rows["row"].str.removeprefix("labevent_id=")) <= set(twice["labevent_id"])
    factor = {test.name: test.factor for test in TESTS}
    for row in events(truth, tables, "duplicate_specimen").itertuples():
        assert float(row.answer) == pytest.approx(float(row.valuenum) * factor[row.column])
    assert (
        twice.groupby(["specimen_id", "itemid"])["valuenum"].nunique().value_counts().min() > 3
    )  # repeats, corrections


def test_vital_signs_in_celsius_are_kept_and_impossible_ones_are_not(tables, truth):
    triage = tables["triage"].set_index("stay_id")
    for row in planted(truth, "vital_celsius").itertuples():
        written = float(triage.at[row.row.removeprefix("stay_id="), "temperature"])
        assert written < 45 and float(row.answer) == pytest.approx(written)
    for row in planted(truth, "vital_absurd").itertuples():
        assert (
            float(triage.at[row.row.removeprefix("stay_id="), row.column]) in (0, 978, -1, 1800)
            and row.answer == ""
        )


def in_a_stay(patient, time):
    """Whether a patient is in the hospital, from arrival to leaving."""
    spans = [(stay["intime"], stay["outtime"]) for stay in patient.edstays]
    spans += [
        (row["edregtime"] or row["admittime"], row["dischtime"]) for row in patient.admissions
    ]
    second = timedelta(seconds=1)
    return any(start - second <= time <= end + second for start, end in spans)


def test_blood_is_taken_while_the_patient_is_in_the_hospital(patients):
    """Not hours before the arrival; or days before a film in no stay, which by chance may be soon
    before another film of the patient."""
    inside = near = 0
    for patient in patients:
        films = [case.study_time for case in patient.cases]
        for row in patient.labevents:
            if in_a_stay(patient, row["charttime"]):
                inside += 1
            else:
                after = [film - row["charttime"] for film in films if film > row["charttime"]]
                near += min(after) <= timedelta(hours=24)
    rows = sum(len(patient.labevents) for patient in patients)
    assert inside > 0.9 * rows
    assert near < 0.002 * rows


def test_about_half_of_the_films_in_the_emergency_department_have_results_before(linked, truth):
    """So says the chapter; before, 80 % of the results were older than the visit."""
    link_type = linked.studies.set_index("study_id")["link_type"]
    in_ed = link_type.index[link_type == "ed"]
    known = linked.labs[linked.labs["study_id"].isin(in_ed)]
    assert 0.4 < known["study_id"].nunique() / len(in_ed) < 0.65
    arrived = truth["record"].set_index("study_id")["vitals_hours_before"]
    waited = pd.to_numeric(arrived).reindex(known["study_id"]).to_numpy()
    assert (known["hours_before"].to_numpy() <= waited + 0.01).all()


def test_intensive_care_films_are_ap_and_the_view_says_nothing_of_the_findings(cohort, linked):
    link_type = linked.studies.set_index("study_id")["link_type"]
    view = pd.Series({case.study_id: case.view for case in cohort})
    in_icu = link_type.index[link_type == "icu"]
    assert len(in_icu) > 25 and (view[in_icu] == "AP").all()
    acute = {"consolidation", "oedema", "effusion", "pneumothorax"}
    ill = pd.Series({case.study_id: any(d.name in acute for d in case.drawings) for case in cohort})
    assert ill[in_icu].mean() > 1.5 * ill.mean()  # the graver go there
    assert abs(ill[view == "AP"].mean() - ill[view == "PA"].mean()) < 0.07
    settings = link_type[view[link_type.index] == "AP"].value_counts(normalize=True)
    assert settings["icu"] < 0.45 and settings["none"] < 0.25


def test_some_go_home_from_the_emergency_department(linked):
    """An admission too have some of them, not all."""
    in_ed = linked.studies[linked.studies["link_type"] == "ed"]
    assert 0.25 < in_ed["hadm_id"].notna().mean() < 0.5


def test_a_blood_gas_says_its_vessel(patients):
    gases = {test.itemid for test in TESTS if test.specimen}
    kinds, oxygen = {}, {"ART.": [], "VEN.": []}
    for patient in patients:
        for row in patient.labevents:
            if row["itemid"] == 52033:
                assert row["specimen_id"] not in kinds
                kinds[row["specimen_id"]] = row["value"]
    for patient in patients:
        for row in patient.labevents:
            if row["itemid"] in gases:
                kind = kinds[row["specimen_id"]]
                assert row["_test"].endswith("_venous") == (kind == "VEN.") or row["_test"] == ""
            if row["itemid"] == 50821:
                oxygen[kind].append(row["valuenum"])
    assert np.median(oxygen["VEN."]) < 45 and np.median(oxygen["ART."]) > 65
    assert len(oxygen["VEN."]) > 50 < len(oxygen["ART."])


def test_a_venous_gas_is_no_arterial_one_and_an_unstated_one_is_none(tables, truth):
    kinds = tables["labevents"].query("itemid == '52033'").set_index("specimen_id")["value"]
    venous = events(truth, tables, "venous_gas")
    assert set(kinds[venous["specimen_id"]]) == {"VEN."} and set(venous["itemid"]) == {"50821"}
    answer = venous["answer"].astype(float) / 0.133322
    assert (answer > venous["valuenum"].astype(float)).mean() > 0.9
    assert not set(events(truth, tables, "gas_unstated")["specimen_id"]) & set(kinds.index)


def auc_of(cohort, finding, test, rng):
    """The AUC of one result for a finding, were the test taken of every patient once."""
    truth, values = [], []
    for case in cohort:
        if case.drawn[finding] is not None:
            z = np.clip(rng.normal(0, 0.7, 8) + rng.normal(0, 0.6, 8), -3, 3)
            change = moved(test.moves_as or test.name, weights(case), case.age)
            values += [test.at(one, *change) for one in z]
            truth += [case.drawn[finding]] * 8
    return roc_auc_score(truth, values)


@pytest.mark.parametrize(
    ("finding", "name", "low", "high"),
    [
        ("consolidation", "crp", 0.70, 0.85),
        ("consolidation", "white_cells", 0.65, 0.8),
        ("consolidation", "albumin", 0.15, 0.35),
        ("consolidation", "po2", 0.15, 0.3),
        ("oedema", "nt_probnp", 0.75, 0.88),
        ("oedema", "troponin_t", 0.62, 0.8),
        ("oedema", "po2", 0.15, 0.3),
        ("cardiomegaly", "nt_probnp", 0.65, 0.8),
        ("effusion", "albumin", 0.15, 0.35),
        ("pneumothorax", "po2", 0.15, 0.35),
        ("hyperinflation", "pco2", 0.7, 0.85),
        ("scoliosis", "white_cells", 0.42, 0.58),  # what has no reason to move does not
        ("granuloma", "crp", 0.42, 0.58),
    ],
)
def test_one_result_tells_its_disease_about_as_well_as_published(cohort, finding, name, low, high):
    test = next(test for test in TESTS if test.name == name)
    assert low < auc_of(cohort, finding, test, np.random.default_rng(0)) < high


def test_the_record_fits_the_findings_but_does_not_give_them_away(cohort, truth):
    labs = (
        truth["labs"]
        .astype({"value": float})
        .pivot(index="study_id", columns="name", values="value")
    )
    vitals = (
        truth["record"]
        .set_index("study_id")[["o2sat", "resprate", "temperature"]]
        .apply(pd.to_numeric)
    )
    values = labs.join(vitals, how="outer").reindex([case.study_id for case in cohort])

    def auc(finding, column):
        drawn = np.array(
            [np.nan if case.drawn[finding] is None else case.drawn[finding] for case in cohort],
            float,
        )
        known = ~np.isnan(drawn) & values[column].notna().to_numpy()
        return roc_auc_score(drawn[known], values[column][known])

    for finding, column in (
        ("consolidation", "white_cells"),
        ("consolidation", "crp"),
        ("consolidation", "temperature"),
        ("oedema", "nt_probnp"),
        ("cardiomegaly", "nt_probnp"),
        ("oedema", "creatinine"),
    ):
        assert 0.6 < auc(finding, column) < 0.95, (finding, column)  # of few, those ordered
    assert 0.1 < auc("oedema", "o2sat") < 0.4 and 0.1 < auc("consolidation", "o2sat") < 0.42
    assert 0.4 < auc("scoliosis", "white_cells") < 0.6  # what has no reason to move does not


def test_what_is_missing_is_not_missing_at_random(cohort, patients):
    """CRP is ordered more often where pneumonia is, among those who have blood taken at all."""
    ordered = {}
    for patient in patients:
        names = {row["_test"] for row in patient.labevents}
        for case in patient.cases:
            if "sodium" in names:
                ordered[case.study_id] = "crp" in names
    suspect = {case.study_id: case.drawn["consolidation"] == 1 for case in cohort}
    rate = {kind: [ordered[s] for s in ordered if suspect[s] == kind] for kind in (True, False)}
    assert 1.4 < np.mean(rate[True]) / np.mean(rate[False]) < 4


def test_dictionary_numbers_are_unlike_and_cover_the_tests():
    assert len({item[0] for item in D_LABITEMS}) == len(D_LABITEMS) > len(TESTS)
    assert {51301, 51300, 51222, 51265, 50889, 50963, 50813, 50912, 51003, 51196} <= {
        item[0] for item in D_LABITEMS
    }


NOON = datetime(2150, 3, 1, 12)


@given(
    st.lists(
        st.tuples(st.integers(-60, 10), st.none() | st.integers(0, 30), st.sampled_from("ab")),
        max_size=12,
    )
)
def test_the_plain_rule_for_results_agrees_with_a_sorted_table(draws):
    rows = [
        {"_test": test, "charttime": NOON + timedelta(hours=taken), "n": n,
         "storetime": None if wait is None else NOON + timedelta(hours=taken + wait)}
        for n, (taken, wait, test) in enumerate(draws)
    ]  # fmt: skip
    found = last_known(rows, "a", NOON)
    table = pd.DataFrame(rows, columns=["_test", "charttime", "n", "storetime"])
    table = table[(table["_test"] == "a") & (pd.to_datetime(table["storetime"]) <= NOON)]
    table = table[table["charttime"] >= NOON - timedelta(hours=24)].sort_values(
        ["charttime", "storetime"], kind="stable"
    )
    if table.empty:
        assert found is None
    else:
        last = table.iloc[-1]
        assert (found["charttime"], found["storetime"]) == (last["charttime"], last["storetime"])


def stay(first, last, **over):
    hours = {"admittime": first, "dischtime": last, "intime": first, "outtime": last}
    return (
        {k: NOON + timedelta(hours=v) for k, v in hours.items()}
        | {"edregtime": None, "stay_id": "s", "hadm_id": "h"}
        | over
    )


@pytest.mark.parametrize(
    ("ed", "icu", "admissions", "expected"),
    [
        ([], [], [], ("none", None)),
        ([stay(-1, 1)], [], [], ("ed", None)),
        ([stay(-1, 1)], [], [stay(0.5, 50)], ("ed", "h")),
        ([], [stay(-1, 1)], [stay(-9, 50)], ("icu", "h")),
        ([], [], [stay(-9, 50)], ("admission", "h")),
        ([], [], [stay(1, 50, edregtime=NOON - timedelta(hours=2))], ("admission", "h")),
        ([], [], [stay(23, 50)], ("pre-admission", "h")),
        ([], [], [stay(25, 50)], ("none", None)),
        ([], [], [stay(-50, -1)], ("none", None)),
        (
            [],
            [],
            [stay(-9, 50, hadm_id="early"), stay(-5, 50, hadm_id="late")],
            ("admission", "late"),
        ),
        ([], [], [stay(3, 50, hadm_id="next"), stay(-9, 5, hadm_id="now")], ("admission", "now")),
    ],
)
def test_the_plain_rule_for_links(ed, icu, admissions, expected):
    link = link_of(ed, icu, admissions, NOON)
    assert (link["link_type"], link["hadm_id"]) == expected


def test_a_folder_that_cannot_be_written_is_named(cohort, tmp_path):
    (tmp_path / "mimic-iv").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="mimic-iv"):
        write_tables(cohort[:12], tmp_path)
