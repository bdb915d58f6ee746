"""What to ask a model that was never told a finding: sentences that state each finding, and sentences that deny it.

Several wordings of each are an ensemble, as in CheXzero (Tiu et al. 2022, doi 10.1038/s41551-022-00936-9); all are ours
and were written before any score was seen. Keys are `studies.FINDINGS`. Explained in book/05_retrieval_and_zero_shot.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from virtual_hospital.drawings import CATALOGUE

LABELS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture", "Lung Lesion",
    "Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other", "Pneumonia", "Pneumothorax", "Support Devices",
)  # fmt: skip


FINDINGS = (
    "cardiomegaly", "tortuous_aorta", "effusion", "pneumothorax", "consolidation", "opacity", "interstitial", "oedema",
    "atelectasis", "nodule", "granuloma", "scar", "hyperinflation", "low_volume", "raised_diaphragm", "scoliosis",
    "central_line", "pacemaker", "sternal_wires",
)  # fmt: skip


def label_matrix(rows: Iterable[Mapping[str, int | None]], names: Sequence[str] = LABELS) -> np.ndarray:
    """Return named states as a matrix (rows, names) of float32: 1, 0, -1, and NaN for null. `drawn` has other names."""
    states = [[np.nan if row[name] is None else row[name] for name in names] for row in rows]
    return np.array(states, np.float32).reshape(-1, len(names))


TERMS = (
    "Tortuous Aorta", "Granuloma", "Hyperinflation", "Low Lung Volumes", "Raised Diaphragm", "Scoliosis", "Central Line",
    "Pacemaker", "Sternotomy", "Scar", "Interstitial Markings",
)  # fmt: skip


NAMED = (*LABELS, *TERMS)  # all that is read from a text


SIDES, ZONES, SEVERITIES = ("right", "left", "both"), ("upper", "middle", "lower", ""), ("mild", "moderate", "severe")


def findings_only(labels: np.ndarray) -> np.ndarray:
    """Return labels (..., 14 or more) without No Finding, which is no finding and which no sentence alone can say."""
    return labels[..., [k for k in range(labels.shape[-1]) if k != LABELS.index("No Finding")]]


SAID = {
    "cardiomegaly": ("The heart is enlarged.", "Cardiomegaly.", "The cardiac silhouette is enlarged."),
    "tortuous_aorta": ("The aorta is tortuous.", "Tortuous thoracic aorta.", "Ectatic and tortuous aorta."),
    "effusion": ("There is a pleural effusion.", "Blunted costophrenic angle, a small effusion.", "Pleural effusions."),
    "pneumothorax": ("There is a pneumothorax.", "Apical pneumothorax.", "A pneumothorax is present."),
    "consolidation": ("There is consolidation.", "Airspace consolidation.", "Lobar consolidation, likely pneumonia."),
    "opacity": ("There is an opacity in the lung.", "Patchy airspace opacity.", "Focal opacity in the base."),
    "interstitial": ("Interstitial markings are increased.", "Diffuse interstitial opacities.", "Interstitial disease."),
    "oedema": ("There is pulmonary edema.", "Pulmonary vascular congestion and edema.", "Interstitial edema."),
    "atelectasis": ("There is atelectasis.", "Bibasilar subsegmental atelectasis.", "Platelike atelectasis."),
    "nodule": ("There is a pulmonary nodule.", "A nodule in the lung.", "Nodular density, possibly a mass."),
    "granuloma": ("There is a calcified granuloma.", "Calcified granulomas.", "Evidence of old granulomatous disease."),
    "scar": ("There is scarring.", "Linear scarring in the lung.", "Fibrotic scar."),
    "hyperinflation": ("The lungs are hyperinflated.", "Hyperexpanded lungs, emphysema.", "Flattened diaphragms, COPD."),
    "low_volume": ("Lung volumes are low.", "Low lung volumes with crowding.", "Poor inspiration."),
    "raised_diaphragm": ("The hemidiaphragm is elevated.", "Elevated right diaphragm.", "Elevation of the diaphragm."),
    "scoliosis": ("There is scoliosis.", "Scoliosis of the thoracic spine.", "Curvature of the spine."),
    "central_line": ("A central venous catheter is in place.", "Port catheter tip in the SVC.", "PICC line."),
    "pacemaker": ("A pacemaker is in place.", "Left-sided pacemaker with leads.", "Cardiac pacing device."),
    "sternal_wires": ("Sternotomy wires are intact.", "Median sternotomy wires.", "Status post sternotomy and CABG."),
}


DENIED = {
    "cardiomegaly": ("The heart is normal in size.", "Heart size is within normal limits.", "No cardiomegaly."),
    "tortuous_aorta": ("The aorta is normal.", "The mediastinal contours are normal.", "Normal thoracic aorta."),
    "effusion": ("There is no pleural effusion.", "Costophrenic angles are sharp.", "No effusions."),
    "pneumothorax": ("There is no pneumothorax.", "No pneumothorax is seen.", "Negative for pneumothorax."),
    "consolidation": ("There is no consolidation.", "No airspace consolidation.", "The lungs are clear."),
    "opacity": ("There is no opacity in the lung.", "No focal airspace disease.", "The lungs are clear."),
    "interstitial": ("No increased interstitial markings.", "No interstitial disease.", "The lungs are clear."),
    "oedema": ("There is no pulmonary edema.", "Pulmonary vascularity is normal.", "No edema."),
    "atelectasis": ("There is no atelectasis.", "The lung bases are clear.", "The lungs are well expanded."),
    "nodule": ("There is no pulmonary nodule.", "No suspicious nodule or mass.", "The lungs are clear."),
    "granuloma": ("No granuloma.", "No calcified nodule.", "The lungs are clear."),
    "scar": ("There is no scarring.", "The lungs are clear.", "No fibrosis."),
    "hyperinflation": ("The lungs are normally inflated.", "Lung volumes are normal.", "No hyperinflation."),
    "low_volume": ("Lung volumes are normal.", "The lungs are well expanded.", "Good inspiration."),
    "raised_diaphragm": ("The diaphragm is normal.", "Both hemidiaphragms are at their normal height.", "Normal diaphragm."),
    "scoliosis": ("The spine is straight.", "No scoliosis.", "The thoracic spine is normal."),
    "central_line": ("No central line.", "No lines or tubes.", "There is no catheter."),
    "pacemaker": ("No pacemaker.", "No cardiac device.", "There is no pacing device."),
    "sternal_wires": ("No sternotomy wires.", "The sternum is normal.", "No surgical change."),
}


READ_AS = {finding.name: finding.chexpert for finding in CATALOGUE} | {  # terms, where the 14 labels have no word or a wider one
    "tortuous_aorta": "Tortuous Aorta", "interstitial": "Interstitial Markings", "granuloma": "Granuloma", "scar": "Scar",
    "hyperinflation": "Hyperinflation", "low_volume": "Low Lung Volumes", "raised_diaphragm": "Raised Diaphragm",
    "scoliosis": "Scoliosis", "central_line": "Central Line", "pacemaker": "Pacemaker", "sternal_wires": "Sternotomy",
}  # fmt: skip


USUAL = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")  # the five of CheXpert's contest


DANGEROUS = ("Consolidation", "Edema", "Fracture", "Lung Lesion", "Pleural Effusion", "Pneumonia", "Pneumothorax")


SIDED = ("Atelectasis", "Consolidation", "Lung Lesion", "Lung Opacity", "Pleural Effusion", "Pneumonia", "Pneumothorax")
