"""Pitfalls of blood results: decoys, other units, results too old, too late, censored or absurd.

Explained in book/03_linking_images_to_the_record.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from virtual_hospital.blood import Times, add_venous_oxygen, result, state_specimen
from virtual_hospital.blood_tests import SPECIMEN_TYPE, TESTS, VENOUS, Test
from virtual_hospital.cohort import Case
from virtual_hospital.course import HOUR, Patient, hours
from virtual_hospital.rules import last_known
from virtual_hospital.traps import Traps

OTHER_ITEMS = [  # rows of d_labitems that are no test of ours; the last three have no result
    (51300, "WBC Count", "Blood", "Hematology"),
    (50811, "Hemoglobin", "Blood", "Blood Gas"),
    (51082, "Creatinine, Urine", "Urine", "Chemistry"),
    (51916, "proBNP, Pleural", "Pleural", "Chemistry"),
    (51081, "Creatinine, Serum", "Urine", "Chemistry"),
    (50915, "D-Dimer", "Blood", "Chemistry"),
    (51002, "Troponin I", "Blood", "Chemistry"),
]
_OURS = {(test.itemid, test.label, "Blood", test.category) for test in TESTS}
D_LABITEMS = sorted(_OURS | {SPECIMEN_TYPE}) + OTHER_ITEMS
UNKNOWN_ITEM = 59999  # is in no dictionary
WHITE_CELLS_AGAIN = 51300
DECOYS = {  # another test beside this one: its itemid, and how its values compare
    ("other_fluid", "creatinine"): (51082, 60.0),
    ("other_fluid", "nt_probnp"): (51916, 9.0),
    ("other_category", "haemoglobin"): (50811, 0.8),
}
GASES = tuple(test.name for test in TESTS if test.specimen)
BY_TEST = {test.name: test for test in TESTS}
ANY = tuple(BY_TEST)
CARRIERS = {  # the tests that may carry each kind, in the order of planting
    "two_itemids": ("white_cells",),
    "other_fluid": ("creatinine", "nt_probnp"),
    "other_category": ("haemoglobin",),
    "venous_gas": ("po2",),
    "gas_unstated": GASES,
    "unit_differs": tuple(test.name for test in TESTS if test.other),
    "duplicate_specimen": ANY,
    "stored_after_film": ANY,
    "no_storetime": ANY,
    "item_unknown": ANY,
    "hadm_id_null": ANY,
    "absurd_value": ANY,
    "too_old": ANY,
}

Studies = list[tuple[Patient, Case]]


def plant_results(studies: Studies, quota: int, rng: np.random.Generator, traps: Traps) -> None:
    """Plant each kind at `quota` studies, no two at one result, and note the censored results."""
    used: set[tuple[str, str]] = set()
    for kind in CARRIERS:
        left = quota
        for patient, case in studies:
            if _plant_one(Planting(kind, patient, case, rng), used, left > 0, traps):
                left -= 1
    for patient, case in studies:
        for name in ANY:
            row = last_known(patient.labevents, name, case.study_time)
            if row and row["_censored"]:
                traps.note("censored", case, "labevents", row, column=name)


def _plant_one(
    planting: "Planting", used: set[tuple[str, str]], wanted: bool, traps: Traps
) -> bool:
    """Plant a pitfall at the first test that can carry it; the order is drawn even if unwanted."""
    kind, case = planting.kind, planting.case
    for name in planting.rng.permutation(CARRIERS[kind]).tolist():
        if not wanted or (case.study_id, name) in used:
            continue
        row = planting.at(BY_TEST[name])
        if row:
            used.add((case.study_id, name))
            traps.note(kind, case, "labevents", row, column=name)
            return True
    return False


@dataclass(frozen=True)
class Planting:
    """One kind of pitfall to plant at one study."""

    kind: str
    patient: Patient
    case: Case
    rng: np.random.Generator

    def at(self, test: Test) -> dict | None:
        """Plant it at one test and return the row that carries it; None where it does not fit."""
        t = self.case.study_time
        last = last_known(self.patient.labevents, test.name, t)
        specimen = f"5{self.rng.integers(10**7):07d}"
        if self.kind == "too_old":
            return self._too_old(test, specimen)
        if last is None or last["_censored"] or t - last["storetime"] < HOUR / 2:
            return None
        if self.kind == "hadm_id_null" and last["hadm_id"] is None:
            return None
        if self.kind == "duplicate_specimen":
            return self._duplicate(test, last)
        if self.kind == "two_itemids":
            last["itemid"] = WHITE_CELLS_AGAIN
        elif self.kind == "hadm_id_null":
            last["hadm_id"] = None
        elif self.kind == "unit_differs":
            last |= _in_other(last, test)
        else:
            return self._another(test, last, specimen)
        return last

    def _too_old(self, test: Test, specimen: str) -> dict | None:
        """Add the only result of a test, one to two days before the film."""
        t = self.case.study_time
        for row in self.patient.labevents:
            if row["_test"] == test.name and abs(row["charttime"] - t) < 72 * HOUR:
                return None
        taken = t - hours(self.rng, 26, 47)
        amount = test.at(self.rng.normal())
        return self._stated(test, amount, (taken, taken + HOUR), specimen)

    def _stated(
        self, test: Test, amount: float, times: Times, specimen: str, **over: object
    ) -> dict:
        """Add a result and return it; a blood gas says whether it is arterial or venous."""
        if test.specimen:
            state_specimen(self.patient, times, specimen, test.specimen)
        return result(self.patient, test, amount, times, specimen, **over)

    def _duplicate(self, test: Test, last: dict) -> dict:
        """Add a copy of a result, reported later, half of them corrected."""
        number = last["valuenum"]
        if self.rng.random() < 0.5:
            corrected = number * 1.1 if test.log else number + test.spread / 2
            number = round(corrected, test.decimals)
        stored = last["storetime"] + (self.case.study_time - last["storetime"]) / 2
        row = last | {
            "valuenum": number,
            "value": f"{number:.{test.decimals}f}",
            "storetime": stored.replace(microsecond=0),
            "_amount": number * test.factor,
        }
        self.patient.labevents.append(row)
        return row

    def _another(self, test: Test, last: dict, specimen: str) -> dict:
        """Add a result between the last one and the film that is not to count."""
        t = self.case.study_time
        share = float(self.rng.uniform(0.3, 0.7))
        taken = last["charttime"] + (t - last["charttime"]) * share
        stored = t - (t - taken) / 2
        if self.kind == "venous_gas":
            state_specimen(self.patient, (taken, stored), specimen, VENOUS)
            return add_venous_oxygen(self.patient, (taken, stored), specimen)
        amount = test.at(self.rng.normal() + 1)
        if self.kind == "gas_unstated":
            return result(self.patient, test, amount, (taken, stored), specimen, _test="")
        over: dict[str, object] = {}
        decoy = DECOYS.get((self.kind, test.name))
        if decoy:
            itemid, times = decoy
            amount = amount * times
            over = {"itemid": itemid, "_test": ""}
        elif self.kind == "item_unknown":
            over = {"itemid": UNKNOWN_ITEM, "_test": ""}
        elif self.kind == "absurd_value":
            over = _absurd(float(self.rng.choice([-1.0, 1e7])))
        elif self.kind == "stored_after_film":
            stored = t + timedelta(minutes=float(self.rng.uniform(5, 90)))
        elif self.kind == "no_storetime":
            stored = None
        return self._stated(test, amount, (taken, stored), specimen, **over)


def _absurd(number: float) -> dict:
    """Return the columns of a result that is none."""
    return {
        "value": f"{number:.0f}",
        "valuenum": number,
        "comments": None,
        "_test": "",
        "_censored": "",
    }


def _in_other(row: dict, test: Test) -> dict:
    """Return the columns of a result in the test's other unit."""
    uom, factor = test.other
    number = round(row["valuenum"] * factor, 2)
    return {
        "valueuom": uom,
        "value": f"{number:g}",
        "valuenum": number,
        "_amount": number / factor * test.factor,
        "ref_range_lower": round(row["ref_range_lower"] * factor, 2),
        "ref_range_upper": round(row["ref_range_upper"] * factor, 2),
    }
