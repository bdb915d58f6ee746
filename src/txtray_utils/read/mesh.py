"""What an Open-i MeSH code means: the findings that it draws or could mean, and the 14 labels that
it states.

Labels are those of CheXpert (Irvin et al. 2019, doi 10.1609/aaai.v33i01.3301590; words as in the
public chexpert-labeler phrase files, so `airspace disease`, `infiltrate` and `scar` are Lung
Opacity, `congestion` and `heart failure` are Edema). The codes are those of Demner-Fushman et al.
2016 (doi 10.1093/jamia/ocv080): `Heading/qualifier/qualifier`. Explained in
book/02_reading_a_report."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from txtray_utils.vocabulary import FINDINGS, LABELS, SEVERITIES, ZONES


@dataclass(frozen=True)
class Rule:
    """What one kind of code means; the first rule that fits decides.

    A code fits when its heading is one of `headings` (split by |), one of `needs` is among its
    qualifiers (if any are named), none of `bars` is, and `text` (if given) is found in the report.
    `draws` are drawn; `maybe` are findings that it could also mean, so null; `labels` are the
    CheXpert labels that it states and `unsure` those that it could also mean, so null."""

    headings: str
    needs: str = ""
    bars: str = ""
    text: str = ""
    draws: str = ""
    maybe: str = ""
    labels: str = ""
    unsure: str = ""


_OPEN = "Consolidation|Pneumonia"


_NOT_LUNG = "ribs|sternum|clavicle|breast|mediastinum|pleura|thorax|abdomen|heart|mitral valve|costophrenic angle|paratracheal"


_NODES = "hilum|lymph nodes|mediastinum|paratracheal|bronchi|pulmonary artery"


_ELSEWHERE = "humerus|shoulder|cervical vertebrae|thoracic vertebrae|lumbar vertebrae|spine|abdomen|breast|neck|sternum"


_VALVES = "aortic valve|mitral valve|pulmonary artery|heart|heart atria"


_PACED = r"pac(?:er|ing|emaker)|defib|\bA?ICD\b|generator|\bleads\b|electronic cardiac|cardiac (?:XXXX )?device"


STERNOTOMY = r"sternotom|sternal wire"


RULES = (
    Rule("Cardiomegaly|Cardiac Shadow", "borderline", maybe="cardiomegaly",
         unsure="Cardiomegaly|Enlarged Cardiomediastinum"),
    Rule("Cardiomegaly", draws="cardiomegaly", labels="Cardiomegaly", unsure="Enlarged Cardiomediastinum"),
    Rule("Cardiac Shadow", "enlarged", draws="cardiomegaly", labels="Cardiomegaly",
         unsure="Enlarged Cardiomediastinum"),
    Rule("Cardiac Shadow|Heart|Heart Atria|Heart Ventricles|Pericardial Effusion", bars="small", maybe="cardiomegaly",
         unsure="Cardiomegaly|Enlarged Cardiomediastinum"),
    Rule("Aorta|Aorta, Thoracic", "tortuous", draws="tortuous_aorta"),
    Rule("Aorta|Aorta, Thoracic|Aortic Aneurysm", maybe="tortuous_aorta", unsure="Enlarged Cardiomediastinum"),
    Rule("Pleural Effusion", "posterior", maybe="effusion", labels="Pleural Effusion"),
    Rule("Pleural Effusion|Hemothorax", draws="effusion", labels="Pleural Effusion"),
    Rule("Hydropneumothorax|Hemopneumothorax", draws="effusion|pneumothorax", labels="Pleural Effusion|Pneumothorax"),
    Rule("Pneumothorax", draws="pneumothorax", labels="Pneumothorax"),
    Rule("Costophrenic Angle|Sulcus", maybe="effusion", unsure="Pleural Effusion|Pleural Other"),
    Rule("Thickening", "pleura", maybe="effusion|scar", labels="Pleural Other"),
    Rule("Pleura", maybe="effusion|scar", unsure="Pleural Effusion|Pleural Other"),
    Rule("Consolidation", draws="consolidation", labels="Consolidation", unsure="Lung Opacity|Pneumonia"),
    Rule("Pneumonia", draws="consolidation", labels="Pneumonia", unsure="Lung Opacity|Consolidation"),
    Rule("Airspace Disease", draws="consolidation", labels="Lung Opacity", unsure=_OPEN),
    Rule("Infiltrate|Opacity", "interstitial|reticular", draws="interstitial", labels="Lung Opacity", unsure=_OPEN),
    Rule("Opacity|Density|Infiltrate|Nodule|Mass", needs=_NOT_LUNG, maybe="opacity|nodule",
         unsure="Lung Opacity|Lung Lesion"),
    Rule("Opacity|Density", "round", draws="nodule", labels="Lung Lesion", unsure="Lung Opacity"),
    Rule("Opacity|Infiltrate", draws="opacity", labels="Lung Opacity", unsure=_OPEN + "|Atelectasis"),
    Rule("Density", "lung|retrocardiac", bars="hilum", draws="opacity", labels="Lung Opacity",
         unsure=_OPEN + "|Atelectasis"),
    Rule("Density", maybe="opacity|nodule", unsure="Lung Opacity|Lung Lesion"),
    Rule("Nodule|Mass", draws="nodule", labels="Lung Lesion", unsure="Lung Opacity"),
    Rule("Cavitation|Cysts", maybe="nodule|consolidation", unsure="Lung Lesion|Lung Opacity"),
    Rule("Calcified Granuloma|Granuloma|Calcinosis", _NODES, maybe="granuloma", unsure="Lung Lesion"),
    Rule("Granuloma|Calcified Granuloma", "ribs|thoracic vertebrae|heart", unsure="Lung Lesion"),
    Rule("Calcified Granuloma|Granuloma|Granulomatous Disease", draws="granuloma", unsure="Lung Lesion"),
    Rule("Calcinosis", "lung", draws="granuloma", unsure="Lung Lesion"),
    Rule("Calcinosis", "scattered|diffuse|thorax", maybe="granuloma", unsure="Lung Lesion"),
    Rule("Cicatrix", "breast|ribs"),
    Rule("Cicatrix", "pleura|costophrenic angle|cardiophrenic angle|thorax", maybe="scar|effusion",
         labels="Pleural Other"),
    Rule("Cicatrix", draws="scar", labels="Lung Opacity"),
    Rule("Markings", "interstitial|reticular", draws="interstitial", labels="Lung Opacity", unsure="Edema"),
    Rule("Markings", maybe="interstitial|oedema", unsure="Lung Opacity|Edema"),
    Rule("Lung", "interstitial", draws="interstitial", labels="Lung Opacity", unsure="Edema"),
    Rule("Thickening", "interstitial", draws="interstitial", labels="Lung Opacity"),
    Rule("Lung Diseases, Interstitial", draws="interstitial", labels="Lung Opacity"),
    Rule("Pulmonary Fibrosis", draws="interstitial", maybe="scar", labels="Lung Opacity", unsure="Pleural Other"),
    Rule("Thickening|Bronchiectasis|Bronchitis|Bronchiolitis|Cystic Fibrosis|Sarcoidosis|Fibrosis",
         maybe="interstitial|scar", unsure="Lung Opacity"),
    Rule("Tuberculosis", maybe="scar|granuloma|consolidation", unsure="Lung Opacity|Lung Lesion"),
    Rule("Pulmonary Edema|Pulmonary Congestion", draws="oedema", labels="Edema", unsure="Lung Opacity"),
    Rule("Heart Failure", maybe="oedema|effusion|cardiomegaly", labels="Edema"),
    Rule("Lung", "blood vessels", maybe="oedema", unsure="Edema"),
    Rule("Pulmonary Atelectasis", draws="atelectasis", labels="Atelectasis", unsure="Lung Opacity"),
    Rule("Volume Loss|Shift|Pneumonectomy", maybe="atelectasis", unsure="Atelectasis"),
    Rule("Lung", "hyperdistention", bars="left|right|base", draws="hyperinflation"),
    Rule("Lung", "hypoinflation", bars="left|right|base", draws="low_volume"),
    Rule("Lung", "hyperdistention", maybe="hyperinflation"),
    Rule("Lung", "hypoinflation", maybe="low_volume"),
    Rule("Lung", "obscured|base", maybe="opacity", unsure="Lung Opacity"),
    Rule("Emphysema|Pulmonary Emphysema|Pulmonary Disease, Chronic Obstructive", draws="hyperinflation"),
    Rule("Diaphragm", "flattened", draws="hyperinflation"),
    Rule("Bullous Emphysema|Blister|Lung, Hyperlucent", maybe="hyperinflation|pneumothorax"),
    Rule("Diaphragm", "elevated", draws="raised_diaphragm"),
    Rule("Diaphragmatic Eventration", draws="raised_diaphragm"),
    Rule("Diaphragm|Hernia, Diaphragmatic", maybe="raised_diaphragm|effusion"),
    Rule("Scoliosis", "lumbar vertebrae", maybe="scoliosis"),
    Rule("Scoliosis", draws="scoliosis"),
    Rule("Catheters, Indwelling", "abdomen|thoracic vertebrae", labels="Support Devices"),
    Rule("Catheters, Indwelling", draws="central_line", labels="Support Devices"),
    Rule("Implanted Medical Device|Medical Device", _ELSEWHERE + "|" + _VALVES, labels="Support Devices"),
    Rule("Medical Device", text=r"external|monitor|EKG|overlying", labels="Support Devices"),
    Rule("Implanted Medical Device|Medical Device", text=_PACED, draws="pacemaker", labels="Support Devices"),
    Rule("Implanted Medical Device|Medical Device", maybe="pacemaker|central_line", labels="Support Devices"),
    Rule("Surgical Instruments|Sutures", "mediastinum|heart|thorax|sternum", text=STERNOTOMY, draws="sternal_wires",
         unsure="Support Devices"),
    Rule("Surgical Instruments|Sutures", "mediastinum|heart|sternum", maybe="sternal_wires", unsure="Support Devices"),
    Rule("Surgical Instruments|Sutures|Stents|Spinal Fusion|Foreign Bodies|Breast Implants", unsure="Support Devices"),
    Rule("Tube, Inserted", labels="Support Devices"),
    Rule("Fractures, Bone", labels="Fracture"),
    Rule("Deformity", "ribs|clavicle|thoracic vertebrae|lumbar vertebrae|spine|sternum|humerus", unsure="Fracture"),
    Rule("Mediastinum", labels="Enlarged Cardiomediastinum"),
    Rule("Mediastinal Emphysema|Subcutaneous Emphysema", maybe="pneumothorax", unsure="Pneumothorax"),
    Rule("No Indexing", maybe="|".join(FINDINGS)),
)  # fmt: skip


_QUALIFIERS = {
    "side": {"right": "right", "left": "left", "bilateral": "both"},
    "zone": {"apex": "upper", "upper lobe": "upper", "middle lobe": "middle", "lingula": "middle", "hilum": "middle",
             "lower lobe": "lower", "base": "lower", "retrocardiac": "lower", "costophrenic angle": "lower"},
    "severity": {"mild": "mild", "small": "mild", "moderate": "moderate", "severe": "severe", "large": "severe"},
}  # fmt: skip


_IMPLIED_SIDE = {"lingula": "left", "retrocardiac": "left", "middle lobe": "right"}


_IMPLIED_SEVERITY = {"Pulmonary Congestion": "mild", "Mass": "severe"}


_DENIED = r"\bno\b|\bnot\b|without|clear of|free of|negative|resolved|resolution"


@dataclass(frozen=True)
class Code:
    """A MeSH code taken apart: `side`, `zone` and `severity` are "" where the code is silent."""

    heading: str
    qualifiers: frozenset[str]
    side: str
    zone: str
    severity: str


@cache
def parse_mesh(code: str) -> Code:
    """Take a code such as `Opacity/lung/base/left` apart; of several zones the lowest, of several
    sides both."""
    heading, *rest = (" ".join(part.split()) for part in code.split("/"))
    found = {kind: [words[q] for q in rest if q in words] for kind, words in _QUALIFIERS.items()}
    side = found["side"][0] if len(set(found["side"])) == 1 else "both" if found["side"] else ""
    side = side or next((_IMPLIED_SIDE[q] for q in rest if q in _IMPLIED_SIDE), "")
    zone = max(found["zone"], key=ZONES.index, default="")
    severity = max(
        found["severity"], key=SEVERITIES.index, default=_IMPLIED_SEVERITY.get(heading, "")
    )
    return Code(heading, frozenset(rest), side, zone, severity)


def rule_of(code: str, text: str = "") -> Rule | None:
    """The first rule that fits a code of a report with this text; None for a code that means
    nothing here."""
    heading, qualifiers = parse_mesh(code).heading, parse_mesh(code).qualifiers
    for rule in RULES:
        if (
            heading in rule.headings.split("|")
            and (not rule.needs or qualifiers & set(rule.needs.split("|")))
            and not qualifiers & set(rule.bars.split("|"))
            and (not rule.text or asserted(rule.text, text))
        ):
            return rule
    return None


def asserted(words: str, text: str) -> list[str]:
    """The clauses of a text that speak of `words` and do not deny it."""
    sentences = re.split(r"(?<=[.;:])\s+", text)
    affirmed = [
        s
        for s in sentences
        if re.search(words, s, re.IGNORECASE) and not re.search(_DENIED, s, re.IGNORECASE)
    ]
    return [
        clause
        for s in affirmed
        for clause in s.split(",")
        if re.search(words, clause, re.IGNORECASE)
    ]


def mesh_labels(codes: Iterable[str], text: str = "") -> dict[str, int | None]:
    """The 14 CheXpert labels that MeSH codes state: 1 stated, -1 borderline, None unsure, 0 not
    coded.

    The coders read whole reports, so a label without a code is 0. `normal` gives No Finding; a
    report whose only codes lie outside the labels (a worn spine, say) is neither, so its No Finding
    is None. No codes: every label is None."""
    codes = tuple(codes)
    if not codes or "No Indexing" in codes:
        return dict.fromkeys(LABELS)
    labels: dict[str, int | None] = dict.fromkeys(LABELS, 0)
    rules = [(code, rule) for code in codes if (rule := rule_of(code, text))]
    labels.update((name, None) for _, rule in rules for name in rule.unsure.split("|") if name)
    if any(
        "borderline" in parse_mesh(code).qualifiers and rule.maybe == "cardiomegaly"
        for code, rule in rules
    ):
        labels["Cardiomegaly"] = -1
    labels.update((name, 1) for _, rule in rules for name in rule.labels.split("|") if name)
    pathologies = [labels[name] for name in LABELS if name not in ("No Finding", "Support Devices")]
    labels["No Finding"] = (
        1 if "normal" in codes else 0 if any(v in (1, -1) for v in pathologies) else None
    )
    return labels
