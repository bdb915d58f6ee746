"""NEW MODULE."""


from datasets import Features, Image, List, Value

from txtray_utils.vocabulary import FINDINGS, LABELS

BATCH = 64  # rows an Arrow batch


FRONTAL = ("PA", "AP")  # in order of preference


MASKED = ("regions", "evidence")


def features() -> Features:
    """Return the columns of the study table and their types."""
    text, measured = Value("string"), {"name": Value("string"), "value": Value("float64"), "unit": Value("string")}
    measured = List(measured | {"hours_before": Value("float32")})
    said = dict.fromkeys(LABELS, Value("int8"))
    evidence = dict.fromkeys(("finding", "side", "zone", "severity", "said"), text) | {"mask": Value("binary")}
    return Features({
        "study_id": text, "subject_id": text, "image_id": text,
        "image": Image(), "view": text, "study_time": Value("timestamp[us]"),
        "indication": text, "comparison": text, "findings": text, "impression": text, "sentences": List(text),
        "labels": said, "mesh_codes": List(text), "mesh_labels": said, "drawn": dict.fromkeys(FINDINGS, Value("int8")),
        "age": Value("float32"), "sex": text, "sex_source": text, "labs": measured, "vitals": measured,
        "regions": List({"name": text, "mask": Value("binary")}), "evidence": List(evidence),
        "split": text, "composed": Value("bool"), "prior_study_id": text, "source": text, "licence": text,
    })  # fmt: skip
