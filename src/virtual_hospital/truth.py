"""What is known about a simulated study, as one row of truth/studies.parquet.

Explained in book/01_reading_a_radiograph.
"""

import json
from typing import TYPE_CHECKING

import numpy as np

from txtray_utils.studies.pixels import pack_mask
from virtual_hospital.cohort import Case

if TYPE_CHECKING:
    from virtual_hospital.film import Picture


def truth_row(case: Case, made: "Picture") -> dict:
    """Return what is known about a study, as one row of truth/studies.parquet."""
    regions = []
    for name, mask in made.regions.items():
        regions.append({"name": name, "mask": pack_mask(mask)})
    evidence = []
    for item, mask in made.evidence:
        drawing = item.drawing
        drawn = {
            "side": drawing.side,
            "zone": drawing.zone,
            "severity": drawing.severity,
            "said": drawing.said,
            "finding": drawing.name,
            "mask": pack_mask(mask),
        }
        evidence.append(drawn)
    return {
        "study_id": case.study_id,
        "subject_id": case.subject_id,
        "image_id": case.dicom_id,
        "split": case.split,
        "report_id": case.report_id,
        "view": case.view,
        "anatomy": case.anatomy,
        "study_time": case.study_time,
        "age": np.float32(case.age),
        "sex": case.sex,
        "sex_source": case.sex_source,
        "composed": case.composed,
        "prior_study_id": case.prior_study_id,
        "mesh_codes": list(case.mesh_codes),
        "undrawn": list(case.undrawn),
        "drawn": json.dumps(case.drawn),
        "header_source": case.header["source"],
        "header_sampled": bool(case.header["sampled"]),
        "cue": case.cue,
        "regions": regions,
        "evidence": evidence,
    }
