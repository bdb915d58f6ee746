"""The recipes that the book compares: what each film is matched with, and how it is trained.

Explained in book/04_contrastive_alignment, measured in book/05_retrieval_and_zero_shot.
"""

from dataclasses import dataclass

from txtray_utils.align.augmentation import STRENGTH
from txtray_utils.align.image_encoder import IMAGE_TOWER, SIZE
from txtray_utils.align.training import Schedule


@dataclass(frozen=True)
class Recipe(Schedule):
    """How to align films with texts; steps, batch and rate are those of `Schedule`.

    Attributes:
        text: sentence (one at random a film) or report (its mean).
        target: what pairs should match. own: the film's own text; teacher: the match probabilities
            of a slow copy; sinkhorn: the published code's, wrong sign kept; soft: own, twins and
            what the film bears out; corpus: the same, against every sentence of the training
            reports at once (`text` is not used).
        momentum: how slowly the teacher follows.
        temperature: of the match, to start with.
        label_weight: weight of a second task, to name what the report names.
        tower: the image encoder, a name of timm.
        size: side of its films in pixels.
        strength: how strongly films are varied in training (`align.augmentation`).
    """

    text: str = "sentence"
    target: str = "own"
    momentum: float = 0.999
    temperature: float = 0.07
    label_weight: float = 0.0
    tower: str = IMAGE_TOWER
    size: int = SIZE
    strength: float = STRENGTH


# Chosen on films that are neither trained on nor tested on, by `benchmarks/alignment.py --tune`.
# A teacher's second forward pass costs a quarter more, so 460 steps take as long as 550 without.
RECIPES = {
    "txtrayalign_published": Recipe(target="teacher", steps=460),
    "txtrayalign": Recipe(target="teacher", momentum=0.97, temperature=0.2, steps=460),
    "txtrayalign_as_coded": Recipe(target="sinkhorn", momentum=0.97, temperature=0.2, steps=460),
    "clip": Recipe(text="report"),
    "soft": Recipe(target="soft"),
    "best": Recipe(target="corpus", label_weight=4.0, rate=0.008),
}
