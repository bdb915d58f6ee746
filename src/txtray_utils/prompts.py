"""What to ask a model that was never told a finding: sentences that state each finding, and sentences that deny it.

Several wordings of each are an ensemble, as in CheXzero (Tiu et al. 2022, doi 10.1038/s41551-022-00936-9); all are ours
and were written before any score was seen. Keys are `studies.FINDINGS`. Explained in book/05_retrieval_and_zero_shot.
"""

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
