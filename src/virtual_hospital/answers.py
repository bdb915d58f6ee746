"""The right answers to a simulated record: what truth/ says of each study, result and pitfall.

record.csv holds the link, age and vital signs of each study, labs.csv the last result of each test
taken and reported in the 24 h before the film, pitfalls.csv what is planted. Explained in
book/03_linking_images_to_the_record.
"""

from datetime import datetime

import pandas as pd

from virtual_hospital.blood_tests import TESTS
from virtual_hospital.cohort import Case
from virtual_hospital.course import HOUR, Patient
from virtual_hospital.rules import last_known, link_of

BELIEVED = {  # the vital signs that are possible
    "temperature": (28, 44),
    "heartrate": (20, 300),
    "resprate": (4, 80),
    "o2sat": (40, 100),
    "sbp": (40, 300),
    "dbp": (15, 200),
}
FEVER = 50  # degrees, above which a temperature is in Fahrenheit


def studies_truth(patients: list[Patient]) -> pd.DataFrame:
    """Return the links, age, sex and vital signs (temperature in Celsius) of each study."""
    rows = []
    for patient in patients:
        for case in patient.cases:
            rows.append(_study(patient, case))
    return pd.DataFrame(rows).astype({"age": "Int64"}).sort_values("study_id")


def _study(patient: Patient, case: Case) -> dict:
    """Return one row of truth/record.csv."""
    t = case.study_time.replace(microsecond=0)
    row = {
        "study_id": case.study_id,
        "subject_id": patient.id,
        "study_time": t,
        "in_record": patient.in_record,
        "link_type": "none",
    }
    if patient.in_record:
        first = patient.cases[0]
        age = int(first.age) + t.year - first.study_time.year
        row |= link_of(patient.edstays, patient.icustays, patient.admissions, t)
        row |= {"age": min(age, 90), "age_capped": age >= 90, "sex": case.sex}
    for visit, triage in zip(patient.edstays, patient.triage, strict=True):
        if visit["stay_id"] == row.get("ed_stay_id"):
            row |= _signs(triage)
            row["vitals_hours_before"] = _hours_before(t, visit["intime"])
    return row


def _signs(triage: dict) -> dict:
    """Return the possible ones of the vital signs."""
    heat = triage["temperature"]
    celsius = (heat - 32) / 1.8 if heat > FEVER else heat
    signs = triage | {"temperature": round(celsius, 4)}
    possible = {}
    for name, (low, high) in BELIEVED.items():
        if low <= signs[name] <= high:
            possible[name] = signs[name]
    return possible


def _hours_before(film: datetime, then: datetime) -> float:
    return round((film - then) / HOUR, 4)


def labs_truth(patients: list[Patient]) -> pd.DataFrame:
    """Return the last known result of each test before each film, where there is one."""
    rows = []
    for patient in patients:
        if patient.in_record:
            for case in patient.cases:
                rows += _results(patient, case)
    columns = ["study_id", "name", "value", "unit", "hours_before", "censored"]
    return pd.DataFrame(rows, columns=columns).sort_values(["study_id", "name"])


def _results(patient: Patient, case: Case) -> list[dict]:
    """Return the rows of truth/labs.csv of one study."""
    t = case.study_time.replace(microsecond=0)
    rows = []
    for test in TESTS:
        known = last_known(patient.labevents, test.name, t)
        if known:
            row = {
                "study_id": case.study_id,
                "name": test.name,
                "value": round(known["_amount"], 6),
                "unit": test.unit,
                "hours_before": _hours_before(t, known["charttime"]),
                "censored": known["_censored"],
            }
            rows.append(row)
    return rows


def pitfalls_truth(traps: list[dict], studies: pd.DataFrame, labs: pd.DataFrame) -> pd.DataFrame:
    """Return the pitfalls as a table.

    An answer that was left open is read from the truth; "" means that nothing is right.
    """
    known = studies.set_index("study_id").drop(columns="subject_id").stack()
    truth = labs.set_index(["study_id", "name"])["value"].to_dict()
    truth |= known.dropna().to_dict()
    rows = []
    for trap in traps:
        answer = trap["answer"] or truth.get((trap["study_id"], trap["column"]), "")
        row = trap["row"]
        if isinstance(row, dict):
            row = f"labevent_id={row['labevent_id']}"
        rows.append(trap | {"row": row, "answer": str(answer)})
    return pd.DataFrame(rows).sort_values(["kind", "study_id", "row", "column"])
