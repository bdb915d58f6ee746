"""The simulated patients: who they are, where each film was taken, and how their story ends.

Everything here is SIMULATED around the real reports: values follow what is drawn in the film (see
`mechanism`), and tests are ordered more often when the suspicion is high, so what is missing tells
something. The view of a film is given beforehand, whatever it shows; intensive care takes AP films
only. Item numbers are those of MIMIC-IV's public dictionary (physionet.org/content/mimiciv). No
pitfall is planted yet. Explained in book/03_linking_images_to_the_record.
"""

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from virtual_hospital.blood import draw_blood
from virtual_hospital.blood_tests import TESTS
from virtual_hospital.cohort import Case
from virtual_hospital.course import HOUR, Ids, Patient, burden, hours
from virtual_hospital.mechanism import NOISE, setting_odds
from virtual_hospital.stays import add_admission, add_stay
from virtual_hospital.streams import random_ids, stream

RACES = ("WHITE", "BLACK/AFRICAN AMERICAN", "HISPANIC/LATINO", "ASIAN", "OTHER", "UNKNOWN")
RACE_ODDS = (0.62, 0.2, 0.07, 0.05, 0.03, 0.03)
MISSING = 0.005  # share of patients with films who are not in the record
RARE_SETTINGS = (("pre-admission", 0.05), ("discharged", 0.04), ("overlapping", 0.03))
FAR = timedelta(days=90)  # from a patient's first and last film to where no film is


def admit(cases: list[Case], seed: int) -> list[Patient]:
    """Return the patients of a cohort with their stays, vital signs and results.

    A few who have no film come last. One patient in 200, at least two, is not `in_record`:
    MIMIC-CXR has such patients too.
    """
    ids = Ids.draw(seed, len(cases))
    films = _films_of(cases)
    setting = _settings(films, stream(seed, "settings"))
    missing = _missing(films, seed)
    patients = []
    for subject, own in films.items():
        rng = stream(seed, "record", subject)
        race = rng.choice(RACES, p=RACE_ODDS)
        person = _person(own[0], rng)
        in_record = subject not in missing
        patient = Patient(own, rng, person, str(race), in_record)
        _add_course(patient, setting, ids)
        patients.append(patient)
    number = len(cases) // 25 + 2
    draw = stream(seed, "without films")
    for subject in random_ids(draw, number, "1"):
        if subject not in films:
            rng = stream(seed, "record", subject)
            patients.append(_without_film(subject, rng, ids))
    return patients


def _films_of(cases: list[Case]) -> dict[str, list[Case]]:
    """Return the studies of each patient in order of time."""
    films: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda case: (case.subject_id, case.study_time)):
        films.setdefault(case.subject_id, []).append(case)
    return films


def _missing(films: dict[str, list[Case]], seed: int) -> set[str]:
    """Choose the patients who are not in the record."""
    wanted = round(MISSING * len(films))
    number = max(2, wanted)
    order = stream(seed, "missing").permutation(sorted(films))
    return set(order[:number])


def _add_course(patient: Patient, setting: dict[str, str], ids: Ids) -> None:
    """Add a patient's stays, a later one at times, a death at times, and the results."""
    rng = patient.rng
    spans = {}
    for case in patient.cases:
        study = case.study_id
        spans[study] = add_stay(patient, case, setting[study], ids)
    last = patient.cases[-1].study_time
    if rng.random() < 0.25:
        later = last + hours(rng, 60 * 24, 400 * 24)
        left = later + hours(rng, 20, 150)
        add_admission(patient, (later, left), ids)
    _add_death(patient, last)
    usual = {}
    for test in TESTS:
        usual[test.name] = rng.normal(0, NOISE["patient"])
    for case in patient.cases:
        draw_blood(patient, case, spans[case.study_id], usual, ids)


def _person(case: Case, rng: np.random.Generator) -> dict:
    """Make the row of hosp/patients: an age at an anchor year, 91 for anyone over 89."""
    back = int(rng.integers(3))
    age = int(case.age) - back
    return {
        "subject_id": case.subject_id,
        "gender": case.sex,
        "anchor_age": 91 if age > 89 else age,
        "anchor_year": case.study_time.year - back,
        "anchor_year_group": str(rng.choice(["2011 - 2013", "2014 - 2016"])),
        "dod": None,
    }


def _without_film(subject: str, rng: np.random.Generator, ids: Ids) -> Patient:
    """Make a patient of the record who has no film, with one admission."""
    year = int(rng.integers(2110, 2190))
    sex = rng.choice(["F", "M"])
    person = {
        "subject_id": subject,
        "gender": str(sex),
        "anchor_age": int(rng.integers(18, 90)),
        "anchor_year": year,
        "anchor_year_group": "2011 - 2013",
        "dod": None,
    }
    patient = Patient([], rng, person, str(rng.choice(RACES)))
    span = (datetime(year, 6, 1, 8), datetime(year, 6, 4, 12))
    add_admission(patient, span, ids)
    return patient


def _settings(films: dict[str, list[Case]], rng: np.random.Generator) -> dict[str, str]:
    """Choose where each film was taken.

    Graver findings are more often in hospital, those of intensive care among AP films only; films
    near another film are in no stay: stays reach less than a third of the way to the patient's
    next film, so that no film falls near another's stay.
    """
    room = _room(films)
    cases: list[Case] = []
    for own in films.values():
        cases += own
    free = [cases[row] for row in rng.permutation(len(cases))]
    setting: dict[str, str] = {}
    for kind, share in RARE_SETTINGS:
        wanted = max(3, round(share * len(cases)))
        left = []
        for case in free:
            if wanted and room[case.study_id] > 72 * HOUR:
                setting[case.study_id] = kind
                wanted -= 1
            else:
                left.append(case)
        free = left
    for case in free:
        kind = _usual_setting(case, rng)
        needed = (16 if kind == "ed" else 72) * HOUR
        if room[case.study_id] <= needed:
            kind = "none"
        setting[case.study_id] = kind
    return setting


def _room(films: dict[str, list[Case]]) -> dict[str, timedelta]:
    """Return how far from each film a stay may reach: a third of the way to the next film."""
    room: dict[str, timedelta] = {}
    for own in films.values():
        gaps = [FAR]
        for before, after in pairwise(own):
            gaps.append(after.study_time - before.study_time)
        gaps.append(FAR)
        for case, around in zip(own, pairwise(gaps), strict=True):
            room[case.study_id] = min(around) / 3
    return room


def _usual_setting(case: Case, rng: np.random.Generator) -> str:
    """Draw where a film was taken, by its view and how ill the patient is."""
    ill = burden(case)
    odds = setting_odds(case.view, ill)
    places = list(odds)
    shares = np.array([odds[place] for place in places])
    shares = shares / shares.sum()
    chosen = rng.choice(places, p=shares)
    return str(chosen)


def _add_death(patient: Patient, last_film: datetime) -> None:
    """Let some patients die, in hospital or later.

    No model may see these columns at the time of the film.
    """
    rng = patient.rng
    last = max(patient.admissions, key=lambda row: row["dischtime"], default=None)
    day = None
    if last and last["dischtime"] > last_film and rng.random() < 0.08:
        day = last["dischtime"]
        last["deathtime"] = day
        last["discharge_location"] = "DIED"
        last["hospital_expire_flag"] = 1
    elif not last and rng.random() < 0.05:
        day = last_film + hours(rng, 5 * 24, 300 * 24)
    patient.person["dod"] = day and day.strftime("%Y-%m-%d")
