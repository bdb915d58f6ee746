"""The blood that is taken round a film: what is ordered follows suspicion, what is found findings.

Explained in book/03_linking_images_to_the_record.
"""

from datetime import datetime, timedelta

import numpy as np

from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.blood_tests import TESTS, Test
from virtual_hospital.cohort import Case
from virtual_hospital.course import Ids, Patient, burden, hours, weights

RISING = ("nt_probnp", "creatinine", "urea")  # tests whose values rise with age

Times = tuple[datetime, datetime | None]


def draw_blood(
    patient: Patient, case: Case, setting: str, level: dict[str, float], ids: Ids
) -> None:
    """Add results around a film.

    What is ordered follows the suspicion and chance, what is found the findings. `level` is what
    is usual for the patient, in spreads of each test.
    """
    rng = patient.rng
    outside = setting in ("none", "discharged")
    if outside and rng.random() > 0.15:
        return
    ordered = _ordered(case, rng)
    weight = weights(case)
    for taken in _times(case, rng, outside):
        specimens = {test.category: next(ids.specimen) for test in TESTS}
        delay = timedelta(minutes=float(rng.lognormal(np.log(50), 0.4)))
        for test in TESTS:
            if test.ordered not in ordered or rng.random() >= 0.93:
                continue
            usual = level[test.name] + _shift(test, weight, case.age)
            z = np.clip(usual + rng.normal(0, 0.6), -3, 4.5)
            amount = test.at(z)
            result(patient, test, amount, (taken, taken + delay), specimens[test.category])


def _ordered(case: Case, rng: np.random.Generator) -> set[str]:
    """Choose the groups of tests that are ordered, by the suspicion of each (in log odds)."""
    weight = dict.fromkeys(FINDINGS, 0.0) | weights(case)
    ill = burden(case)
    crp = -1.6 + 2.5 * weight["consolidation"] + 0.8 * weight["opacity"]
    heart = -1.8 + 2.0 * weight["oedema"]
    heart = heart + 0.8 * weight["cardiomegaly"] + 0.6 * weight["effusion"]
    suspicion = {
        "basic": 2.2,
        "crp": crp,
        "heart": heart,
        "gas": -2.0 + 1.3 * ill,
        "clot": -2.2 + 0.6 * ill,
    }
    ordered = set()
    for group, odds in suspicion.items():
        dice = rng.random()
        chance = 1 / (1 + np.exp(-odds - rng.normal(0, 0.8)))
        if dice < chance:
            ordered.add(group)
    return ordered


def _times(case: Case, rng: np.random.Generator, outside: bool) -> list[datetime]:
    """Choose when blood is taken, in order; none after the film outside the hospital."""
    t = case.study_time
    times = []
    for _ in range(1 + rng.integers(2)):
        times.append(t - hours(rng, 0.4, 12))
    if rng.random() < 0.3:
        times.append(t - hours(rng, 13, 40))
    if not outside:
        times.append(t + hours(rng, 1, 12))
    return sorted(times)


def _shift(test: Test, weight: dict[str, float], age: float) -> float:
    """Return how far findings and age move a test, in spreads."""
    shift = 0
    for name, spreads in test.shifts.items():
        shift += weight.get(name, 0) * spreads
    if test.name in RISING:
        shift += (age - 50) / 30
    return shift


def result(
    patient: Patient, test: Test, amount: float, times: Times, specimen: str, **over: object
) -> dict:
    """Add and return a row of hosp/labevents with `amount` in the test's `uom`.

    `times` are when it was taken and when it was stored; `over` writes over the row's columns. A
    troponin too small to measure is censored. The truth is in _test (the name), _amount (in the
    test's `unit`) and _censored ("<" or "").
    """
    taken, stored = times
    low = round(test.at(-2), test.decimals)
    high = round(test.at(2), test.decimals)
    text = f"{amount:.{test.decimals}f}"
    row = {
        "subject_id": patient.id,
        "hadm_id": _admission_at(patient, taken),
        "specimen_id": specimen,
        "itemid": test.itemid,
        "charttime": taken.replace(microsecond=0),
        "storetime": stored and stored.replace(microsecond=0),
        "value": text,
        "valuenum": float(text),
        "valueuom": test.uom,
        "ref_range_lower": low,
        "ref_range_upper": high,
        "flag": None if low <= amount <= high else "abnormal",
        "priority": str(patient.rng.choice(["STAT", "ROUTINE"])),
        "comments": None,
        "_test": test.name,
        "_amount": float(text) * test.factor,
        "_censored": "",
    }
    if test.name == "troponin_t":
        row |= _censored(test, float(text), patient.rng)
    row |= over
    patient.labevents.append(row)
    return row


def _admission_at(patient: Patient, taken: datetime) -> str | None:
    """Return the first admission that holds a time."""
    for row in patient.admissions:
        if row["admittime"] <= taken <= row["dischtime"]:
            return row["hadm_id"]
    return None


def _censored(test: Test, amount: float, rng: np.random.Generator) -> dict:
    """Return the columns of a result too small to measure, in `value` or in `comments`."""
    least = 10.0**-test.decimals
    if amount >= least:
        return {}
    hidden = {"valuenum": None, "_amount": least * test.factor, "_censored": "<"}
    if rng.random() < 0.5:
        return hidden | {"value": f"<{least}"}
    return hidden | {"value": "___", "comments": f"<{least}."}
