"""The simulated blood tests: what is ordered follows suspicion, what is found the findings.

Values are those of well adults, moved by what is drawn. The ranges that the record writer believes
are deliberately independent of those in `txtray_utils.read.record`, which they put to the test.
Explained in book/03_linking_images_to_the_record.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from virtual_hospital.cohort import Case
from virtual_hospital.course import (
    BREATHLESS,
    FAILING,
    FEWER,
    INFLAMED,
    WEIGHT,
    Ids,
    Patient,
    burden,
    hours,
)


@dataclass(frozen=True)
class Test:
    """A simulated blood test: where it is in d_labitems, how it is reported, its values, and how
    findings move it.

    `centre` and `spread` (of the logarithm if `log`) are of a well adult in `uom`; `shifts` are in
    spreads for a moderate finding; `factor` turns `uom` into `unit`, the unit of the truth; `other`
    is a second unit in use, as (uom, factor)."""

    name: str
    itemid: int
    label: str
    category: str
    uom: str
    unit: str
    factor: float
    decimals: int
    centre: float
    spread: float
    log: bool = True
    shifts: dict[str, float] = field(default_factory=dict)
    other: tuple[str, float] | None = None
    ordered: str = "basic"

    def at(self, z: float) -> float:
        """Return the value that lies `z` spreads from the centre, in `uom`."""
        return float(
            self.centre * np.exp(self.spread * z) if self.log else self.centre + self.spread * z
        )


TESTS = (
    Test("white_cells", 51301, "White Blood Cells", "Hematology", "K/uL", "10^9/L", 1, 1, 8.0, 0.25, shifts=INFLAMED),
    Test("haemoglobin", 51222, "Hemoglobin", "Hematology", "g/dL", "g/L", 10, 1, 12.8, 1.5, False,
         other=("g/L", 10)),
    Test("platelets", 51265, "Platelet Count", "Hematology", "K/uL", "10^9/L", 1, 0, 245, 0.3, True,
         {"consolidation": 0.3}),
    Test("crp", 50889, "C-Reactive Protein", "Chemistry", "mg/L", "mg/L", 1, 1, 6, 0.9, True, INFLAMED,
         ("mg/dL", 0.1), "crp"),
    Test("nt_probnp", 50963, "NTproBNP", "Chemistry", "pg/mL", "ng/L", 1, 0, 180, 1.0, True, FAILING,
         ordered="heart"),
    Test("lactate", 50813, "Lactate", "Blood Gas", "mmol/L", "mmol/L", 1, 1, 1.3, 0.3, True, BREATHLESS,
         ordered="gas"),
    Test("creatinine", 50912, "Creatinine", "Chemistry", "mg/dL", "umol/L", 88.4, 1, 0.95, 0.3, True,
         {"oedema": 0.6, "cardiomegaly": 0.3}, ("umol/L", 88.4)),
    Test("urea", 51006, "Urea Nitrogen", "Chemistry", "mg/dL", "mmol/L", 0.357, 0, 16, 0.4, shifts={"oedema": 0.6}),
    Test("sodium", 50983, "Sodium", "Chemistry", "mEq/L", "mmol/L", 1, 0, 139, 3.0, False, {"oedema": -0.4}),
    Test("potassium", 50971, "Potassium", "Chemistry", "mEq/L", "mmol/L", 1, 1, 4.2, 0.45, False),
    Test("troponin_t", 51003, "Troponin T", "Chemistry", "ng/mL", "ng/L", 1000, 2, 0.008, 0.8, True, FAILING,
         ordered="heart"),
    Test("d_dimer", 51196, "D-Dimer", "Hematology", "ng/mL", "ng/mL", 1, 0, 420, 0.7, True, {"effusion": 0.5},
         ordered="clot"),
    Test("po2", 50821, "pO2", "Blood Gas", "mm Hg", "kPa", 0.133322, 0, 84, 11, False, FEWER,
         ("kPa", 0.133322), "gas"),
    Test("pco2", 50818, "pCO2", "Blood Gas", "mm Hg", "kPa", 0.133322, 0, 40, 5, False, {"hyperinflation": 0.9},
         ordered="gas"),
    Test("ph", 50820, "pH", "Blood Gas", "units", "pH", 1, 2, 7.40, 0.04, False, {"oedema": -0.5}, ordered="gas"),
)  # fmt: skip


def draw_blood(
    patient: Patient, case: Case, setting: str, level: dict[str, float], ids: Ids
) -> None:
    """Add results around a film: what is ordered follows the suspicion and chance, what is found
    the findings."""
    rng, t, outside = patient.rng, case.study_time, setting in ("none", "discharged")
    if outside and rng.random() > 0.15:
        return
    by = {d.name: WEIGHT[d.severity] for d in case.drawings}
    suspicion = {
        "basic": 2.2,
        "crp": -1.6 + 2.5 * by.get("consolidation", 0) + 0.8 * by.get("opacity", 0),
        "heart": -1.8
        + 2.0 * by.get("oedema", 0)
        + 0.8 * by.get("cardiomegaly", 0)
        + 0.6 * by.get("effusion", 0),
        "gas": -2.0 + 1.3 * burden(case),
        "clot": -2.2 + 0.6 * burden(case),
    }
    ordered = {
        group
        for group, x in suspicion.items()
        if rng.random() < 1 / (1 + np.exp(-x - rng.normal(0, 0.8)))
    }
    times = [t - hours(rng, 0.4, 12) for _ in range(1 + rng.integers(2))]
    times += [t - hours(rng, 13, 40)] if rng.random() < 0.3 else []
    times += [] if outside else [t + hours(rng, 1, 12)]
    for taken in sorted(times):
        specimens = {test.category: next(ids.specimen) for test in TESTS}
        stored = taken + timedelta(minutes=float(rng.lognormal(np.log(50), 0.4)))
        for test in TESTS:
            if test.ordered in ordered and rng.random() < 0.93:
                shift = sum(by.get(name, 0) * spreads for name, spreads in test.shifts.items())
                if test.name in ("nt_probnp", "creatinine", "urea"):
                    shift += (case.age - 50) / 30
                z = np.clip(level[test.name] + shift + rng.normal(0, 0.6), -3, 4.5)
                result(patient, test, test.at(z), taken, stored, specimens[test.category])


def result(
    patient: Patient,
    test: Test,
    amount: float,
    taken: datetime,
    stored: datetime | None,
    specimen: str,
    **over: object,
) -> dict:
    """Add and return a row of hosp/labevents with `amount` in the test's `uom`; `over` writes over
    its columns.

    A troponin too small to measure is censored, in `value` or in `comments`, with `valuenum` null.
    The truth is in _test (the name), _amount (in the test's `unit`) and _censored ("<" or "").
    """
    inside = [a["hadm_id"] for a in patient.admissions if a["admittime"] <= taken <= a["dischtime"]]
    low, high = round(test.at(-2), test.decimals), round(test.at(2), test.decimals)
    text, least = f"{amount:.{test.decimals}f}", 10.0**-test.decimals
    row = {
        "subject_id": patient.id, "hadm_id": inside[0] if inside else None, "specimen_id": specimen,
        "itemid": test.itemid, "charttime": taken.replace(microsecond=0),
        "storetime": stored and stored.replace(microsecond=0),
        "value": text, "valuenum": float(text), "valueuom": test.uom, "ref_range_lower": low, "ref_range_upper": high,
        "flag": None if low <= amount <= high else "abnormal", "priority": str(patient.rng.choice(["STAT", "ROUTINE"])),
        "comments": None, "_test": test.name, "_amount": float(text) * test.factor, "_censored": "",
    }  # fmt: skip
    if test.name == "troponin_t" and float(text) < least:
        words = (
            {"value": f"<{least}"}
            if patient.rng.random() < 0.5
            else {"value": "___", "comments": f"<{least}."}
        )
        row |= words | {"valuenum": None, "_amount": least * test.factor, "_censored": "<"}
    patient.labevents.append(row | over)
    return patient.labevents[-1]
