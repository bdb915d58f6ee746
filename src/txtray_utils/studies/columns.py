"""The contract of the study table: one row a study, the same columns from every source.

| column | type | meaning |
| --- | --- | --- |
| study_id, subject_id, image_id | text | one patient and one image a study; never null |
| image | PNG, 8 or 16 bit grey | bright is dense (bone), whatever the file said; never null |
| view | PA or AP | frontal only; never null |
| study_time | timestamp | shifted per patient where the source shifts it |
| indication, comparison, findings, impression | text | sections of the report |
| sentences | list of text | of findings and impression |
| labels | 14 of 1, 0, -1, null | what the *text* says: present, absent, uncertain, not mentioned |
| mesh_codes, mesh_labels | list of text; as labels | what the human *codes* say |
| drawn | a name each of `FINDINGS`: 1, 0, null | what a simulator *drew*; null where nobody knows |
| age, sex, sex_source | years; F or M; report, simulated or record | |
| labs, vitals | list of name, value, unit, hours_before | hours before the film, never negative |
| regions | list of name, mask | anatomy on the film |
| evidence | list of finding, side, zone, severity, said, mask | where a finding lies |
| split | train, validate or test | by patient; never null |
| composed, prior_study_id | | several real reports made into one patient; the study before |
| source, licence | text | never null |

A list is null where the source does not know, and empty where it knows that there is nothing.
`said` tells where each part of an item of `evidence` came from: `finding:code side:random` in the
virtual hospital, whose masks are exact; it begins `finding:box` where the mask is a filled box that
a reader drew round the finding.
Masks are packed bits (`studies.pixels.pack_mask`) and have the size of the image. Explained in
book/01_reading_a_radiograph.
"""

from datasets import Features, Image, List, Value

from txtray_utils.vocabulary import FINDINGS, LABELS

BATCH = 64  # rows an Arrow batch
FRONTAL = ("PA", "AP")  # in order of preference
MASKED = ("regions", "evidence")  # lists of things with a mask
STRUCTS = ("labels", "mesh_labels", "drawn")  # columns with a name each of a state


def features() -> Features:
    """Return the columns of the study table and their types."""
    text = Value("string")
    states = dict.fromkeys(LABELS, Value("int8"))
    return Features(
        {
            "study_id": text,
            "subject_id": text,
            "image_id": text,
            "image": Image(),
            "view": text,
            "study_time": Value("timestamp[us]"),
            "indication": text,
            "comparison": text,
            "findings": text,
            "impression": text,
            "sentences": List(text),
            "labels": states,
            "mesh_codes": List(text),
            "mesh_labels": states,
            "drawn": dict.fromkeys(FINDINGS, Value("int8")),
            "age": Value("float32"),
            "sex": text,
            "sex_source": text,
            "labs": _measured(),
            "vitals": _measured(),
            "regions": List({"name": text, "mask": Value("binary")}),
            "evidence": _evidence(),
            "split": text,
            "composed": Value("bool"),
            "prior_study_id": text,
            "source": text,
            "licence": text,
        }
    )


def _measured() -> List:
    text = Value("string")
    value = {
        "name": text,
        "value": Value("float64"),
        "unit": text,
        "hours_before": Value("float32"),
    }
    return List(value)


def _evidence() -> List:
    words = ("finding", "side", "zone", "severity", "said")
    columns = dict.fromkeys(words, Value("string"))
    return List(columns | {"mask": Value("binary")})
