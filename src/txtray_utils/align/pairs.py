"""Films with their sentences, as training reads them.

Explained in book/04_contrastive_alignment.
"""

import hashlib
import logging
from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import interpolate

from txtray_utils.align.encoders import SIZE, text_features
from txtray_utils.read.labels import label_texts
from txtray_utils.studies.pixels import pixels
from txtray_utils.vocabulary import LABELS, label_matrix

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageTextPairs:
    """Films and what was written of them; L is 25, the columns of `vocabulary.NAMED`.

    Attributes:
        images: (N, 1, H, W) uint8.
        texts: each film's text vectors, (n_i, D) float32.
        sentence_labels: what each text names, (n_i, L): 1 present, 0 absent, -1 uncertain, NaN not
            mentioned.
        report_labels: what each film's report names, (N, L).
    """

    images: Tensor
    texts: list[Tensor]
    sentence_labels: list[Tensor]
    report_labels: Tensor

    def __post_init__(self) -> None:
        """Refuse pairs that do not fit together."""
        for part in (self.texts, self.sentence_labels, self.report_labels):
            if len(part) != len(self.images):
                raise ValueError("films, texts and labels must be equally many")
        for vectors in self.texts:
            if not len(vectors):
                raise ValueError("a film has no sentence; leave such studies out")
            if not vectors.isfinite().all():
                raise ValueError("a text vector is NaN; make the text features again")

    def __len__(self) -> int:
        """Return how many films there are."""
        return len(self.images)

    def key(self) -> str:
        """Return a hash of everything in them."""
        digest = hashlib.sha256()
        for part in (self.images, self.report_labels, *self.texts, *self.sentence_labels):
            digest.update(repr(tuple(part.shape)).encode() + part.contiguous().numpy().tobytes())
        return digest.hexdigest()


def image_text_pairs(studies: Dataset, size: int = SIZE) -> ImageTextPairs:
    """Return the pairs of a study table, films of `size` pixels; the log says how many were left
    out."""
    rows, counts, sentences, reports = [], [], [], []
    for row, said in enumerate(studies["sentences"]):
        if said:
            rows.append(row)
            counts.append(len(said))
            sentences.extend(said)
            reports.append(" ".join(said))
    if lost := len(studies) - len(rows):
        log.info("left out %d of %d studies, which have no sentence", lost, len(studies))
    kept = studies.select(rows)
    terms = label_texts(reports)[:, len(LABELS) :]
    labels = np.concatenate([label_matrix(kept["labels"]), terms], 1)
    sentence_labels = torch.from_numpy(label_texts(sentences))
    return ImageTextPairs(
        load_images(kept, size),
        list(text_features(sentences).split(counts)),
        list(sentence_labels.split(counts)),
        torch.from_numpy(labels),
    )


def load_images(studies: Dataset, size: int = SIZE) -> Tensor:
    """Return the films of a study table as (N, 1, size, size) uint8, decoded once."""
    made = torch.empty(len(studies), 1, size, size, dtype=torch.uint8)
    for row, image in enumerate(studies["image"]):
        film = torch.from_numpy(pixels(image))[None, None]
        small = interpolate(film, (size, size), mode="bilinear", antialias=True)[0]
        made[row] = (255 * small).round().byte()
    return made
