"""What is read from a record: laboratory tests and vital signs, their units and believed ranges.

The ranges are meant to differ from those of whoever writes a record (the virtual hospital has its
own). Explained in book/03_linking_images_to_the_record.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lab:
    """One laboratory test: its dictionary entry, its unit here, and the way to that unit.

    `factors` lead from reported units to `unit`; a unit that is not there is rejected, not guessed.
    A value outside `low` to `high` (in `unit`) is a fault. `known` are item numbers of MIMIC-IV
    that must not mean anything else in the tables at hand. `specimen` is what the row
    `SPECIMEN_TYPE` of a blood gas must say: arterial and venous are two tests, and a gas that says
    neither is rejected.
    """

    name: str
    labels: tuple[str, ...]
    category: str
    known: tuple[int, ...]
    unit: str
    factors: dict[str, float]
    low: float
    high: float
    specimen: str = ""


SPECIMEN_TYPE = ("Specimen Type", "Blood Gas")  # label and category in d_labitems
ARTERIAL, VENOUS = "ART.", "VEN."
_COUNT = {"K/uL": 1.0, "#/uL": 0.001}
_SALT = {"mEq/L": 1.0, "mmol/L": 1.0}
_GAS = {"mm Hg": 0.133322, "kPa": 1.0}
LABS = (
    Lab("white_cells", ("White Blood Cells", "WBC Count"), "Hematology",
        (51300, 51301), "10^9/L",
        _COUNT, 0.01, 1000),
    Lab("haemoglobin", ("Hemoglobin",), "Hematology",
        (51222,), "g/L",
        {"g/dL": 10.0, "g/L": 1.0}, 10, 300),
    Lab("platelets", ("Platelet Count",), "Hematology",
        (51265,), "10^9/L",
        _COUNT, 1, 5000),
    Lab("crp", ("C-Reactive Protein",), "Chemistry",
        (50889,), "mg/L",
        {"mg/L": 1.0, "mg/dL": 10.0}, 0, 1000),
    Lab("albumin", ("Albumin",), "Chemistry",
        (50862,), "g/L",
        {"g/dL": 10.0, "g/L": 1.0}, 5, 80),
    Lab("nt_probnp", ("NTproBNP",), "Chemistry",
        (50963,), "ng/L",
        {"pg/mL": 1.0, "ng/L": 1.0}, 1, 200_000),
    Lab("lactate", ("Lactate",), "Blood Gas",
        (50813,), "mmol/L",
        _SALT | {"mg/dL": 0.111}, 0.1, 50, ARTERIAL),
    Lab("lactate_venous", ("Lactate",), "Blood Gas",
        (50813,), "mmol/L",
        _SALT | {"mg/dL": 0.111}, 0.1, 50, VENOUS),
    Lab("creatinine", ("Creatinine",), "Chemistry",
        (50912,), "umol/L",
        {"mg/dL": 88.4, "umol/L": 1.0}, 5, 5000),
    Lab("urea", ("Urea Nitrogen",), "Chemistry",
        (51006,), "mmol/L",
        {"mg/dL": 0.357, "mmol/L": 1.0}, 0.3, 120),
    Lab("sodium", ("Sodium",), "Chemistry",
        (50983,), "mmol/L",
        _SALT, 80, 220),
    Lab("potassium", ("Potassium",), "Chemistry",
        (50971,), "mmol/L",
        _SALT, 0.5, 15),
    Lab("troponin_t", ("Troponin T",), "Chemistry",
        (51003,), "ng/mL",  # 4th generation: 0.01 at the finest, so it stays in its own unit
        {"ng/mL": 1.0}, 0, 100),
    Lab("d_dimer", ("D-Dimer",), "Hematology",
        (51196,), "ng/mL FEU",  # one D-dimer unit (DDU) is two fibrinogen equivalents (FEU)
        {"ng/mL FEU": 1.0, "ng/mL DDU": 2.0, "ug/mL FEU": 1000.0, "mg/L FEU": 1000.0}, 1, 200_000),
    Lab("po2", ("pO2",), "Blood Gas",
        (50821,), "kPa",
        _GAS, 1, 100, ARTERIAL),
    Lab("pco2", ("pCO2",), "Blood Gas",
        (50818,), "kPa",
        _GAS, 0.5, 30, ARTERIAL),
    Lab("pco2_venous", ("pCO2",), "Blood Gas",
        (50818,), "kPa",
        _GAS, 0.5, 30, VENOUS),
    Lab("ph", ("pH",), "Blood Gas",
        (50820,), "pH",
        {"units": 1.0}, 6.3, 8.2, ARTERIAL),
    Lab("ph_venous", ("pH",), "Blood Gas",
        (50820,), "pH",
        {"units": 1.0}, 6.3, 8.2, VENOUS),
)  # fmt: skip
VITALS = {  # column of triage: unit here, lowest and highest value believed
    "temperature": ("C", 28, 44),
    "heartrate": ("1/min", 20, 300),
    "resprate": ("1/min", 4, 80),
    "o2sat": ("%", 40, 100),
    "sbp": ("mm Hg", 40, 300),
    "dbp": ("mm Hg", 15, 200),
}
