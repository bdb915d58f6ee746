"""NEW MODULE."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from txtray_utils.align.encoders import SIZE, scaled, text_features
from txtray_utils.align.training import log
from txtray_utils.read.labels import label_texts
from txtray_utils.studies.pixels import pixels
from txtray_utils.vocabulary import LABELS, label_matrix


def load_images(studies: Dataset, size: int = SIZE) -> torch.Tensor:
    """Return the films of a study table as (N, 1, size, size) uint8, decoded once."""
    made = torch.empty(len(studies), 1, size, size, dtype=torch.uint8)
    for row, image in enumerate(studies["image"]):
        film = torch.from_numpy(pixels(image))[None, None]
        made[row] = (255 * interpolate(film, (size, size), mode="bilinear", antialias=True)[0]).round().byte()
    return made


@dataclass(frozen=True)
class ImageTextPairs:
    """Films (N, 1, H, W) uint8, each film's text vectors (n_i, D), what each text (n_i, L) and each film's report (N, L) names.

    The L columns are those of `reports.NAMED`: 1 present, 0 absent, -1 uncertain, NaN not mentioned.
    """

    films: Tensor
    texts: list[Tensor]
    sentence_labels: list[Tensor]
    labels: Tensor

    def __post_init__(self) -> None:
        """Refuse pairs that do not fit together."""
        if not len(self.films) == len(self.texts) == len(self.sentence_labels) == len(self.labels):
            raise ValueError("films, texts and labels must be equally many")
        if not all(len(part) for part in self.texts):
            raise ValueError("a film has no sentence; leave such studies out")
        if not all(part.isfinite().all() for part in self.texts):
            raise ValueError("a text vector is NaN; make the text features again")

    def key(self) -> str:
        """Return a hash of everything in them."""
        digest = hashlib.sha256()
        for part in (self.films, self.labels, *self.texts, *self.sentence_labels):
            digest.update(repr(tuple(part.shape)).encode() + part.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def batch(self, rows: Tensor, text: str, bank: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, ...]:
        """Return augmented films, one text vector each, that text's labels, and the films' labels.

        With a `bank` (of `corpus_targets`), its texts and how right they are for these films come second and third.
        """
        if bank is not None:
            chosen, said = bank[0], bank[1][rows]
        elif text == "report":
            chosen = torch.stack([self.texts[row].mean(0) for row in rows])
            said = self.labels[rows]
        else:
            picks = [int(torch.randint(len(self.texts[row]), ())) for row in rows]
            chosen = torch.stack([self.texts[row][pick] for row, pick in zip(rows, picks, strict=True)])
            said = torch.stack([self.sentence_labels[row][pick] for row, pick in zip(rows, picks, strict=True)])
        return augment(scaled(self.films[rows])), chosen, said, self.labels[rows]


def image_text_pairs(studies: Dataset) -> ImageTextPairs:
    """Return the pairs of a study table; a study without sentences is left out, and the log says how many were."""
    kept = studies.select([row for row, said in enumerate(studies["sentences"]) if said])
    if len(kept) < len(studies):
        log.info("left out %d of %d studies, which have no sentence", len(studies) - len(kept), len(studies))
    counts = [len(said) for said in kept["sentences"]]
    said = [sentence for study in kept["sentences"] for sentence in study]
    terms = label_texts(" ".join(study) for study in kept["sentences"])[:, len(LABELS) :]
    return ImageTextPairs(
        load_images(kept),
        list(text_features(said).split(counts)),
        list(torch.from_numpy(label_texts(said)).split(counts)),
        torch.from_numpy(np.concatenate([label_matrix(kept["labels"]), terms], 1)),
    )


def augment(films: Tensor) -> Tensor:
    """Turn (to 3.4 degrees), resize (to a twentieth), shift, and change the contrast and the grain of each film of a batch.

    Never mirror it: left and right are said in the text. The edges are drawn out, so that no black corner gives it away.
    """
    size, stretch, angle, aside, down = 2 * torch.rand(5, len(films)) - 1
    wide = 1 + 0.05 * size
    tall, angle = wide * (1 + 0.025 * stretch), 0.06 * angle
    moves = [wide * angle.cos(), -wide * angle.sin(), 0.08 * aside, tall * angle.sin(), tall * angle.cos(), 0.08 * down]
    grid = affine_grid(torch.stack(moves, 1).view(-1, 2, 3), films.shape, align_corners=False)
    moved = grid_sample(films, grid, padding_mode="border", align_corners=False)
    return moved * (0.8 + 0.4 * torch.rand(len(films), 1, 1, 1)) + 0.3 * torch.randn_like(films)
