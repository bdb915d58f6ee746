"""The pitfalls of real records, planted in the simulated ones, each with its study and row.

They are those that users of MIMIC-CXR and MIMIC-IV report (mimic-code and mimic-cxr issues on
linkage, ages, times and laboratory items). Explained in book/03_linking_images_to_the_record."""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from virtual_hospital.blood import TESTS, Test, result
from virtual_hospital.cohort import Case
from virtual_hospital.course import HOUR, Patient
from virtual_hospital.patients import RACES

WINDOW_HOURS = 24


PITFALLS = {
    "study_time_fraction": "StudyTime is a number with a fraction and without leading zeros",
    "no_stay": "a film in no stay: link none, and keep the row",
    "ed_before_admission": "a film in the ED minutes before the admission",
    "pre_admission": "a film within 24 h before the admission",
    "after_discharge": "a film hours after discharge: link none",
    "overlapping_admissions": "two admissions hold the film: the later start at or before it",
    "anchor_age_91": "anyone over 89 is written as 91: read as 90 or more",
    "missing_subject": "a patient with films who is not in MIMIC-IV",
    "stay_id_collision": "an ED stay_id that is also the ICU stay_id of someone else",
    "race_differs": "race differs between admissions",
    "leak_column": "known only after the film: death, discharge",
    "duplicate_specimen": "one specimen, one item, two rows: the last stored counts",
    "censored": "a value such as <0.01 in value or comments, valuenum null",
    "stored_after_film": "taken before the film, reported after it: not known then",
    "no_storetime": "a result without storetime: not known to have been reported",
    "two_itemids": "white cells under a second item number",
    "other_fluid": "urine or pleural fluid under much the same label",
    "other_category": "the same label measured by the blood gas analyser, which is another test",
    "item_unknown": "an item number that d_labitems does not have",
    "hadm_id_null": "a result of an admission without hadm_id",
    "unit_differs": "the same test in another unit",
    "absurd_value": "negative or impossible: not a result",
    "too_old": "the only result is more than 24 h old",
    "vital_celsius": "a temperature in Celsius among Fahrenheit",
    "vital_absurd": "an impossible vital sign: not a measurement",
}


D_LABITEMS = [(t.itemid, t.label, "Blood", t.category) for t in TESTS] + [
    (51300, "WBC Count", "Blood", "Hematology"),
    (50811, "Hemoglobin", "Blood", "Blood Gas"),
    (51082, "Creatinine, Urine", "Urine", "Chemistry"),
    (51916, "proBNP, Pleural", "Pleural", "Chemistry"),
    (51081, "Creatinine, Serum", "Urine", "Chemistry"),  # this and the next two have no result
    (50915, "D-Dimer", "Blood", "Chemistry"),
    (51002, "Troponin I", "Blood", "Chemistry"),
]


_DECOYS = {  # another test beside this one: its itemid, and how its values compare; 59999 is in no dictionary
    ("other_fluid", "creatinine"): (51082, 60.0),
    ("other_fluid", "nt_probnp"): (51916, 9.0),
    ("other_category", "haemoglobin"): (50811, 0.8),
    **{("item_unknown", test.name): (59999, 1.0) for test in TESTS},
}


_ANY = tuple(test.name for test in TESTS)


_CARRIERS = {  # the tests that may carry each kind
    "two_itemids": ("white_cells",),
    "other_fluid": ("creatinine", "nt_probnp"),
    "other_category": ("haemoglobin",),
    "unit_differs": tuple(test.name for test in TESTS if test.other),
    **dict.fromkeys(
        ("duplicate_specimen", "stored_after_film", "no_storetime", "item_unknown", "hadm_id_null"),
        _ANY,
    ),
    **dict.fromkeys(("absurd_value", "too_old"), _ANY),
}


def last_known(labs: list[dict], test: str, t: datetime) -> dict | None:
    """Return the last result of a test taken and stored in the `WINDOW_HOURS` before `t`: the rule,
    as a plain loop."""
    best = None
    for row in labs:
        known = row["_test"] == test and row["storetime"] and row["storetime"] <= t
        recent = t - WINDOW_HOURS * HOUR <= row["charttime"] <= t
        if known and recent and (best is None or _when(row) > _when(best)):
            best = row
    return best


def _when(row: dict) -> tuple[datetime, datetime]:
    return row["charttime"], row["storetime"]


