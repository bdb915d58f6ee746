"""The simulated stays of a patient: admissions, visits to the emergency department, intensive care.

Vital signs follow what is drawn in the film. Explained in book/03_linking_images_to_the_record.
"""

from datetime import timedelta

import numpy as np

from virtual_hospital.cohort import Case
from virtual_hospital.course import HOUR, Ids, Patient, Span, burden, hours, weights
from virtual_hospital.mechanism import moved

ADMISSION_TYPES = ["URGENT", "OBSERVATION ADMIT", "ELECTIVE"]
DISCHARGED_TO = ["HOME", "HOME HEALTH CARE", "SKILLED NURSING FACILITY"]
INSURANCES = ["Medicare", "Medicaid", "Other"]
MARITAL_STATES = ["MARRIED", "SINGLE", "WIDOWED", "DIVORCED"]
TRANSPORTS = ["WALK IN", "AMBULANCE", "UNKNOWN"]
COMPLAINTS = ["Chest pain", "Cough", "Fall"]
BREATHLESS_AT = 20  # breaths a minute, above which a patient says so
UNITS = ["Medical Intensive Care Unit (MICU)", "Coronary Care Unit (CCU)"]
SIGNS = {  # column of triage: mean and spread in adults without a finding, decimals
    "temperature": (98.2, 0.8, 1),
    "heartrate": (84, 13, 0),
    "resprate": (17, 2.2, 0),
    "o2sat": (97.4, 1.5, 0),
    "sbp": (134, 18, 0),
    "dbp": (77, 11, 0),
}
HIGHEST_SATURATION = 100


def add_stay(patient: Patient, case: Case, setting: str, ids: Ids) -> Span | None:
    """Add the stay that holds a film, or that it just misses.

    Returns when that stay's patient was in the hospital, from arrival; None if there is no stay.
    """
    rng, t = patient.rng, case.study_time
    if setting == "ed":
        arrival = t - waited(rng)
        left = t + hours(rng, 0.5, 6)
        _add_visit(patient, (arrival, left), None, case, ids)
        return arrival, left
    if setting == "ed-admitted":
        return _add_visit_and_admission(patient, case, ids)
    if setting in ("ward", "icu", "overlapping"):
        return _add_inpatient(patient, case, setting, ids)
    if setting == "pre-admission":
        start = t + hours(rng, 1.5, 20)
        span = (start, start + hours(rng, 20, 50))
        add_admission(patient, span, ids)
        return span
    if setting == "discharged":
        end = t - hours(rng, 2, 20)
        span = (end - hours(rng, 20, 50), end)
        add_admission(patient, span, ids)
        return span
    return None


def waited(rng: np.random.Generator) -> timedelta:
    """Return how long a patient was in the emergency department before the film."""
    return HOUR * float(np.clip(rng.lognormal(np.log(1.9), 0.6), 0.25, 6))


def _add_visit_and_admission(patient: Patient, case: Case, ids: Ids) -> Span:
    """Add a visit that holds the film and becomes an admission, at times with intensive care."""
    rng, t = patient.rng, case.study_time
    arrival = t - waited(rng)
    start = t + hours(rng, 0.05, 1.5)
    left = start + hours(rng, 0.2, 3)
    stay = (start, start + hours(rng, 20, 60))
    row = add_admission(patient, stay, ids, (arrival, left))
    _add_visit(patient, (arrival, left), row["hadm_id"], case, ids)
    if rng.random() < 0.1 * burden(case):
        _add_icu(patient, row, (left + HOUR, row["dischtime"] - HOUR), ids)
    return arrival, row["dischtime"]


