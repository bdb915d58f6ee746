"""The simulated blood tests: where each is in d_labitems, and its values in adults.

What findings and age do to them is in mechanism.toml. A venous blood gas is another test than an
arterial one: pH 0.033 lower, pCO2 4.4 mm Hg higher (Bloom et al. 2014, doi
10.1097/MEJ.0b013e32836437cf). The ranges that the record writer believes are deliberately
independent of those in `txtray_utils.read.record`, which they put to the test. Explained in
book/03_linking_images_to_the_record.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Test:
    """A simulated blood test.

    `itemid`, `label` and `category` are those of d_labitems. `centre` and `spread` (of the
    logarithm if `log`) are of an adult of 50 without a finding, in `uom`; `limits` are what a
    living patient can have; `factor` turns `uom` into `unit`, the unit of the truth; `other` is a
    second unit in use, as (uom, factor); `ordered` is the group that is ordered together;
    `specimen` is what the row "Specimen Type" of a blood gas says, and `moves_as` the entry of
    mechanism.toml, where that is not `name`.
    """

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
    limits: tuple[float, float] = (0.0, np.inf)
    other: tuple[str, float] | None = None
    ordered: str = "basic"
    specimen: str = ""
    moves_as: str = ""

    def at(self, z: float, times: float = 1.0, plus: float = 0.0) -> float:
        """Return the value `z` spreads from the centre, moved by `times` and `plus`, in `uom`."""
        usual = self.centre + self.spread * z
        if self.log:
            usual = self.centre * np.exp(self.spread * z)
        return float(np.clip(usual * times + plus, *self.limits))


ARTERIAL, VENOUS = "ART.", "VEN."  # as the values of SPECIMEN_TYPE are written
SPECIMEN_TYPE = (52033, "Specimen Type", "Blood", "Blood Gas")  # a row of d_labitems
OXYGEN_IN_VEINS = (38.0, 7.0)  # mm Hg, mean and spread: it tells nothing of the lung

TESTS = (
    Test(
        "white_cells", 51301, "White Blood Cells", "Hematology",
        "K/uL", "10^9/L", factor=1, decimals=1,
        centre=8.0, spread=0.25,
    ),
    Test(
        "haemoglobin", 51222, "Hemoglobin", "Hematology",
        "g/dL", "g/L", factor=10, decimals=1,
        centre=12.8, spread=1.5, log=False,
        other=("g/L", 10),
    ),
    Test(
        "platelets", 51265, "Platelet Count", "Hematology",
        "K/uL", "10^9/L", factor=1, decimals=0,
        centre=245, spread=0.3,
    ),
    Test(
        "crp", 50889, "C-Reactive Protein", "Chemistry",
        "mg/L", "mg/L", factor=1, decimals=1,
        centre=8, spread=1.35, limits=(0.1, 500),
        other=("mg/dL", 0.1),
        ordered="crp",
    ),
    Test(
        "albumin", 50862, "Albumin", "Chemistry",
        "g/dL", "g/L", factor=10, decimals=1,
        centre=4.0, spread=0.5, log=False, limits=(1.2, 5.6),
        ordered="crp",
    ),
    Test(
        "nt_probnp", 50963, "NTproBNP", "Chemistry",
        "pg/mL", "ng/L", factor=1, decimals=0,
        centre=110, spread=1.25, limits=(5, 70_000),
        ordered="heart",
    ),
    Test(
        "lactate", 50813, "Lactate", "Blood Gas",
        "mmol/L", "mmol/L", factor=1, decimals=1,
        centre=1.3, spread=0.3,
        ordered="gas", specimen=ARTERIAL,
    ),
    Test(
        "creatinine", 50912, "Creatinine", "Chemistry",
        "mg/dL", "umol/L", factor=88.4, decimals=1,
        centre=0.95, spread=0.3,
        other=("umol/L", 88.4),
    ),
    Test(
        "urea", 51006, "Urea Nitrogen", "Chemistry",
        "mg/dL", "mmol/L", factor=0.357, decimals=0,
        centre=16, spread=0.4,
    ),
    Test(
        "sodium", 50983, "Sodium", "Chemistry",
        "mEq/L", "mmol/L", factor=1, decimals=0,
        centre=139, spread=3.0, log=False,
    ),
    Test(
        "potassium", 50971, "Potassium", "Chemistry",
        "mEq/L", "mmol/L", factor=1, decimals=1,
        centre=4.2, spread=0.45, log=False,
    ),
    Test(
        "troponin_t", 51003, "Troponin T", "Chemistry",
        "ng/mL", "ng/mL", factor=1, decimals=2,
        centre=0.006, spread=0.9, limits=(0.0, 25),
        ordered="heart",
    ),
    Test(
        "d_dimer", 51196, "D-Dimer", "Hematology",
        "ng/mL FEU", "ng/mL FEU", factor=1, decimals=0,
        centre=400, spread=0.7, limits=(150, 50_000),
        other=("ng/mL DDU", 0.5),
        ordered="clot",
    ),
    Test(
        "po2", 50821, "pO2", "Blood Gas",
        "mm Hg", "kPa", factor=0.133322, decimals=0,
        centre=86, spread=10, log=False, limits=(30, 110),
        other=("kPa", 0.133322),
        ordered="gas", specimen=ARTERIAL,
    ),
    Test(
        "pco2", 50818, "pCO2", "Blood Gas",
        "mm Hg", "kPa", factor=0.133322, decimals=0,
        centre=40, spread=5, log=False, limits=(18, 110),
        ordered="gas", specimen=ARTERIAL,
    ),
    Test(
        "ph", 50820, "pH", "Blood Gas",
        "units", "pH", factor=1, decimals=2,
        centre=7.40, spread=0.04, log=False, limits=(6.8, 7.7),
        ordered="gas", specimen=ARTERIAL,
    ),
    Test(
        "lactate_venous", 50813, "Lactate", "Blood Gas",
        "mmol/L", "mmol/L", factor=1, decimals=1,
        centre=1.5, spread=0.3,
        ordered="gas", specimen=VENOUS, moves_as="lactate",
    ),
    Test(
        "pco2_venous", 50818, "pCO2", "Blood Gas",
        "mm Hg", "kPa", factor=0.133322, decimals=0,
        centre=44.4, spread=5.5, log=False, limits=(22, 115),
        ordered="gas", specimen=VENOUS, moves_as="pco2",
    ),
    Test(
        "ph_venous", 50820, "pH", "Blood Gas",
        "units", "pH", factor=1, decimals=2,
        centre=7.367, spread=0.04, log=False, limits=(6.8, 7.7),
        ordered="gas", specimen=VENOUS, moves_as="ph",
    ),
)  # fmt: skip
