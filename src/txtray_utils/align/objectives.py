"""NEW MODULE."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.losses import (
    distillation,
    gathered,
    info_nce,
    matching_loss,
    multi_positive_loss,
    sinkhorn_target,
    soft_target,
)
from txtray_utils.align.recipes import Recipe


def alignment_loss(recipe: Recipe, model: ImageTextModel, teacher: ImageTextModel | None, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the recipe's loss of one batch; with target bank, its texts are the bank and `said` how right they are."""
    films, texts, said, labels = batch
    images, sentences, guessed = model(films, texts)
    images, said, every = map(gathered, (images, said, labels))
    if recipe.target != "bank":
        sentences, texts = gathered(sentences), gathered(texts)
    scale = getattr(model, "module", model).logit_scale.exp().clamp(max=100)
    if recipe.target == "bank":
        loss = multi_positive_loss(scale * images @ sentences.T, said)
    elif recipe.target == "soft":
        loss = matching_loss(scale * images @ sentences.T, soft_target(texts, said, every))
    else:
        loss = info_nce(images, sentences, scale)
    if teacher is not None:
        with torch.no_grad():
            its_images, its_texts, _ = teacher(films, batch[1])
            its_images, its_texts = gathered(its_images), gathered(its_texts)
        logits = scale * images @ sentences.T
        if recipe.target == "sinkhorn":
            loss = (loss + matching_loss(logits, sinkhorn_target(its_images, its_texts))) / 2
        else:
            loss = (loss + distillation(logits, teacher.logit_scale.exp() * its_images @ its_texts.T)) / 2
    # with weight 0 too: DistributedDataParallel wants every head in the loss
    return loss + recipe.label_weight * binary_cross_entropy_with_logits(guessed, (labels == 1).float())
