"""The pitfalls of real records, planted in the simulated ones, each with its study and row.

They are among those that users of MIMIC-CXR and MIMIC-IV report (issues 867, 953, 1009, 1093, 1101,
1117 and 1552 of github.com/MIT-LCP/mimic-code, 18 and 24 of github.com/MIT-LCP/mimic-cxr); how
often each is met is not counted there. Each is said in few words, for a table. Explained in
book/03_linking_images_to_the_record.
"""

import numpy as np

from virtual_hospital.cohort import Case
from virtual_hospital.course import HOUR, Patient
from virtual_hospital.pitfalls_of_results import plant_results
from virtual_hospital.pitfalls_of_stays import plant_stays
from virtual_hospital.rules import link_of, start_of
from virtual_hospital.traps import Traps

PITFALLS = {
    "study_time_fraction": "StudyTime lacks leading zeros",
    "no_stay": "film in no stay: keep the row",
    "ed_before_admission": "film before the admission",
    "pre_admission": "film up to 24 h before a stay",
    "after_discharge": "film after discharge: no link",
    "overlapping_admissions": "two stays: the later start",
    "anchor_age_91": "age 91 means 90 or more",
    "missing_subject": "patient not in the record",
    "stay_id_collision": "one stay_id, two people",
    "race_differs": "race differs between stays",
    "leak_column": "known only after the film",
    "duplicate_specimen": "stored twice: the last counts",
    "censored": "<0.01: too small to measure",
    "stored_after_film": "reported after the film",
    "no_storetime": "never said to be reported",
    "two_itemids": "one test, two item numbers",
    "other_fluid": "same name, urine or pleura",
    "other_category": "same name, another device",
    "venous_gas": "same name, venous blood",
    "gas_unstated": "gas of unknown vessel",
    "item_unknown": "item not in the dictionary",
    "hadm_id_null": "result without hadm_id",
    "unit_differs": "same test, another unit",
    "absurd_value": "negative or impossible",
    "too_old": "older than 24 h",
    "vital_celsius": "Celsius among Fahrenheit",
    "vital_absurd": "impossible vital sign",
}


def plant(patients: list[Patient], rng: np.random.Generator) -> list[dict]:
    """Plant pitfalls among the patients and list all, those too that were there by themselves.

    Returns dicts with the keys of `traps.Traps`.
    """
    traps = Traps()
    there: list[tuple[Patient, Case]] = []
    for patient in patients:
        if patient.in_record:
            for case in patient.cases:
                there.append((patient, case))
    studies = [there[place] for place in rng.permutation(len(there))]
    quota = max(3, len(studies) // 40)
    plant_results(studies, quota, rng, traps)
    plant_stays(studies, quota, rng, traps)
    for patient in patients:
        for case in patient.cases:
            _note(patient, case, traps)
    return traps.rows


def _note(patient: Patient, case: Case, traps: Traps) -> None:
    """List the pitfalls that a film's time, patient and stays are by themselves."""
    subject = f"subject_id={patient.id}"
    if case.study_time.hour < 10:
        image = f"dicom_id={case.dicom_id}"
        traps.note("study_time_fraction", case, "metadata", image, column="study_time")
    if not patient.in_record:
        traps.note("missing_subject", case, "patients", subject, column="in_record")
        return
    if patient.person["anchor_age"] == 91:
        traps.note("anchor_age_91", case, "patients", subject, column="age")
    _note_link(patient, case, traps)
    holding = _holding(patient, case)
    for row in holding:
        if row["deathtime"]:
            admission = f"hadm_id={row['hadm_id']}"
            answer = "after the film"
            traps.note(
                "leak_column", case, "admissions", admission, column="deathtime", answer=answer
            )


def _note_link(patient: Patient, case: Case, traps: Traps) -> None:
    """List the pitfalls of the link between a film and its patient's stays."""
    t = case.study_time
    link = link_of(patient.edstays, patient.icustays, patient.admissions, t)
    kind = link["link_type"]
    holding = _holding(patient, case)
    admission = f"hadm_id={link['hadm_id']}"
    later = any(row["admittime"] > t for row in holding)
    if kind == "ed" and later:
        traps.note("ed_before_admission", case, "admissions", admission, column="link_type")
    if kind == "pre-admission":
        traps.note("pre_admission", case, "admissions", admission, column="link_type")
    if kind == "none":
        _note_no_stay(patient, case, traps)
    if len(holding) > 1:
        traps.note("overlapping_admissions", case, "admissions", admission, column="hadm_id")


def _note_no_stay(patient: Patient, case: Case, traps: Traps) -> None:
    """List a film in no stay: hours after a discharge, or far from any."""
    for row in patient.admissions:
        if row["dischtime"] < case.study_time < row["dischtime"] + 24 * HOUR:
            admission = f"hadm_id={row['hadm_id']}"
            traps.note("after_discharge", case, "admissions", admission, column="link_type")
            return
    subject = f"subject_id={patient.id}"
    traps.note("no_stay", case, "admissions", subject, column="link_type")


def _holding(patient: Patient, case: Case) -> list[dict]:
    """Return the admissions that hold a film."""
    t = case.study_time
    return [row for row in patient.admissions if start_of(row) <= t <= row["dischtime"]]
