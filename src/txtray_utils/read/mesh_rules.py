"""The table of what Open-i's MeSH codes mean: one rule a kind of code, the first that fits decides.

Labels are those of CheXpert (Irvin et al. 2019, doi 10.1609/aaai.v33i01.3301590; words as in the
public chexpert-labeler phrase files, so `airspace disease`, `infiltrate` and `scar` are Lung
Opacity, `congestion` and `heart failure` are Edema). Explained in book/02_reading_a_report.
"""

from dataclasses import dataclass

from txtray_utils.vocabulary import FINDINGS


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
_NOT_LUNG = (
    "ribs|sternum|clavicle|breast|mediastinum|pleura|thorax|abdomen|heart|mitral valve"
    "|costophrenic angle|paratracheal"
)
_NODES = "hilum|lymph nodes|mediastinum|paratracheal|bronchi|pulmonary artery"
_ELSEWHERE = (
    "humerus|shoulder|cervical vertebrae|thoracic vertebrae|lumbar vertebrae|spine|abdomen|breast"
    "|neck|sternum"
)
_VALVES = "aortic valve|mitral valve|pulmonary artery|heart|heart atria"
_PACED = (
    r"pac(?:er|ing|emaker)|defib|\bA?ICD\b|generator|\bleads\b|electronic cardiac"
    r"|cardiac (?:XXXX )?device"
)
STERNOTOMY = r"sternotom|sternal wire"

