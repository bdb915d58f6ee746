"""The simulated record on disk: the tables and columns of MIMIC-IV 2.x and MIMIC-CXR, and truth/.

Everything but the reports' findings is SIMULATED (see `patients`), with the traps of real records
(see `pitfalls`); the right answers are in truth/ (see `answers`). Explained in
book/03_linking_images_to_the_record.
"""

from pathlib import Path

import pandas as pd

from txtray_utils.errors import writing
from virtual_hospital.answers import labs_truth, pitfalls_truth, studies_truth
from virtual_hospital.cohort import Case
from virtual_hospital.course import Patient
from virtual_hospital.files import study_folder
from virtual_hospital.patients import admit
from virtual_hospital.pitfalls import plant
from virtual_hospital.pitfalls_of_results import D_LABITEMS
from virtual_hospital.streams import stream

COLUMNS = {
    "mimic-iv/hosp/patients": "subject_id gender anchor_age anchor_year anchor_year_group dod",
    "mimic-iv/hosp/admissions": (
        "subject_id hadm_id admittime dischtime deathtime admission_type admit_provider_id "
        "admission_location discharge_location insurance language marital_status race edregtime "
        "edouttime hospital_expire_flag"
    ),
    "mimic-iv/hosp/labevents": (
        "labevent_id subject_id hadm_id specimen_id itemid order_provider_id charttime "
        "storetime value valuenum valueuom ref_range_lower ref_range_upper flag priority "
        "comments"
    ),
    "mimic-iv/hosp/d_labitems": "itemid label fluid category",
    "mimic-iv/icu/icustays": (
        "subject_id hadm_id stay_id first_careunit last_careunit intime outtime los"
    ),
    "mimic-iv-ed/ed/edstays": (
        "subject_id hadm_id stay_id intime outtime gender race arrival_transport disposition"
    ),
    "mimic-iv-ed/ed/triage": (
        "subject_id stay_id temperature heartrate resprate o2sat sbp dbp pain acuity chiefcomplaint"
    ),
    "mimic-cxr/cxr-record-list": "subject_id study_id dicom_id path",
    "mimic-cxr/cxr-study-list": "subject_id study_id path",
    "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata": (
        "dicom_id subject_id study_id PerformedProcedureStepDescription ViewPosition Rows "
        "Columns StudyDate StudyTime ProcedureCodeSequence_CodeMeaning "
        "ViewCodeSequence_CodeMeaning PatientOrientationCodeSequence_CodeMeaning"
    ),
    "mimic-cxr-jpg/mimic-cxr-2.0.0-split": "dicom_id study_id subject_id split",
}
KEYS = {  # by what the rows of each patient are sorted
    "admissions": ["admittime"],
    "edstays": ["intime"],
    "triage": ["stay_id"],
    "icustays": ["intime"],
    "labevents": ["charttime", "specimen_id", "itemid"],
}


def write_tables(cases: list[Case], root: Path, seed: int = 0, size: int = 224) -> None:
    """Write the simulated record of a cohort below `root`: the same bytes for a seed.

    `size` is the side of the films in pixels, for the Rows and Columns of the image metadata.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    patients = admit(cases, seed)
    traps = plant(patients, stream(seed, "pitfalls"))
    tables = _image_tables(cases, size) | _record_tables(patients)
    for name, columns in COLUMNS.items():
        rows = tables[name.split("/")[-1]]
        frame = pd.DataFrame(rows, columns=columns.split())
        _write(frame, root / f"{name}.csv.gz")
    studies = studies_truth(patients)
    labs = labs_truth(patients)
    _write(studies, root / "truth/record.csv")
    _write(labs, root / "truth/labs.csv")
    _write(pitfalls_truth(traps, studies, labs), root / "truth/pitfalls.csv")


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
    there = [patient for patient in patients if patient.in_record]
    there.sort(key=lambda patient: patient.id)
    tables: dict[str, list] = {name: [] for name in KEYS}
    for patient in there:
        for name, by in KEYS.items():
            rows = getattr(patient, name)
            tables[name] += sorted(rows, key=lambda row, by=by: [row[key] for key in by])
    for number, row in enumerate(tables["labevents"], start=1):
        row["labevent_id"] = number
    tables["patients"] = [patient.person for patient in there]
    tables["d_labitems"] = sorted(D_LABITEMS)
    return tables


def _image_tables(cases: list[Case], size: int) -> dict[str, list]:
    """Return the lists of MIMIC-CXR and the metadata and split tables of MIMIC-CXR-JPG."""
    records, studies, metadata, splits = [], [], [], []
    for case in sorted(cases, key=lambda case: (case.subject_id, case.study_id)):
        folder = study_folder(case)
        key = {
            "dicom_id": case.dicom_id,
            "subject_id": case.subject_id,
            "study_id": case.study_id,
        }
        records.append(key | {"path": f"{folder}/{case.dicom_id}.dcm"})
        studies.append(key | {"path": f"{folder}.txt"})
        metadata.append(key | _metadata(case, size))
        splits.append(key | {"split": case.split})
    return {
        "cxr-record-list": records,
        "cxr-study-list": studies,
        "mimic-cxr-2.0.0-metadata": metadata,
        "mimic-cxr-2.0.0-split": splits,
    }


def _metadata(case: Case, size: int) -> dict:
    """Return what the metadata table says of a film; StudyTime loses its leading zeros."""
    ap = case.view == "AP"
    description = "CHEST (PORTABLE AP)" if ap else "CHEST (PA AND LAT)"
    clock = float(case.study_time.strftime("%H%M%S.%f"))
    return {
        "PerformedProcedureStepDescription": description,
        "ViewPosition": case.view,
        "Rows": size,
        "Columns": size,
        "StudyDate": case.study_time.strftime("%Y%m%d"),
        "StudyTime": round(clock, 3),
        "ProcedureCodeSequence_CodeMeaning": description,
        "ViewCodeSequence_CodeMeaning": "antero-posterior" if ap else "postero-anterior",
        "PatientOrientationCodeSequence_CodeMeaning": "Recumbent" if ap else "Erect",
    }
