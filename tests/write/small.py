"""Four films with four reports that a small decoder can learn by heart."""

import torch

from txtray_utils.write.decoder import Writer, WriterRecipe
from txtray_utils.write.decoder_training import (
    train_writer,
)
from txtray_utils.write.tokeniser import tokeniser

TEXTS = [
    "The heart is large.",
    "There is an effusion.",
    "No acute disease.",
    "Clear lungs. No effusion.",
]


SMALL = WriterRecipe(width=32, layers=1, words=300, longest=24, steps=120, batch=4, rate=1e-2)


def maps(count: int = 4) -> torch.Tensor:
    return torch.eye(4).repeat(2, 1)[:count, :, None, None].expand(-1, -1, 2, 2).contiguous() * 3


def labels(count: int = 4) -> torch.Tensor:
    return torch.eye(14)[:count]


def fitted(recipe: WriterRecipe = SMALL, seed: int = 0) -> tuple[Writer, object]:
    words = tokeniser(TEXTS, recipe.words)
    return train_writer(recipe, maps(), labels(), TEXTS, words, seed=seed), words