def _add_inpatient(patient: Patient, case: Case, setting: str, ids: Ids) -> Span:
    """Add an admission that holds the film, with what the setting adds to it."""
    rng, t = patient.rng, case.study_time
    start = t - hours(rng, 6, 48)
    visit = None
    if rng.random() < 0.5 and setting == "ward":
        arrival = start - hours(rng, 2, 6)
        visit = (arrival, start + HOUR / 3)
    row = add_admission(patient, (start, t + hours(rng, 5, 60)), ids, visit)
    if visit:
        _add_visit(patient, visit, row["hadm_id"], case, ids)
    if setting == "icu":
        moved_at = start + (t - start) * float(rng.uniform(0.1, 0.9))
        _add_icu(patient, row, (moved_at, t + hours(rng, 1, 4)), ids)
    if setting == "overlapping":
        earlier = start - hours(rng, 6, 20)
        later = row["dischtime"] + hours(rng, 1, 12)
        add_admission(patient, (earlier, later), ids)
    return visit[0] if visit else start, row["dischtime"]


def add_admission(patient: Patient, span: Span, ids: Ids, visit: Span | None = None) -> dict:
    """Add a row of hosp/admissions and return it; `visit` is the ED visit that it began with."""
    rng = patient.rng
    start, end = span
    arrival, left = visit or (None, None)
    row = {
        "subject_id": patient.id,
        "hadm_id": next(ids.hadm),
        "admittime": start,
        "dischtime": end,
        "deathtime": None,
        "admission_type": "EW EMER." if visit else str(rng.choice(ADMISSION_TYPES)),
        "admission_location": "EMERGENCY ROOM" if visit else "PHYSICIAN REFERRAL",
        "discharge_location": str(rng.choice(DISCHARGED_TO)),
        "insurance": str(rng.choice(INSURANCES)),
        "language": "ENGLISH",
        "marital_status": str(rng.choice(MARITAL_STATES)),
        "race": patient.race,
        "edregtime": arrival,
        "edouttime": left,
        "hospital_expire_flag": 0,
    }
    patient.admissions.append(row)
    return row


def _add_visit(patient: Patient, span: Span, hadm: str | None, case: Case, ids: Ids) -> None:
    """Add rows of ed/edstays and ed/triage."""
    stay = next(ids.stay)
    arrival, left = span
    visit = {
        "subject_id": patient.id,
        "hadm_id": hadm,
        "stay_id": stay,
        "intime": arrival,
        "outtime": left,
        "gender": patient.person["gender"],
        "race": patient.race,
        "disposition": "ADMITTED" if hadm else "HOME",
        "arrival_transport": str(patient.rng.choice(TRANSPORTS)),
    }
    patient.edstays.append(visit)
    patient.triage.append(_triage(patient, case, stay))


def _triage(patient: Patient, case: Case, stay: str) -> dict:
    """Return a row of ed/triage: the vital signs follow the findings (mechanism.toml)."""
    rng = patient.rng
    signs = {}
    for name, (mean, spread, decimals) in SIGNS.items():
        times, plus = moved(name, weights(case), case.age)
        signs[name] = round(rng.normal(mean * times + plus, spread), decimals)
    signs["o2sat"] = min(HIGHEST_SATURATION, signs["o2sat"])
    breathless = signs["resprate"] > BREATHLESS_AT or rng.random() < 0.2
    complaint = "Dyspnea" if breathless else str(rng.choice(COMPLAINTS))
    ids = {"subject_id": patient.id, "stay_id": stay, "chiefcomplaint": complaint}
    more = {"pain": str(rng.integers(0, 9)), "acuity": 2 if burden(case) > 1 else 3}
    return ids | signs | more


def _add_icu(patient: Patient, admission: dict, span: Span, ids: Ids) -> None:
    """Add a row of icu/icustays."""
    unit = str(patient.rng.choice(UNITS))
    start, end = span
    days = (end - start) / timedelta(days=1)
    row = {
        "subject_id": patient.id,
        "hadm_id": admission["hadm_id"],
        "stay_id": next(ids.stay),
        "first_careunit": unit,
        "last_careunit": unit,
        "intime": start,
        "outtime": end,
        "los": round(days, 4),
    }
    patient.icustays.append(row)
