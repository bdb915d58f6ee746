"""Pitfalls of stays and triage: stay ids that collide, wrong vital signs, races that differ.

Explained in book/03_linking_images_to_the_record.
"""

from itertools import cycle, islice

import numpy as np

from virtual_hospital.cohort import Case
from virtual_hospital.course import Patient
from virtual_hospital.patients import RACES
from virtual_hospital.traps import Traps

IMPOSSIBLE = (("o2sat", 0), ("o2sat", 978), ("heartrate", -1), ("resprate", 1800))

Studies = list[tuple[Patient, Case]]


def plant_stays(
    studies: Studies,
    quota: int,
    rng: np.random.Generator,
    traps: Traps,
) -> None:
    """Plant colliding stay ids, wrong vital signs and races that differ."""
    spare = _icu_stays(studies)
    visits = _visits(studies)
    turns = cycle(("collision", "celsius", "impossible"))
    for visit, turn in zip(visits[: 3 * quota], turns, strict=False):
        patient, case, stay, triage = visit
        row = f"stay_id={triage['stay_id']}"
        if turn == "collision":
            if not spare or spare[-1][1] == patient.id:
                continue
            taken, _ = spare.pop()
            stay["stay_id"] = taken
            triage["stay_id"] = taken
            row = f"stay_id={taken}"
            traps.note("stay_id_collision", case, "edstays", row, column="icu_stay_id")
        elif turn == "celsius":
            celsius = (triage["temperature"] - 32) / 1.8
            triage["temperature"] = round(celsius, 1)
            traps.note("vital_celsius", case, "triage", row, column="temperature")
        else:
            name, wrong = IMPOSSIBLE[rng.integers(4)]
            triage[name] = wrong
            traps.note("vital_absurd", case, "triage", row, column=name)
    _plant_races(studies, quota, rng, traps)


def _icu_stays(studies: Studies) -> list[tuple[str, str]]:
    """Return each patient's ICU stays, as stay and patient."""
    patients = {patient.id: patient for patient, _ in studies}
    stays = []
    for patient in patients.values():
        for row in patient.icustays:
            stays.append((row["stay_id"], patient.id))
    return stays


def _visits(studies: Studies) -> list[tuple[Patient, Case, dict, dict]]:
    """Return the ED visits that hold a film, with the row of triage of each."""
    visits = []
    for patient, case in studies:
        for stay, triage in zip(patient.edstays, patient.triage, strict=True):
            if stay["intime"] <= case.study_time <= stay["outtime"]:
                visits.append((patient, case, stay, triage))
    return visits


def _plant_races(
    studies: Studies,
    quota: int,
    rng: np.random.Generator,
    traps: Traps,
) -> None:
    """Give the last admission of some patients another race."""
    several: dict[str, tuple[Patient, Case]] = {}
    for patient, case in studies:
        if len(patient.admissions) > 1:
            several[patient.id] = (patient, case)
    for patient, case in islice(several.values(), quota):
        others = [race for race in RACES if race != patient.race]
        last = patient.admissions[-1]
        last["race"] = str(rng.choice(others))
        both = sorted({patient.race, last["race"]})
        row = f"subject_id={patient.id}"
        traps.note("race_differs", case, "admissions", row, column="race", answer="|".join(both))
