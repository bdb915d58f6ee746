"""Small pairs that several tests of alignment train on."""

import torch
from torch.nn.functional import normalize

from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.align.recipes import Recipe
from txtray_utils.vocabulary import LABELS, NAMED

SMALL = Recipe(target="teacher", steps=4, batch=4, tower="test_vit.r160_in1k")


def unit(rows: int, seed: int) -> torch.Tensor:
    """Return random unit vectors (rows, 16)."""
    return normalize(torch.randn(rows, 16, generator=torch.Generator().manual_seed(seed)), dim=-1)


def small_pairs() -> ImageTextPairs:
    """Return eight films with two texts each that name nothing."""
    generator = torch.Generator().manual_seed(0)
    films = torch.randint(0, 256, (8, 1, 128, 128), generator=generator, dtype=torch.uint8)
    nothing = torch.full((8, len(NAMED)), float("nan"))
    labels = list(torch.cat([nothing, nothing]).split(2))
    return ImageTextPairs(films, list(unit(16, 1).split(2)), labels, nothing)


def told() -> ImageTextPairs:
    """Return them with findings: the first four films have a fracture, the others oedema."""
    made = small_pairs()
    edema, fracture = LABELS.index("Edema"), LABELS.index("Fracture")
    for row in range(8):
        column = fracture if row < 4 else edema
        made.report_labels[row, column] = made.sentence_labels[row][0, column] = 1
    return made
