"""The simulated stays, vital signs and laboratory results of the patients, before any pitfall is
planted.

Everything here is SIMULATED around the real reports: values follow what is drawn in the film (white
cells and CRP with consolidation, NT-proBNP with oedema and a large heart ...), and tests are
ordered more often when the suspicion is high, so what is missing tells something. Item numbers are
those of MIMIC-IV's public dictionary (physionet.org/content/mimiciv). Explained in
book/03_linking_images_to_the_record."""

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from virtual_hospital.blood import TESTS, draw_blood
from virtual_hospital.cohort import Case, random_ids, stream
from virtual_hospital.course import BREATHLESS, HOUR, WEIGHT, Ids, Patient, burden, hours

RACES = ("WHITE", "BLACK/AFRICAN AMERICAN", "HISPANIC/LATINO", "ASIAN", "OTHER", "UNKNOWN")


def admit(cases: list[Case], seed: int) -> list[Patient]:
    """Return the patients of a cohort with their stays, vital signs and results; a few who have no
    film come last.

    One patient in 200, at least two, is not `in_record`: MIMIC-CXR has such patients too.
    """
    kinds = (("hadm", 5, "2"), ("stay", 5, "3"), ("specimen", 60, "4"))
    ids = Ids(
        *(
            iter(random_ids(stream(seed, kind), n * len(cases) + 100, digit))
            for kind, n, digit in kinds
        )
    )
    of: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda c: (c.subject_id, c.study_time)):
        of.setdefault(case.subject_id, []).append(case)
    setting = _settings(of, stream(seed, "settings"))
    missing = set(stream(seed, "missing").permutation(sorted(of))[: max(2, round(0.005 * len(of)))])
    patients = []
    for subject, own in of.items():
        rng = stream(seed, "record", subject)
        race = str(rng.choice(RACES, p=[0.62, 0.2, 0.07, 0.05, 0.03, 0.03]))
        patients.append(
            patient := Patient(own, rng, _person(own[0], rng), race, subject not in missing)
        )
        for case in own:
            _stay(patient, case, setting[case.study_id], ids)
        if rng.random() < 0.25:
            later = own[-1].study_time + hours(rng, 60 * 24, 400 * 24)
            _admission(patient, later, later + hours(rng, 20, 150), ids)
        _death(patient, own[-1].study_time)
        level = {test.name: rng.normal(0, 0.7) for test in TESTS}
        for case in own:
            draw_blood(patient, case, setting[case.study_id], level, ids)
    rng = stream(seed, "without films")
    strangers = [
        subject for subject in random_ids(rng, len(cases) // 25 + 2, "1") if subject not in of
    ]
    return patients + [
        _without_film(subject, stream(seed, "record", subject), ids) for subject in strangers
    ]


def _person(case: Case, rng: np.random.Generator) -> dict:
    """Make the row of hosp/patients: an age at an anchor year, 91 for anyone over 89."""
    back = int(rng.integers(3))
    age, year = int(case.age) - back, case.study_time.year - back
    group = str(rng.choice(["2011 - 2013", "2014 - 2016"]))
    return {"subject_id": case.subject_id, "gender": case.sex, "anchor_age": 91 if age > 89 else age,
            "anchor_year": year, "anchor_year_group": group, "dod": None}  # fmt: skip


def _without_film(subject: str, rng: np.random.Generator, ids: Ids) -> Patient:
    year = int(rng.integers(2110, 2190))
    row = {"subject_id": subject, "gender": str(rng.choice(["F", "M"])), "anchor_age": int(rng.integers(18, 90)),
           "anchor_year": year, "anchor_year_group": "2011 - 2013", "dod": None}  # fmt: skip
    patient = Patient([], rng, row, str(rng.choice(RACES)))
    _admission(patient, datetime(year, 6, 1, 8), datetime(year, 6, 4, 12), ids)
    return patient


def _settings(of: dict[str, list[Case]], rng: np.random.Generator) -> dict[str, str]:
    """Choose where each film was taken: graver findings more often in hospital, films near another
    film in no stay.

    Stays reach less than a third of the way to the patient's next film, so that no film falls near
    another's stay."""
    room: dict[str, timedelta] = {}
    for own in of.values():
        end = timedelta(days=90)
        gaps = [end, *(b.study_time - a.study_time for a, b in pairwise(own)), end]
        room |= {case.study_id: min(two) / 3 for case, two in zip(own, pairwise(gaps), strict=True)}
    cases = [case for own in of.values() for case in own]
    free = [cases[i] for i in rng.permutation(len(cases))]
    setting: dict[str, str] = {}
    for kind, share in (("pre-admission", 0.05), ("discharged", 0.04), ("overlapping", 0.03)):
        chosen = [c for c in free if room[c.study_id] > 72 * HOUR][
            : max(3, round(share * len(cases)))
        ]
        setting |= {c.study_id: kind for c in chosen}
        free = [c for c in free if c.study_id not in setting]
    for case in free:
        ill = burden(case)
        odds = np.array([0.3, 0.15 + 0.12 * ill, 0.12 + 0.15 * ill, 0.02 + 0.1 * ill, 0.3])
        kind = str(rng.choice(["ed", "ed-admitted", "ward", "icu", "none"], p=odds / odds.sum()))
        fits = room[case.study_id] > (16 if kind == "ed" else 72) * HOUR
        setting[case.study_id] = kind if fits else "none"
    return setting


def _stay(patient: Patient, case: Case, setting: str, ids: Ids) -> None:
    """Add the stay that holds a film, or that it just misses."""
    rng, t = patient.rng, case.study_time
    if setting == "ed":
        _ed(patient, t - hours(rng, 0.3, 5), t + hours(rng, 0.5, 6), None, case, ids)
    elif setting == "ed-admitted":
        arrival, start = t - hours(rng, 0.3, 4), t + hours(rng, 0.05, 1.5)
        left = start + hours(rng, 0.2, 3)
        row = _admission(patient, start, start + hours(rng, 20, 60), ids, (arrival, left))
        _ed(patient, arrival, left, row["hadm_id"], case, ids)
        if rng.random() < 0.1 * burden(case):
            _icu(patient, row, left + HOUR, row["dischtime"] - HOUR, ids)
    elif setting in ("ward", "icu", "overlapping"):
        start = t - hours(rng, 6, 48)
        by_ed = (
            (start - hours(rng, 2, 6), start + HOUR / 3)
            if rng.random() < 0.5 and setting == "ward"
            else None
        )
        row = _admission(patient, start, t + hours(rng, 5, 60), ids, by_ed)
        if by_ed:
            _ed(patient, *by_ed, row["hadm_id"], case, ids)
        if setting == "icu":
            _icu(
                patient,
                row,
                start + (t - start) * float(rng.uniform(0.1, 0.9)),
                t + hours(rng, 1, 4),
                ids,
            )
        if setting == "overlapping":
            _admission(
                patient, start - hours(rng, 6, 20), row["dischtime"] + hours(rng, 1, 12), ids
            )
    elif setting == "pre-admission":
        start = t + hours(rng, 1.5, 20)
        _admission(patient, start, start + hours(rng, 20, 50), ids)
    elif setting == "discharged":
        end = t - hours(rng, 2, 20)
        _admission(patient, end - hours(rng, 20, 50), end, ids)


def _admission(
    patient: Patient, start: datetime, end: datetime, ids: Ids, by_ed: tuple | None = None
) -> dict:
    """Add a row of hosp/admissions, through the ED if its times are given."""
    rng = patient.rng
    patient.admissions.append({
        "subject_id": patient.id, "hadm_id": next(ids.hadm), "admittime": start, "dischtime": end, "deathtime": None,
        "admission_type": "EW EMER." if by_ed else str(rng.choice(["URGENT", "OBSERVATION ADMIT", "ELECTIVE"])),
        "admission_location": "EMERGENCY ROOM" if by_ed else "PHYSICIAN REFERRAL",
        "discharge_location": str(rng.choice(["HOME", "HOME HEALTH CARE", "SKILLED NURSING FACILITY"])),
        "insurance": str(rng.choice(["Medicare", "Medicaid", "Other"])), "language": "ENGLISH",
        "marital_status": str(rng.choice(["MARRIED", "SINGLE", "WIDOWED", "DIVORCED"])), "race": patient.race,
        "edregtime": by_ed and by_ed[0], "edouttime": by_ed and by_ed[1], "hospital_expire_flag": 0,
    })  # fmt: skip
    return patient.admissions[-1]


def _ed(
    patient: Patient, start: datetime, end: datetime, hadm: str | None, case: Case, ids: Ids
) -> None:
    """Add rows of ed/edstays and ed/triage; the vital signs follow the findings."""
    rng, stay = patient.rng, next(ids.stay)
    patient.edstays.append({
        "subject_id": patient.id, "hadm_id": hadm, "stay_id": stay, "intime": start, "outtime": end,
        "gender": patient.person["gender"], "race": patient.race, "disposition": "ADMITTED" if hadm else "HOME",
        "arrival_transport": str(rng.choice(["WALK IN", "AMBULANCE", "UNKNOWN"])),
    })  # fmt: skip
    by = {d.name: WEIGHT[d.severity] for d in case.drawings}
    gasp = sum(by.get(name, 0) * shift for name, shift in BREATHLESS.items())
    complaint = (
        "Dyspnea"
        if gasp > 0.5 or rng.random() < 0.2
        else str(rng.choice(["Chest pain", "Cough", "Fall"]))
    )
    patient.triage.append({
        "subject_id": patient.id, "stay_id": stay, "chiefcomplaint": complaint,
        "temperature": round(rng.normal(98.2 + 0.8 * by.get("consolidation", 0), 0.8), 1),
        "heartrate": round(rng.normal(84 + 7 * gasp, 13)), "resprate": round(rng.normal(17 + 2 * gasp, 2.2)),
        "o2sat": round(min(100, rng.normal(97.3 - 2 * gasp, 1.6))), "sbp": round(rng.normal(134, 18)),
        "dbp": round(rng.normal(77, 11)), "pain": str(rng.integers(0, 9)), "acuity": 2 if gasp > 1 else 3,
    })  # fmt: skip


def _icu(patient: Patient, admission: dict, start: datetime, end: datetime, ids: Ids) -> None:
    """Add a row of icu/icustays."""
    unit = str(
        patient.rng.choice(["Medical Intensive Care Unit (MICU)", "Coronary Care Unit (CCU)"])
    )
    patient.icustays.append({
        "subject_id": patient.id, "hadm_id": admission["hadm_id"], "stay_id": next(ids.stay), "first_careunit": unit,
        "last_careunit": unit, "intime": start, "outtime": end, "los": round((end - start) / timedelta(days=1), 4),
    })  # fmt: skip


def _death(patient: Patient, last_film: datetime) -> None:
    """Let some patients die, in hospital or later: columns that no model may see at the time of the
    film."""
    last = max(patient.admissions, key=lambda a: a["dischtime"], default=None)
    day = None
    if last and last["dischtime"] > last_film and patient.rng.random() < 0.08:
        last |= {
            "deathtime": last["dischtime"],
            "discharge_location": "DIED",
            "hospital_expire_flag": 1,
        }
        day = last["dischtime"]
    elif not last and patient.rng.random() < 0.05:
        day = last_film + hours(patient.rng, 5 * 24, 300 * 24)
    patient.person["dod"] = day and day.strftime("%Y-%m-%d")
