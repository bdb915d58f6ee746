"""The simulated record on disk, in the tables and columns of MIMIC-IV 2.x, MIMIC-IV-ED, MIMIC-CXR
and MIMIC-CXR-JPG.

Everything but the reports' findings is SIMULATED (see `patients`), with the traps of real records
(see `pitfalls`). The right answers are in truth/: record.csv (links, age and vital signs of each
study), labs.csv (the last result of each test taken and reported in the 24 h before the film) and
pitfalls.csv. Explained in book/03_linking_images_to_the_record."""

from pathlib import Path

import pandas as pd

from txtray_utils.errors import writing
from virtual_hospital.blood_tests import TESTS
from virtual_hospital.cohort import Case
from virtual_hospital.course import HOUR, Patient
from virtual_hospital.patients import admit
from virtual_hospital.pitfalls import plant
from virtual_hospital.pitfalls_of_results import D_LABITEMS
from virtual_hospital.rules import last_known, link_of
from virtual_hospital.streams import stream

COLUMNS = {
    "mimic-iv/hosp/patients": "subject_id gender anchor_age anchor_year anchor_year_group dod",
    "mimic-iv/hosp/admissions": "subject_id hadm_id admittime dischtime deathtime admission_type admit_provider_id "
    "admission_location discharge_location insurance language marital_status race edregtime edouttime "
    "hospital_expire_flag",
    "mimic-iv/hosp/labevents": "labevent_id subject_id hadm_id specimen_id itemid order_provider_id charttime "
    "storetime value valuenum valueuom ref_range_lower ref_range_upper flag priority comments",
    "mimic-iv/hosp/d_labitems": "itemid label fluid category",
    "mimic-iv/icu/icustays": "subject_id hadm_id stay_id first_careunit last_careunit intime outtime los",
    "mimic-iv-ed/ed/edstays": "subject_id hadm_id stay_id intime outtime gender race arrival_transport disposition",
    "mimic-iv-ed/ed/triage": "subject_id stay_id temperature heartrate resprate o2sat sbp dbp pain acuity "
    "chiefcomplaint",
    "mimic-cxr/cxr-record-list": "subject_id study_id dicom_id path",
    "mimic-cxr/cxr-study-list": "subject_id study_id path",
    "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata": "dicom_id subject_id study_id PerformedProcedureStepDescription "
    "ViewPosition Rows Columns StudyDate StudyTime ProcedureCodeSequence_CodeMeaning ViewCodeSequence_CodeMeaning "
    "PatientOrientationCodeSequence_CodeMeaning",
    "mimic-cxr-jpg/mimic-cxr-2.0.0-split": "dicom_id study_id subject_id split",
}


BELIEVED = {"temperature": (28, 44), "heartrate": (20, 300), "resprate": (4, 80), "o2sat": (40, 100), "sbp": (40, 300),
            "dbp": (15, 200)}  # fmt: skip


