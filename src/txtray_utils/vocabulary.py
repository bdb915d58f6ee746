"""The book's one vocabulary: findings, labels, terms, sides, zones, danger, and prompts.

`LABEL_TABLE` has the 14 labels of CheXpert (Irvin et al. 2019, doi 10.1609/aaai.v33i01.3301590).
`FINDING_TABLE` has the 19 findings that the virtual hospital draws: each finding's label where
CheXpert has one, its term where the labels have no word or a wider one, whether it has a side,
and sentences that state it and that deny it. Several wordings are an ensemble, as in CheXzero
(Tiu et al. 2022, doi 10.1038/s41551-022-00936-9); all are ours and were written before any score
was seen. Explained in book/02_reading_a_report and book/05_retrieval_and_zero_shot.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Label:
    """One CheXpert label: has it a side, and how urgent is it (1 first; None: not dangerous)?

    `contest` marks the five that CheXpert's contest scored.
    """

    name: str
    sided: bool = False
    urgency: int | None = None
    contest: bool = False


@dataclass(frozen=True)
class Finding:
    """One finding that can be drawn and asked for."""

    name: str
    label: str | None
    term: str | None
    sided: bool
    positive: tuple[str, ...]
    negative: tuple[str, ...]


LABEL_TABLE = (
    Label("Atelectasis", sided=True, contest=True),
    Label("Cardiomegaly", contest=True),
    Label("Consolidation", sided=True, urgency=5, contest=True),
    Label("Edema", urgency=3, contest=True),
    Label("Enlarged Cardiomediastinum"),
    Label("Fracture", urgency=6),
    Label("Lung Lesion", sided=True, urgency=7),
    Label("Lung Opacity", sided=True),
    Label("No Finding"),
    Label("Pleural Effusion", sided=True, urgency=4, contest=True),
    Label("Pleural Other"),
    Label("Pneumonia", sided=True, urgency=2),
    Label("Pneumothorax", sided=True, urgency=1),
    Label("Support Devices"),
)
FINDING_TABLE = (
    Finding("cardiomegaly", "Cardiomegaly", None, False,
            ("The heart is enlarged.", "Cardiomegaly.", "The cardiac silhouette is enlarged."),
            ("The heart is normal in size.",
             "Heart size is within normal limits.",
             "No cardiomegaly.")),
    Finding("tortuous_aorta", None, "Tortuous Aorta", False,
            ("The aorta is tortuous.", "Tortuous thoracic aorta.", "Ectatic and tortuous aorta."),
            ("The aorta is normal.",
             "The mediastinal contours are normal.",
             "Normal thoracic aorta.")),
    Finding("effusion", "Pleural Effusion", None, True,
            ("There is a pleural effusion.",
             "Blunted costophrenic angle, a small effusion.",
             "Pleural effusions."),
            ("There is no pleural effusion.", "Costophrenic angles are sharp.", "No effusions.")),
    Finding("pneumothorax", "Pneumothorax", None, True,
            ("There is a pneumothorax.", "Apical pneumothorax.", "A pneumothorax is present."),
            ("There is no pneumothorax.",
             "No pneumothorax is seen.",
             "Negative for pneumothorax.")),
    Finding("consolidation", "Consolidation", None, True,
            ("There is consolidation.",
             "Airspace consolidation.",
             "Lobar consolidation, likely pneumonia."),
            ("There is no consolidation.", "No airspace consolidation.", "The lungs are clear.")),
    Finding("opacity", "Lung Opacity", None, True,
            ("There is an opacity in the lung.",
             "Patchy airspace opacity.",
             "Focal opacity in the base."),
            ("There is no opacity in the lung.",
             "No focal airspace disease.",
             "The lungs are clear.")),
    Finding("interstitial", "Lung Opacity", "Interstitial Markings", True,
            ("Interstitial markings are increased.",
             "Diffuse interstitial opacities.",
             "Interstitial disease."),
            ("No increased interstitial markings.",
             "No interstitial disease.",
             "The lungs are clear.")),
    Finding("oedema", "Edema", None, False,
            ("There is pulmonary edema.",
             "Pulmonary vascular congestion and edema.",
             "Interstitial edema."),
            ("There is no pulmonary edema.", "Pulmonary vascularity is normal.", "No edema.")),
    Finding("atelectasis", "Atelectasis", None, True,
            ("There is atelectasis.",
             "Bibasilar subsegmental atelectasis.",
             "Platelike atelectasis."),
            ("There is no atelectasis.",
             "The lung bases are clear.",
             "The lungs are well expanded.")),
    Finding("nodule", "Lung Lesion", None, True,
            ("There is a pulmonary nodule.",
             "A nodule in the lung.",
             "Nodular density, possibly a mass."),
            ("There is no pulmonary nodule.",
             "No suspicious nodule or mass.",
             "The lungs are clear.")),
    Finding("granuloma", None, "Granuloma", True,
            ("There is a calcified granuloma.",
             "Calcified granulomas.",
             "Evidence of old granulomatous disease."),
            ("No granuloma.", "No calcified nodule.", "The lungs are clear.")),
    Finding("scar", "Lung Opacity", "Scar", True,
            ("There is scarring.", "Linear scarring in the lung.", "Fibrotic scar."),
            ("There is no scarring.", "The lungs are clear.", "No fibrosis.")),
    Finding("hyperinflation", None, "Hyperinflation", False,
            ("The lungs are hyperinflated.",
             "Hyperexpanded lungs, emphysema.",
             "Flattened diaphragms, COPD."),
            ("The lungs are normally inflated.", "Lung volumes are normal.", "No hyperinflation.")),
    Finding("low_volume", None, "Low Lung Volumes", False,
            ("Lung volumes are low.", "Low lung volumes with crowding.", "Poor inspiration."),
            ("Lung volumes are normal.", "The lungs are well expanded.", "Good inspiration.")),
    Finding("raised_diaphragm", None, "Raised Diaphragm", True,
            ("The hemidiaphragm is elevated.",
             "Elevated right diaphragm.",
             "Elevation of the diaphragm."),
            ("The diaphragm is normal.",
             "Both hemidiaphragms are at their normal height.",
             "Normal diaphragm.")),
    Finding("scoliosis", None, "Scoliosis", True,
            ("There is scoliosis.", "Scoliosis of the thoracic spine.", "Curvature of the spine."),
            ("The spine is straight.", "No scoliosis.", "The thoracic spine is normal.")),
    Finding("central_line", "Support Devices", "Central Line", True,
            ("A central venous catheter is in place.",
             "Port catheter tip in the SVC.",
             "PICC line."),
            ("No central line.", "No lines or tubes.", "There is no catheter.")),
    Finding("pacemaker", "Support Devices", "Pacemaker", True,
            ("A pacemaker is in place.",
             "Left-sided pacemaker with leads.",
             "Cardiac pacing device."),
            ("No pacemaker.", "No cardiac device.", "There is no pacing device.")),
    Finding("sternal_wires", None, "Sternotomy", False,
            ("Sternotomy wires are intact.",
             "Median sternotomy wires.",
             "Status post sternotomy and CABG."),
            ("No sternotomy wires.", "The sternum is normal.", "No surgical change.")),
)  # fmt: skip


LABELS = tuple(row.name for row in LABEL_TABLE)
FINDINGS = tuple(row.name for row in FINDING_TABLE)
TERMS = (
    "Tortuous Aorta",
    "Granuloma",
    "Hyperinflation",
    "Low Lung Volumes",
    "Raised Diaphragm",
    "Scoliosis",
    "Central Line",
    "Pacemaker",
    "Sternotomy",
    "Scar",
    "Interstitial Markings",
)
NAMED = (*LABELS, *TERMS)  # all that is read from a text, in the order of its columns

SIDES = ("right", "left", "both")
ZONES = ("upper", "middle", "lower", "")  # "": throughout
SEVERITIES = ("mild", "moderate", "severe")

SIDED = tuple(row.name for row in LABEL_TABLE if row.sided)
DANGEROUS = tuple(row.name for row in LABEL_TABLE if row.urgency)
CHEXPERT_FIVE = tuple(row.name for row in LABEL_TABLE if row.contest)

LABEL_OF = {row.name: row.label for row in FINDING_TABLE}
READ_AS = {row.name: row.term or row.label for row in FINDING_TABLE}
POSITIVE = {row.name: row.positive for row in FINDING_TABLE}
NEGATIVE = {row.name: row.negative for row in FINDING_TABLE}


def by_urgency() -> tuple[str, ...]:
    """Return all labels but No Finding, the dangerous ones first, in the order to speak of them."""
    findings = [row for row in LABEL_TABLE if row.name != "No Finding"]
    ordered = sorted(findings, key=lambda row: row.urgency or len(LABEL_TABLE))
    return tuple(row.name for row in ordered)


def label_matrix(
    rows: Iterable[Mapping[str, int | None]], names: Sequence[str] = LABELS
) -> np.ndarray:
    """Return named states as a matrix (rows, names) of float32: 1, 0, -1, and NaN for null."""
    matrix = []
    for row in rows:
        states = [row[name] for name in names]
        matrix.append([np.nan if state is None else state for state in states])
    return np.array(matrix, np.float32).reshape(-1, len(names))


def without_no_finding(labels: np.ndarray) -> np.ndarray:
    """Return labels (..., 14 or more) without No Finding, which no sentence alone can say."""
    return np.delete(labels, LABELS.index("No Finding"), axis=-1)