RULES = (
    Rule("Cardiomegaly|Cardiac Shadow", "borderline", maybe="cardiomegaly",
         unsure="Cardiomegaly|Enlarged Cardiomediastinum"),
    Rule("Cardiomegaly", draws="cardiomegaly",
         labels="Cardiomegaly", unsure="Enlarged Cardiomediastinum"),
    Rule("Cardiac Shadow", "enlarged", draws="cardiomegaly",
         labels="Cardiomegaly", unsure="Enlarged Cardiomediastinum"),
    Rule("Cardiac Shadow|Heart|Heart Atria|Heart Ventricles|Pericardial Effusion", bars="small",
         maybe="cardiomegaly", unsure="Cardiomegaly|Enlarged Cardiomediastinum"),
    Rule("Aorta|Aorta, Thoracic", "tortuous", draws="tortuous_aorta"),
    Rule("Aorta|Aorta, Thoracic|Aortic Aneurysm", maybe="tortuous_aorta",
         unsure="Enlarged Cardiomediastinum"),
    Rule("Pleural Effusion", "posterior", maybe="effusion",
         labels="Pleural Effusion"),
    Rule("Pleural Effusion|Hemothorax", draws="effusion",
         labels="Pleural Effusion"),
    Rule("Hydropneumothorax|Hemopneumothorax", draws="effusion|pneumothorax",
         labels="Pleural Effusion|Pneumothorax"),
    Rule("Pneumothorax", draws="pneumothorax",
         labels="Pneumothorax"),
    Rule("Costophrenic Angle|Sulcus", maybe="effusion",
         unsure="Pleural Effusion|Pleural Other"),
    Rule("Thickening", "pleura", maybe="effusion|scar",
         labels="Pleural Other"),
    Rule("Pleura", maybe="effusion|scar",
         unsure="Pleural Effusion|Pleural Other"),
    Rule("Consolidation", draws="consolidation",
         labels="Consolidation", unsure="Lung Opacity|Pneumonia"),
    Rule("Pneumonia", draws="consolidation",
         labels="Pneumonia", unsure="Lung Opacity|Consolidation"),
    Rule("Airspace Disease", draws="consolidation",
         labels="Lung Opacity", unsure=_OPEN),
    Rule("Infiltrate|Opacity", "interstitial|reticular", draws="interstitial",
         labels="Lung Opacity", unsure=_OPEN),
    Rule("Opacity|Density|Infiltrate|Nodule|Mass", needs=_NOT_LUNG,
         maybe="opacity|nodule", unsure="Lung Opacity|Lung Lesion"),
    Rule("Opacity|Density", "round", draws="nodule",
         labels="Lung Lesion", unsure="Lung Opacity"),
    Rule("Opacity|Infiltrate", draws="opacity",
         labels="Lung Opacity", unsure=_OPEN + "|Atelectasis"),
    Rule("Density", "lung|retrocardiac", bars="hilum",
         draws="opacity", labels="Lung Opacity",
         unsure=_OPEN + "|Atelectasis"),
    Rule("Density", maybe="opacity|nodule",
         unsure="Lung Opacity|Lung Lesion"),
    Rule("Nodule|Mass", draws="nodule",
         labels="Lung Lesion", unsure="Lung Opacity"),
    Rule("Cavitation|Cysts", maybe="nodule|consolidation",
         unsure="Lung Lesion|Lung Opacity"),
    Rule("Calcified Granuloma|Granuloma|Calcinosis", _NODES, maybe="granuloma",
         unsure="Lung Lesion"),
    Rule("Granuloma|Calcified Granuloma", "ribs|thoracic vertebrae|heart", unsure="Lung Lesion"),
    Rule("Calcified Granuloma|Granuloma|Granulomatous Disease", draws="granuloma",
         unsure="Lung Lesion"),
    Rule("Calcinosis", "lung", draws="granuloma",
         unsure="Lung Lesion"),
    Rule("Calcinosis", "scattered|diffuse|thorax", maybe="granuloma",
         unsure="Lung Lesion"),
    Rule("Cicatrix", "breast|ribs"),
    Rule("Cicatrix", "pleura|costophrenic angle|cardiophrenic angle|thorax", maybe="scar|effusion",
         labels="Pleural Other"),
    Rule("Cicatrix", draws="scar",
         labels="Lung Opacity"),
    Rule("Markings", "interstitial|reticular", draws="interstitial",
         labels="Lung Opacity", unsure="Edema"),
    Rule("Markings", maybe="interstitial|oedema",
         unsure="Lung Opacity|Edema"),
    Rule("Lung", "interstitial", draws="interstitial",
         labels="Lung Opacity", unsure="Edema"),
    Rule("Thickening", "interstitial", draws="interstitial",
         labels="Lung Opacity"),
    Rule("Lung Diseases, Interstitial", draws="interstitial",
         labels="Lung Opacity"),
    Rule("Pulmonary Fibrosis", draws="interstitial",
         maybe="scar", labels="Lung Opacity",
         unsure="Pleural Other"),
    Rule("Thickening|Bronchiectasis|Bronchitis|Bronchiolitis|Cystic Fibrosis|Sarcoidosis|Fibrosis",
         maybe="interstitial|scar", unsure="Lung Opacity"),
    Rule("Tuberculosis", maybe="scar|granuloma|consolidation",
         unsure="Lung Opacity|Lung Lesion"),
    Rule("Pulmonary Edema|Pulmonary Congestion", draws="oedema",
         labels="Edema", unsure="Lung Opacity"),
    Rule("Heart Failure", maybe="oedema|effusion|cardiomegaly",
         labels="Edema"),
    Rule("Lung", "blood vessels", maybe="oedema",
         unsure="Edema"),
    Rule("Pulmonary Atelectasis", draws="atelectasis",
         labels="Atelectasis", unsure="Lung Opacity"),
    Rule("Volume Loss|Shift|Pneumonectomy", maybe="atelectasis",
         unsure="Atelectasis"),
    Rule("Lung", "hyperdistention", bars="left|right|base",
         draws="hyperinflation"),
    Rule("Lung", "hypoinflation", bars="left|right|base",
         draws="low_volume"),
    Rule("Lung", "hyperdistention", maybe="hyperinflation"),
    Rule("Lung", "hypoinflation", maybe="low_volume"),
    Rule("Lung", "obscured|base", maybe="opacity",
         unsure="Lung Opacity"),
    Rule("Emphysema|Pulmonary Emphysema|Pulmonary Disease, Chronic Obstructive",
         draws="hyperinflation"),
    Rule("Diaphragm", "flattened", draws="hyperinflation"),
    Rule("Bullous Emphysema|Blister|Lung, Hyperlucent", maybe="hyperinflation|pneumothorax"),
    Rule("Diaphragm", "elevated", draws="raised_diaphragm"),
    Rule("Diaphragmatic Eventration", draws="raised_diaphragm"),
    Rule("Diaphragm|Hernia, Diaphragmatic", maybe="raised_diaphragm|effusion"),
    Rule("Scoliosis", "lumbar vertebrae", maybe="scoliosis"),
    Rule("Scoliosis", draws="scoliosis"),
    Rule("Catheters, Indwelling", "abdomen|thoracic vertebrae", labels="Support Devices"),
    Rule("Catheters, Indwelling", draws="central_line",
         labels="Support Devices"),
    Rule("Implanted Medical Device|Medical Device", _ELSEWHERE + "|" + _VALVES,
         labels="Support Devices"),
    Rule("Medical Device", text=r"external|monitor|EKG|overlying",
         labels="Support Devices"),
    Rule("Implanted Medical Device|Medical Device", text=_PACED,
         draws="pacemaker", labels="Support Devices"),
    Rule("Implanted Medical Device|Medical Device", maybe="pacemaker|central_line",
         labels="Support Devices"),
    Rule("Surgical Instruments|Sutures", "mediastinum|heart|thorax|sternum", text=STERNOTOMY,
         draws="sternal_wires", unsure="Support Devices"),
    Rule("Surgical Instruments|Sutures", "mediastinum|heart|sternum", maybe="sternal_wires",
         unsure="Support Devices"),
    Rule("Surgical Instruments|Sutures|Stents|Spinal Fusion|Foreign Bodies|Breast Implants",
         unsure="Support Devices"),
    Rule("Tube, Inserted", labels="Support Devices"),
    Rule("Fractures, Bone", labels="Fracture"),
    Rule("Deformity", "ribs|clavicle|thoracic vertebrae|lumbar vertebrae|spine|sternum|humerus",
         unsure="Fracture"),
    Rule("Mediastinum", labels="Enlarged Cardiomediastinum"),
    Rule("Mediastinal Emphysema|Subcutaneous Emphysema", maybe="pneumothorax",
         unsure="Pneumothorax"),
    Rule("No Indexing",
         maybe="|".join(FINDINGS)),
)  # fmt: skip
