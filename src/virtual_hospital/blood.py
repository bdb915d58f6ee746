"""The blood taken in a film's stay: what is ordered follows suspicion, what is found disease.

Blood is taken while the patient is there: soon after arrival, again later, on the morning round,
round a film. In no stay there are only results of days before. Explained in
book/03_linking_images_to_the_record.
"""

from datetime import datetime, timedelta

import numpy as np

from virtual_hospital.blood_tests import (
    ARTERIAL,
    OXYGEN_IN_VEINS,
    SPECIMEN_TYPE,
    TESTS,
    VENOUS,
    Test,
)
from virtual_hospital.cohort import Case
from virtual_hospital.course import HOUR, Ids, Patient, Span, burden, hours, weights
from virtual_hospital.mechanism import MECHANISM, NOISE, moved, suspicion

GROUPS = ("basic", "crp", "heart", "gas", "clot")
OUTPATIENTS_TESTED = 0.15  # share of films in no stay with results of days before
NEAR = 30 * HOUR  # from a film: blood farther away is not made up
ROUND = timedelta(hours=6)  # of the morning, when blood is taken on a ward
PO2 = next(test for test in TESTS if test.name == "po2")

Times = tuple[datetime, datetime | None]


def draw_blood(
    patient: Patient, case: Case, span: Span | None, level: dict[str, float], ids: Ids
) -> None:
    """Add the results of a film's stay; `span` is None for a film in no stay.

    What is ordered follows the suspicion and chance, what is found the findings. `level` is what
    is usual for the patient, in spreads of each test.
    """
    rng = patient.rng
    if span is None and rng.random() > OUTPATIENTS_TESTED:
        return
    ward = _ward(patient, case)
    ordered = _ordered(case, rng, ward == "icu")
    if span is None:
        draws = [case.study_time - hours(rng, 26, 240)]
    else:
        draws = _draws(span, case.study_time, ward, rng)
    for taken in draws:
        delay = timedelta(minutes=float(rng.lognormal(np.log(50), 0.4)))
        times = (taken, taken + delay)
        _sample(patient, case, times, ids, ordered=ordered, level=level, ward=ward)


def _sample(
    patient: Patient,
    case: Case,
    times: Times,
    ids: Ids,
    *,
    ordered: set[str],
    level: dict[str, float],
    ward: str,
) -> None:
    """Add the results of one time: one specimen a category, a blood gas of artery or vein."""
    rng = patient.rng
    specimens = {test.category: next(ids.specimen) for test in TESTS}
    arterial = rng.random() < MECHANISM["arterial"][ward]
    kind = ARTERIAL if arterial else VENOUS
    if "gas" in ordered:
        state_specimen(patient, times, specimens["Blood Gas"], kind)
        if kind == VENOUS:
            add_venous_oxygen(patient, times, specimens["Blood Gas"])
    weight = weights(case)
    for test in TESTS:
        given = rng.random() >= NOISE["omitted"]
        z = np.clip(level[test.name] + rng.normal(0, NOISE["sample"]), -3, 3)
        if not given or test.ordered not in ordered or test.specimen not in ("", kind):
            continue
        amount = test.at(z, *moved(test.moves_as or test.name, weight, case.age))
        result(patient, test, amount, times, specimens[test.category])


def _ward(patient: Patient, case: Case) -> str:
    """Return where the patient is at the time of a film: icu, ed or ward."""
    if _holding(patient.icustays, "intime", "outtime", case.study_time):
        return "icu"
    if _holding(patient.edstays, "intime", "outtime", case.study_time):
        return "ed"
    return "ward"


def _holding(rows: list[dict], begin: str, end: str, time: datetime) -> dict | None:
    """Return the first row whose columns `begin` and `end` hold a time."""
    for row in rows:
        if row[begin] <= time <= row[end]:
            return row
    return None


def _ordered(case: Case, rng: np.random.Generator, in_icu: bool) -> set[str]:
    """Choose the groups of tests that are ordered, by the suspicion of each."""
    weight = weights(case)
    ill = burden(case)
    ordered = set()
    for group in GROUPS:
        odds = suspicion(group, weight, ill, in_icu)
        odds += rng.normal(0, MECHANISM["orders"]["doctor"])
        if rng.random() < 1 / (1 + np.exp(-odds)):
            ordered.add(group)
    return ordered