def link_of(edstays: list[dict], icustays: list[dict], admissions: list[dict], t: datetime) -> dict:
    """Link a film: to the ED, else the ICU, else an admission, else one in the next 24 h: the rule,
    as plain loops.

    An admission starts at its ED registration, if it has one; of several that hold the film the
    latest start counts."""
    ed = [s for s in edstays if s["intime"] <= t <= s["outtime"]]
    icu = [s for s in icustays if s["intime"] <= t <= s["outtime"]]
    starts = sorted(
        ((a["edregtime"] or a["admittime"], a) for a in admissions), key=lambda pair: pair[0]
    )
    inside = [a for start, a in starts if start <= t <= a["dischtime"]]
    ahead = [a for start, a in starts if timedelta(0) < start - t <= 24 * HOUR]
    kind = (
        "ed"
        if ed
        else "icu"
        if icu
        else "admission"
        if inside
        else "pre-admission"
        if ahead
        else "none"
    )
    admission = (inside[-1:] + ahead[:1] + [{}])[0]
    ed_stay, icu_stay = ((stays + [{}])[0].get("stay_id") for stays in (ed, icu))
    return {
        "link_type": kind,
        "ed_stay_id": ed_stay,
        "icu_stay_id": icu_stay,
        "hadm_id": admission.get("hadm_id"),
    }


