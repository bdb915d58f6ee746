"""The simulated blood tests: where each is in d_labitems, its values, what findings move it.

Values are those of well adults. The ranges that the record writer believes are deliberately
independent of those in `txtray_utils.read.record`, which they put to the test. Explained in
book/03_linking_images_to_the_record.
"""

from dataclasses import dataclass, field

import numpy as np

from virtual_hospital.course import BREATHLESS, FAILING, FEWER, INFLAMED


@dataclass(frozen=True)
class Test:
    """A simulated blood test.

    `itemid`, `label` and `category` are those of d_labitems. `centre` and `spread` (of the
    logarithm if `log`) are of a well adult in `uom`; `shifts` are in spreads for a moderate
    finding; `factor` turns `uom` into `unit`, the unit of the truth; `other` is a second unit in
    use, as (uom, factor); `ordered` is the group that is ordered together.
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
    shifts: dict[str, float] = field(default_factory=dict)
    other: tuple[str, float] | None = None
    ordered: str = "basic"

    def at(self, z: float) -> float:
        """Return the value that lies `z` spreads from the centre, in `uom`."""
        if self.log:
            return float(self.centre * np.exp(self.spread * z))
        return float(self.centre + self.spread * z)


TESTS = (
    Test(
        "white_cells", 51301, "White Blood Cells", "Hematology",
        "K/uL", "10^9/L", factor=1, decimals=1,
        centre=8.0, spread=0.25,
        shifts=INFLAMED,
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
        shifts={"consolidation": 0.3},
    ),
    Test(
        "crp", 50889, "C-Reactive Protein", "Chemistry",
        "mg/L", "mg/L", factor=1, decimals=1,
        centre=6, spread=0.9,
        shifts=INFLAMED,
        other=("mg/dL", 0.1),
        ordered="crp",
    ),
    Test(
        "nt_probnp", 50963, "NTproBNP", "Chemistry",
        "pg/mL", "ng/L", factor=1, decimals=0,
        centre=180, spread=1.0,
        shifts=FAILING,
        ordered="heart",
    ),
    Test(
        "lactate", 50813, "Lactate", "Blood Gas",
        "mmol/L", "mmol/L", factor=1, decimals=1,
        centre=1.3, spread=0.3,
        shifts=BREATHLESS,
        ordered="gas",
    ),
    Test(
        "creatinine", 50912, "Creatinine", "Chemistry",
        "mg/dL", "umol/L", factor=88.4, decimals=1,
        centre=0.95, spread=0.3,
        shifts={"oedema": 0.6, "cardiomegaly": 0.3},
        other=("umol/L", 88.4),
    ),
    Test(
        "urea", 51006, "Urea Nitrogen", "Chemistry",
        "mg/dL", "mmol/L", factor=0.357, decimals=0,
        centre=16, spread=0.4,
        shifts={"oedema": 0.6},
    ),
    Test(
        "sodium", 50983, "Sodium", "Chemistry",
        "mEq/L", "mmol/L", factor=1, decimals=0,
        centre=139, spread=3.0, log=False,
        shifts={"oedema": -0.4},
    ),
    Test(
        "potassium", 50971, "Potassium", "Chemistry",
        "mEq/L", "mmol/L", factor=1, decimals=1,
        centre=4.2, spread=0.45, log=False,
    ),
    Test(
        "troponin_t", 51003, "Troponin T", "Chemistry",
        "ng/mL", "ng/L", factor=1000, decimals=2,
        centre=0.008, spread=0.8,
        shifts=FAILING,
        ordered="heart",
    ),
    Test(
        "d_dimer", 51196, "D-Dimer", "Hematology",
        "ng/mL", "ng/mL", factor=1, decimals=0,
        centre=420, spread=0.7,
        shifts={"effusion": 0.5},
        ordered="clot",
    ),
    Test(
        "po2", 50821, "pO2", "Blood Gas",
        "mm Hg", "kPa", factor=0.133322, decimals=0,
        centre=84, spread=11, log=False,
        shifts=FEWER,
        other=("kPa", 0.133322),
        ordered="gas",
    ),
    Test(
        "pco2", 50818, "pCO2", "Blood Gas",
        "mm Hg", "kPa", factor=0.133322, decimals=0,
        centre=40, spread=5, log=False,
        shifts={"hyperinflation": 0.9},
        ordered="gas",
    ),
    Test(
        "ph", 50820, "pH", "Blood Gas",
        "units", "pH", factor=1, decimals=2,
        centre=7.40, spread=0.04, log=False,
        shifts={"oedema": -0.5},
        ordered="gas",
    ),
)  # fmt: skip
