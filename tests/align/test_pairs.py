"""Pairs of films and texts, and the retrieval score that training can watch."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image

from tests.align.small import SMALL, small_pairs
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.pairs import image_text_pairs
from txtray_utils.judge.retrieval import retrieval
from txtray_utils.vocabulary import LABELS


def test_validation_retrieval_is_the_mean_reciprocal_rank():
    torch.manual_seed(0)
    model, data = ImageTextModel(SMALL.tower, 16), small_pairs()
    images = model.embed_images(data.images)
    texts = model.embed_texts(torch.stack([part.mean(0) for part in data.texts]))
    ranks = [int((row >= row[k]).sum()) for k, row in enumerate(images @ texts.T)]
    assert retrieval(model, data) == pytest.approx(np.mean([1 / rank for rank in ranks]))


def test_a_study_without_sentences_is_left_out_and_counted(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    label = dict.fromkeys(LABELS) | {"Pneumothorax": 1}
    studies = Dataset.from_dict({
        "image": [Image.new("L", (8, 8), k) for k in range(3)],
        "sentences": [["The heart is large.", "No effusion."], [], ["A pneumothorax."]],
        "labels": [label, label, label],
    })  # fmt: skip
    with caplog.at_level("INFO"):
        made = image_text_pairs(studies)
    assert "1 of 3" in caplog.text
    assert [len(part) for part in made.texts] == [2, 1] and made.images.shape == (2, 1, 128, 128)
    effusion, pneumothorax = LABELS.index("Pleural Effusion"), LABELS.index("Pneumothorax")
    assert (
        made.sentence_labels[0][1, effusion] == 0 and made.sentence_labels[1][0, pneumothorax] == 1
    )
    assert (
        made.report_labels[:, pneumothorax].tolist() == [1, 1]
        and made.report_labels[:, effusion].isnan().all()
    )
