"""The virtual hospital: simulated films with exact evidence, real Open-i reports, a simulated
record.

The tree is read as any MIMIC tree is (`sources.mimic`); only what no real hospital knows is added
from its truth tables: what was drawn, where, the human codes, and masks of the anatomy. Explained
in book/01_reading_a_radiograph."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.mesh import mesh_labels
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources.mimic import rows as mimic_rows
from txtray_utils.studies.sources.openi_package import LICENCE
from virtual_hospital.hospital import make_hospital

INDEX = "truth/cohort.json"
TRUTH = "truth/studies.parquet"
KNOWN = (
    "mesh_codes",
    "drawn",
    "age",
    "sex",
    "sex_source",
    "regions",
    "evidence",
    "composed",
    "prior_study_id",
)
REMEDY = "Delete the folder of the virtual hospital; it is made anew."


def folder() -> Path:
    """Return the folder of the virtual hospital, making it first if it is not there.

    Raises:
        InputError: the folder holds another cohort, or cannot be written.
    """
    now = settings()
    return make_hospital(data_dir("demo"), now.studies, now.seed)


def rows(place: Path, rejects: Rejects) -> Iterator[dict]:
    """Yield one study a film with its truth; what cannot be read goes to `rejects`.

    Raises:
        InputError: the table of the truth cannot be read.
    """
    truth = _truth(place / TRUTH)
    for row in mimic_rows(place, rejects):
        study = row["study_id"]
        if study not in truth.index:
            rejects.add(place / TRUTH, study, "has no row for this study", REMEDY)
            continue
        known = truth.loc[study]
        yield row | {
            "mesh_codes": list(known["mesh_codes"]),
            "mesh_labels": mesh_labels(
                known["mesh_codes"], f"{row['findings']} {row['impression']}"
            ),
            "drawn": json.loads(known["drawn"]),
            "age": known["age"],
            "sex": known["sex"],
            "sex_source": known["sex_source"],
            "regions": list(known["regions"]),
            "evidence": list(known["evidence"]),
            "composed": bool(known["composed"]),
            "prior_study_id": known["prior_study_id"],
            "source": "demo",
            "licence": f"report {LICENCE}; film and record simulated",
        }


def _truth(path: Path) -> pd.DataFrame:
    """Return what is known of every study, by its study_id.

    Raises:
        InputError: the table cannot be read, lacks a column, or has a study twice.
    """
    try:
        truth = pd.read_parquet(path).set_index("study_id")
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise InputError(path, f"cannot be read ({error})", REMEDY) from error
    if not truth.index.is_unique:
        raise InputError(path, "has a study twice", REMEDY)
    lost = [name for name in KNOWN if name not in truth]
    if lost:
        raise InputError(path, f"lacks the columns {', '.join(lost)}", REMEDY)
    return truth
