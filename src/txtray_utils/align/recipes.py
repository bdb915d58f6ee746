"""How to train: the settings of a training run, and the recipes that the book compares.

They are apart from the loop, so that a setting can be changed without making every kept model obsolete (`align.run_key`).
Explained in book/04_contrastive_alignment, measured in book/05_retrieval_and_zero_shot.
"""

from dataclasses import dataclass

from txtray_utils.align.encoders import IMAGE_TOWER


@dataclass(frozen=True)
class Recipe:
    """How to train: `text` is sentence (one at random a film) or report (its mean); `target` is what pairs should match.

    target: own (the film's own text), teacher (an EMA teacher's match probabilities), sinkhorn (the published code's,
    wrong sign kept), soft (own, twins and what the film bears out), bank (the same, against every sentence of the
    training reports at once; `text` is not used). `label_weight` adds a head for what the report names.
    """

    text: str = "sentence"
    target: str = "own"
    momentum: float = 0.999
    temperature: float = 0.07
    rate: float = 4e-3
    decay: float = 0.02
    label_weight: float = 0.0
    steps: int = 550
    batch: int = 32
    tower: str = IMAGE_TOWER


RECIPES = {  # chosen on films that are neither trained on nor tested on, by `benchmarks/alignment.py --tune`
    # a teacher's second forward pass costs a quarter more, so that 460 steps with one take as long as 550 without
    "txtrayalign_published": Recipe(target="teacher", steps=460),
    "txtrayalign": Recipe(target="teacher", momentum=0.97, temperature=0.2, steps=460),
    "txtrayalign_as_coded": Recipe(target="sinkhorn", momentum=0.97, temperature=0.2, steps=460),
    "clip": Recipe(text="report"),
    "soft": Recipe(target="soft"),
    "best": Recipe(target="bank", label_weight=4.0, rate=0.008),
}
