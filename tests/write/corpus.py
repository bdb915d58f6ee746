"""A few sentences that several tests of writing copy from; every one is our own."""

import torch

from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import LABELS, label_matrix
from txtray_utils.write.index import SentenceCorpus

TEXTS = [
    "There is a left pleural effusion.",
    "There is a right pleural effusion.",
    "No pleural effusion.",
    "The heart is enlarged.",
    "No acute disease.",
    "The heart is normal in size.",
    "No pneumothorax.",
    "Stable left effusion.",
    "XXXX in the left lung.",
]


EFFUSION, HEART = LABELS.index("Pleural Effusion"), LABELS.index("Cardiomegaly")


def bank() -> SentenceCorpus:
    return SentenceCorpus(
        TEXTS, torch.eye(len(TEXTS)), label_matrix([label_report(text, None) for text in TEXTS])
    )