def plant(patients: list[Patient], rng: np.random.Generator) -> list[dict]:
    """Plant pitfalls among the patients and list all, those too that were there by themselves.

    Returns dicts of kind (of `PITFALLS`), study_id, subject_id, table, row (`column=value`, or the
    row itself of labevents), column (a test, a vital sign or a column of truth/record.csv) and
    answer (None: as the truth tables say)."""
    traps: list[dict] = []

    def trap(
        kind: str, case: Case, table: str, row: dict | str, column: str, answer: str | None = None
    ) -> None:
        traps.append({"kind": kind, "study_id": case.study_id, "subject_id": case.subject_id, "table": table,
                      "row": row, "column": column, "answer": answer})  # fmt: skip

    studies = [(p, case) for p in patients if p.in_record for case in p.cases]
    studies = [studies[i] for i in rng.permutation(len(studies))]
    quota = max(3, len(studies) // 40)
    _plant_labs(studies, quota, rng, trap)
    _plant_stays(studies, quota, rng, trap)
    for p in patients:
        for case in p.cases:
            _note(p, case, trap)
    return traps


def _plant_labs(
    studies: list[tuple[Patient, Case]], quota: int, rng: np.random.Generator, trap: Callable
) -> None:
    """Plant each kind at `quota` studies, no two kinds at one result, and note the censored
    results."""
    tests = {test.name: test for test in TESTS}
    used: set[tuple[str, str]] = set()
    for kind, carriers in _CARRIERS.items():
        left = quota
        for p, case in studies:
            for name in rng.permutation(carriers).tolist():
                if (
                    left
                    and (case.study_id, name) not in used
                    and (row := _plant_lab(kind, p, case, tests[name], rng))
                ):
                    used.add((case.study_id, name))
                    trap(kind, case, "labevents", row, name)
                    left -= 1
                    break
    for p, case in studies:
        for name in tests:
            if (row := last_known(p.labevents, name, case.study_time)) and row["_censored"]:
                trap("censored", case, "labevents", row, name)


def _plant_lab(
    kind: str, p: Patient, case: Case, test: Test, rng: np.random.Generator
) -> dict | None:
    """Plant one pitfall at one test of one study and return the row that carries it; None where it
    does not fit."""
    t, last = case.study_time, last_known(p.labevents, test.name, case.study_time)
    specimen = f"5{rng.integers(10**7):07d}"
    if kind == "too_old":
        if any(
            row["_test"] == test.name and abs(row["charttime"] - t) < 72 * HOUR
            for row in p.labevents
        ):
            return None
        taken = t - timedelta(hours=float(rng.uniform(26, 47)))
        return result(p, test, test.at(rng.normal()), taken, taken + HOUR, specimen)
    if last is None or last["_censored"] or t - last["storetime"] < HOUR / 2:
        return None
    if kind == "hadm_id_null" and last["hadm_id"] is None:
        return None
    if kind in ("two_itemids", "hadm_id_null", "unit_differs"):
        changed = {"two_itemids": {"itemid": 51300}, "hadm_id_null": {"hadm_id": None}}
        last |= changed[kind] if kind in changed else _in_other(last, test)
        return last
    if kind == "duplicate_specimen":
        number = last["valuenum"]
        if rng.random() < 0.5:  # corrected, not only repeated
            number = round(number * 1.1 if test.log else number + test.spread / 2, test.decimals)
        stored = last["storetime"] + (t - last["storetime"]) / 2
        new = {
            "valuenum": number,
            "value": f"{number:.{test.decimals}f}",
            "_amount": number * test.factor,
        }
        p.labevents.append(last | new | {"storetime": stored.replace(microsecond=0)})
        return p.labevents[-1]
    taken = last["charttime"] + (t - last["charttime"]) * float(rng.uniform(0.3, 0.7))
    stored, amount, over = t - (t - taken) / 2, test.at(rng.normal() + 1), {}
    if (kind, test.name) in _DECOYS:
        itemid, times = _DECOYS[kind, test.name]
        amount, over = amount * times, {"itemid": itemid, "_test": ""}
    elif kind == "absurd_value":
        number = float(rng.choice([-1.0, 1e7]))
        over = {
            "value": f"{number:.0f}",
            "valuenum": number,
            "comments": None,
            "_test": "",
            "_censored": "",
        }
    elif kind == "stored_after_film":
        stored = t + timedelta(minutes=float(rng.uniform(5, 90)))
    elif kind == "no_storetime":
        stored = None
    return result(p, test, amount, taken, stored, specimen, **over)


def _in_other(row: dict, test: Test) -> dict:
    """Return the columns of a result in the test's other unit."""
    uom, factor = test.other
    number = round(row["valuenum"] * factor, 2)
    return {
        "valueuom": uom,
        "value": f"{number:g}",
        "valuenum": number,
        "_amount": number / factor * test.factor,
    }


def _plant_stays(
    studies: list[tuple[Patient, Case]], quota: int, rng: np.random.Generator, trap: Callable
) -> None:
    """Plant colliding stay ids, wrong vital signs and races that differ."""
    spare = [
        (row["stay_id"], p.id) for p in {p.id: p for p, _ in studies}.values() for row in p.icustays
    ]
    visits = [(p, case, stay, triage) for p, case in studies for stay, triage in zip(p.edstays, p.triage, strict=True)
              if stay["intime"] <= case.study_time <= stay["outtime"]]  # fmt: skip
    for k, (p, case, stay, triage) in enumerate(visits[: 3 * quota]):
        if k % 3 == 0 and spare and spare[-1][1] != p.id:
            stay["stay_id"] = triage["stay_id"] = spare.pop()[0]
            trap(
                "stay_id_collision", case, "edstays", f"stay_id={triage['stay_id']}", "icu_stay_id"
            )
        elif k % 3 == 1:
            triage["temperature"] = round((triage["temperature"] - 32) / 1.8, 1)
            trap("vital_celsius", case, "triage", f"stay_id={triage['stay_id']}", "temperature")
        elif k % 3 == 2:
            name, wrong = [("o2sat", 0), ("o2sat", 978), ("heartrate", -1), ("resprate", 1800)][
                rng.integers(4)
            ]
            triage[name] = wrong
            trap("vital_absurd", case, "triage", f"stay_id={triage['stay_id']}", name)
    several = {p.id: (p, case) for p, case in studies if len(p.admissions) > 1}
    for p, case in list(several.values())[:quota]:
        p.admissions[-1]["race"] = str(rng.choice([race for race in RACES if race != p.race]))
        races = sorted({p.race, p.admissions[-1]["race"]})
        trap("race_differs", case, "admissions", f"subject_id={p.id}", "race", "|".join(races))


def _note(p: Patient, case: Case, trap: Callable) -> None:
    """List the pitfalls that a film's time, patient and stays are by themselves."""
    t = case.study_time
    if t.hour < 10:
        trap("study_time_fraction", case, "metadata", f"dicom_id={case.dicom_id}", "study_time")
    if not p.in_record:
        trap("missing_subject", case, "patients", f"subject_id={p.id}", "in_record")
        return
    if p.person["anchor_age"] == 91:
        trap("anchor_age_91", case, "patients", f"subject_id={p.id}", "age")
    link = link_of(p.edstays, p.icustays, p.admissions, t)
    holding = [a for a in p.admissions if (a["edregtime"] or a["admittime"]) <= t <= a["dischtime"]]
    left = [a for a in p.admissions if timedelta(0) < t - a["dischtime"] < 24 * HOUR]
    admission = f"hadm_id={link['hadm_id']}"
    if link["link_type"] == "ed" and any(a["admittime"] > t for a in holding):
        trap("ed_before_admission", case, "admissions", admission, "link_type")
    if link["link_type"] == "pre-admission":
        trap("pre_admission", case, "admissions", admission, "link_type")
    if link["link_type"] == "none" and left:
        trap("after_discharge", case, "admissions", f"hadm_id={left[0]['hadm_id']}", "link_type")
    if link["link_type"] == "none" and not left:
        trap("no_stay", case, "admissions", f"subject_id={p.id}", "link_type")
    if len(holding) > 1:
        trap("overlapping_admissions", case, "admissions", admission, "hadm_id")
    for a in holding:
        if a["deathtime"]:
            trap(
                "leak_column",
                case,
                "admissions",
                f"hadm_id={a['hadm_id']}",
                "deathtime",
                "after the film",
            )
