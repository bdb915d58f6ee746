"""What a model of films and texts is trained for: one small object a target, chosen by name.

Each is an `align.training.Objective`. None sees what was drawn; `soft` and `corpus` use labels read
from the text, the others only films and their sentences. Explained in
book/04_contrastive_alignment.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from txtray_utils.align.augmentation import augment
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.image_encoder import scaled
from txtray_utils.align.losses import (
    corpus_targets,
    distillation,
    gathered,
    info_nce,
    matching_loss,
    multi_positive_loss,
    sinkhorn_target,
    soft_target,
)
from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.align.recipes import Recipe
from txtray_utils.align.training import PlainObjective, seeded_rows


class OwnText(PlainObjective):
    """Match each film with its own text (CLIP, Radford 2021), and name what its report names."""

    def __init__(self, pairs: ImageTextPairs, recipe: Recipe) -> None:
        """Keep the pairs and the recipe."""
        self.pairs, self.recipe = pairs, recipe

    def __len__(self) -> int:
        """Return how many films there are."""
        return len(self.pairs)

    def rows(self, draw: int, size: int, world: int, here: int) -> Tensor:
        """Return the rows of one step."""
        return seeded_rows(len(self), draw, size, world, here)

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return varied films, one text vector each, what that text and what each report names."""
        texts, said = self.texts(rows)
        films = scaled(self.pairs.images[rows])
        return {
            "images": augment(films, self.recipe.strength),
            "texts": texts,
            "sentence_labels": said,
            "report_labels": self.pairs.report_labels[rows],
        }

    def texts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return a text vector a film and its labels: a random sentence, or the report's mean."""
        pairs = self.pairs
        if self.recipe.text == "report":
            means = [pairs.texts[row].mean(0) for row in rows]
            return torch.stack(means), pairs.report_labels[rows]
        picks = [int(torch.randint(len(pairs.texts[row]), ())) for row in rows]
        texts, said = [], []
        for row, pick in zip(rows, picks, strict=True):
            texts.append(pairs.texts[row][pick])
            said.append(pairs.sentence_labels[row][pick])
        return torch.stack(texts), torch.stack(said)

    def loss(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of the match and, weighted, of naming what the report names."""
        images, texts, guessed = model(batch["images"], batch["texts"])
        scale = getattr(model, "module", model).logit_scale.exp().clamp(max=100)
        loss = self.match(gathered(images), texts, scale, batch)
        stated = (batch["report_labels"] == 1).float()
        # with weight 0 too: DistributedDataParallel wants every head in the loss
        named = binary_cross_entropy_with_logits(guessed, stated)
        return loss + self.recipe.label_weight * named

    def match(
        self, images: Tensor, texts: Tensor, scale: Tensor, batch: Mapping[str, Tensor]
    ) -> Tensor:
        """Return the loss of the match; `images` are of all processes, `texts` of this one."""
        return info_nce(images, gathered(texts), scale)


class SoftTarget(OwnText):
    """Match each film with its own text, its twins, and the texts that its report bears out."""

    def match(
        self, images: Tensor, texts: Tensor, scale: Tensor, batch: Mapping[str, Tensor]
    ) -> Tensor:
        """Return the loss of the match."""
        said = gathered(batch["sentence_labels"])
        named = gathered(batch["report_labels"])
        target = soft_target(gathered(batch["texts"]), said, named)
        logits = scale * images @ gathered(texts).T
        return matching_loss(logits, target)


class WholeCorpus(OwnText):
    """Match each film with every right sentence of the training reports at once."""

    def __init__(self, pairs: ImageTextPairs, recipe: Recipe) -> None:
        """Find out which sentences are right for which film."""
        super().__init__(pairs, recipe)
        self.corpus, self.right = corpus_targets(pairs)

    def texts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return all sentences (M, D), and how right each is for these films (B, M)."""
        return self.corpus, self.right[rows]

    def match(
        self, images: Tensor, texts: Tensor, scale: Tensor, batch: Mapping[str, Tensor]
    ) -> Tensor:
        """Return the loss of the match."""
        right = gathered(batch["sentence_labels"])
        return multi_positive_loss(scale * images @ texts.T, right)


class Teacher(OwnText):
    """Match as `OwnText` does, and as a slow copy of the model does (TxtRayAlign; MoCo, He 2020).

    The teacher's weights are a moving average of the model's. It normalises by its own batch, since
    its running means start far from the films.
    """

    def __init__(self, pairs: ImageTextPairs, recipe: Recipe, model: ImageTextModel) -> None:
        """Copy the model."""
        super().__init__(pairs, recipe)
        average = get_ema_multi_avg_fn(recipe.momentum)
        self.slow = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
        self.slow.requires_grad_(False)
        self.slow.n_averaged += 1  # else the first step would copy the model whole

    def teacher(self) -> nn.Module:
        """Return the slow copy."""
        return self.slow

    def after(self, model: nn.Module) -> None:
        """Move the slow copy towards the model."""
        self.slow.update_parameters(model)

    def match(
        self, images: Tensor, texts: Tensor, scale: Tensor, batch: Mapping[str, Tensor]
    ) -> Tensor:
        """Return the mean of the loss of the match and of the departure from the teacher."""
        texts = gathered(texts)
        with torch.no_grad():
            its_images, its_texts, _ = self.slow(batch["images"], batch["texts"])
            its_images, its_texts = gathered(its_images), gathered(its_texts)
        logits = scale * images @ texts.T
        own = info_nce(images, texts, scale)
        return (own + self.departure(logits, its_images, its_texts)) / 2

    def departure(self, logits: Tensor, images: Tensor, texts: Tensor) -> Tensor:
        """Return how far the match is from that of the teacher, whose vectors are given."""
        its_scale = self.slow.module.logit_scale.exp()
        return distillation(logits, its_scale * images @ texts.T)


class Sinkhorn(Teacher):
    """The teacher's target as TxtRayAlign's published code has it, wrong sign kept."""

    def departure(self, logits: Tensor, images: Tensor, texts: Tensor) -> Tensor:
        """Return the loss against the plan of the teacher's vectors."""
        return matching_loss(logits, sinkhorn_target(images, texts))


TARGETS = {
    "own": OwnText,
    "soft": SoftTarget,
    "corpus": WholeCorpus,
    "teacher": Teacher,
    "sinkhorn": Sinkhorn,
}


def objective_of(recipe: Recipe, pairs: ImageTextPairs, model: ImageTextModel) -> OwnText:
    """Return the objective that a recipe names.

    Raises:
        ValueError: there is no such target.
    """
    if recipe.target not in TARGETS:
        raise ValueError(f"target is {recipe.target!r}; choose one of {', '.join(TARGETS)}")
    made = TARGETS[recipe.target]
    if issubclass(made, Teacher):
        return made(pairs, recipe, model)
    return made(pairs, recipe)