def write_tables(cases: list[Case], root: Path, seed: int = 0, size: int = 224) -> None:
    """Write the simulated record of a cohort below `root`, csv.gz tables and truth/: the same bytes
    for a seed.

    `size` is the side of the films in pixels, for the Rows and Columns of the image metadata.
    Raises InputError if the folder cannot be written or is full."""
    patients = admit(cases, seed)
    traps = plant(patients, stream(seed, "pitfalls"))
    tables = _image_tables(cases, size) | _record_tables(patients)
    for name, columns in COLUMNS.items():
        _write(
            pd.DataFrame(tables[name.split("/")[-1]], columns=columns.split()),
            root / f"{name}.csv.gz",
        )
    studies, labs = _studies_truth(patients), _labs_truth(patients)
    _write(studies, root / "truth/record.csv")
    _write(labs, root / "truth/labs.csv")
    _write(_answers(traps, studies, labs), root / "truth/pitfalls.csv")


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table; times to the second, gzip without a time of its own."""
    kind = {"method": "gzip", "mtime": 0} if path.suffix == ".gz" else None
    with writing(path):
        frame.to_csv(
            path,
            index=False,
            date_format="%Y-%m-%d %H:%M:%S",
            compression=kind,
            lineterminator="\n",
        )


def _record_tables(patients: list[Patient]) -> dict[str, list]:
    """Return the MIMIC-IV tables by patient and time; results get their labevent_id here."""
    there = sorted((p for p in patients if p.in_record), key=lambda p: p.id)
    keys = {"admissions": ["admittime"], "edstays": ["intime"], "triage": ["stay_id"], "icustays": ["intime"],
            "labevents": ["charttime", "specimen_id", "itemid"]}  # fmt: skip
    tables = {
        name: [
            row
            for p in there
            for row in sorted(getattr(p, name), key=lambda row: [row[k] for k in by])
        ]
        for name, by in keys.items()
    }
    for number, row in enumerate(tables["labevents"], start=1):
        row["labevent_id"] = number
    return tables | {"patients": [p.person for p in there], "d_labitems": sorted(D_LABITEMS)}


def _image_tables(cases: list[Case], size: int) -> dict[str, list]:
    """Return the lists of MIMIC-CXR and the metadata and split tables of MIMIC-CXR-JPG."""
    names = (
        "cxr-record-list",
        "cxr-study-list",
        "mimic-cxr-2.0.0-metadata",
        "mimic-cxr-2.0.0-split",
    )
    rows = []
    for case in sorted(cases, key=lambda c: (c.subject_id, c.study_id)):
        folder = f"files/p{case.subject_id[:2]}/p{case.subject_id}/s{case.study_id}"
        key = {"dicom_id": case.dicom_id, "subject_id": case.subject_id, "study_id": case.study_id}
        t, ap = case.study_time, case.view == "AP"
        description = "CHEST (PORTABLE AP)" if ap else "CHEST (PA AND LAT)"
        metadata = {
            "PerformedProcedureStepDescription": description, "ViewPosition": case.view, "Rows": size, "Columns": size,
            "StudyDate": t.strftime("%Y%m%d"), "StudyTime": round(float(t.strftime("%H%M%S.%f")), 3),
            "ProcedureCodeSequence_CodeMeaning": description,
            "ViewCodeSequence_CodeMeaning": "antero-posterior" if ap else "postero-anterior",
            "PatientOrientationCodeSequence_CodeMeaning": "Recumbent" if ap else "Erect",
        }  # fmt: skip
        values = (
            {"path": f"{folder}/{case.dicom_id}.dcm"},
            {"path": f"{folder}.txt"},
            metadata,
            {"split": case.split},
        )
        rows.append([key | value for value in values])
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _studies_truth(patients: list[Patient]) -> pd.DataFrame:
    """Return the links, age, sex and vital signs (temperature in Celsius) of each study."""
    rows = []
    for p, case in [(patient, case) for patient in patients for case in patient.cases]:
        t, first = case.study_time.replace(microsecond=0), p.cases[0]
        row = {
            "study_id": case.study_id,
            "subject_id": p.id,
            "study_time": t,
            "in_record": p.in_record,
        }
        row |= {"link_type": "none"}
        if p.in_record:
            age = int(first.age) + t.year - first.study_time.year
            row |= link_of(p.edstays, p.icustays, p.admissions, t)
            row |= {"age": min(age, 90), "age_capped": age >= 90, "sex": case.sex}
        for visit, triage in zip(p.edstays, p.triage, strict=True):
            if visit["stay_id"] == row.get("ed_stay_id"):
                heat = triage["temperature"]
                signs = triage | {"temperature": round((heat - 32) / 1.8 if heat > 50 else heat, 4)}
                row |= {
                    name: signs[name]
                    for name, (low, high) in BELIEVED.items()
                    if low <= signs[name] <= high
                }
                row["vitals_hours_before"] = round((t - visit["intime"]) / HOUR, 4)
        rows.append(row)
    return pd.DataFrame(rows).astype({"age": "Int64"}).sort_values("study_id")


def _labs_truth(patients: list[Patient]) -> pd.DataFrame:
    """Return the last known result of each test before each film, where there is one."""
    rows = []
    for p, case in [
        (patient, case) for patient in patients if patient.in_record for case in patient.cases
    ]:
        t = case.study_time.replace(microsecond=0)
        for test in TESTS:
            if known := last_known(p.labevents, test.name, t):
                hours = round((t - known["charttime"]) / HOUR, 4)
                value = round(known["_amount"], 6)
                rows.append([case.study_id, test.name, value, test.unit, hours, known["_censored"]])
    columns = ["study_id", "name", "value", "unit", "hours_before", "censored"]
    return pd.DataFrame(rows, columns=columns).sort_values(["study_id", "name"])


def _answers(traps: list[dict], studies: pd.DataFrame, labs: pd.DataFrame) -> pd.DataFrame:
    """Return the pitfalls as a table; an answer that was left open is read from the truth ("" =
    nothing is right)."""
    truth = labs.set_index(["study_id", "name"])["value"].to_dict()
    truth |= studies.set_index("study_id").drop(columns="subject_id").stack().dropna().to_dict()
    rows = []
    for trap in traps:
        answer = trap["answer"] or truth.get((trap["study_id"], trap["column"]), "")
        row = (
            trap["row"]
            if isinstance(trap["row"], str)
            else f"labevent_id={trap['row']['labevent_id']}"
        )
        rows.append(trap | {"row": row, "answer": str(answer)})
    return pd.DataFrame(rows).sort_values(["kind", "study_id", "row", "column"])