def _draws(span: Span, film: datetime, ward: str, rng: np.random.Generator) -> list[datetime]:
    """Choose when blood is taken between arrival and leaving, in order.

    Soon after arrival, half the time again after some hours; on each morning round; and often
    within hours of a film on a ward, since what asks for the one asks for the other.
    """
    begin, end = span
    first = begin + timedelta(minutes=float(rng.lognormal(np.log(40), 0.5)))
    times = [first]
    if rng.random() < 0.5:
        times.append(first + hours(rng, 2.5, 6))
    midnight = datetime(begin.year, begin.month, begin.day)
    while midnight < min(end, film + NEAR):
        midnight += timedelta(days=1)
        times.append(midnight + ROUND + hours(rng, -0.7, 0.7))
    beside = film + hours(rng, -4, 2)
    often = {"ed": 0.0, "ward": 0.5, "icu": 0.9}[ward]
    if rng.random() < often:
        times.append(beside)
    inside = []
    for time in sorted(times):
        if begin <= time <= end and abs(time - film) <= NEAR:
            inside.append(time)
    return inside


def state_specimen(patient: Patient, times: Times, specimen: str, kind: str) -> dict:
    """Add and return the row that says of a blood gas whether it is arterial or venous."""
    row = _row(patient, SPECIMEN_TYPE[0], times, specimen)
    row |= {"value": kind}
    patient.labevents.append(row)
    return row


def add_venous_oxygen(patient: Patient, times: Times, specimen: str) -> dict:
    """Add and return a pO2 of venous blood, which is no test of ours: its _test is ""."""
    amount = patient.rng.normal(*OXYGEN_IN_VEINS)
    return result(patient, PO2, max(15.0, amount), times, specimen, _test="")


def result(
    patient: Patient, test: Test, amount: float, times: Times, specimen: str, **over: object
) -> dict:
    """Add and return a row of hosp/labevents with `amount` in the test's `uom`.

    `times` are when it was taken and when it was stored; `over` writes over the row's columns. A
    troponin too small to measure is censored. The truth is in _test (the name), _amount (in the
    test's `unit`) and _censored ("<" or "").
    """
    low = round(test.at(-2), test.decimals)
    high = round(test.at(2), test.decimals)
    text = f"{amount:.{test.decimals}f}"
    row = _row(patient, test.itemid, times, specimen)
    row |= {
        "value": text,
        "valuenum": float(text),
        "valueuom": test.uom,
        "ref_range_lower": low,
        "ref_range_upper": high,
        "flag": None if low <= amount <= high else "abnormal",
        "_test": test.name,
        "_amount": float(text) * test.factor,
        "_censored": "",
    }
    if test.name == "troponin_t":
        row |= _censored(test, float(text), patient.rng)
    row |= over
    patient.labevents.append(row)
    return row


def _row(patient: Patient, itemid: int, times: Times, specimen: str) -> dict:
    """Return a row of hosp/labevents without a value."""
    taken, stored = times
    return {
        "subject_id": patient.id,
        "hadm_id": _admission_at(patient, taken),
        "specimen_id": specimen,
        "itemid": itemid,
        "charttime": taken.replace(microsecond=0),
        "storetime": stored and stored.replace(microsecond=0),
        "priority": str(patient.rng.choice(["STAT", "ROUTINE"])),
        "comments": None,
        "_test": "",
        "_censored": "",
    }


def _admission_at(patient: Patient, taken: datetime) -> str | None:
    """Return the first admission that holds a time."""
    row = _holding(patient.admissions, "admittime", "dischtime", taken)
    return row and row["hadm_id"]


def _censored(test: Test, amount: float, rng: np.random.Generator) -> dict:
    """Return the columns of a result too small to measure, in `value` or in `comments`."""
    least = 10.0**-test.decimals
    if amount >= least:
        return {}
    hidden = {"valuenum": None, "_amount": least * test.factor, "_censored": "<"}
    if rng.random() < 0.5:
        return hidden | {"value": f"<{least}"}
    return hidden | {"value": "___", "comments": f"<{least}."}
